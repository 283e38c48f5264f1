"""What the perturbation test costs beside a loop of one image and one number of patches at a time.

    python -m tests.benchmarks.bench_removal --model vit_base_patch32_224 --images 16

Random weights, noise for images, relevance by Chefer's rule; patches are removed least relevant
first and most relevant first. The loop is given the same orders, and does as its authors did: it
embeds each image anew, indexes its sequence and runs the blocks, for every number of patches. Times
are medians over turns taken one after another; memory is the peak of a fresh process that does this
one thing once, its libraries and weights included.
"""

from __future__ import annotations

import argparse
from functools import cache, partial

import numpy as np
import timm
import torch

import vitlens_widgets as vl
from tests.benchmarks.measure import beside_forward, machine, peak_mib, table
from vitlens_widgets.analysis.relevance.removal import (
    answers_of_kept,
    counts_of,
    most_relevant_first,
)


@cache
def vit_of(name: str) -> vl.ViT:
    """A timm model with random weights, loaded."""
    torch.manual_seed(0)
    return vl.load(timm.create_model(name).eval())


@cache
def pixels_for(name: str, n_images: int) -> torch.Tensor:
    """Noise."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n_images, 3, *vit_of(name).image_size, generator=generator)


@cache
def orders_for(name: str, n_images: int) -> torch.Tensor:
    """Least and most relevant last, `[order, image, patch]`."""
    vit = vit_of(name)
    generator = torch.Generator().manual_seed(1)
    falling = most_relevant_first(torch.rand(n_images, vit.layout.n_patches, generator=generator))
    return torch.stack([falling, falling.flip(-1)])


def forward(name: str, n_images: int) -> torch.Tensor:
    """The images once."""
    with torch.no_grad():
        return vit_of(name).model(pixels_for(name, n_images))


def in_batches(name: str, n_images: int, points: int) -> list[torch.Tensor]:
    """As the package does it: `[order, image, class]` for each number of patches."""
    vit = vit_of(name)
    counts = counts_of(vit.layout.n_patches, points)
    trace = vit.trace(pixels_for(name, n_images), preprocessed=True)
    return list(answers_of_kept(trace, orders_for(name, n_images), counts))


@torch.no_grad()
def one_by_one(name: str, n_images: int, points: int) -> list[torch.Tensor]:
    """As a loop does it."""
    vit, pixels = vit_of(name), pixels_for(name, n_images)
    model, first = vit.model, vit.layout.n_prefix
    found = []
    for count in counts_of(vit.layout.n_patches, points):
        rows = []
        for order in orders_for(name, n_images):
            for image, patches in zip(pixels, order, strict=True):
                x = model.norm_pre(model._pos_embed(model.patch_embed(image[None])))
                kept = torch.cat([torch.arange(first), first + patches[:count]])
                rows.append(model.forward_head(model.norm(model.blocks(x[:, kept])))[0])
        found.append(torch.stack(rows).unflatten(0, (2, n_images)))
    return found


def relevances(name: str, n_images: int, method: str) -> vl.analysis.Relevance:
    """The relevance of the images, their trace included."""
    vit = vit_of(name)
    trace = vit.trace(pixels_for(name, n_images), preprocessed=True)
    return vl.analysis.relevance(trace, 0, method=method)


def run_test(name: str, n_images: int, batch_size: int, points: int) -> None:
    """The whole test over a data set, for a process of its own."""
    vit = vit_of(name)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (*vit.image_size, 3), dtype=np.uint8)
    items = [(np.roll(noise, 7 * i, axis=0), i % 1000) for i in range(batch_size)]
    data = vl.data.Examples([items[i % batch_size] for i in range(n_images)], vit.labels)
    words = {"methods": ["chefer"], "n_random": 0, "n_points": points, "batch_size": batch_size}
    vl.analysis.perturbation_test(vit, data, **words)


def times(name: str, n_images: int, points: int, repeats: int) -> list[dict[str, object]]:
    """A row for each way."""
    ours, theirs = in_batches(name, n_images, points), one_by_one(name, n_images, points)
    off = max((a - b).abs().max() for a, b in zip(ours, theirs, strict=True))
    assert off <= 1e-4 * max(b.abs().max() for b in theirs), off
    ways = {
        "forward": partial(forward, name, n_images),
        "removal curves": partial(in_batches, name, n_images, points),
        "removal curves, one by one": partial(one_by_one, name, n_images, points),
        **{
            f"relevance, {method}": partial(relevances, name, n_images, method)
            for method in ("class_embedding", "chefer", "rollout")
        },
    }
    return beside_forward(ways, repeats, model=name, images=n_images, points=points)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="vit_base_patch32_224")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--points", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs="*", default=[50, 500])
    args = parser.parse_args()
    print(machine())
    print(table(times(args.model, args.images, args.points, args.repeats)), flush=True)
    rows = [
        {
            "images in the data set": n,
            "peak MiB": round(peak_mib(partial(run_test, args.model, n, args.images, 3))),
        }
        for n in args.memory
    ]
    if rows:
        print(table(rows))


if __name__ == "__main__":
    main()

"""Fitting a Jacobian lens beside a bare forward pass; reading one beside the logit lens.

    python -m tests.benchmarks.bench_jacobian_lens

An image costs d backward passes through the blocks, and so grows with the model's width. Images are
made before, so that neither side reads any; memory is what a fit adds to a process that has the
model loaded.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache, partial

import torch

import vitlens_widgets as vl
from tests.benchmarks.bench_tuned_lens import model_of, read_beside
from tests.benchmarks.measure import added_mib, beside_forward, machine, table
from vitlens_widgets.trace.batch import as_batch

MODELS = ("toy/p32", "toy/clip")


@cache
def images_of(n_images: int) -> vl.data.Examples:
    """Scenes."""
    scenes = vl.world.Scenes(seed=700)
    items = [(scenes[i].image, scenes[i].label) for i in range(n_images)]
    return vl.data.Examples(items, scenes.labels)


def ways(name: str, n_images: int) -> dict[str, Callable[[], object]]:
    """A fit, and the bare pass of the same images."""
    vit = model_of(name)
    pixels = as_batch(vit, [images_of(n_images)[i].image for i in range(n_images)], False)[0]
    return {
        "forward": partial(_forward, vit, pixels),
        "fit": partial(_fit, vit, n_images),
    }


@torch.no_grad()
def _forward(vit: vl.ViT, pixels: torch.Tensor) -> None:
    vit.adapter.pooled(pixels)


def _fit(vit: vl.ViT, n_images: int) -> vl.JacobianLens:
    return vl.JacobianLens.fit(vit, images_of(n_images), batch_size=n_images)


def _prepared(name: str, n_images: int) -> Callable[[], object]:
    return ways(name, n_images)["fit"]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    print(machine())
    rows, read = [], []
    for name in args.models:
        of = beside_forward(ways(name, args.images), args.repeats, model=name, images=args.images)
        of[-1]["MiB added"] = round(added_mib(partial(_prepared, name, args.images)))
        of[0]["MiB added"] = ""
        rows += of
        vit = model_of(name)
        lens = _fit(vit, args.images)
        read += read_beside(name, lens, args.repeats)
    print(table(rows), table(read), sep="\n\n")


if __name__ == "__main__":
    main()

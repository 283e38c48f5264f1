"""What it costs to find the images that make all neurons fire, beside bare forward passes.

    python -m tests.benchmarks.bench_activations --model vit_base_patch32_224 --images 64

Random weights, noise for images, all neurons of all blocks. Times are medians over turns taken one
after another; the images' own reading is in both. Memory is the peak of a fresh process, its
libraries and weights included, for more and more images: it must not grow.
"""

from __future__ import annotations

import argparse
from functools import partial

import torch

import vitlens_widgets as vl
from tests.benchmarks.bench_class_space import Noise, vit_of
from tests.benchmarks.measure import beside_forward, machine, peak_mib, table
from vitlens_widgets.data import Examples
from vitlens_widgets.trace.example_batches import batches

_AT_ONCE = 16


def data_of(n_images: int) -> Examples:
    """Noise of ImageNet's classes."""
    return Examples(Noise(n_images), "imagenet-1k", "noise")


@torch.no_grad()
def forward(name: str, n_images: int) -> None:
    """The model on all images, and nothing else."""
    for batch in batches(vit_of(name), data_of(n_images), 0, n_images, _AT_ONCE):
        vit_of(name).model(batch.pixels)


def found(name: str, n_images: int) -> None:
    """All neurons of all blocks."""
    vl.analysis.activations(vit_of(name), data_of(n_images), batch_size=_AT_ONCE)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="vit_base_patch32_224")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs="*", default=[64, 256])
    args = parser.parse_args()
    print(machine())
    ways = {"forward": forward, "activations": found}
    ready = {name: partial(way, args.model, args.images) for name, way in ways.items()}
    print(table(beside_forward(ready, args.repeats, model=args.model, images=args.images)))
    rows = [
        {
            "images": n,
            "forward, peak MiB": round(peak_mib(partial(forward, args.model, n))),
            "activations, peak MiB": round(peak_mib(partial(found, args.model, n))),
        }
        for n in args.memory
    ]
    if rows:
        print(table(rows))


if __name__ == "__main__":
    main()

"""What the experiments in class embedding space cost beside a bare forward pass of the same images.

    python -m tests.benchmarks.bench_class_space --model vit_base_patch32_224 --images 32

Random weights, noise for images, a random class and mask each. The bare pass is given pixels; the
experiments read images, resize them, and save nothing. Times are medians over turns taken one after
another; memory is the peak of a fresh process that does this one thing once, its libraries and
weights included.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache, partial

import numpy as np
import timm
import torch

import vitlens_widgets as vl
from tests.benchmarks.measure import interleaved, machine, peak_mib, table
from vitlens_widgets.data import Examples

_AT_ONCE = 16


@cache
def vit_of(name: str) -> vl.ViT:
    """The timm model with random weights."""
    torch.manual_seed(0)
    return vl.load(timm.create_model(name).eval(), labels="imagenet-1k")


class Noise:
    """As many noisy images as are asked for, made when they are read, so that none is kept."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> tuple:
        rng = np.random.default_rng(number)
        image = rng.integers(0, 256, (224, 224, 3), dtype=np.uint8)
        return image, number % 1000, rng.random((224, 224)) < 0.5


def bare(name: str, n_images: int) -> None:
    """The model's own forward pass, batch by batch."""
    size = vit_of(name).image_size
    pixels = torch.randn(_AT_ONCE, 3, *size)
    with torch.no_grad():
        for _ in range(n_images // _AT_ONCE):
            vit_of(name).model(pixels)


def experiments(name: str, n_images: int) -> dict[str, Callable[[], object]]:
    """Each of them, with its defaults."""
    data = Examples(Noise(n_images), "imagenet-1k")
    run = {
        which: partial(getattr(vl.analysis, which), vit_of(name), data, batch_size=_AT_ONCE)
        for which in (
            "identifiability",
            "attention_perturbation",
            "class_and_context",
            "class_similarity_change",
        )
    }
    return {"bare forward": partial(bare, name, n_images), **run}


def remembered(name: str, n_images: int, which: str) -> None:
    """One of `experiments`, once, in a process of its own."""
    experiments(name, n_images)[which]()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="vit_base_patch32_224")
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs="*", default=[50, 500])
    args = parser.parse_args()
    seconds = interleaved(experiments(args.model, args.images), args.repeats)
    rows = [
        {
            "what": which,
            "images per second": f"{args.images / taken:.2f}",
            "times the bare forward": f"{taken / seconds['bare forward']:.2f}",
        }
        for which, taken in seconds.items()
    ]
    print(machine(), f"{args.model}, {args.images} images", table(rows), sep="\n\n")
    peaks = [
        {"identifiability of": f"{n} images", "MiB": f"{_peak(args.model, n):.0f}"}
        for n in args.memory
    ]
    if peaks:
        print(table(peaks))


def _peak(name: str, n_images: int) -> float:
    return peak_mib(partial(remembered, name, n_images, "identifiability"))


if __name__ == "__main__":
    main()

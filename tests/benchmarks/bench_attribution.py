"""What direct logit attribution costs beside the trace that it is read from.

    python -m tests.benchmarks.bench_attribution --model vit_base_patch16_224

Random weights, one image. Times are medians over turns taken one after another, of one thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import timm
import torch

import vitlens_widgets as vl
from tests.benchmarks.measure import beside_forward, machine, table


def ways(name: str) -> dict[str, Callable[[], object]]:
    """Everything that is compared, ready to be called."""
    torch.manual_seed(0)
    vit = vl.load(timm.create_model(name).eval())
    pixels = torch.randn(1, 3, *vit.image_size)
    trace = vit.trace(pixels, preprocessed=True)
    attribution = partial(vl.analysis.attribution, trace)

    def forward() -> object:
        with torch.no_grad():
            return vit.model(pixels)

    return {
        "forward": forward,
        "trace": lambda: vit.trace(pixels, preprocessed=True),
        "one class": lambda: attribution(1),
        "two classes": lambda: attribution(1, 2),
        "two classes, by source patch": lambda: attribution(1, 2, sources=True),
        "two classes, by neuron": lambda: attribution(1, 2, neurons=True),
        "ten classes": lambda: attribution(list(range(10))),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", nargs="+", default=["vit_base_patch16_224"])
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    rows = [beside_forward(ways(name), args.repeats, model=name) for name in args.model]
    print(table([row for of_model in rows for row in of_model]))


if __name__ == "__main__":
    main()

"""What reading every state of a masked autoencoder costs beside the passes it cannot do without.

    python -m tests.benchmarks.bench_infill --size base toy --batch 1 4

Random weights. The mark is one forward pass of the model (encoder, norm and decoder) and L + 1
passes of norm and decoder, one state each, all by transformers' own modules. Times are medians over
turns taken one after another; memory is the peak of a fresh process that does this one thing once,
its libraries and weights included.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
import torch
from transformers import ViTMAEConfig, ViTMAEForPreTraining

import vitlens_widgets as vl
from tests.benchmarks.measure import interleaved, machine, peak_mib, table
from vitlens_widgets.world.autoencoder import MAEDesign, make_autoencoder

MARK = "forward + decoder passes"


def ways(size: str, batch: int) -> dict[str, Callable[[], Callable[[], object]]]:
    """Everything that is compared: what prepares it, and gives the function to measure."""
    return {
        "forward": lambda: partial(forward, size, batch),
        MARK: lambda: partial(by_hand, size, batch),
        "read": lambda: partial(read, size, batch),
        "other mask": lambda: partial(read(size, batch).rerun, seed=3),
        "other mask, pictures": lambda: partial(pictures, read(size, batch)),
        "other mask, pictures, scores": lambda: partial(scores, read(size, batch)),
    }


@cache
def model_of(size: str) -> ViTMAEForPreTraining:
    """`base`: the shape of `facebook/vit-mae-base`; `toy`: that of `toy/mae`."""
    torch.manual_seed(0)
    if size == "toy":
        return make_autoencoder(MAEDesign()).eval()
    return ViTMAEForPreTraining(ViTMAEConfig()).eval()


@cache
def lens_of(size: str) -> vl.InfillLens:
    """The lens on the same model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no image processor: the pixels are random
        return vl.InfillLens(vl.load(model_of(size)))


@cache
def pixels_for(size: str, batch: int) -> torch.Tensor:
    """Random pixels."""
    side = model_of(size).config.image_size
    return torch.randn(batch, 3, side, side)


@torch.no_grad()
def forward(size: str, batch: int) -> object:
    """The model as it is."""
    return model_of(size)(pixels_for(size, batch))


@torch.no_grad()
def by_hand(size: str, batch: int) -> list[torch.Tensor]:
    """A forward pass for the answer and the states, then norm and decoder on each state."""
    model = model_of(size)
    states = []
    hooks = [
        layer.register_forward_pre_hook(lambda _, given: states.append(given[0]))
        for layer in model.vit.layers
    ]
    try:
        answer = model(pixels_for(size, batch))
    finally:
        for hook in hooks:
            hook.remove()
    states.append(states[-1])  # the last state is not shown by a hook; its pass costs the same
    paint = [model.decoder(model.vit.layernorm(state), answer.ids_restore) for state in states]
    return [painted.logits for painted in paint]


def read(size: str, batch: int) -> vl.Infilling:
    """Every state read."""
    return lens_of(size).read(pixels_for(size, batch), preprocessed=True)


def pictures(infilling: vl.Infilling) -> list[np.ndarray]:
    """Another mask, and the picture of every state."""
    again = infilling.rerun(seed=3)
    return [again.pictures(state) for state in range(again.n_states)]


def scores(infilling: vl.Infilling) -> None:
    """Another mask, every picture, and what stands under them."""
    again = infilling.rerun(seed=3)
    for state in range(again.n_states):
        again.pictures(state)
    for metric in ("mse", "psnr", "ssim"):
        for reference in ("original", "final"):
            again.score(metric, reference)


def run_once(size: str, batch: int, way: str) -> None:
    """One way, once, for a process of its own."""
    ways(size, batch)[way]()()


def times(size: str, batch: int, repeats: int) -> Iterator[dict[str, object]]:
    """A row for each way."""
    seconds = interleaved({way: prepare() for way, prepare in ways(size, batch).items()}, repeats)
    for way, median in seconds.items():
        yield {
            "size": size,
            "batch": batch,
            "way": way,
            "ms": round(median * 1000, 1),
            f"ratio to {MARK}": round(median / seconds[MARK], 3),
        }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", nargs="+", choices=["base", "toy"], default=["base", "toy"])
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    print(machine())
    rows = [r for s in args.size for b in args.batch for r in times(s, b, args.repeats)]
    print(table(rows), flush=True)
    print(table([{**row, "peak MiB": peak_of(row)} for row in rows]))


def peak_of(row: dict[str, object]) -> int:
    """Peak memory of what a row says."""
    return round(peak_mib(partial(run_once, row["size"], row["batch"], row["way"])))


if __name__ == "__main__":
    main()

"""What linear probes cost beside a loop that runs the model anew for every place it probes.

    python -m tests.benchmarks.bench_probes --model vit_base_patch32_224 --train 32 --test 16

Random weights, noise for images, classes in turn. The loop is what one writes first, and what the
paper's code does: for each site, block and token it runs all images, keeps one vector of each, fits
a ridge regression (the package's own, so that only the running differs) and counts hits. Both are
given the same few places; what the loop costs grows with their number. Times are medians over turns
taken one after another; memory is the peak of a fresh process that does this one thing once, its
libraries and weights included.
"""

from __future__ import annotations

import argparse
from functools import cache, partial
from itertools import product

import numpy as np
import torch

import vitlens_widgets as vl
from tests.benchmarks.bench_class_space import Noise, vit_of
from tests.benchmarks.measure import beside_forward, machine, peak_mib, table
from vitlens_widgets.analysis.probes.features import signs
from vitlens_widgets.analysis.probes.ridge import ridge
from vitlens_widgets.data import Examples
from vitlens_widgets.trace.example_batches import batches

_AT_ONCE = 16
_SITES = {"resid_post": lambda block: block, "attn_out": lambda block: block.attn}
"""Which module of timm's gives it."""


class Classes:
    """Noise with a few classes, each as often as the others; the second half of it is a test."""

    def __init__(self, count: int, start: int, n_classes: int = 8) -> None:
        self.noise, self.count = Noise(start + count), count
        self.start, self.n_classes = start, n_classes

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> tuple:
        return self.noise[self.start + number][0], number % self.n_classes


@cache
def data_for(n_train: int, n_test: int) -> tuple[Examples, Examples]:
    """Images to fit to, and others."""
    train, test = Classes(n_train, 0), Classes(n_test, n_train)
    return Examples(train, "imagenet-1k", "train"), Examples(test, "imagenet-1k", "test")


@cache
def pixels_for(name: str, n_train: int, n_test: int) -> tuple[torch.Tensor, torch.Tensor]:
    """As the model takes them."""
    return tuple(
        next(batches(vit_of(name), data, 0, data.count, data.count)).pixels
        for data in data_for(n_train, n_test)
    )


@torch.no_grad()
def forward(name: str, n_train: int, n_test: int) -> None:
    """All images once."""
    for pixels in pixels_for(name, n_train, n_test):
        for some in pixels.split(_AT_ONCE):
            vit_of(name).model(some)


def together(
    name: str, n_train: int, n_test: int, layers: list[int], tokens: list[int]
) -> dict[tuple, float]:
    """As the package does it: accuracy by site, block and token."""
    found = vl.analysis.linear_probes(
        vit_of(name),
        *data_for(n_train, n_test),
        shots=n_train,
        sites=list(_SITES),
        layers=layers,
        tokens=tokens,
        batch_size=_AT_ONCE,
    )
    return {
        (site, layer, token): found.values[site, "accuracy"].mean[i, j]
        for site, (i, layer), (j, token) in product(_SITES, enumerate(layers), enumerate(tokens))
    }


def one_by_one(
    name: str, n_train: int, n_test: int, layers: list[int], tokens: list[int]
) -> dict[tuple, float]:
    """As a loop over places does it."""
    pixels = pixels_for(name, n_train, n_test)
    classes = [
        np.array([one[i].label for i in range(len(one))]) for one in data_for(n_train, n_test)
    ]
    wanted = signs(classes[0], 1000)
    found = {}
    for site, layer, token in product(_SITES, layers, tokens):
        train, test = (_vectors(name, site, layer, token, some) for some in pixels)
        weight, bias = ridge(train, wanted, alpha=1.0)
        said = (test @ weight + bias).numpy()
        found[site, layer, token] = float((said.argmax(1) == classes[1]).mean())
    return found


@torch.no_grad()
def _vectors(name: str, site: str, layer: int, token: int, pixels: torch.Tensor) -> torch.Tensor:
    """One token of one place, `[image, d]`."""
    model, kept = vit_of(name).model, []
    place = _SITES[site](model.blocks[layer])
    hook = place.register_forward_hook(lambda _module, _given, out: kept.append(out[:, token]))
    try:
        for some in pixels.split(_AT_ONCE):
            model(some)
    finally:
        hook.remove()
    return torch.cat(kept).double()


def times(
    name: str, n_train: int, n_test: int, layers: list[int], tokens: list[int], repeats: int
) -> list[dict[str, object]]:
    """A row for each way."""
    words = (name, n_train, n_test, layers, tokens)
    assert together(*words) == one_by_one(*words)
    ways = {
        "forward": partial(forward, *words[:3]),
        "linear probes": partial(together, *words),
        "linear probes, one by one": partial(one_by_one, *words),
    }
    places = len(_SITES) * len(layers) * len(tokens)
    return beside_forward(ways, repeats, model=name, images=f"{n_train} + {n_test}", places=places)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="vit_base_patch32_224")
    parser.add_argument("--train", type=int, default=32)
    parser.add_argument("--test", type=int, default=16)
    parser.add_argument("--layers", type=int, nargs="+", default=[5, 11])
    parser.add_argument("--tokens", type=int, nargs="+", default=[0, 1, 25, 49])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs="*", default=[50, 500], help="test images")
    args = parser.parse_args()
    print(machine())
    words = (args.layers, args.tokens)
    print(table(times(args.model, args.train, args.test, *words, args.repeats)), flush=True)
    rows = [
        {
            "test images": n,
            "peak MiB": round(peak_mib(partial(together, args.model, args.train, n, *words))),
        }
        for n in args.memory
    ]
    if rows:
        print(table(rows))


if __name__ == "__main__":
    main()

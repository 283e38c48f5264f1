"""What a reader waits for, beside one bare forward pass of the same model and image.

    OMP_NUM_THREADS=2 python -m tests.benchmarks.bench_felt
    OMP_NUM_THREADS=2 python -m tests.benchmarks.bench_felt --only long target

Kernel time, random weights; nobody looks, so that nothing waits for a browser. "First" is until
the widget can be drawn for the first time, "all" until every head is there. Medians over turns
taken one after another; wall time, and beside it the time of all processors, which is the steadier
one on a machine that does other things. Memory is what a fresh process takes beside its trace.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial

import timm
import torch

import vitlens_widgets as vl
from tests.benchmarks.measure import added_mib, machine, table, timed

MODELS = {"B/16": "vit_base_patch16_224", "L/16": "vit_large_patch16_224"}
LONG = {
    "1,370 tokens": ("vit_small_patch14_dinov2", 518),
    "4,101 tokens": ("vit_small_patch16_dinov3", 1024),
}
N_CLASSES = 21_841


@cache
def vit_of(name: str, **words) -> vl.ViT:
    """A model with random weights, whose attention differs from token to token."""
    torch.manual_seed(0)
    model = timm.create_model(name, **words).eval()
    with torch.no_grad():
        for block in model.blocks:
            block.attn.qkv.weight.mul_(4)
    return vl.load(model)


@cache
def pixels_of(vit: vl.ViT) -> torch.Tensor:
    """Random pixels, as the model takes them."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, 3, *vit.adapter.image_size, generator=generator)


@cache
def trace_of(vit: vl.ViT) -> vl.Trace:
    """The trace that is given."""
    return vit.trace(pixels_of(vit), preprocessed=True)


@cache
def picture() -> object:
    """What an explorer is opened on."""
    return vl.world.scene(7, objects=2)


def finished(widget: object) -> None:
    """All that streams in."""
    getattr(widget, "_finish", lambda: None)()


def forward(vit: vl.ViT) -> None:
    """One bare pass."""
    with torch.no_grad():
        vit.model(pixels_of(vit))


def shown_patches(vit: vl.ViT) -> None:
    """Trace, reading, PatchGrid."""
    trace = vit.trace(pixels_of(vit), preprocessed=True)
    vl.PatchGrid(vl.LogitLens(vit).read(trace))


@torch.no_grad()
def products(vit: vl.ViT) -> None:
    """The classifier's matrix products alone, on every token of every state."""
    for state in trace_of(vit).states:
        vit.adapter.head(state)


def shown_maps(vit: vl.ViT, everything: bool) -> None:
    """AttentionMaps of a trace that is given."""
    widget = vl.AttentionMaps(trace_of(vit))
    if everything:
        finished(widget)


class FirstMaps:
    """AttentionMaps of a model's first trace: it has yet to be seen to attend as it is read.

    Args:
        vit: The model.
    """

    def __init__(self, vit: vl.ViT) -> None:
        self._vit, self._trace = vit, trace_of(vit)

    def prepare(self) -> None:
        """Nothing is known of the model any more."""
        vit = vl.load(self._vit.model)
        self._trace = vit.trace(pixels_of(self._vit), preprocessed=True)

    def __call__(self) -> None:
        """All heads."""
        finished(vl.AttentionMaps(self._trace))


def explored(vit: vl.ViT, everything: bool) -> None:
    """Explorer, trace and all."""
    explorer = vl.explore(vit, picture())
    if everything:
        finished(explorer)


@cache
def explorer_of(vit: vl.ViT):
    """An explorer in which heads are switched off."""
    explorer = vl.explore(vit, picture())
    finished(explorer)
    return explorer


class KnockOut:
    """Switches one head of a block off, another one each time.

    Args:
        vit: The model.
        layer: The block.
        everything: Whether its maps are waited for, too, or the answers alone.
    """

    def __init__(self, vit: vl.ViT, layer: int, everything: bool) -> None:
        self._explorer, self._layer, self._everything = explorer_of(vit), layer, everything
        self._head = 0

    def prepare(self) -> None:
        """All heads on."""
        self._explorer.knocked_out = []
        self._head = (self._head + 1) % self._explorer.vit.n_heads

    def __call__(self) -> None:
        """The head off."""
        heads = ((self._layer, self._head),)
        if self._everything:
            self._explorer.knocked_out = heads
            return finished(self._explorer)
        runs = self._explorer._runs.without(heads)
        runs.edited_answers(self._explorer.target)
        return None


class Target:
    """Another target class in a PatchGrid of very many classes."""

    def __init__(self) -> None:
        vit = vit_of(MODELS["B/16"], num_classes=N_CLASSES)
        self._grid = vl.PatchGrid(vl.LogitLens(vit).read(trace_of(vit)))
        self._target = 100

    def prepare(self) -> None:
        """Another one each time."""
        self._target += 1

    def __call__(self) -> None:
        """Chosen."""
        self._grid.target = self._target


def of_model(vit: vl.ViT) -> dict[str, Callable[[], object]]:
    """The rows that are ratios."""
    last, middle = vit.n_layers - 1, vit.n_layers // 2
    blocks = {"last": last, "middle": middle, "first": 0}
    return {
        "forward": partial(forward, vit),
        "trace + reading + PatchGrid": partial(shown_patches, vit),
        "  of which the classifier's products": partial(products, vit),
        "AttentionMaps, first": partial(shown_maps, vit, False),
        "AttentionMaps, all": partial(shown_maps, vit, True),
        "explore, first": partial(explored, vit, False),
        "explore, all": partial(explored, vit, True),
        **{
            f"knock-out, {where} block, {what}": KnockOut(vit, layer, what == "all")
            for where, layer in blocks.items()
            for what in ("answers", "all")
        },
    }


def of_long(vit: vl.ViT) -> dict[str, Callable[[], object]]:
    """The rows of many tokens."""
    return {
        "forward": partial(forward, vit),
        "AttentionMaps, first": partial(shown_maps, vit, False),
        "AttentionMaps, all": partial(shown_maps, vit, True),
        "AttentionMaps, all, of a first trace": FirstMaps(vit),
    }


def rows(
    what: str, ways: Mapping[str, Callable[[], object]], repeats: int
) -> Iterator[dict[str, object]]:
    """A row for each way."""
    seconds = timed(ways, repeats)
    bare = seconds.get("forward", (float("nan"),) * 2)
    for name, (wall, cpu) in seconds.items():
        yield {
            "of": what,
            "way": name,
            "s": f"{wall:.3f}",
            "ratio": f"{wall / bare[0]:.2f}",
            "s of processors": f"{cpu:.3f}",
            "their ratio": f"{cpu / bare[1]:.2f}",
        }


def _traced(name: str, size: int) -> vl.Trace:
    return trace_of(vit_of(name, img_size=size))


def _all_maps(name: str, size: int) -> Callable[[], object]:
    toy = vl.load("toy/p32")
    finished(vl.AttentionMaps(toy.trace(picture().image)))  # what the libraries themselves take
    trace = _traced(name, size)
    return lambda: finished(vl.AttentionMaps(trace))


def memory(what: str) -> dict[str, object]:
    """What AttentionMaps take at their peak, beside what q and k of all layers need."""
    name, size = LONG[what]
    trace = _traced(name, size)
    needed = 2 * trace.vit.n_layers * trace.states[0].numel() * 4 / 2**20
    taken = added_mib(partial(_all_maps, name, size))
    return {
        "of": what,
        "adds at its peak, MiB": round(taken),
        "q and k, MiB": round(needed),
        "times": f"{taken / needed:.2f}",
    }


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = ("ratios", "target", "long", "memory")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--models", nargs="+", choices=[*MODELS], default=[*MODELS])
    parser.add_argument("--long", nargs="+", choices=[*LONG], default=[*LONG])
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    print(machine())
    found: list[dict[str, object]] = []
    if "ratios" in args.only:
        for which in args.models:
            found += rows(which, of_model(vit_of(MODELS[which])), args.repeats)
    if "target" in args.only:
        found += rows(f"{N_CLASSES:,} classes", {"another target": Target()}, args.repeats)
    if "long" in args.only:
        for which in args.long:
            name, size = LONG[which]
            found += rows(which, of_long(vit_of(name, img_size=size)), min(args.repeats, 2))
    if found:
        print(table(found), flush=True)
    if "memory" in args.only:
        print(table([memory(which) for which in args.long]))


if __name__ == "__main__":
    main()

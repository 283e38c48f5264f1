"""What a trace costs beside the bare forward pass and beside the peers' ways.

    python -m tests.benchmarks.bench_trace --model vit_base_patch16_224 --batch 1 8

Random weights. nnsight is measured where it is installed. Times are medians over turns taken one
after another, against the bare forward pass of the same library; memory is what the peak of a fresh
process with libraries and weights rises by when it does this one thing once (it varies by some
30 MiB: a median of three).
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from functools import cache, partial
from unittest.mock import patch

import timm
import torch

import vitlens_widgets as vl
from tests.benchmarks.measure import added_mib, interleaved, machine, table
from vitlens_widgets.trace import base as bases
from vitlens_widgets.trace import trace as traces
from vitlens_widgets.trace.stream import Stream


def ways(name: str, batch: int) -> dict[str, Callable[[], Callable[[], object]]]:
    """Everything that is compared: what prepares it, and gives the function to measure."""
    middle = 3 * depth(name) // 4
    return {
        "forward": lambda: no_grad(partial(model_of(name), pixels_for(name, batch))),
        "trace": lambda: partial(vit_of(name).trace, pixels_for(name, batch), preprocessed=True),
        "trace without proofs": lambda: partial(trace_unproved, name, batch),
        "trace + reading": lambda: partial(trace_and_read, name, batch),
        "trace + all maps": lambda: partial(trace_and_maps, name, batch),
        f"rerun from block {middle}": lambda: prepared_rerun(name, batch, middle),
        "norm + classifier loop": lambda: no_grad(
            partial(plain_loop, model_of(name), pixels_for(name, batch))
        ),
        "classifier products alone": lambda: prepared_products(name, batch),
        "transformers forward": lambda: transformers_run(name, batch),
        "transformers hidden states": lambda: transformers_run(
            name, batch, output_hidden_states=True
        ),
        "transformers hidden states + eager maps": lambda: transformers_run(
            name, batch, output_hidden_states=True, output_attentions=True
        ),
        **({"nnsight, every block": lambda: nnsight_run(name, batch)} if has_nnsight() else {}),
    }


@cache
def model_of(name: str):
    """The timm model with random weights."""
    torch.manual_seed(0)
    return timm.create_model(name).eval()


@cache
def vit_of(name: str):
    """The same model, loaded."""
    return vl.load(model_of(name))


@cache
def pixels_for(name: str, batch: int) -> torch.Tensor:
    """Random pixels."""
    return torch.randn(batch, 3, *model_of(name).patch_embed.img_size)


def depth(name: str) -> int:
    """The number of blocks."""
    return len(model_of(name).blocks)


def trace_unproved(name: str, batch: int) -> None:
    """What a trace would cost that believed in the model: "trace" less this is what proofs cost.

    Left out are the comparisons of the stream between blocks, that all of them ran, that the last
    state leads to the model's own answer, the search for train mode and transforms, and what later
    tells that weights or modules have changed. Hooks that say which block is running stay.
    """
    nothing = partial(patch.object, new=lambda *_: None)
    left_out = [
        patch.object(Stream, "arrives", lambda self, layer, *_: setattr(self, "inside", layer)),
        patch.object(Stream, "leaves", lambda self, *_: setattr(self, "inside", None)),
        nothing(Stream, "check_end"),
        *map(partial(nothing, traces), ("check_answer", "check_modes", "check_not_transformed")),
        *map(partial(nothing, bases), ("SeenWeights", "SeenModules")),
        nothing(traces.Outside, "of"),
    ]
    with ExitStack() as stack:
        for one in left_out:
            stack.enter_context(one)
        vit_of(name).trace(pixels_for(name, batch), preprocessed=True)


def trace_and_read(name: str, batch: int) -> None:
    """Every token of every state read, as a PatchGrid needs it."""
    trace = vit_of(name).trace(pixels_for(name, batch), preprocessed=True)
    vl.LogitLens(vit_of(name)).read(trace).top(5)


def trace_and_maps(name: str, batch: int) -> None:
    """Every attention map of every block, in 8 bits, as a viewer takes them."""
    vit, pixels = vit_of(name), pixels_for(name, batch)
    n_tokens = vit.adapter.layout(tuple(pixels.shape[2:])).n_tokens
    maps = torch.empty(vit.n_layers, batch, vit.n_heads, n_tokens, n_tokens, dtype=torch.uint8)

    def take(layer: int, pattern: torch.Tensor) -> None:
        maps[layer] = pattern * 255

    vit.trace(pixels, watch={"pattern": take}, preprocessed=True)


def prepared_rerun(name: str, batch: int, layer: int):
    """One head switched off in a late block of a trace that exists."""
    base = vit_of(name).trace(pixels_for(name, batch), preprocessed=True)
    return partial(base.rerun, [vl.edits.Zero("z", layer, head=0)])


def prepared_products(name: str, batch: int):
    """The matrix products that a reading cannot do without, all states in one."""
    model = model_of(name)
    n_tokens = model.patch_embed.num_patches + model.num_prefix_tokens
    states = torch.randn((depth(name) + 1) * batch * n_tokens, model.embed_dim)
    return no_grad(partial(model.head, states))


def no_grad(call):
    """The call without gradients."""

    def run():
        with torch.no_grad():
            return call()

    return run


def plain_loop(model, pixels):
    """What a user writes by hand: hooks on the blocks, then norm and classifier state by state."""
    states = []
    hooks = [b.register_forward_pre_hook(lambda _, a: states.append(a[0])) for b in model.blocks]
    try:
        model(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    return [model.head(model.norm(state)).softmax(-1).topk(5) for state in states]


def transformers_run(name: str, batch: int, **words):
    """A transformers ViT of the same shape, random weights, asked for what `words` say."""
    from transformers import ViTConfig, ViTForImageClassification

    model = model_of(name)
    config = ViTConfig(
        hidden_size=model.embed_dim,
        num_hidden_layers=len(model.blocks),
        num_attention_heads=model.blocks[0].attn.num_heads,
        intermediate_size=model.blocks[0].mlp.fc1.out_features,
        image_size=model.patch_embed.img_size[0],
        patch_size=model.patch_embed.patch_size[0],
        num_labels=1000,
    )
    how = "eager" if "output_attentions" in words else "sdpa"
    twin = ViTForImageClassification._from_config(config, attn_implementation=how).eval()
    return no_grad(partial(twin, pixels_for(name, batch), **words))


def has_nnsight() -> bool:
    """Whether nnsight is installed for this benchmark."""
    return importlib.util.find_spec("nnsight") is not None


def nnsight_run(name: str, batch: int):
    """nnsight saving every block's output."""
    from nnsight import NNsight

    wrapped, pixels = NNsight(model_of(name)), pixels_for(name, batch)

    def run():
        saved = []
        with torch.no_grad(), wrapped.trace(pixels):
            for block in wrapped.blocks:
                saved.append(block.output.save())  # a loop: nnsight rewrites this source
        return saved

    return run


def prepared(name: str, batch: int, way: str) -> Callable[[], object]:
    """One way, for a process of its own."""
    return ways(name, batch)[way]()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = ["vit_base_patch32_224", "vit_base_patch16_224"]
    parser.add_argument("--model", nargs="+", default=default)
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--ways", nargs="+", help="some alone, the bare forward beside them")
    parser.add_argument("--no-memory", action="store_true", help="times alone")
    args = parser.parse_args()
    cases = [(name, batch) for name in args.model for batch in args.batch]
    print(machine())
    timed = [row for case in cases for row in times(*case, args.repeats, args.ways)]
    print(table(timed), flush=True)
    if not args.no_memory:
        print(table([{**row, "adds MiB": added_by(row)} for row in timed]))


def added_by(row: dict[str, object]) -> int:
    """Memory that what a row says adds at its peak, the median of three processes."""
    prepare = partial(prepared, row["model"], row["batch"], row["way"])
    return round(statistics.median(added_mib(prepare) for _ in range(3)))


def times(
    name: str, batch: int, repeats: int, some: Collection[str] | None = None
) -> Iterator[dict[str, object]]:
    """A row for each way, or for the bare forward and some."""
    every = ways(name, batch)
    chosen = every if some is None else {way: every[way] for way in ("forward", *some)}
    seconds = interleaved({way: prepare() for way, prepare in chosen.items()}, repeats)
    for way, median in seconds.items():
        bare = seconds["transformers forward" if "transformers" in way else "forward"]
        yield {
            "model": name,
            "batch": batch,
            "way": way,
            "ms": round(median * 1000, 1),
            "ratio to bare forward": round(median / bare, 3),
        }


if __name__ == "__main__":
    main()

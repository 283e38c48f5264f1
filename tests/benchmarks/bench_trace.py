"""What a trace costs beside the bare forward pass and beside the peers' ways.

    python -m tests.benchmarks.bench_trace --model vit_base_patch16_224 --batch 1 8

Random weights. nnsight is measured where it is installed. Times are medians over turns taken one
after another; memory is the peak of a fresh process that does one thing, less the same process
with the bare forward pass.
"""

from __future__ import annotations

import argparse
import importlib.util
from functools import partial

import timm
import torch

import vitlens_widgets as vl
from tests.benchmarks.measure import interleaved, machine, peak_mib, table


def ways(name: str, batch: int) -> dict[str, object]:
    """Everything that is compared, as functions without arguments."""
    torch.manual_seed(0)
    model = timm.create_model(name).eval()
    vit, pixels = vl.load(model), torch.randn(batch, 3, *model.patch_embed.img_size)
    twin = transformers_twin(model)
    eager = transformers_twin(model, attn_implementation="eager")
    lens, base = vl.LogitLens(vit), vit.trace(pixels, preprocessed=True)
    middle = 3 * vit.n_layers // 4
    edit = vl.edits.Zero("z", middle, head=0)
    return {
        "forward": no_grad(partial(model, pixels)),
        "trace": lambda: vit.trace(pixels, preprocessed=True),
        "trace + reading": lambda: lens.read(vit.trace(pixels, preprocessed=True)).top(5),
        "trace + all maps": lambda: all_maps(vit.trace(pixels, keep=["q", "k"], preprocessed=True)),
        f"rerun from block {middle}": lambda: base.rerun([edit]),
        "norm + classifier loop": no_grad(partial(plain_loop, model, pixels)),
        "transformers forward": no_grad(partial(twin, pixels)),
        "transformers hidden states": no_grad(partial(twin, pixels, output_hidden_states=True)),
        "transformers eager maps": no_grad(partial(eager, pixels, output_attentions=True)),
        **({"nnsight, every block": nnsight_run(model, pixels)} if has_nnsight() else {}),
    }


def no_grad(call):
    """The call without gradients."""

    def run():
        with torch.no_grad():
            return call()

    return run


def all_maps(trace):
    """Every attention map of every block, one block at a time, as a viewer would take them."""
    for layer in range(trace.vit.n_layers):
        (trace.attention(layer) * 255).to(torch.uint8)


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


def transformers_twin(model, **words):
    """A transformers ViT of the same shape, random weights."""
    from transformers import ViTConfig, ViTForImageClassification

    block = model.blocks[0]
    config = ViTConfig(
        hidden_size=model.embed_dim,
        num_hidden_layers=len(model.blocks),
        num_attention_heads=block.attn.num_heads,
        intermediate_size=block.mlp.fc1.out_features,
        image_size=model.patch_embed.img_size[0],
        patch_size=model.patch_embed.patch_size[0],
        num_labels=1000,
    )
    return ViTForImageClassification._from_config(config, **words).eval()


def has_nnsight() -> bool:
    """Whether nnsight is installed for this benchmark."""
    return importlib.util.find_spec("nnsight") is not None


def nnsight_run(model, pixels):
    """nnsight saving every block's output."""
    from nnsight import NNsight

    wrapped = NNsight(model)

    def run():
        with torch.no_grad(), wrapped.trace(pixels):
            return [block.output.save() for block in wrapped.blocks]

    return run


def run_one(name: str, batch: int, way: str) -> None:
    """One way, once, in a process of its own."""
    ways(name, batch)[way]()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", nargs="+", default=["vit_base_patch32_224", "vit_base_patch16_224"]
    )
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--repeats", type=int, default=9)
    args = parser.parse_args()
    rows = []
    for name in args.model:
        for batch in args.batch:
            seconds = interleaved(ways(name, batch), args.repeats)
            for way, median in seconds.items():
                bare = seconds["transformers forward" if "transformers" in way else "forward"]
                rows.append(
                    {
                        "model": name,
                        "batch": batch,
                        "way": way,
                        "ms": round(median * 1000, 1),
                        "ratio to bare forward": round(median / bare, 3),
                        "peak MiB": round(peak_mib(partial(run_one, name, batch, way))),
                    }
                )
    print(machine())
    print(table(rows))


if __name__ == "__main__":
    main()

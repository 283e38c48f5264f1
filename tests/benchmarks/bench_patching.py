"""What a sweep of activation patching over all heads costs, beside a hook loop and TransformerLens.

    python -m tests.benchmarks.bench_patching --model vit_base_patch32_224 --threads 2

Random weights, two images of noise: `z` of each head of the clean run is put into the corrupted
one. The hook loop runs the model once for each head. TransformerLens is measured where it is
installed, on transformers' module of the same shape, by its own loop of one forward per head
(`TransformerBridge.run_with_hooks`). Times are medians over turns taken one after another, each
beside a bare forward pass of the same module; memory is what the call adds at its peak, in a fresh
process that does this one thing once.
"""

from __future__ import annotations

import argparse
from functools import cache, partial

import timm
import torch

import vitlens_widgets as vl
from tests.benchmarks.measure import added_mib, interleaved, machine, table


@cache
def vit_of(name: str) -> vl.ViT:
    """A timm model with random weights, loaded."""
    torch.manual_seed(0)
    return vl.load(timm.create_model(name).eval())


@cache
def pixels_of(size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Two images of noise, the clean and the corrupted."""
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(1, 3, *size, generator=generator) for _ in range(2))


def forward(name: str) -> torch.Tensor:
    """The bare model once."""
    vit = vit_of(name)
    with torch.no_grad():
        return vit.model(pixels_of(vit.image_size)[1])


def sweep(name: str) -> torch.Tensor:
    """As the package does it, both traces included: `[layer, head]`."""
    vit = vit_of(name)
    runs = (vit.trace(one, preprocessed=True) for one in pixels_of(vit.image_size))
    found = vl.analysis.activation_patching(*runs, (0, 1), least_gap=1e-9)
    return torch.from_numpy(found.metric[0])


@torch.no_grad()
def hook_loop(name: str) -> torch.Tensor:
    """As a loop over a timm model does it: one forward pass with a hook for each head."""
    vit = vit_of(name)
    clean, corrupted = pixels_of(vit.image_size)
    blocks, width = vit.model.blocks, vit.width // vit.n_heads
    kept: dict[int, torch.Tensor] = {}
    hooks = [
        block.attn.proj.register_forward_pre_hook(
            lambda _module, args, layer=layer: kept.update({layer: args[0]})
        )
        for layer, block in enumerate(blocks)
    ]
    vit.model(clean)
    for hook in hooks:
        hook.remove()
    found = torch.empty(vit.n_layers, vit.n_heads)
    for layer, block in enumerate(blocks):
        for head in range(vit.n_heads):
            part = slice(head * width, (head + 1) * width)

            def put(_module, args, layer=layer, part=part):
                mixed = args[0].clone()
                mixed[..., part] = kept[layer][..., part]
                return (mixed,)

            hook = block.attn.proj.register_forward_pre_hook(put)
            logits = vit.model(corrupted)[0]
            hook.remove()
            found[layer, head] = logits[0] - logits[1]
    return found


@cache
def bridge_of() -> object:
    """TransformerLens' view of transformers' ViT-B/32 with random weights."""
    from transformer_lens.model_bridge import TransformerBridge
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    config = ViTConfig(patch_size=32, num_labels=1000)
    config.architectures = ["ViTForImageClassification"]
    model = ViTForImageClassification(config).eval()
    return TransformerBridge.boot_transformers("google/vit-base-patch32-224", hf_model=model)


@torch.no_grad()
def bridge_forward() -> object:
    """Its bare forward pass, without hooks of one's own."""
    return bridge_of()(pixels_of((224, 224))[1], return_type="logits")


@torch.no_grad()
def bridge_loop() -> torch.Tensor:
    """One forward with a hook for each head, as its generic patching does."""
    bridge = bridge_of()
    clean, corrupted = pixels_of((224, 224))
    names = [f"blocks.{layer}.attn.hook_z" for layer in range(12)]
    _, cache_ = bridge.run_with_cache(clean, names_filter=names, return_type="logits")
    found = torch.empty(12, 12)
    for layer, name in enumerate(names):
        for head in range(12):

            def put(z, hook, name=name, head=head):  # noqa: ARG001  # its hooks are given both
                z[:, :, head] = cache_[name][:, :, head]
                return z

            logits = bridge.run_with_hooks(corrupted, fwd_hooks=[(name, put)], return_type="logits")
            row = logits.reshape(-1)
            found[layer, head] = row[0] - row[1]
    return found


def _prepared(call: partial, before: partial) -> partial:
    before()
    return call


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="vit_base_patch32_224")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--bridge", action="store_true", help="TransformerLens, too")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(machine())
    off = (sweep(args.model) - hook_loop(args.model)).abs().max()
    print(f"largest difference of the two: {off:.1e} (logit difference)")
    ways = {
        "forward": partial(forward, args.model),
        "activation_patching": partial(sweep, args.model),
        "hook loop": partial(hook_loop, args.model),
    }
    if args.bridge:
        ways |= {"TransformerLens' forward": bridge_forward, "TransformerLens' loop": bridge_loop}
    seconds = interleaved(ways, args.repeats)
    n_places = vit_of(args.model).n_layers * vit_of(args.model).n_heads
    of_forward = dict.fromkeys(ways, "forward") | {
        "TransformerLens' loop": "TransformerLens' forward"
    }
    rows = []
    for way, median in seconds.items():
        before = partial(bridge_forward) if "Lens" in way else partial(forward, args.model)
        rows.append(
            {
                "way": way,
                "s": round(median, 2),
                "of heads x one forward": round(median / n_places / seconds[of_forward[way]], 3),
                "MiB added": round(added_mib(partial(_prepared, ways[way], before))),
            }
        )
    print(table(rows))


if __name__ == "__main__":
    main()

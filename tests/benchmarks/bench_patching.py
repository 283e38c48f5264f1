"""What a sweep of activation patching over all heads costs, beside a hook loop and TransformerLens.

    python -m tests.benchmarks.bench_patching --peer ~/transformer-lens/bin/python

A ViT-B/32 of transformers with random weights, two images of noise: `z` of each head of the clean
run is put into the corrupted one, and the difference of two logits is read. The hook loop runs the
model once for each head. TransformerLens' own patching runs in the Python that is named, a virtual
environment that has it, on the same weights and images, read from the same folder. One thread;
medians over turns taken one after another, the first of which warms up and is not counted; of
processor time, since a machine that does other things lengthens the other. That is given as a
multiple of one forward pass for each head twice: of transformers' own model here, and of the bare
pass that the same way makes in its own process, which for TransformerLens is its own, by its torch.
Memory is what the call adds at its peak, in a fresh process that does this one thing once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache, partial

import numpy as np
import torch
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

import vitlens_widgets as vl
from tests.benchmarks.measure import Kept, added_mib, machine, table, timed
from tests.benchmarks.patching_peer import difference, pixels_of

LAYERS, HEADS, WIDTH = 12, 12, 64


def save_model(folder: str) -> None:
    """ViT-B/32 with random weights, as transformers saves it."""
    torch.manual_seed(0)
    ViTForImageClassification(ViTConfig(patch_size=32, num_labels=1000)).save_pretrained(folder)
    ViTImageProcessor(size={"height": 224, "width": 224}).save_pretrained(folder)


@cache
def vit_of(folder: str) -> vl.ViT:
    """The model, loaded."""
    torch.set_num_threads(1)
    return vl.load(folder)


@torch.no_grad()
def forward(folder: str) -> torch.Tensor:
    """The bare model once."""
    return vit_of(folder).model(pixels_of()[1]).logits


def sweep(folder: str) -> np.ndarray:
    """As the package does it, both traces included: `[layer, head]`."""
    vit = vit_of(folder)
    clean, corrupted = (vit.trace(one, preprocessed=True) for one in pixels_of())
    return vl.analysis.activation_patching(clean, corrupted, (0, 1), least_gap=1e-9).metric[0]


@torch.no_grad()
def hook_loop(folder: str) -> np.ndarray:
    """As a loop over a model of transformers does it: a forward pass with a hook for each head."""
    model, (clean, corrupted) = vit_of(folder).model, pixels_of()
    outputs = [layer.attention.o_proj for layer in model.vit.layers]
    kept: dict[int, torch.Tensor] = {}
    hooks = [
        module.register_forward_pre_hook(lambda _m, args, k=k: kept.update({k: args[0]}))
        for k, module in enumerate(outputs)
    ]
    model(clean)
    for hook in hooks:
        hook.remove()
    found = np.empty((LAYERS, HEADS))
    for layer, head in np.ndindex(found.shape):
        put = partial(_exchanged, kept[layer], slice(head * WIDTH, (head + 1) * WIDTH))
        hook = outputs[layer].register_forward_pre_hook(put)
        found[layer, head] = difference(model(corrupted).logits)
        hook.remove()
    return found


def _exchanged(clean: torch.Tensor, part: slice, _module: object, args: tuple) -> tuple:
    mixed = args[0].clone()
    mixed[..., part] = clean[..., part]
    return (mixed,)


def prepared(way: Callable, folder: str) -> Callable:
    """For a process of its own: the model, run once, then the call."""
    forward(folder)
    return partial(way, folder)


def of_peer(python: str, folder: str, repeats: int) -> dict:
    """What TransformerLens does, in its own environment."""
    command = [python, "-m", "tests.benchmarks.patching_peer", folder, str(repeats)]
    offline = os.environ | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=offline)
    return json.loads(done.stdout.splitlines()[-1])


def row(
    way: str, of: tuple[float, float], bare: float, own: float, mib: float | None
) -> dict[str, object]:
    """Of the table; `bare` is a forward pass of transformers' own model, `own` of the way's."""
    return {
        "way": way,
        "s": f"{of[0]:.2f}",
        "s of processor": f"{of[1]:.2f}",
        "of heads x one forward": f"{of[1] / bare / LAYERS / HEADS:.3f}",
        "of heads x its own forward": f"{of[1] / own / LAYERS / HEADS:.3f}",
        "MiB added": "" if mib is None else round(mib),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--peer", help="a Python that has TransformerLens 4")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        save_model(folder)
        compare(folder, args.repeats, args.peer)


def compare(folder: str, repeats: int, peer: str | None) -> None:
    """All ways that there are, of one model."""
    named = {"activation_patching": sweep, "hook loop": hook_loop}
    kept = {name: Kept(partial(way, folder)) for name, way in named.items()}
    seconds = timed({"forward": partial(forward, folder), **kept}, repeats)
    here, by_hooks = (one.found for one in kept.values())
    print(machine())
    print(f"metric from {here.min():.4f} to {here.max():.4f}")
    print(f"largest difference to the hook loop: {abs(here - by_hooks).max():.1e}", flush=True)
    bare = seconds["forward"][1]
    rows = [row("forward", seconds["forward"], bare, bare, None)]
    for name, way in named.items():
        mib = added_mib(partial(prepared, way, folder))
        rows.append(row(name, seconds[name], bare, bare, mib))
    if peer:
        found = of_peer(peer, folder, repeats)
        off = abs(np.array(found["effects"]) - by_hooks).max()
        print(f"and of TransformerLens {found['version']}, torch {found['torch']}: {off:.1e}")
        once, whole = found["seconds"]["forward"], found["seconds"]["sweep"]
        rows.append(row("TransformerLens' forward", once, bare, once[1], None))
        rows.append(row("TransformerLens' patching", whole, bare, once[1], found["MiB"]))
    print(table(rows))


if __name__ == "__main__":
    main()

"""TransformerLens' sweep over all heads, run by a Python that has it; see `bench_patching`.

    PYTHON -m tests.benchmarks.patching_peer FOLDER REPEATS

It imports torch, transformers and TransformerLens alone, and prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
from functools import cache, partial
from importlib.metadata import version

import torch

from tests.benchmarks.measure import Kept, added_mib, timed


def pixels_of(size: tuple[int, int] = (224, 224)) -> tuple[torch.Tensor, torch.Tensor]:
    """Two images of noise, the clean and the corrupted, as a model takes them."""
    generator = torch.Generator().manual_seed(0)
    clean, corrupted = (torch.randn(1, 3, *size, generator=generator) for _ in range(2))
    return clean, corrupted


def difference(logits: torch.Tensor) -> torch.Tensor:
    """Of the first two classes."""
    row = logits.reshape(-1)
    return row[0] - row[1]


@cache
def bridge_of(folder: str):
    """TransformerLens' view of a model of transformers that lies in a folder."""
    from transformer_lens.model_bridge import TransformerBridge

    return TransformerBridge.boot_transformers(folder, device="cpu")


@torch.no_grad()
def forward(folder: str) -> torch.Tensor:
    """Its bare forward pass, without hooks of one's own."""
    return bridge_of(folder)(pixels_of()[1])


@torch.no_grad()
def sweep(folder: str) -> torch.Tensor:
    """`z` of each head, by its own patching: `[layer, head]`."""
    from transformer_lens.patching import get_act_patch_attn_head_out_all_pos

    bridge, (clean, corrupted) = bridge_of(folder), pixels_of()
    _, kept = bridge.run_with_cache(clean, names_filter=lambda name: name.endswith("hook_z"))
    return get_act_patch_attn_head_out_all_pos(bridge, corrupted, kept, difference)


def prepared(folder: str):
    """For a process of its own: the model, run once, then the sweep."""
    forward(folder)
    return partial(sweep, folder)


def main() -> None:
    """Print what was found."""
    folder, repeats = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(1)
    ways = {"forward": partial(forward, folder), "sweep": Kept(partial(sweep, folder))}
    seconds = timed(ways, repeats)
    found = {
        "version": version("transformer-lens"),
        "torch": torch.__version__,
        "effects": ways["sweep"].found.tolist(),
        "seconds": seconds,
        "MiB": added_mib(partial(prepared, folder)),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()

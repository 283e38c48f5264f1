"""Pictures of states and heads beside a bare forward pass of the encoder; the studies, per image.

    python -m tests.benchmarks.bench_decoded --memory --study

The bare pass runs one image, prepared before. Lenses are made anew each time, so that no picture
comes from those that are kept. Memory is what a call adds to a process that has encoder and decoder
loaded. A study's figure is that of one image, its own pictures and those of its nulls.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache, partial

import torch

import vitlens_widgets as vl
from tests.benchmarks.measure import added_mib, beside_forward, machine, table
from vitlens_widgets.lenses.decoder import Decoder
from vitlens_widgets.trace.batch import as_batch

_OTHERS = 2
"""Images of a study's data, so that each has another one."""


@cache
def pair(encoder: str, decoder: str) -> tuple[vl.ViT, Decoder]:
    """Loaded once."""
    return vl.load(encoder), vl.load_decoder(decoder)


def ways(encoder: str, decoder: str) -> dict[str, Callable[[], object]]:
    """What a reader waits for."""
    vit, made = pair(encoder, decoder)
    pixels = as_batch(vit, [vl.world.scene(3).image], False)[0]
    trace = vit.trace(pixels, preprocessed=True)
    steering, diffusion = (
        lambda: vl.SteeringLens(vit, made),
        lambda: vl.DiffusionLens(vit, made),
    )
    heads = vit.n_layers * vit.n_heads
    return {
        "forward": partial(_forward, vit, pixels),
        "trace": lambda: vit.trace(pixels, preprocessed=True),
        "one state": lambda: diffusion().read(trace, ["final"], seeds=1),
        f"{len(trace.states)} states": lambda: diffusion().read(trace, seeds=1),
        f"{heads} heads": lambda: steering().read(trace, seeds=1),
        f"effects of {heads} heads": lambda: vl.analysis.ablation_effects(trace),
    }


@torch.no_grad()
def _forward(vit: vl.ViT, pixels: torch.Tensor) -> None:
    vit.adapter.pooled(pixels)


def studies(encoder: str, decoder: str, steps: int | None) -> dict[str, Callable[[], object]]:
    """Each of one image; `forward` is the bare pass of it."""
    vit, made = pair(encoder, decoder)
    scenes = vl.world.Scenes(seed=900)
    made_before = [scenes[i] for i in range(_OTHERS)]
    items = [(one.image, one.label, one.mask) for one in made_before]
    data = vl.data.Examples(items, scenes.labels)
    words = {"n_images": 1, "steps": steps}
    found = {"forward": ways(encoder, decoder)["forward"]}
    for name in ("decoded_heads", "cumulative_ablation", "overlay_study", "decoded_states"):
        lens = vl.DiffusionLens if name == "decoded_states" else vl.SteeringLens
        run = getattr(vl.analysis, name)
        found[name] = lambda run=run, lens=lens: run(vit, data, lens=lens(vit, made), **words)
    return found


def _prepared(encoder: str, decoder: str, way: str) -> Callable[[], object]:
    return ways(encoder, decoder)[way]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default="toy/clip")
    parser.add_argument("--decoder", default="toy/unclip")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory", action="store_true", help="each in a process of its own, too")
    parser.add_argument("--study", action="store_true", help="the studies, too")
    parser.add_argument("--steps", type=int, help="of the decoder, in the studies")
    args = parser.parse_args()
    named = (args.encoder, args.decoder)
    print(machine())
    rows = beside_forward(ways(*named), args.repeats, decoder=args.decoder)
    for row in rows if args.memory else ():
        row["MiB added"] = round(added_mib(partial(_prepared, *named, str(row["way"]))))
    print(table(rows))
    if args.study:
        rows = beside_forward(studies(*named, args.steps), 0, decoder=args.decoder)
        print("", table(rows), sep="\n")


if __name__ == "__main__":
    main()

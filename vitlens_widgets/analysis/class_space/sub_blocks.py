"""What blocks add to the stream, read like states: how the true class moves, which is first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.class_space import project
from vitlens_widgets.analysis.class_space.project import Projected
from vitlens_widgets.analysis.stream import ExampleBatch, tally
from vitlens_widgets.trace import ViT

SUB_BLOCKS = {"attn_out": "attention", "mlp_out": "MLP"}
"""What adds to the residual stream, by site."""

PLACES = {"tokens": "image tokens", "readout": "readout"}
"""Where a change is measured."""

COMPOSITION = {
    "previous": "the block's input has the same class first as its output",
    "attention": "what attention adds has it first",
    "MLP": "what the MLP adds has it first",
    "neither_released": "neither the input nor attention has it first",
    "neither": "none of the three has it first",
}
"""Shares of all tokens; each is counted on its own, so that they do not sum to 1.

The paper calls "neither" a composition of the three. Its authors' code forgets to ask the MLP, and
so did the published figure: that is "neither_released".
"""

CALLED = {"neither_released": "neither (released)"}
"""What shares are called, where it is not their name."""


class Read(NamedTuple):
    """One thing read at each token and at the readout."""

    tokens: Projected
    readout: Projected


def read_run(
    vit: ViT, batch: ExampleBatch, sites: Sequence[str]
) -> tuple[list[Read], dict[str, list[Read]]]:
    """Every state, and some sites of every block, each read while the model runs.

    Nothing of the sites is kept but what was read.
    """
    found: dict[str, list[Read]] = {site: [] for site in sites}

    def read(value: Tensor) -> Read:
        return Read(*(how(vit, value, batch.classes) for how in (project.tokens, project.readout)))

    def seen(site: str, _layer: int, value: Tensor) -> None:
        found[site].append(read(value))

    watch = {site: partial(seen, site) for site in sites}
    trace = vit.trace(batch.pixels, preprocessed=True, watch=watch)
    return [read(state) for state in trace.states], found


def changes_of(before: list[Read], after: list[Read]) -> dict[str, np.ndarray]:
    """How much larger the true class's logit is: `[image, block, token]` and `[image, block]`."""
    return {
        place: torch.stack(
            [
                getattr(b, place).logit - getattr(a, place).logit
                for a, b in zip(before, after, strict=True)
            ],
            dim=1,
        ).numpy()
        for place in PLACES
    }


def composition_of(states: list[Read], added: Mapping[str, list[Read]]) -> dict[str, np.ndarray]:
    """Shares of all tokens of each image, `[image, block]`, as tallies."""
    sources = {"previous": states[:-1], **added}
    tops = torch.stack([state.tokens.top for state in states[1:]], dim=1)
    same = {
        name: (torch.stack([read.tokens.top for read in reads], dim=1) == tops).numpy()
        for name, reads in sources.items()
    }
    same["neither_released"] = ~(same["previous"] | same["attention"])
    same["neither"] = same["neither_released"] & ~same.get("MLP", np.False_)
    return {f"top {name}": tally(one.mean(-1)) for name, one in same.items()}

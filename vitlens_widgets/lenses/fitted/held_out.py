"""What a fitted lens is worth on images that it was not fitted to, beside the logit lens."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vitlens_widgets.data import frame
from vitlens_widgets.lenses.fitted.affine import AffineLens
from vitlens_widgets.lenses.fitted.divergence import Target, by_place, divergences, finals
from vitlens_widgets.lenses.fitted.split import FirstImages, HeldOutSplit
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.progress import progress_bar

if TYPE_CHECKING:
    from pandas import DataFrame

LOGIT = "logit lens"


def held_out(
    lens: AffineLens,
    split: HeldOutSplit | FirstImages,
    target: Target,
    batch_size: int,
    beside: Sequence[AffineLens] = (),
) -> dict[str, Any]:
    """KL(final || lens) of each state at each place, in JSON's types.

    Args:
        lens: The lens.
        split: The images.
        target: Whose final answer is asked for.
        batch_size: How many images run together.
        beside: Other lenses of the same model, which are measured, too.

    Returns:
        `{"images": n, "places": {place: {lens: {"mean": [state], "deviation": [state]}}}}` in
        nats, over the images that were held out; places as `divergence.by_place` has them, and
        states that have a translator.
    """
    found: dict[str, dict[str, list[Tensor]]] = {}
    with progress_bar(len(split.held_out), f"{lens.name}, held out") as bar:
        for batch in split.batches(lens.vit, split.held_out, batch_size):
            states = lens.vit.trace(batch.pixels, preprocessed=True).states
            for name, places in _of_images([lens, *beside], states, target).items():
                for place, values in places.items():
                    found.setdefault(place, {}).setdefault(name, []).append(values)
            bar.update(len(batch))
    places = {
        place: {name: _summary(torch.cat(parts, 1)) for name, parts in of.items()}
        for place, of in found.items()
    }
    return {"images": len(split.held_out), "places": places}


def table_of(lens: AffineLens, found: Mapping[str, Any]) -> DataFrame:
    """What `held_out` found: a row per place and state.

    Args:
        lens: Whose columns have no name before them.
        found: As `held_out` gave it.
    """
    rows: dict[str, list[Any]] = {}
    for place, of in found["places"].items():
        for state in range(lens.n_translated):
            row: dict[str, Any] = {"place": place, "state": lens.vit.state_names[state]}
            for name, both in of.items():
                short = "KL" if name == lens.name else f"{name} KL"
                mean = both["mean"][state]
                row |= {
                    f"{short} (nats)": mean,
                    f"{short} (bits)": mean / math.log(2),
                    f"{short} deviation (nats)": both["deviation"][state],
                }
            for column, value in row.items():
                rows.setdefault(column, []).append(value)
    return frame(rows, f"{lens.name} of {lens.vit.name}, {found['images']} images held out")


@clean
def _of_images(
    lenses: Sequence[AffineLens], states: Tensor, target: Target
) -> dict[str, dict[str, Tensor]]:
    """By lens and place, `[state, image]` on the CPU."""
    vit, n = lenses[0].vit, lenses[0].n_translated
    with torch.no_grad():
        final = finals(vit, states[-1], target)
        both = {one.name: one.transform(states[:n], 0, states[-1]) for one in lenses}
        both[LOGIT] = states[:n]
        return {
            name: _stacked([by_place(vit, divergences(vit, state, final)) for state in of])
            for name, of in both.items()
        }


def _stacked(of_states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {place: torch.stack([one[place] for one in of_states]).cpu() for place in of_states[0]}


def _summary(values: Tensor) -> dict[str, list[float]]:
    """Of `[state, image]`, to six digits."""
    fine = values.double()
    both = {"mean": fine.mean(1), "deviation": fine.std(1)}
    return {name: [float(f"{one:.6g}") for one in part] for name, part in both.items()}

"""How blocks build the representation of the class: which sub-blocks move tokens towards it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

import numpy as np

from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.class_space.permutation import shuffled_means_p
from vitlens_widgets.analysis.class_space.rules import check_choice
from vitlens_widgets.analysis.class_space.sub_blocks import (
    COMPOSITION,
    PLACES,
    SUB_BLOCKS,
    changes_of,
    composition_of,
    read_run,
)
from vitlens_widgets.analysis.class_space.token_labels import (
    MaskRule,
    check_mask_rule,
    class_tokens,
)
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, pooled, run, spread, tally
from vitlens_widgets.data import Dataset
from vitlens_widgets.data.frames import frame
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.vit import check_vit

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


class Split(NamedTuple):
    """A sub-block's change of the true class's logit by the label of the token, `[block]`."""

    of_class: OverImages
    """Mean over class-labelled image tokens, all images' together."""
    of_context: OverImages
    """Mean over context-labelled ones."""
    difference: np.ndarray
    """The first less the second."""
    p: np.ndarray
    """One-sided p that it is above 0, if labels were shuffled (normal approximation). Tokens of one
    image are not independent, so it is smaller than it should be."""


@dataclass(frozen=True, eq=False)
class Building:
    """What `building` found; blocks are counted from 0, in the paper from 1.

    Attributes:
        title: The model, the number of images and where they are from.
        n_images: Of how many images.
        changes: Share of tokens whose true class has a larger logit in what a sub-block adds than
            in its input, by (site, place): "attn_out", "mlp_out" and "block" (the state after
            against the state before), at "tokens" or "readout"; `[block]` over images.
        composition: Each of `COMPOSITION`, `[block]` over images.
        splits: By site, `Split`; empty where the data have no masks.
        paper: Which of the seven models of the paper this is; "" for any other.
    """

    title: str
    n_images: int
    changes: Mapping[tuple[str, str], OverImages] = field(repr=False)
    composition: Mapping[str, OverImages] = field(repr=False)
    splits: Mapping[str, Split] = field(repr=False)
    paper: str = ""

    @property
    def n_blocks(self) -> int:
        """How many blocks the model has."""
        return len(self.changes["block", "tokens"].mean)

    @property
    def published(self) -> dict[tuple[str, str], np.ndarray]:
        """The paper's change rates for this model, `[block]`; NaN for the first, which has none."""
        known = dict(published.CHANGE_RATES.get(self.paper, {}))
        if self.paper in published.LOGIT_INCREASES:
            known["block", "tokens"] = published.LOGIT_INCREASES[self.paper]
        return {key: np.array([np.nan, *curve]) for key, curve in known.items()}

    @property
    def published_composition(self) -> dict[str, np.ndarray]:
        """The paper's shares for this model, `[block]`; NaN where they could not be read off."""
        known = published.COMPOSITION.get(self.paper, {})
        values = np.full((4, self.n_blocks), np.nan)
        for block, shares in known.items():
            values[:, block - 1] = shares
        names = [name for name in COMPOSITION if name != "neither"]
        return dict(zip(names, values, strict=True)) if known else {}

    def table(self) -> DataFrame:
        """A row per block: class similarity change rates, with half their 95 % intervals."""
        columns: dict[str, list] = {"block": list(range(self.n_blocks))}
        for (site, place), found in self.changes.items():
            name = f"{SUB_BLOCKS.get(site, site)}, {PLACES[place]}"
            columns[name] = found.mean.tolist()
            columns[f"± ({name})"] = found.half.tolist()
            if (site, place) in self.published:
                columns[f"{name}, {published.SOURCE}"] = published.listed(
                    self.published[site, place]
                )
        for site, split in self.splits.items():
            columns[f"{SUB_BLOCKS[site]}, class - context"] = split.difference.tolist()
            columns[f"p ({SUB_BLOCKS[site]})"] = split.p.tolist()
        if "attn_out" in self.splits and self.paper in published.CLASS_MINUS_CONTEXT:
            known = [None, *published.CLASS_MINUS_CONTEXT[self.paper]]
            columns[f"attention, class - context, {published.SOURCE}"] = known
        return frame(columns, self.title)

    def composition_table(self) -> DataFrame:
        """A row per block: of which tokens the class that stands first was there before."""
        columns: dict[str, list] = {"block": list(range(self.n_blocks))}
        for name, found in self.composition.items():
            columns[name] = found.mean.tolist()
            columns[f"± ({name})"] = found.half.tolist()
            if name in self.published_composition:
                known = published.listed(self.published_composition[name])
                columns[f"{name}, {published.SOURCE}"] = known
        return frame(columns, self.title)

    def figure(self) -> Figure:
        """See `vl.charts.building`."""
        from vitlens_widgets import charts  # which knows this module

        return charts.building(self)

    def composition_figure(self) -> Figure:
        """See `vl.charts.composition`."""
        from vitlens_widgets import charts  # which knows this module

        return charts.composition(self)


def building(
    vit: ViT,
    data: Dataset,
    *,
    mlp_input: Literal["block", "resid_mid"] = "block",
    mask_rule: MaskRule = "top left",
    n_images: int | None = None,
    batch_size: int = 16,
    save_to: str | os.PathLike[str] | None = None,
) -> Building:
    """Which sub-blocks raise the true class, and where the class that stands first comes from.

    What attention and MLP add to the stream is read like a state (final norm, classifier). The
    *class similarity change rate* is the share of tokens in which the true class's logit is larger
    in what is added than in the sub-block's input. The *residual composition* asks of every token,
    prefix tokens too, where the class that stands first after the block had been first already.

    Args:
        vit: The model. What a post-norm block adds has been normed by the block; without MLPs,
            there is nothing of them.
        data: Images with their classes; with masks, changes are also split by them.
        mlp_input: What the MLP's change is measured against: `"block"`, the state before the block,
            as the authors' code does it, or `"resid_mid"`, what the MLP reads.
        mask_rule: How masks become labels of tokens; see `class_and_context`.
        n_images: How many images; None for all there are.
        batch_size: How many images the model runs together.
        save_to: A file to save to after every batch, and to go on from; see
            `vitlens_widgets.analysis.stream.run`.

    Raises:
        UsageError: What `run` refuses.
        UnsupportedModelError: `mlp_input="resid_mid"` where the model has no such state.

    Source:
        Vilas et al. (2023), section 5, and their code, which leaves out the first block.

    Example:
        >>> found = vl.analysis.building(vit, vl.world.Scenes(), n_images=200)
        >>> found.table(), found.composition_table()
    """
    check_vit(vit, "building")
    experiment = _ChangeMeasure(vit, data, mlp_input, mask_rule)
    words = {"n_images": n_images, "batch_size": batch_size, "save_to": save_to}
    return experiment.result(run(experiment, vit, data, **words))


class _ChangeMeasure:
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "building"
    usual: ClassVar = {"mlp_input": "block", "mask_rule": "top left"}
    needs_masks = False

    def __init__(self, vit: ViT, data: Dataset, mlp_input: str, mask_rule: MaskRule) -> None:
        self._vit = vit
        points = vit.adapter.hook_points(0)
        self._sites = [site for site in SUB_BLOCKS if site in points]
        self._middle = check_choice("mlp_input", mlp_input, ("block", "resid_mid")) != "block"
        if self._middle:
            points["resid_mid"]  # refuses a model without one
        self._mask_rule = check_mask_rule(mask_rule)
        self._split = bool(getattr(data, "has_masks", False))
        self.settings = {"mlp_input": mlp_input, "mask_rule": mask_rule, "split": self._split}

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to change rates, composition and splits."""
        sites = [*self._sites, *(["resid_mid"] if self._middle else [])]
        states, read = read_run(self._vit, batch, sites)
        before = dict.fromkeys(self._sites, states[:-1])
        if self._middle:
            before["mlp_out"] = read.pop("resid_mid")
        changes = {site: changes_of(before[site], read[site]) for site in self._sites}
        changes["block"] = changes_of(states[:-1], states[1:])
        found = self._rates(changes)
        found |= composition_of(states, {SUB_BLOCKS[site]: read[site] for site in self._sites})
        if self._split:
            on_class = class_tokens(self._vit, batch.masks, self._mask_rule)
            for site in self._sites:
                found |= self._splits(site, changes[site]["tokens"], on_class)
        return found

    def result(self, done: Totals) -> Building:
        """What it all says."""
        sums = done.tallies
        sites = [*self._sites, "block"]
        return Building(
            title=done.title,
            n_images=done.n_images,
            changes={(s, p): spread(sums[f"change {s} {p}"]) for s in sites for p in PLACES},
            composition={n: spread(sums[f"top {n}"]) for n in COMPOSITION if f"top {n}" in sums},
            splits={site: _split_of(sums, site) for site in self._sites} if self._split else {},
            paper=self._vit.paper,
        )

    def _rates(self, changes: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        patches = self._vit.layout.patches
        found = {}
        for site, at in changes.items():
            found[f"change {site} tokens"] = tally((at["tokens"][..., patches] > 0).mean(-1))
            found[f"change {site} readout"] = tally(at["readout"] > 0)
        return found

    def _splits(self, site: str, change: np.ndarray, on_class: np.ndarray) -> dict[str, np.ndarray]:
        """Sums by label, and of all tokens together, `[block]`."""
        change = change[..., self._vit.layout.patches].astype(np.float64)
        found = {f"split {site} squares": (change**2).sum(axis=(0, 2))}
        for label, mine in (("class", on_class), ("context", ~on_class)):
            sums = np.where(mine[:, None], change, 0).sum(-1)
            of = np.broadcast_to(mine.sum(-1)[:, None], sums.shape)
            found[f"split {site} {label}"] = tally(sums, of)
        return found


def _split_of(sums: Mapping[str, np.ndarray], site: str) -> Split:
    parts = [sums[f"split {site} {label}"] for label in ("class", "context")]
    difference = pooled(parts[0]) - pooled(parts[1])
    n, total = np.stack([part[1] for part in parts]), parts[0][2] + parts[1][2]
    p = shuffled_means_p(n, difference, total, sums[f"split {site} squares"])
    return Split(spread(parts[0]), spread(parts[1]), difference, p)

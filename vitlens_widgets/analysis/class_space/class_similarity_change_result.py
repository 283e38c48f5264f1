"""What `class_similarity_change` found: change rates, composition, and splits by label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.class_space.sub_blocks import CALLED, COMPOSITION, PLACES, SUB_BLOCKS
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.data.frames import frame

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
class ClassSimilarityChange(Result):
    """What `class_similarity_change` found; blocks are counted from 0, in the paper from 1.

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

    def table(self, name: str = "change") -> DataFrame:
        """A row per block, each mean with half its 95 % interval.

        Args:
            name: `"change"`: class similarity change rates, or `"composition"`: of which tokens
                the class that stands first was there before.

        Raises:
            UsageError: Another name.
        """
        check_name(name, ("change", "composition"))
        columns: dict[str, list[Any]] = {"block": list(range(self.n_blocks))}
        columns |= self._changes() if name == "change" else self._composition()
        return frame(columns, self.title)

    def _changes(self) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {}
        for key, found in self.changes.items():
            columns |= _with_published(_called(*key), found, self.published.get(key))
        for site, split in self.splits.items():
            columns[f"{SUB_BLOCKS[site]}, class - context"] = split.difference.tolist()
            columns[f"p ({SUB_BLOCKS[site]})"] = split.p.tolist()
        if "attn_out" in self.splits and self.paper in published.CLASS_MINUS_CONTEXT:
            known = [None, *published.CLASS_MINUS_CONTEXT[self.paper]]
            columns[f"attention, class - context, {published.SOURCE}"] = known
        return columns

    def _composition(self) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {}
        for name, found in self.composition.items():
            known = self.published_composition.get(name)
            columns |= _with_published(CALLED.get(name, name), found, known)
        return columns

    def summary(self) -> str:
        """The mean change rates over blocks of attention and MLP, where they are largest."""
        lines = [self._largest(key) for key in self.changes if key[0] in SUB_BLOCKS]
        return "\n".join([self.title, *lines])

    def _largest(self, key: tuple[str, str]) -> str:
        block = int(self.changes[key].mean.argmax())
        rate = mean_and_half(self.changes[key], block)
        return f"class similarity change rate, {_called(*key)}: at most {rate}, in block {block}"

    def figure(self, name: str = "change") -> Figure:
        """Shares block by block, with 95 % intervals.

        Args:
            name: `"change"`: class similarity change rates of attention and MLP, or
                `"composition"`: where the class that stands first after each block had stood
                first before. Each of those is counted on its own, so that they do not sum to 1.

        Raises:
            UsageError: Another name.
        """
        check_name(name, ("change", "composition"))
        change = name == "change"
        quantity = "class similarity change rate" if change else "share of tokens"
        what = quantity if change else "where the first class stood before"
        plot = charts.figure_over_blocks(self.titled(what), range(self.n_blocks), quantity)
        if not change:
            means = _called_shares(self.composition)
            known = _called_shares(self.published_composition)
        else:
            keys = {key: _called(*key) for key in self.changes if key[0] in SUB_BLOCKS}
            means = {called: self.changes[key] for key, called in keys.items()}
            known = {c: self.published[key] for key, c in keys.items() if key in self.published}
            charts.with_chance(plot, 0.5, "as often as not")
        beside = {f"{called}, {published.SOURCE}": one.tolist() for called, one in known.items()}
        return charts.with_means(plot, "block", charts.places_of(plot), means, beside)


def _called(site: str, place: str) -> str:
    """What a curve or column is called."""
    return f"{SUB_BLOCKS.get(site, site)}, {PLACES[place]}"


def _called_shares(shares: Mapping[str, Any]) -> dict[str, Any]:
    """Shares of the composition by what they are called."""
    return {CALLED.get(name, name): share for name, share in shares.items()}


def _with_published(name: str, found: OverImages, known: np.ndarray | None) -> dict[str, list[Any]]:
    """A mean's columns, and the paper's beside it."""
    columns: dict[str, list[Any]] = {name: found.mean.tolist(), f"± ({name})": found.half.tolist()}
    if known is not None:
        columns[f"{name}, {published.SOURCE}"] = published.listed(known)
    return columns

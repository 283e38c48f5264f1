"""What linear probes read at each block and token, beside what the model's own classifier reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.probes.features import ProbePlaces
from vitlens_widgets.analysis.probes.probe import ProbeRelevance
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import TokenLayout

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

SITES = {"resid_post": "state", "attn_out": "attention", "mlp_out": "MLP"}
"""What probes read: the stream after a block, and what each sub-block adds to it."""

MEASURES = {
    "accuracy": "share of images whose true class the probe has first",
    "rank": "mean rank of the true class in the probe's answer, from 1",
    "projection": "share of images whose true class the model's own classifier has first there",
}
"""What is measured at each place."""

_FIGURES = {
    "accuracy": "accuracy of probes and of the own classifier",
    "rank": "mean rank of the true class by probes",
    "projection": "accuracy of the own classifier",
}


@dataclass(frozen=True, eq=False)
class LinearProbes(Result):
    """What `linear_probes` found; blocks are counted from 0, in the paper from 1.

    Attributes:
        title: The model, the number of test images and where they are from.
        n_train: How many images the probes were fitted to.
        n_images: How many they were tested on.
        places: The sites, blocks and tokens that were probed.
        layout: The model's tokens.
        values: By (site, measure of `MEASURES`), over test images, `[block, token]`, for the
            blocks and tokens of `places`; without `"projection"` where there is no classifier.
        image_tokens: The same of each image's mean over image tokens, `[block]`.
        relevance: The probes of the states as a method for `vl.analysis.relevance` and
            `perturbation_test`; None where some tokens' states were not probed.
        paper: Which of the seven models of the paper this is; "" for any other.
    """

    title: str
    n_train: int
    n_images: int
    places: ProbePlaces
    layout: TokenLayout
    values: Mapping[tuple[str, str], OverImages] = field(repr=False)
    image_tokens: Mapping[tuple[str, str], OverImages] = field(repr=False)
    relevance: ProbeRelevance | None = field(default=None, repr=False)
    paper: str = ""

    @property
    def published(self) -> dict[tuple[str, str], np.ndarray]:
        """The paper's means over image tokens, `[block]` of `places`; NaN where not read off."""
        found: dict[tuple[str, str], np.ndarray] = {}
        for key, by_block in published.PROBES.get(self.paper, {}).items():
            if key[0] in self.places.sites:
                known = [by_block.get(layer + 1, np.nan) for layer in self.places.layers]
                found[key] = np.array(known)
        return found

    def table(self, name: str = "accuracy") -> DataFrame:
        """A row per block: the mean over image tokens at each site, with half its interval.

        Beside the probes' accuracy stands what the model's own classifier reads there.

        Raises:
            UsageError: There is no such measure, or no image token was probed.
        """
        check_name(name, self._measures)
        self._check_image_tokens()
        columns: dict[str, list[Any]] = {"block": list(self.places.layers)}
        for site in self.places.sites:
            for one in self._beside(name):
                called = column_of(site, one)
                columns[called] = self.image_tokens[site, one].mean.tolist()
                columns[f"± ({called})"] = self.image_tokens[site, one].half.tolist()
                if (site, one) in self.published:
                    known = published.listed(self.published[site, one])
                    columns[f"{called}, {published.SOURCE}"] = known
        return frame(columns, f"{self.title}: {name}, image tokens")

    def tokens(self, site: str = "resid_post", name: str = "accuracy") -> DataFrame:
        """A row per token: the measure in each block.

        Raises:
            UsageError: There is no such site or measure.
        """
        values = self._at(site, name)
        described = [self.layout.describe(token) for token in self.places.tokens]
        columns: dict[str, list[Any]] = {"token": described}
        for layer, of_block in zip(self.places.layers, values, strict=True):
            columns[f"block {layer}"] = of_block.tolist()
        return frame(columns, f"{self.title}: {name} at {site}")

    def patches(self, layer: int, site: str = "resid_post", name: str = "accuracy") -> np.ndarray:
        """The measure of each patch of one block, float64 `[row, col]`; NaN where none was probed.

        Raises:
            UsageError: There is no such block, site or measure.
        """
        if layer not in self.places.layers:
            raise UsageError(f"Block {layer!r} was not probed; there is {self.places.layers}.")
        every = np.full(self.layout.n_tokens, np.nan)
        every[list(self.places.tokens)] = self._at(site, name)[self.places.layers.index(layer)]
        return self.layout.to_grid(every[self.layout.patches])

    def summary(self) -> str:
        """The accuracy at the last probed block, of image tokens or, without any, of the rest."""
        block = self.places.layers[-1]
        lines: list[str] = []
        over_patches = self._has_image_tokens
        values = self.image_tokens if over_patches else self.values
        place = -1 if over_patches else (-1, 0)
        token = "image tokens" if over_patches else self.layout.describe(self.places.tokens[0])
        for site in self.places.sites:
            for name in self._beside("accuracy"):
                said = mean_and_half(values[site, name], place)
                lines.append(f"{column_of(site, name)}, block {block}, {token}: {said}")
        return "\n".join([self.title, *lines])

    def figure(self, name: str = "accuracy") -> Figure:
        """One measure of the probes at each site, means over image tokens with 95 % intervals.

        Beside the accuracy stands what the model's own classifier reads at the same places.

        Args:
            name: `"accuracy"`, `"rank"` or `"projection"`.

        Raises:
            UsageError: There is no such measure, or no image token was probed.
        """
        check_name(name, self._measures)
        self._check_image_tokens()
        keys = [(site, one) for one in self._beside(name) for site in self.places.sites]
        quantity = {"rank": "mean rank of the true class"}.get(name, "accuracy, image tokens")
        plot = charts.figure_over_blocks(self.titled(_FIGURES[name]), self.places.layers, quantity)
        means = {column_of(*key): self.image_tokens[key] for key in keys}
        beside = {
            f"{column_of(*key)}, {published.SOURCE}": known.tolist()
            for key, known in self.published.items()
            if key in keys
        }
        return charts.with_means(plot, "block", charts.places_of(plot), means, beside)

    @property
    def _measures(self) -> list[str]:
        """Of `MEASURES`, those there are."""
        return [name for name in MEASURES if (self.places.sites[0], name) in self.values]

    def _beside(self, name: str) -> list[str]:
        """A measure and, beside the accuracy, what the model's own classifier reads."""
        others = ["projection"] if name == "accuracy" else []
        return [one for one in (name, *others) if one in self._measures]

    @property
    def _has_image_tokens(self) -> bool:
        patches = range(self.layout.n_tokens)[self.layout.patches]
        return bool(set(patches) & set(self.places.tokens))

    def _check_image_tokens(self) -> None:
        if not self._has_image_tokens:
            raise UsageError("No image token was probed; tokens() has the tokens that were.")

    def _at(self, site: str, name: str) -> np.ndarray:
        check_name(name, self._measures)
        if site not in self.places.sites:
            raise UsageError(f"{site!r} was not probed; there is {', '.join(self.places.sites)}.")
        return self.values[site, name].mean


def column_of(site: str, name: str) -> str:
    """What a curve of a site is called."""
    return f"{SITES[site]}, {'own classifier' if name == 'projection' else 'probe'}"

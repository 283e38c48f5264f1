"""What `lens_causality` found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import check_choice
from vitlens_widgets.ranks import permuted, spearman

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

CAUSAL, PRINCIPAL, RANDOM = "lens's own", "main components", "random"
KINDS = (CAUSAL, PRINCIPAL, RANDOM)
"""Of directions."""

MEASURES = {
    "lens": "KL of the lens's answer from that after the change, bits",
    "model": "KL of the model's answer from that after the change, bits",
    "alignment": "cosine of the lens's change and the model's",
    "mismatched": "cosine of the lens's change and the model's for another direction",
    "stimulus": "length of the lens's change, bits",
    "response": "length of the model's change, bits",
}
"""What is measured of each direction; lengths and angles are those of Aitchison geometry."""

_N_ORDERS = 9999
_COLUMNS = {"lens": "lens moves (bits)", "model": "model moves (bits)"}
_TITLES = {
    "lens": "what a direction is worth to the lens",
    "model": "what a lens's directions are worth to the model",
    "alignment": "whether lens and model move in one direction",
    "mismatched": "alignment with another direction's change",
    "stimulus": "how far the lens moves",
    "response": "how far the model moves",
}


@dataclass(frozen=True, eq=False)
class LensCausality(Result):
    """What `lens_causality` found.

    Attributes:
        title: The model, the number of images and where they are from.
        state_names: The states that were changed, such as `["1_pre", "2_pre"]`.
        lenses: Names of the lenses.
        how: What stood along a direction afterwards, `"resample"` or `"mean"`.
        n_train: How many images directions were found with.
        n_images: How many they were measured on.
        values: By name, over images: of each direction, `[state, direction]`; of each image's mean
            over directions and, of the lens's own, by how much that is above another kind's,
            `[state]`. `mean`, `more` and `directions` read it.
    """

    title: str
    state_names: list[str]
    lenses: list[str]
    how: str
    n_train: int
    n_images: int
    values: Mapping[str, OverImages] = field(repr=False)

    def mean(self, measure: str, lens: str, kind: str = CAUSAL) -> OverImages:
        """A measure's mean over directions and images, `[state]`.

        Args:
            measure: Of `MEASURES`.
            lens: Its name.
            kind: Of directions: `"lens's own"`, `"main components"` or `"random"`.

        Raises:
            UsageError: There is no such measure, lens or kind.
        """
        return self.values[f"{self._key(measure, lens, kind)}\nmean"]

    def more(self, measure: str, lens: str, than: str = RANDOM) -> OverImages:
        """By how much a measure of a lens's own directions is above another kind's, `[state]`.

        Raises:
            UsageError: There is no such measure, lens or kind, or it is the lens's own.
        """
        check_choice("than=", than, (PRINCIPAL, RANDOM))
        return self.values[f"{self._key(measure, lens, CAUSAL)}\nmore than {than}"]

    def rank_correlation(self, lens: str, kind: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Whether what moves the lens more moves the model more, by state.

        Spearman's rank correlation of the two mean divergences over directions, and its one-sided p
        by random orders of the directions within each kind. Over all three kinds together some of
        the correlation is had for nothing: random directions, along which a state varies least,
        move any lens and any model least. The p counts none of that.

        Args:
            lens: Its name.
            kind: Of directions, such as `"lens's own"`; None for those of all three kinds.

        Returns:
            Both float64 `[state]`; NaN where nothing moves.

        Raises:
            UsageError: There is no such lens or kind.
        """
        kinds = KINDS if kind is None else (kind,)
        moves, follows = (
            np.concatenate([self.values[self._key(of, lens, one)].mean for one in kinds], -1)
            for of in ("lens", "model")
        )
        parts = [self.values[self._key("lens", lens, one)].mean.shape[-1] for one in kinds]
        found = spearman(moves, follows)
        rng = np.random.default_rng(0)
        luck = np.stack(
            [
                permuted(one, two, _N_ORDERS, rng, parts)
                for one, two in zip(moves, follows, strict=True)
            ]
        )
        p = (1 + (luck >= found[:, None] - 1e-12).sum(-1)) / (1 + _N_ORDERS)
        return found, np.where(np.isnan(found), np.nan, p)

    def table(self) -> DataFrame:
        """A row per lens and state.

        By how much lens and model move along the lens's own directions, the model along others, and
        the difference, each with half its 95 % interval over images; how the two changes are
        aligned, beside the alignment with another direction's change; and the rank correlation of
        what directions are worth to lens and model, with its p.
        """
        rows: dict[str, list[Any]] = {}
        for lens in self.lenses:
            correlation, p = self.rank_correlation(lens)
            columns = self._columns(lens)
            for k, state in enumerate(self.state_names):
                row: dict[str, Any] = {"lens": lens, "state": state}
                for name, of in columns.items():
                    row |= {name: float(of.mean[k]), f"± ({name})": float(of.half[k])}
                row |= {"rank correlation": float(correlation[k]), "p": float(p[k])}
                for column, value in row.items():
                    rows.setdefault(column, []).append(value)
        return frame(rows, self.title)

    def directions(self) -> DataFrame:
        """A row per lens, state, kind and direction: each measure's mean over images, in bits.

        Alignments are cosines. By how much lens and model move is called as in `table`.
        """
        rows: dict[str, list[Any]] = {}
        for lens in self.lenses:
            for kind in KINDS:
                found = {name: self.values[self._key(name, lens, kind)].mean for name in MEASURES}
                for k, state in enumerate(self.state_names):
                    for j in range(found["lens"].shape[1]):
                        row = {"lens": lens, "state": state, "kind": kind, "direction": j}
                        row |= {
                            _COLUMNS.get(name, name): float(of[k, j]) for name, of in found.items()
                        }
                        for column, value in row.items():
                            rows.setdefault(column, []).append(value)
        return frame(rows, self.title)

    def figure(self, name: str = "alignment") -> Figure:
        """One measure of each lens's own directions over the states, with 95 % intervals.

        Beside the alignment stands that with another direction's change, and beside what
        directions are worth to the model that of main components and random ones.

        Args:
            name: Of `MEASURES`.

        Raises:
            UsageError: There is no such figure.
        """
        quantity = MEASURES[check_name(name, MEASURES)]
        means = {lens: self.mean(name, lens) for lens in self.lenses}
        if name == "alignment":
            means |= {f"{o}, other direction": self.mean("mismatched", o) for o in self.lenses}
        elif name in ("model", "response"):
            means |= {kind: self.mean(name, self.lenses[0], kind) for kind in (PRINCIPAL, RANDOM)}
        plot = charts.figure_over_states(self.titled(_TITLES[name]), self.state_names, quantity)
        return charts.with_means(plot, "state", self.state_names, means)

    def summary(self) -> str:
        """Each lens in the middle of the states."""
        k = len(self.state_names) // 2
        lines = [self.title]
        for lens in self.lenses:
            model, more = self.mean("model", lens), self.more("model", lens)
            aligned, other = self.mean("alignment", lens), self.mean("mismatched", lens)
            lines.append(
                f"{lens}, at {self.state_names[k]}: its directions move the model by "
                f"{mean_and_half(model, k)} bits, {mean_and_half(more, k)} more than random ones; "
                f"alignment {mean_and_half(aligned, k)}, with another direction's change "
                f"{mean_and_half(other, k)}"
            )
        return "\n".join(lines)

    def _columns(self, lens: str) -> dict[str, OverImages]:
        return {
            "lens moves (bits)": self.mean("lens", lens),
            "model moves (bits)": self.mean("model", lens),
            "along main components": self.mean("model", lens, PRINCIPAL),
            "along random directions": self.mean("model", lens, RANDOM),
            "more than main components": self.more("model", lens, PRINCIPAL),
            "more than random directions": self.more("model", lens, RANDOM),
            "alignment": self.mean("alignment", lens),
            "with another direction": self.mean("mismatched", lens),
        }

    def _key(self, measure: str, lens: str, kind: str) -> str:
        check_name(measure, MEASURES)
        check_name(lens, self.lenses)
        return key_of(measure, lens, check_choice("kind=", kind, KINDS))


def key_of(measure: str, lens: str, kind: str) -> str:
    """Under which name the numbers of a measure are kept."""
    return f"{measure}\n{lens}\n{kind}"

"""What `lens_agreement` found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

QUANTITIES = {
    "kl": "KL of the final answer from the lens's, nats",
    "agreement": "share of images with the model's answer",
    "patch_kl": "KL of patches' final answers from the lens's, nats",
    "patch_agreement": "share of patches with their final answer",
    "truth_minus_model": "agreement with the truth less that with the model, where it is wrong",
}
"""Name of a figure -> what its vertical axis says."""


@dataclass(frozen=True, eq=False)
class LensAgreement(Result):
    """What `lens_agreement` found.

    Attributes:
        title: The model, the number of images and where they are from.
        state_names: `["0_pre", ..., "final"]`.
        n_images: Of how many images.
        n_known: Of how many of them the class is known, among the model's.
        values: By measure (`QUANTITIES`) and lens, the mean over images, `[state]`: of the readout
            the KL divergence in nats and the share of images with the model's own first class; of
            patches the same against each patch's own final answer; and, over the images that the
            lens's model gets wrong, agreement with the truth less agreement with the model.
        same: By pair of lenses of this model, the share of images of which both say the same, at
            the readout, `[state]`.
    """

    title: str
    state_names: list[str]
    n_images: int
    n_known: int
    values: Mapping[str, Mapping[str, OverImages]] = field(repr=False)
    same: Mapping[tuple[str, str], OverImages] = field(repr=False)

    def table(self) -> DataFrame:
        """A row per lens and state: each measure, its 95 % interval, and KL in bits, too."""
        parts: dict[str, list[Any]] = {"lens": [], "state": []}
        for lens in self.values["kl"]:
            parts["lens"] += [lens] * len(self.state_names)
            parts["state"] += self.state_names
            for measure, of in self.values.items():
                found = of[lens]
                columns = {measure: found.mean, f"{measure} low": found.low}
                columns[f"{measure} high"] = found.high
                if "kl" in measure:
                    columns[f"{measure} (bits)"] = found.mean / math.log(2)
                for name, column in columns.items():
                    parts.setdefault(name, []).extend(column.tolist())
            parts.setdefault("images the model gets wrong", []).extend(
                self.values["truth_minus_model"][lens].n.tolist()
            )
        return frame(parts, self.title)

    def same_answers(self) -> DataFrame:
        """A row per pair of lenses and state: the share of images of which both say the same."""
        names = ("lens", "other", "state", "same", "low", "high")
        rows: dict[str, list[Any]] = {name: [] for name in names}
        for (one, other), of in self.same.items():
            n = len(self.state_names)
            rows["lens"] += [one] * n
            rows["other"] += [other] * n
            rows["state"] += self.state_names
            for name, column in (("same", of.mean), ("low", of.low), ("high", of.high)):
                rows[name] += column.tolist()
        return frame(rows, self.title)

    def figure(self, name: str = "kl") -> Figure:
        """One measure over the states, a curve for each lens with its 95 % interval.

        Args:
            name: Of `QUANTITIES`: `"kl"`, `"agreement"`, `"patch_kl"`, `"patch_agreement"` or
                `"truth_minus_model"`.

        Raises:
            UsageError: There is no such figure, or no image that a model gets wrong to draw.
        """
        quantity = QUANTITIES[check_name(name, QUANTITIES)]
        if not any(of.n.any() for of in self.values[name].values()):
            raise UsageError(
                f"None of the {self.n_known} images of known class is one that the model gets "
                "wrong, so that nothing is to be drawn; give more images, or harder ones."
            )
        plot = charts.figure_over_states(self.titled(_TITLES[name]), self.state_names, quantity)
        return charts.with_means(plot, "state", self.state_names, self.values[name])

    def summary(self) -> str:
        """Each lens in the middle of the model: divergence, agreement, and on wrong answers."""
        middle = len(self.state_names) // 2
        lines = [self.title]
        for lens in self.values["kl"]:
            kl, agreement, leaning = (
                self.values[name][lens] for name in ("kl", "agreement", "truth_minus_model")
            )
            n_wrong = int(leaning.n[middle])
            where = mean_and_half(leaning, middle) if n_wrong else "none"
            truth = f"truth less model on the {n_wrong} it gets wrong: {where}"
            lines.append(
                f"{lens}, at {self.state_names[middle]}: KL {mean_and_half(kl, middle)} nats, the "
                f"model's answer on {mean_and_half(agreement, middle)} of images; "
                f"{truth if self.n_known else 'what is true is not known'}"
            )
        return "\n".join(lines)


_TITLES = {
    "kl": "distance to the final answer",
    "agreement": "agreement with the final answer",
    "patch_kl": "patches' distance to their final answer",
    "patch_agreement": "patches' agreement with their final answer",
    "truth_minus_model": "leaning to the truth where the model is wrong",
}

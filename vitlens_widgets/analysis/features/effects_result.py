"""What `feature_effects` gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.result import Result, check_name
from vitlens_widgets.data.frames import frame

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

_QUANTITIES = {
    "KL": "divergence from the intact answer, nats",
    "probability lost": "probability that the intact answer loses",
    "answers changed": "share of images whose answer changes",
    "turned away": "1 - cosine of what is pooled",
}


@dataclass(frozen=True, eq=False)
class FeatureEffects(Result):
    """What `feature_effects` found; by measure, each `[feature]`.

    Attributes:
        title: The model, the images, unusual settings.
        features: What each feature is called.
        names: The measures: `"KL"`, `"probability lost"`, `"answers changed"`, `"turned away"`.
        own: Of the feature switched off: mean over images, deviation, 95 % interval.
        random: Of as long a vector along other features of its block.
        more: The first less the second, image by image.
    """

    title: str
    features: tuple[str, ...]
    names: tuple[str, ...]
    own: Mapping[str, OverImages] = field(repr=False)
    random: Mapping[str, OverImages] = field(repr=False)
    more: Mapping[str, OverImages] = field(repr=False)

    def table(self) -> DataFrame:
        """A row per feature: each measure, random features', and the difference with its half."""
        columns: dict[str, list[Any]] = {"feature": list(self.features)}
        for name in self.names:
            columns[name] = self.own[name].mean.tolist()
            columns[f"{name}, random"] = self.random[name].mean.tolist()
            columns[f"{name}, more"] = self.more[name].mean.tolist()
            columns[f"± ({name}, more)"] = self.more[name].half.tolist()
        return frame(columns, self.title)

    def figure(self, name: str = "") -> Figure:
        """A measure of each feature with its 95 % interval, and that of random features in grey.

        Args:
            name: One of `names`; the first by default.

        Raises:
            UsageError: Another name.
        """
        name = check_name(name or self.names[0], self.names)
        random = self.random[name]
        luck = (random.low.tolist(), random.high.tolist())
        title = self.titled(f"{name} with a feature switched off")
        return charts.intervals(title, _QUANTITIES[name], self.features, self.own[name], luck)

    def summary(self) -> str:
        """The first measure of each feature, beside random ones."""
        name = self.names[0]
        own, random, more = (part[name] for part in (self.own, self.random, self.more))
        lines = [
            f"{feature}: {name} {_said(own, at)}, random features {_said(random, at)}, "
            f"more by {_said(more, at)}"
            for at, feature in enumerate(self.features)
        ]
        return "\n".join([self.title, *lines])


def _said(values: OverImages, at: int) -> str:
    """A mean and half its interval; effects of single features are often small."""
    return f"{values.mean[at]:.2g} ± {values.half[at]:.2g}"

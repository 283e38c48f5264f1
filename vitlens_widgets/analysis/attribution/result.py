"""`Attribution`: what every component of a run adds to the answer, image by image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.attribution.components import components, curve
from vitlens_widgets.analysis.attribution.mean import FIGURES, MeanAttribution
from vitlens_widgets.analysis.attribution.parts import Contributions
from vitlens_widgets.analysis.over_images import over_images
from vitlens_widgets.analysis.result import Result, check_name
from vitlens_widgets.errors import UsageError, check_choice
from vitlens_widgets.models import TokenLayout
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


@dataclass(frozen=True, repr=False)
class Attribution(Result):
    """What each component adds to the logits that were asked for.

    Attributes:
        title: Of which model and images.
        rows: What was asked: the targets; with `against`, that class, and each target less it. The
            first axis of every array.
        n_targets: How many targets there are.
        parts: What each component adds, `[row, image, ...]`; their sum is `parts.logits`.
        layout: The token layout.
        token_index: The tokens that were in the sequence, int64 `[position]`.

    Example:
        >>> found = vl.analysis.attribution(trace, "cat", "dog")
        >>> found.parts.heads.shape                    # [row, image, layer, head]
        (3, 1, 12, 12)
        >>> found.table(), found.figure("steps")
    """

    title: str
    rows: tuple[str, ...]
    n_targets: int
    parts: Contributions = field(repr=False)
    layout: TokenLayout
    token_index: np.ndarray = field(repr=False)

    @property
    def n_images(self) -> int:
        """How many images."""
        return self.parts.logits.shape[1]

    @property
    def rest(self) -> float:
        """How far the sum of the parts is from the model's logit at most, relative to the largest.

        What rounding leaves: about 1e-6 in float32.
        """
        total = sum(values for _, values in components(self.parts))
        largest = np.abs(self.parts.logits).max()
        return float(np.abs(total - self.parts.logits).max() / largest)

    def over_images(self, image: int | None = None) -> MeanAttribution:
        """The same on average over the images, or of one of them.

        Args:
            image: Which image; None for all.

        Raises:
            UsageError: There is no such image.
        """
        chosen = slice(None)
        if image is not None:
            check_index("image", image, self.n_images)
            chosen = slice(image, image + 1)
        listed = components(self.parts)
        adds = np.stack([values for _, values in listed], axis=1)  # [row, component, image]
        points = curve(self.parts).swapaxes(1, 2)
        alone = "" if image is None or self.n_images == 1 else f", image {image}"
        return MeanAttribution(
            title=f"{self.title}{alone}",
            rows=self.rows,
            n_targets=self.n_targets,
            components=tuple(one for one, _ in listed),
            adds=over_images(adds[..., chosen]),
            curve=over_images(points[..., chosen]),
            n_images=self.n_images if image is None else 1,
        )

    def patches(
        self,
        image: int = 0,
        row: str | None = None,
        layer: int | None = None,
        head: int | None = None,
    ) -> np.ndarray:
        """What heads carry from each patch to the answer, float32 `[row, col]`; NaN: dropped.

        A head's part is split over the keys that it read: the weight of each patch times what its
        value adds. Prefix tokens are in `parts.sources`.

        Args:
            image: Which image.
            row: One of the `rows`; None for the first target, less what it is compared with.
            layer: One block; None for the sum over all.
            head: One head of that block; None for the sum of its heads.

        Raises:
            UsageError: An image, row, block or head that is not there, a head without a block, or
                sources that were not asked for.
        """
        if self.parts.sources is None:
            raise UsageError(
                "Heads were not split by the patches that they read; ask "
                "vl.analysis.attribution(trace, target, sources=True)."
            )
        if layer is None and head is not None:
            raise UsageError("A head is chosen in a block: give layer= too.")
        which = self._row(row), check_index("image", image, self.n_images)
        values = self.parts.sources[which]
        if layer is not None:
            values = values[check_index("layer", layer, len(values))][None]
        if head is not None:
            values = values[:, check_index("head", head, values.shape[1])][:, None]
        every = np.full(self.layout.n_tokens, np.nan, np.float32)
        every[self.token_index] = values.sum((0, 1))
        return self.layout.to_grid(every[self.layout.patches])

    def table(self, image: int | None = None) -> DataFrame:
        """A row per component: what it adds to each row; of several images means and intervals.

        Args:
            image: One image; None for all.

        Raises:
            UsageError: There is no such image.
        """
        return self.over_images(image).table()

    def figure(
        self, name: str = "curve", image: int | None = None, row: str | None = None
    ) -> Figure:
        """One of four figures.

        Args:
            name: `"curve"`, `"steps"` or `"heads"`: see `MeanAttribution.figure`; `"patches"`: see
                `patches`, of all heads, of the first image unless another is said.
            image: One image; None for the mean over all.
            row: One of the `rows`; None for the first target, less what it is compared with.

        Raises:
            UsageError: There is no such figure, image or row.
        """
        check_choice("The figure", name, (*FIGURES, "patches"))
        if name != "patches":
            return self.over_images(image).figure(name, row)
        grid = self.patches(image or 0, row)
        what = f"what heads carry from each patch to {self.rows[self._row(row)]}"
        return charts.map_of_patches(self.titled(what), "logit", grid)

    def summary(self) -> str:
        """Each row's logit, the components that add and take most, and what rounding leaves."""
        exact = f"  the parts sum to the logits within {self.rest:.1e} of the largest"
        return f"{self.over_images().summary()}\n{exact}"

    def _row(self, row: str | None) -> int:
        main = self.rows[-self.n_targets]
        return self.rows.index(check_name(main if row is None else row, self.rows))

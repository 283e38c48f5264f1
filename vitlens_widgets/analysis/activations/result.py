"""What `activations` found: of each feature its images, tenths, counts and classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.activations.bins import EDGES, SILENT
from vitlens_widgets.analysis.activations.drawing import histogram, sheet
from vitlens_widgets.analysis.activations.groups import Groups
from vitlens_widgets.analysis.activations.nearest import place_of
from vitlens_widgets.analysis.activations.selectivity import Over, Selectivity, selectivity_of
from vitlens_widgets.analysis.activations.strongest import NOBODY, StrongestImages
from vitlens_widgets.analysis.activations.tenths import TenthPatches, nearest_to_tenths
from vitlens_widgets.analysis.boxes import boxes_of_counts
from vitlens_widgets.analysis.result import Result, mean_and_half
from vitlens_widgets.analysis.stream import spread
from vitlens_widgets.data import Dataset, LabelSet, read_image
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, check_choice, check_seed
from vitlens_widgets.features import SAE
from vitlens_widgets.models import TokenLayout
from vitlens_widgets.models.preprocessing import Preprocessing
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.models import LayoutDOM
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class Activations(Result):
    """What `activations` found. A feature is one channel of the site in one block.

    Attributes:
        title: The model, the images.
        n_images: How many were seen.
        data: Where they are from.
        site: Whose channels the features are.
        layers: The blocks that were looked at.
        labels: The classes of the data set.
        layout: Where the patches stand.
        preprocessing: How the model sees an image.
        groups: Which patches and images are counted apart.
        grid: Rows and columns of a map: the patch grid, or one row of the readout's tokens.
        sae: Whose latents the features are; None for the channels of the site.
        tallies: What was kept, by name; features run over channels, then over blocks.
    """

    title: str
    n_images: int
    data: Dataset
    site: str
    layers: tuple[int, ...]
    labels: LabelSet
    layout: TokenLayout
    preprocessing: Preprocessing
    groups: Groups
    grid: tuple[int, int]
    sae: SAE | None
    tallies: Mapping[str, np.ndarray] = field(repr=False)

    @property
    def classes_apart(self) -> tuple[str, ...]:
        """The classes that are counted apart, by name: those of `selectivity` and `counts_of`."""
        return tuple(self.labels[one] for one in self.groups.classes)

    @property
    def width(self) -> int:
        """How many features a block has."""
        return len(self.tallies["sum"]) // len(self.layers)

    @cached_property
    def counts(self) -> np.ndarray:
        """How many patches of all images fall in each bin, int64 `[layer, feature, bin]`.

        `edges` has the bins: the first is of those that are not above 0.
        """
        return self._by_layer(self.tallies["counts"].sum(0, dtype=np.int64))

    @property
    def edges(self) -> np.ndarray:
        """Where the bins of `counts` begin, and the last one ends, `[bin + 1]`."""
        return EDGES

    @property
    def share_above(self) -> np.ndarray:
        """The share of patches with an activation above 0, float64 `[layer, feature]`."""
        return 1 - self.counts[..., SILENT] / self.counts.sum(-1)

    @property
    def mean(self) -> np.ndarray:
        """The mean activation over patches, float64 `[layer, feature]`."""
        return self._by_layer(self.tallies["sum"]) / self.counts.sum(-1)

    @property
    def largest(self) -> np.ndarray:
        """The largest activation, float32 `[layer, feature]`."""
        return self._by_layer(self.tallies["strongest value"][:, 0])

    def selectivity(self, over: Over = "images", *, seed: int = 0) -> Selectivity:
        """How well each feature tells each class from all others, with intervals and a null.

        Args:
            over: `"images"`: by the largest activation in an image, which may be beside the thing;
                `"patches"`: those on the thing of a class from all others, with masks. Its areas
                are of all patches, intervals and null of up to 512 images and 4 patches of each,
                drawn by lot.
            seed: Of the shuffled classes of the null.

        Raises:
            UsageError: No classes were counted apart, as of a data set with more than 32 of them;
                or patches where there are no masks.
        """
        check_choice("over", over, ("images", "patches"))
        if not self.groups.classes:
            raise UsageError(
                f"No classes of {self.data!r} were counted apart; name up to 32 of them: "
                'vl.analysis.activations(..., classes=["tench", "goldfish"]).'
            )
        if over == "patches" and not self.groups.masks:
            raise UsageError(
                "Which patches show a class is not known here: that takes a data set with masks, "
                'and features of patches; over="images" is of whole images.'
            )
        found, n_images, null = selectivity_of(self.tallies, self.groups, over, check_seed(seed))
        auc, low, high = (self._by_layer(one).astype(np.float32) for one in found)
        return Selectivity(
            self.title, self.layers, self.classes_apart, n_images, auc, low, high, null
        )

    def images(self, layer: int, feature: int) -> StrongestImages:
        """The images that make one feature fire most.

        Raises:
            UsageError: A block that was not looked at, or a feature that there is not.
        """
        found = self._strongest_of(self._at(layer, feature))
        return found._replace(map=found.map.reshape(-1, *self.grid))

    def _strongest_of(self, at: int) -> StrongestImages:
        """With maps `[place, patch]`."""
        names = "image", "token", "value", "slot", "map"
        image, patch, value, slot, maps = (self.tallies[f"strongest {name}"][at] for name in names)
        there = slot[image[slot] != NOBODY]
        return StrongestImages(image[there], patch[there], value[: len(there)], maps[there])

    def tenths(self, layer: int, feature: int) -> TenthPatches:
        """A patch from each tenth of one feature's activations above 0; empty if there are none.

        The tenths are of the exact counts, to within a bin. Two patches of each image were drawn.

        Raises:
            UsageError: As `images`.
        """
        at = self._at(layer, feature)
        kept = {name: value[at] for name, value in self.tallies.items() if name[:5] == "drawn"}
        drawn = kept["drawn lot"] >= 0
        lots = [kept[f"drawn {name}"][drawn] for name in ("image", "token", "value")]
        strong = self._strong(at)
        counts = self.tallies["counts"][:, at].sum(0)
        chosen = nearest_to_tenths(lots[2], strong[2], counts)
        every = (np.concatenate(both) for both in zip(lots, strong, strict=True))
        return TenthPatches(*(one[chosen[chosen >= 0]] for one in every))

    def _strong(self, at: int) -> list[np.ndarray]:
        """All patches of a feature's strongest images: image, patch, activation, `[one]`."""
        best = self._strongest_of(at)
        n_patches = best.map.shape[1]
        values = best.map.ravel().astype(np.float32)
        patches = np.indices(best.map.shape)[1].ravel()
        return [np.repeat(best.image, n_patches), patches, values]

    def classes(self, layer: int, feature: int) -> DataFrame:
        """A row per class of the data set: mean activation and share above 0 of its patches.

        With masks there are the means on the patches that show the class, and on the others, too.

        Raises:
            UsageError: As `images`.
        """
        at, kept = self._at(layer, feature), self.tallies
        columns: dict[str, list[object]] = {"class": list(self.labels)}
        total, tokens = kept["class sum"][:, at], kept["class tokens"]
        parts = {"mean": (total, tokens), "above 0": (kept["class above"][:, at], tokens)}
        if self.groups.masks:
            thing, of_thing = kept["thing sum"][:, at], kept["thing tokens"]
            parts["mean on thing"] = thing, of_thing
            parts["mean on rest"] = total - thing, tokens - of_thing
        with np.errstate(invalid="ignore"):
            for name, (sums, n) in parts.items():
                columns[name] = (sums / n).tolist()
        return frame(columns, f"{self.named(layer, feature)}: {self.title}")

    def table(self) -> DataFrame:
        """A row per feature: how often it fires, how much, and for which class on average most."""
        kept = self.tallies
        with np.errstate(invalid="ignore"):
            means = np.nan_to_num(kept["class sum"] / kept["class tokens"][:, None], nan=-np.inf)
        some = kept["class tokens"].any()  # or nobody knows a class
        n, first = len(kept["sum"]), kept["strongest slot"][:, 0]
        layers, features = np.divmod(np.arange(n), self.width)
        columns = {
            "layer": [self.layers[int(layer)] for layer in layers],
            "feature": features.tolist(),
            "above 0": self.share_above.ravel().tolist(),
            "mean": self.mean.ravel().tolist(),
            "largest": self.largest.ravel().tolist(),
            "in image": kept["strongest image"][np.arange(n), first].tolist(),
            "class of largest mean": [
                self.labels[int(one)] if some else None for one in means.argmax(0)
            ],
            "its mean": np.where(some, means.max(0), np.nan).tolist(),
        }
        return frame(columns, self.title)

    def figure(self) -> Figure:
        """How often the features of each block fire: the share of patches above 0, as boxes."""
        title = self.titled(f"how often features of {self.site} are above 0")
        plot = charts.figure_over_blocks(title, self.layers, "share of patches")
        shares = np.sort(self.share_above, axis=1)
        boxes = boxes_of_counts(np.ones(shares.shape, np.int64), shares)
        return charts.with_boxes(plot, {"features": boxes})

    def figure_of(self, layer: int, feature: int, name: str = "images") -> LayoutDOM:
        """What one feature fires for.

        Args:
            layer: The block.
            feature: The channel.
            name: `"images"`, the strongest, in colour where it fires; or `"histogram"` of all
                activations above 0.

        Raises:
            UsageError: As `images`, or an unknown name.
        """
        named = self.named(layer, feature)
        if check_choice("name", name, ("images", "histogram")) == "images":
            best = self.images(layer, feature)
            pictures = map(self.picture, best.image.tolist())
            title = self.titled(f"images that {named} fires for most")
            return sheet(title, pictures, best.map, best.value)
        counts = self.counts[
            place_of(layer, self.layers), check_index("feature", feature, self.width)
        ]
        silent = counts[SILENT] / counts.sum()
        return histogram(self.titled(f"activations of {named}, {silent:.1%} at most 0"), counts)

    def summary(self) -> str:
        """How often features fire in each block, a mean over images, and how many never do."""
        above = spread(self.tallies["above"])
        lines = [
            f"block {layer}: {mean_and_half(above, place)} of activations above 0,"
            f" {int((self.share_above[place] == 0).sum())} of {self.width} features never"
            for place, layer in enumerate(self.layers)
        ]
        return "\n".join([self.title, *lines])

    def picture(self, number: int) -> np.ndarray:
        """An image of the data set as the model sees it, uint8 `[height, width, 3]`."""
        return self.preprocessing.picture(read_image(self.data[number].image))

    def named(self, layer: int, feature: int) -> str:
        """What a feature is called."""
        if self.sae is not None:
            return f"latent {feature} of {self.sae.name}"
        return f"{self.site} {feature} of block {layer}"

    def counts_of(self, layer: int, feature: int) -> np.ndarray:
        """How many patches of each class fall in each bin, int64 `[class, bin]`.

        Classes are those of `classes_apart`; their patches those on the thing where there are
        masks, else all of their images.

        Raises:
            UsageError: As `images`.
        """
        apart = len(self.groups.classes)
        return self.tallies["counts"][:apart, self._at(layer, feature)].astype(np.int64)

    def _at(self, layer: int, feature: int) -> int:
        return place_of(layer, self.layers) * self.width + check_index(
            "feature", feature, self.width
        )

    def _by_layer(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(len(self.layers), self.width, *values.shape[1:])

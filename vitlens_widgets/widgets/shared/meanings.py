"""What a widget's selections mean, so that widgets are linked only by what means the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vitlens_widgets.errors import quoted_list
from vitlens_widgets.masks import cut
from vitlens_widgets.widgets.shared.seam import LayoutLike, ReadingLike, SizesLike

ROUNDING = 2
"""Two models undo their own normalisation: pixels of one picture may differ by so much, of 255."""

RESAMPLING = 4
"""And the mean colours of its patches, where the models take pictures of different sizes."""


class Meaning:
    """What one trait of one widget means."""

    def differs(self, other: Any) -> str:
        """Why the trait means something else in another widget; empty if it does not."""
        raise NotImplementedError

    def heard(self, value: Any, speaker: Any, present: Any) -> Any:  # noqa: ARG002 - Depth needs it
        """What this trait is to be, now that the other one is `value`.

        Args:
            value: Of the other trait.
            speaker: What the other trait means.
            present: What this trait is so far.
        """
        return value


@dataclass(frozen=True)
class Depth(Meaning):
    """A state of the residual stream, or the block whose attention goes with it.

    State k goes with the attention of block k, the final state with that of the last block.
    """

    n_blocks: int
    is_block: bool = False

    def differs(self, other: Depth) -> str:
        """Models that are as deep share their states."""
        if self.n_blocks == other.n_blocks:
            return ""
        return f"the models have {self.n_blocks} and {other.n_blocks} blocks"

    def heard(self, value: int, speaker: Depth, present: int) -> int:
        """A state that goes with the block already stays: `final` is not lost."""
        if self.is_block == speaker.is_block:
            return value
        if self.is_block:
            return self._block_of(value)
        return present if self._block_of(present) == value else value

    def _block_of(self, state: int) -> int:
        return min(state, self.n_blocks - 1)


@dataclass(frozen=True)
class TokenMeaning(Meaning):
    """A token of the sequence, and with it a place on an image.

    Args:
        layout: The token layout.
        tokens: Which tokens of it were in the sequence.
        pictures: Gives the images that can be shown, uint8 `[height, width, 3]` each.
        shown: Which of them is shown; None for the mean over all.
    """

    layout: LayoutLike
    tokens: tuple[int, ...]
    pictures: Callable[[], list[np.ndarray]]
    shown: int | None = 0

    @classmethod
    def of(
        cls, run: SizesLike | ReadingLike, n_images: int = 1, shown: int | None = 0
    ) -> TokenMeaning:
        """The tokens that were in the sequence of a run, on its images."""
        tokens = tuple(map(int, run.tokens))
        return cls(run.layout, tokens, lambda: [run.picture(i) for i in range(n_images)], shown)

    def differs(self, other: TokenMeaning) -> str:
        """The sequences must be the same; about images, ask `shows_another_image`."""
        if self.layout != other.layout:
            return f"the tokens are {self.layout} and {other.layout}"
        return (
            "" if self.tokens == other.tokens else "tokens were dropped from one of the sequences"
        )

    def shows_another_image(self, other: TokenMeaning) -> bool:
        """Whether the places are on images that are not the same."""
        own, its = self.pictures(), other.pictures()
        if len(own) != len(its):
            if self.shown is None or other.shown is None:
                return False
            own, its = [own[self.shown]], [its[other.shown]]
        return not all(self._is_same(*two) for two in zip(own, its, strict=True))

    def _is_same(self, one: np.ndarray, other: np.ndarray) -> bool:
        if one.shape == other.shape:
            return np.abs(one.astype(int) - other).max() <= ROUNDING
        difference = self._patch_colours(one) - self._patch_colours(other)
        return np.abs(difference).mean() <= RESAMPLING

    def _patch_colours(self, picture: np.ndarray) -> np.ndarray:
        by_colour = np.moveaxis(picture, -1, 0)
        return cut(by_colour, (self.layout.rows, self.layout.cols)).mean(-1, dtype=np.float64)


@dataclass(frozen=True)
class Head(Meaning):
    """A head of a block."""

    model: str
    n_heads: int

    @classmethod
    def of(cls, name: str, n_heads: int) -> Head:
        """Those of a model, and of its edited runs."""
        return cls(name.removesuffix(" (edited)"), n_heads)

    def differs(self, other: Head) -> str:
        """The heads of one model are not those of another, whatever their number."""
        if self == other:
            return ""
        return f"the heads are those of {self.model} and of {other.model}"


@dataclass(frozen=True)
class ClassMeaning(Meaning):
    """A class of a label set.

    Args:
        labels: Their names.
        is_search: It is what is searched for, None where nothing is.
    """

    labels: tuple[str, ...]
    is_search: bool = False

    def differs(self, other: ClassMeaning) -> str:
        """The label sets must be the same; to be searched for, a name must be in both."""
        searched = self.is_search or other.is_search
        if self.labels == other.labels or (searched and {*self.labels} & {*other.labels}):
            return ""
        return f"the labels are others ({len(self.labels)} and {len(other.labels)})"

    def heard(self, value: int | None, speaker: ClassMeaning, present: Any) -> Any:
        """The class of that name; where there is none, or a search has ended, the present one."""
        if value is None and speaker.is_search and not self.is_search:
            return present
        if value is None or self.labels == speaker.labels:
            return value
        name = speaker.labels[value]
        return self.labels.index(name) if name in self.labels else present


@dataclass(frozen=True)
class FeatureMeaning(Meaning):
    """A feature of a block: of the same model, site, and number of features."""

    model: str
    site: str
    width: int

    def differs(self, other: FeatureMeaning) -> str:
        """They must be the same features."""
        if self == other:
            return ""
        return f"the features are {self.site} of {self.model} and {other.site} of {other.model}"


@dataclass(frozen=True)
class LensMeaning(Meaning):
    """One of a widget's several lenses, known by its name."""

    names: tuple[str, ...]

    def differs(self, other: LensMeaning) -> str:
        """One lens at least must be in both."""
        if {*self.names} & {*other.names}:
            return ""
        return f"the lenses are {quoted_list(self.names)} and {quoted_list(other.names)}"

    def heard(self, value: str, speaker: LensMeaning, present: str) -> str:  # noqa: ARG002
        """A lens that is not here leaves the one that is shown."""
        return value if value in self.names else present


@dataclass(frozen=True)
class OfBatch(Meaning):
    """An image of a batch.

    Args:
        n_images: How many there are.
        knows_mean: Whether None, the mean over all of them, can be shown.
    """

    n_images: int
    knows_mean: bool = False

    def differs(self, other: OfBatch) -> str:
        """The batches must have the same number of images."""
        if self.n_images == other.n_images:
            return ""
        return f"there are {self.n_images} and {other.n_images} images"

    def heard(self, value: int | None, speaker: OfBatch, present: int) -> int | None:  # noqa: ARG002
        """Where there is no mean to show, the last image stays."""
        return present if value is None and not self.knows_mean else value

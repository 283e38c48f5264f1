"""One image alone: its other run is the same image with some of its patches covered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vitlens_widgets.data.covers import covered
from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.widgets.causes.source import PairSource
from vitlens_widgets.widgets.causes.work import Work
from vitlens_widgets.widgets.shared.checks import is_trace, refusal

if TYPE_CHECKING:
    from torch import Tensor

    from vitlens_widgets.analysis import MeanValues
    from vitlens_widgets.trace import Trace

Cover = Literal["grey", "blur", "noise", "average"]

COVERS: dict[Cover, str] = {
    "grey": "covered in grey",
    "blur": "blurred",
    "noise": "with noise on their embedding",
    "average": "with the mean embedding of a data set",
}
"""What can become of patches, in words that end a sentence on them."""

_FAINT = 0.5
"""Of grey in the picture of patches that are changed after their embedding."""


class CoveredPair(PairSource):
    """The run of an image, and that of the same image with some patches covered.

    Args:
        clean: The run.
        corrupted: The same with other values of the covered patches in state 0.
        shown: What the corrupted run is drawn as, uint8 `[image, height, width, 3]`.
    """

    def __init__(self, clean: Trace, corrupted: Trace, shown: np.ndarray) -> None:
        super().__init__(clean, corrupted)
        self._shown = shown

    def pictures(self, image: int) -> np.ndarray:
        """Both images of a pair, uint8 `[2, height, width, 3]`."""
        return np.stack([self.picture(image), self._shown[image]])


class Coverable:
    """One run whose patches can be covered.

    Covered patches enter the first block with other values, every other token with its own: for a
    model that embeds patches one by one that is its run of the covered image.

    Args:
        clean: The run.
        means: Of `resid_pre` over a data set, for "average".

    Raises:
        UsageError: Means of something else.
    """

    def __init__(self, clean: Trace, means: MeanValues | None = None) -> None:
        self._clean, self._means = clean, means
        self.layout = clean.layout
        tokens: list[int] = np.asarray(clean.tokens.cpu()).tolist()
        self.patches = [token for token in tokens if token >= self.layout.n_prefix]
        self.covers = tuple(cover for cover in COVERS if cover != "average" or means is not None)
        if means is not None:
            self._average()  # refused before anything is shown

    def pair(self, cover: Cover, tokens: Iterable[int]) -> CoveredPair:
        """Both runs, with these patches covered.

        Raises:
            UsageError: As `PairSource`.
        """
        chosen, clean = sorted(tokens), self._clean
        if cover == "noise":
            from vitlens_widgets.analysis import noised

            return CoveredPair(clean, noised(clean, token=chosen), self._marked(chosen))
        if cover == "average":
            values = self._average()[:, chosen]
            return CoveredPair(clean, self._with(values, chosen), self._marked(chosen))
        mask = self.mask(chosen)
        pictures = np.stack([covered(picture, mask, cover) for picture in clean.pictures])
        vit: Any = clean.vit
        other: Trace = vit.trace(vit.preprocessing.pixels(pictures), preprocessed=True)
        return CoveredPair(clean, self._with(other.states[0][:, chosen], chosen), pictures)

    def work(self, cover: Cover, tokens: tuple[int, ...]) -> Work:
        """The exchanges between both runs, none made yet."""
        return Work(self.pair(cover, tokens))

    def _with(self, values: Tensor, tokens: list[int]) -> Trace:
        """The run with other values of some tokens in state 0, `[image, chosen, d]`."""
        from vitlens_widgets.trace.edits import Replace

        return self._clean.rerun([Replace("resid_pre", 0, values, token=tokens)])

    def _average(self) -> Tensor:
        """The mean of state 0, `[1, token, d]`."""
        means: Any = self._means
        expected = 'means= takes vl.analysis.mean_values(vit, data, "resid_pre") of the same model'
        if not hasattr(means, "n_images") or not hasattr(means, "values"):
            raise refusal(expected, means)
        values = means["resid_pre", 0]
        size = (1, self.layout.n_tokens, self._clean.vit.width)
        if tuple(values.shape) != size:
            raise UsageError(f"{expected}, {list(size)}; {list(values.shape)} was given.")
        return values

    def mask(self, tokens: Iterable[int]) -> np.ndarray:
        """The pixels of some patches, bool `[height, width]`."""
        rows, cols = self.layout.rows, self.layout.cols
        height, width = self._clean.pictures.shape[1:3]
        grid = np.zeros(rows * cols, bool)
        grid[[token - self.layout.n_prefix for token in tokens]] = True
        of_row, of_col = np.mgrid[:height, :width].astype(int)
        return grid.reshape(rows, cols)[of_row * rows // height, of_col * cols // width]

    def _marked(self, tokens: list[int]) -> np.ndarray:
        """The pictures with patches fainter: what becomes of them is no picture."""
        pictures, mask = self._clean.pictures.copy(), self.mask(tokens)
        pictures[:, mask] = np.rint((1 - _FAINT) * pictures[:, mask] + _FAINT * 128)
        return pictures

    def middle(self) -> list[int]:
        """The middle half of the rows and columns, or of the patches where those are dropped."""
        rows, cols, n_prefix = self.layout.rows, self.layout.cols, self.layout.n_prefix
        grid = np.arange(rows * cols).reshape(rows, cols)[_half(rows), _half(cols)] + n_prefix
        tokens = [token for token in grid.ravel().tolist() if token in set(self.patches)]
        is_some = 0 < len(tokens) < len(self.patches)
        return tokens if is_some else self.patches[_half(len(self.patches))]

    def words(self, cover: Cover, tokens: list[int]) -> str:
        """What was covered, and how: "3 x 3 patches blurred (rows 2 to 4, columns 2 to 4)"."""
        row, col = np.divmod(np.array(tokens) - self.layout.n_prefix, self.layout.cols)
        (top, bottom), (left, right) = ((one.min(), one.max()) for one in (row, col))
        n_rows, n_cols = bottom - top + 1, right - left + 1
        if len(tokens) < n_rows * n_cols:
            return f"{len(tokens)} patches {COVERS[cover]}"
        if len(tokens) == 1:
            return f"patch ({top}, {left}) {COVERS[cover].replace('their', 'its')}"
        where = f"{_range('row', top, bottom)}, {_range('column', left, right)}"
        return f"{n_rows} × {n_cols} patches {COVERS[cover]} ({where})"


def covered_patches(given: Any, alone: Coverable) -> list[int]:
    """The tokens of patches to cover, in order, each once.

    Args:
        given: Tokens, (row, column) pairs, or a mask, bool `[row, col]`.
        alone: The run they are of.

    Raises:
        UsageError: They are no patches of the sequence, none, or all there are.
    """
    layout = alone.layout
    try:
        values = np.asarray(given)
    except ValueError:  # tokens beside pairs
        values = np.zeros((0, 3))
    if values.dtype == bool and values.shape == (layout.rows, layout.cols):
        values = np.flatnonzero(values) + layout.n_prefix
    elif values.ndim == 2 and values.shape[1] == 2 and values.dtype.kind in "iu":
        is_inside = (values >= 0) & (values < [layout.rows, layout.cols])
        in_grid = values[:, 0] * layout.cols + values[:, 1] + layout.n_prefix
        values = np.where(is_inside.all(1), in_grid, -1)
    is_whole = values.ndim == 1 and (values.dtype.kind in "iu" or not values.size)
    listed: list[Any] = values.tolist() if is_whole else [-1]
    tokens: list[int] = sorted(set(listed))
    if not set(tokens) <= set(alone.patches):
        raise UsageError(
            f"covered= takes patches of the sequence, tokens {alone.patches[0]} to "
            f"{alone.patches[-1]}, (row, column) pairs or a mask, bool [{layout.rows}, "
            f"{layout.cols}]; {said(given)} was given."
        )
    if not 0 < len(tokens) < len(alone.patches):
        what = "every patch" if tokens else "no patch"
        raise UsageError(f"covered= is {what}; it must leave some patches and cover others.")
    return tokens


def _half(count: int) -> slice:
    size = max(1, count // 2)
    return slice((count - size) // 2, (count - size) // 2 + size)


def _range(name: str, first: int, last: int) -> str:
    return f"{name} {first}" if first == last else f"{name}s {first} to {last}"


def coverable(clean: Any, corrupted: Any, means: Any) -> Coverable | None:
    """What can be covered of one trace alone; None of a pair, or of what is no trace.

    Raises:
        UsageError: Means with a pair, or means that do not fit.
    """
    if corrupted is None and is_trace(clean):
        return Coverable(clean, means)
    if means is not None:
        raise UsageError("means= is for one trace alone, to cover its patches by.")
    return None

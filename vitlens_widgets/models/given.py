"""Arrays that were computed elsewhere: as tensors, and where their tokens stand on a picture."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vitlens_widgets.data import read_image
from vitlens_widgets.errors import UsageError, counted, said
from vitlens_widgets.kinds import is_several
from vitlens_widgets.models.layout import TokenLayout

REGISTERS = ("register 1", "register 2", "register 3", "register 4")
USUAL = (("CLS",), (), ("CLS", "distillation"), ("CLS", *REGISTERS))
"""Prefix tokens that ViTs have; what is given without a word has one of these."""

LARGEST_SIDE = 768
"""Pixels: a picture is made no larger."""


def given_tensor(what: str, given: Any, axes: str, n_axes: Sequence[int]) -> Tensor:
    """A copy of an array, a tensor, or a list of either, float32 on the CPU.

    Args:
        what: The name of the argument.
        given: What was given.
        axes: What is expected, in words.
        n_axes: How many axes it may have.

    Raises:
        UsageError: It is no array of numbers, has other axes, is empty, or holds NaN.
    """
    try:
        if is_several(given) and all(isinstance(one, Tensor) for one in given):
            array = torch.stack([one.detach().cpu() for one in given])
        else:
            array = torch.as_tensor(np.asarray(given) if is_several(given) else given)
        array = array.detach().to("cpu", torch.float32, copy=True)
    except (TypeError, ValueError, RuntimeError):
        raise UsageError(
            f"{what}= takes an array or a tensor {axes}; {said(given)} was given, which is none."
        ) from None
    if array.ndim not in n_axes or 0 in array.shape:
        raise UsageError(f"{what}= is {axes}; one of shape {list(array.shape)} was given.")
    if array.isnan().any():
        raise UsageError(f"{what}= holds NaN, which is no number to be shown.")
    return array


def layout_over(n_tokens: int, grid: Any, prefix: Any, picture: Any) -> TokenLayout:
    """The layout of so many tokens over a picture, as `given_layout` finds it."""
    if grid is not None or picture is None:
        return given_layout(n_tokens, grid, prefix)
    width, height = read_image(picture).size
    return given_layout(n_tokens, grid, prefix, height / width)


def pictures_of(what: str, image: Any, n_images: int) -> list[Any]:
    """One picture for each image, None where none was given.

    Raises:
        UsageError: There are more or fewer.
    """
    pictures = [*image] if is_several(image) else [image]
    if image is None:
        pictures = [None] * n_images
    if len(pictures) != n_images:
        raise UsageError(
            f"{what}= is of {counted(n_images, 'image')}, and "
            f"{counted(len(pictures), 'picture')} were given as image=."
        )
    return pictures


def given_layout(
    n_tokens: int, grid: Any = None, prefix: Any = None, aspect: float | None = None
) -> TokenLayout:
    """The layout of so many tokens.

    Args:
        n_tokens: Prefix tokens and patches.
        grid: `(rows, cols)`; None to find it.
        prefix: Names of the tokens before the patches, or how many there are; None to find it.
        aspect: Height by width of the picture, which tells grids that are not square.

    Raises:
        UsageError: These do not go together, or several layouts would fit.
    """
    names = None if prefix is None else _prefix_names(prefix)
    if grid is not None:
        rows, cols = _checked_grid(grid)
        rest = n_tokens - rows * cols
        if names is None:
            names = _of_count(rest) if rest >= 0 else ()
        if len(names) + rows * cols != n_tokens:
            raise UsageError(
                f"{n_tokens} tokens were given, but {rows} x {cols} patches and "
                f"{counted(len(names), 'prefix token')} are {len(names) + rows * cols}; say "
                "grid=(rows, cols) and prefix= as the model has them."
            )
        return TokenLayout(rows, cols, names)
    fitting = list(dict.fromkeys(_fitting(n_tokens, USUAL if names is None else (names,), aspect)))
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UsageError(
            f"{n_tokens} tokens can be {' or '.join(map(_described, fitting))}; say "
            "grid=(rows, cols)."
        )
    raise UsageError(
        f"{n_tokens} tokens are no square of patches, with or without CLS and registers; say "
        'grid=(rows, cols), and prefix=("CLS", ...) if there are tokens before the patches.'
    )


def given_picture(image: Any, layout: TokenLayout) -> np.ndarray:
    """A picture for a grid, uint8 `[height, width, 3]`; grey where none was given.

    What has not the grid's shape is stretched to it, as a model does that takes squares.

    Raises:
        UsageError: It is no image.
    """
    if image is None:
        return np.full((16 * layout.rows, 16 * layout.cols, 3), 128, np.uint8)
    picture = read_image(image)
    side = min(LARGEST_SIDE, max(picture.size)) / max(layout.grid)
    size = (round(layout.cols * side), round(layout.rows * side))
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(picture)


def _fitting(
    n_tokens: int, prefixes: Sequence[tuple[str, ...]], aspect: float | None
) -> Iterator[TokenLayout]:
    """Layouts whose grid is square, or has the picture's shape."""
    for names in prefixes:
        n_patches = n_tokens - len(names)
        side = math.isqrt(max(0, n_patches))
        if n_patches > 0 and side * side == n_patches:
            yield TokenLayout(side, side, names)
        if n_patches > 0 and aspect is not None:
            rows = round(math.sqrt(n_patches * aspect))
            cols = n_patches // rows if rows else 0
            is_exact = rows * cols == n_patches and abs(rows / cols / aspect - 1) < 0.02
            if is_exact and rows != cols:
                yield TokenLayout(rows, cols, names)


def _described(layout: TokenLayout) -> str:
    after = f" after {', '.join(layout.prefix)}" if layout.prefix else " alone"
    return f"{layout.rows} x {layout.cols} patches{after}"


def _checked_grid(grid: Any) -> tuple[int, int]:
    try:
        rows, cols = map(operator.index, grid)
    except (TypeError, ValueError):
        rows = cols = 0
    if rows < 1 or cols < 1:
        raise UsageError(f"grid is (rows, cols), such as (14, 14), not {grid!r}.")
    return rows, cols


def _prefix_names(prefix: Any) -> tuple[str, ...]:
    if is_several(prefix) and all(isinstance(name, str) for name in prefix):
        return tuple(prefix)
    if isinstance(prefix, int) and not isinstance(prefix, bool) and prefix >= 0:
        return _of_count(prefix)
    raise UsageError(
        'prefix= names the tokens before the patches, as in ("CLS", "register 1"), or says how '
        f"many there are; {said(prefix)} was given."
    )


def _of_count(count: int) -> tuple[str, ...]:
    """Names of so many prefix tokens."""
    if count == 2:
        return ("CLS", "distillation")
    return ("CLS", *(f"register {i}" for i in range(1, count))) if count else ()

"""Where each token of the sequence stands: prefix tokens first, then the patch grid, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import Any, TypeVar

import numpy as np
from einops import rearrange
from torch import Tensor

from vitlens_widgets import masks
from vitlens_widgets.errors import UsageError, quoted_list, said
from vitlens_widgets.kinds import is_several

Array = TypeVar("Array", Tensor, np.ndarray)


@dataclass(frozen=True)
class TokenLayout:
    """The token sequence of a ViT: `prefix` tokens, then `rows` x `cols` patches, row by row.

    Nothing else in the package counts tokens by hand.

    Args:
        rows: Patches from top to bottom.
        cols: Patches from left to right.
        prefix: Names of the tokens before the patches, in their order, such as
            `("CLS",)`, `("CLS", "distillation")` or `("CLS", "register 1", "register 2")`.

    Example:
        >>> layout = TokenLayout(rows=3, cols=5, prefix=("CLS",))
        >>> layout.n_tokens, layout.token(row=1, col=2), layout.row_col(8)
        (16, 8, (1, 2))
    """

    rows: int
    cols: int
    prefix: tuple[str, ...] = ()

    @property
    def n_prefix(self) -> int:
        """How many tokens stand before the first patch."""
        return len(self.prefix)

    @property
    def n_patches(self) -> int:
        """How many patches the image is cut into."""
        return self.rows * self.cols

    @property
    def n_tokens(self) -> int:
        """The length of the sequence."""
        return self.n_prefix + self.n_patches

    @property
    def patches(self) -> slice:
        """The patch tokens: `states[:, :, layout.patches]`."""
        return slice(self.n_prefix, self.n_tokens)

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.rows, self.cols

    def coverage(self, mask: Any) -> np.ndarray:
        """The share of each patch's pixels that a mask covers, float64 `[row, col]`.

        Args:
            mask: True (or not zero) where the thing is, `[height, width]` of any size that the
                rows and columns divide; axes in front are kept.

        Raises:
            UsageError: The grid does not tile the mask.

        Example:
            >>> layout.coverage(scene.instance_mask == 1) > 0.5  # mostly the scene's first thing
        """
        return masks.coverage(mask, self.grid)

    def to_grid(self, values: Array) -> Array:
        """Values of patches, `[..., patch]` to `[..., row, col]`.

        Args:
            values: Of the patches alone, without prefix tokens: take `[..., layout.patches]`
                first.

        Raises:
            UsageError: The last axis does not count the patches.
        """
        shape = getattr(values, "shape", None)
        if shape is None or shape[-1:] != (self.n_patches,):
            what = said(values) if shape is None else f"Values of shape {list(shape)}"
            raise UsageError(
                f"{what[0].upper()}{what[1:]} cannot be laid on {self.rows} x "
                f"{self.cols} patches; give [..., patch] with {self.n_patches} patches, such as "
                "values[..., layout.patches]."
            )
        return rearrange(values, "... (row col) -> ... row col", row=self.rows, col=self.cols)

    def token(self, row: int, col: int) -> int:
        """The token of the patch in `row`, `col`, both counted from 0.

        Raises:
            UsageError: The grid has no such patch.
        """
        try:
            is_there = 0 <= index(row) < self.rows and 0 <= index(col) < self.cols
        except TypeError:
            is_there = False
        if not is_there:
            raise UsageError(
                f"Patch row {row}, column {col} is outside the {self.rows} x {self.cols} grid: "
                f"rows run from 0 to {self.rows - 1}, columns from 0 to {self.cols - 1}."
            )
        return self.n_prefix + row * self.cols + col

    def find(self, token: Any) -> int:
        """The token that is meant by an index, the (row, column) of a patch, or a prefix's name.

        Raises:
            UsageError: The sequence has no such token.

        Example:
            >>> layout.find("CLS"), layout.find((1, 2)), layout.find(8)
            (0, 8, 8)
        """
        if isinstance(token, str):
            names = [name.casefold() for name in self.prefix]
            if token.casefold() not in names:
                known = f"its prefix tokens are {quoted_list(self.prefix)}"
                raise UsageError(
                    f'"{token}" is no token of {self}: '
                    f"{known if self.prefix else 'it has patches alone'}; "
                    "a patch is given by its index or its (row, column)."
                )
            return names.index(token.casefold())
        if is_several(token):
            if len(token) != 2:
                raise UsageError(f"A patch is given by its (row, column), not by {token!r}.")
            return self.token(*token)
        self.check(token)
        return index(token)

    def row_col(self, token: int) -> tuple[int, int] | None:
        """The (row, column) of a patch token; None for a prefix token.

        Raises:
            UsageError: The sequence has no such token.
        """
        self.check(token)
        return None if token < self.n_prefix else divmod(token - self.n_prefix, self.cols)

    def describe(self, token: int) -> str:
        """`"CLS"`, or `"row 4, col 3"` for a patch.

        Raises:
            UsageError: The sequence has no such token.
        """
        place = self.row_col(token)
        return self.prefix[token] if place is None else f"row {place[0]}, col {place[1]}"

    def check(self, token: int) -> None:
        """Refuse a token that the sequence does not have.

        Raises:
            UsageError: The sequence has no such token.
        """
        try:
            is_there = 0 <= index(token) < self.n_tokens
        except TypeError:
            raise UsageError(
                f"A token is given by its index, 0 to {self.n_tokens - 1}, not by {said(token)}."
            ) from None
        if not is_there:
            raise UsageError(
                f"Token {token} is out of range: the sequence has {self.n_tokens} tokens, 0 to "
                f"{self.n_tokens - 1} ({self})."
            )

    def __str__(self) -> str:
        return " + ".join([f"{self.rows} × {self.cols} patches", *_grouped(self.prefix)])


def _grouped(prefix: tuple[str, ...]) -> list[str]:
    """The prefix in words, with the registers counted rather than listed."""
    registers = sum(name.startswith("register") for name in prefix)
    named = [name for name in prefix if not name.startswith("register")]
    counted = f"{registers} register{'s' if registers > 1 else ''}"
    return named + ([counted] if registers else [])

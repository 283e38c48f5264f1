"""Which layers, heads and tokens an edit is about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.kinds import is_array
from vitlens_widgets.models import TokenLayout
from vitlens_widgets.trace.sites import check_index

Choice = int | slice | Iterable[int] | np.ndarray | Tensor | None
"""One index, a slice, several indices, a boolean mask, or None for all."""


def indices(what: str, choice: Choice, count: int) -> Tensor:
    """The chosen indices among 0 .. count - 1, int64 `[chosen]`.

    Args:
        what: `"head"`, `"token"`, ...: the word for the error sentence.
        choice: See `Choice`.
        count: How many there are.

    Raises:
        UsageError: An index out of range, a mask of another length, or nothing chosen.
    """
    if choice is None:
        return torch.arange(count)
    if isinstance(choice, slice):
        chosen = list(range(*choice.indices(count)))
    else:
        chosen = _listed(what, choice, count)
    if not chosen:
        raise UsageError(f"No {what} is chosen: {choice!r} is empty among {count} {what}s.")
    return torch.tensor([check_index(what, index, count) for index in chosen])


def _listed(what: str, choice: Any, count: int) -> list[int]:
    values = np.atleast_1d(np.asarray(choice))
    if values.dtype == bool:
        if values.shape != (count,):
            raise UsageError(
                f"A mask of {what}s must have {count} entries, not shape {list(values.shape)}."
            )
        return np.flatnonzero(values).tolist()
    if values.size and not np.issubdtype(values.dtype, np.integer):
        raise UsageError(f"{what} {choice!r} is no index; give a whole number, a slice or a mask.")
    return values.ravel().tolist()


def _as_array(choice: Any) -> np.ndarray | None:
    return np.asarray(choice) if is_array(choice) or isinstance(choice, Tensor) else None


def tokens(what: str, choice: Choice, layout: TokenLayout) -> Tensor:
    """The chosen tokens of a layout; a boolean `[row, col]` mask chooses among the patches.

    Raises:
        UsageError: As `indices`.
    """
    values = _as_array(choice)
    if values is not None and values.dtype == bool and values.ndim == 2:
        if values.shape != (layout.rows, layout.cols):
            raise UsageError(
                f"A mask of patches must be {layout.rows} x {layout.cols}, not "
                f"{values.shape[0]} x {values.shape[1]}."
            )
        choice = np.concatenate([np.zeros(layout.n_prefix, bool), values.ravel()])
    return indices(what, choice, layout.n_tokens)


def position(token: Any, layout: TokenLayout, kept: Tensor) -> int:
    """Where a token stands in a sequence of which some tokens may have been dropped.

    Args:
        token: Its index, the (row, column) of a patch, or the name of a prefix token.
        layout: The layout of the whole sequence.
        kept: The tokens that are in the sequence, int64 `[position]`.

    Raises:
        UsageError: There is no such token, or it was dropped.
    """
    index = layout.find(token)
    found = (kept == index).nonzero()
    if not len(found):
        raise UsageError(f"Token {index} was dropped from the traced sequence.")
    return int(found[0])

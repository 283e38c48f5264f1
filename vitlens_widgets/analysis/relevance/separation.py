"""Whether relevance is where the thing is: above what is beside it, or above another thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from vitlens_widgets import masks
from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import TokenLayout
from vitlens_widgets.trace import Trace


def separation(
    values: np.ndarray | Tensor,
    here: Sequence[np.ndarray],
    layout: TokenLayout,
    there: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """How often patches of one place have more relevance than those of another; ties count half.

    That is the area under the ROC curve of telling the two places by relevance: 0.5 is chance.

    Args:
        values: The relevance of each token, `[image, token]`, prefix tokens included.
        here: Of each image, where the thing is, bool `[height, width]` of any size: a patch is of
            it if its top left pixel is.
        layout: Of the tokens.
        there: The same of what it is compared with; by default all the rest of the image.

    Returns:
        Float64 `[image]`; NaN where either place has no patch.

    Raises:
        UsageError: There are not as many masks as images.
    """
    rows = np.asarray(values)[:, layout.patches]
    others = [~np.asarray(mask, dtype=bool) for mask in here] if there is None else there
    if not len(rows) == len(here) == len(others):
        raise UsageError(
            f"Each image needs its mask: there are {len(rows)} images, {len(here)} masks and "
            f"{len(others)} to compare with."
        )
    places = zip(rows, here, others, strict=True)
    return np.array([_above(row, *(_patches(m, layout) for m in both)) for row, *both in places])


def own_above_other(
    relevance: Callable[[Trace, Tensor], Tensor],
    trace: Trace,
    classes: Tensor,
    places: Sequence[Sequence[np.ndarray]],
) -> np.ndarray:
    """In images of two things, how often the one asked for is above the other.

    Args:
        relevance: What gives the relevance of each token to each image's class, `[image, token]`;
            it is asked for either thing.
        trace: Of the images.
        classes: The classes of the two things, int64 `[image, 2]`.
        places: Of each image, where its two things are, bool `[height, width]`.

    Returns:
        Float64 `[image]`: the mean over both things.
    """
    asked: list[np.ndarray] = []
    for own, other in ((0, 1), (1, 0)):
        here, there = ([both[which] for both in places] for which in (own, other))
        values = relevance(trace, classes[:, own])
        asked.append(separation(values, here, trace.layout, there))
    return np.mean(asked, axis=0)


def _patches(mask: np.ndarray, layout: TokenLayout) -> np.ndarray:
    """Which patches are of a place, bool `[patch]`."""
    return masks.top_left(np.asarray(mask, dtype=bool), layout.grid).ravel()


def _above(values: np.ndarray, here: np.ndarray, there: np.ndarray) -> float:
    apart = values[here][:, None] - values[there]
    above = np.asarray((apart > 0) + 0.5 * (apart == 0))
    return float(above.mean()) if above.size else np.nan

"""What AttentionMaps shows of a trace: maps, statistics and pictures, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vitlens_widgets.errors import UsageError, quoted_list
from vitlens_widgets.widgets.shared.checks import has_all, is_trace, refusal
from vitlens_widgets.widgets.shared.seam import (
    LayoutLike,
    MapsLike,
    Numbers,
    ReadingLike,
    SizesLike,
)

FACE = ("of_layer", "of_head", "mean_of_heads", "rollout", "neurons", "statistics", "picture")
"""What can be shown: the methods of `vl.analysis.Maps`."""


def source_of(trace: Any) -> MapsLike:
    """What to show of a trace; anything with the methods of its maps is shown as it is.

    Raises:
        UsageError: It is no trace.
    """
    if has_all(trace, FACE):
        return trace
    if is_trace(trace):
        from vitlens_widgets.analysis import Maps

        return Maps(trace)
    raise refusal(
        "AttentionMaps shows a trace, such as vit.trace(image), or arrays of your own, as in "
        "vl.AttentionMaps(attention=attention)",
        trace,
    )


ARRAYS = ("attention", "grid", "prefix", "name")
"""Keywords that go with arrays of one's own."""


def given_source(trace: Any, image: Any, arrays: dict[str, Any]) -> MapsLike:
    """What to show of arrays, their picture given as `image`.

    Raises:
        UsageError: A trace was given beside them, there are no weights, or they cannot be shown.
    """
    from vitlens_widgets.analysis.given_maps import GivenMaps

    if trace is not None:
        raise UsageError(
            f"A trace was given, and {quoted_list(arrays)} beside it: these go with arrays of your "
            "own, instead of a trace."
        )
    if "attention" not in arrays:
        raise UsageError(f"{quoted_list(arrays)} go with attention=, weights of your own.")
    return GivenMaps(**arrays, image=None if isinstance(image, int) else image)


def checked_reading(reading: Any, source: SizesLike) -> ReadingLike | None:
    """A reading that goes with the maps: of the same model's states, images and tokens.

    Raises:
        UsageError: It is no reading, or one of something else.
    """
    if reading is None:
        return None
    if not has_all(reading, ("top", "n_states", "layout", "labels")):
        raise refusal(
            "reading= takes a lens applied to the same trace, such as "
            "vl.LogitLens(vit).read(trace)",
            reading,
        )
    of_reading = (reading.n_states - 1, reading.n_images, reading.layout, _listed(reading.tokens))
    of_maps = (source.n_layers, source.n_images, source.layout, _listed(source.tokens))
    if of_reading != of_maps or reading.model_name != source.model_name:
        raise UsageError(
            f"The reading ({reading.model_name}: {_sizes(*of_reading)}) is not one of the states "
            f"of this trace ({source.model_name}: {_sizes(*of_maps)}); read the same trace, "
            "without site=."
        )
    return reading


def _listed(tokens: Numbers | Sequence[int]) -> list[int]:
    return np.asarray(tokens).tolist()


def _sizes(n_layers: int, n_images: int, layout: LayoutLike, tokens: list[int]) -> str:
    return f"{n_layers + 1} states, {n_images} image(s), {len(tokens)} of {layout.n_tokens} tokens"

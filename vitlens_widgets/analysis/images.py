"""Which images of a trace an analysis is about."""

from __future__ import annotations

from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.sites import check_index


def chosen_images(trace: Trace, image: int | None) -> list[int]:
    """One image, or all of them for None.

    Raises:
        UsageError: There is no such image.
    """
    if image is None:
        return list(range(trace.n_images))
    return [check_index("image", image, trace.n_images)]


def title(trace: Trace, images: list[int]) -> str:
    """Which model and which of the trace's images a result is of."""
    which = f"image {images[0]}" if len(images) == 1 else f"{len(images)} images"
    return f"{trace.vit.name}{' (edited)' if trace.edits else ''}, {which}"

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

"""Every head of a trace in numbers, one layer at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from torch import Tensor

from vitlens_widgets.analysis.checks import chosen_images, title
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.heads.measures import HeadMeasures, LayerSums
from vitlens_widgets.analysis.heads.places import Places
from vitlens_widgets.analysis.heads.result import HeadStatistics, Statistic
from vitlens_widgets.progress import progress
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.again import attention_rows
from vitlens_widgets.trace.rows import AttentionRows, Rows

_OF_PATCHES = "of the weight between patches, the share"


@experiment("trace", part="heads", needs_classifier=False)
def statistics(trace: Trace, image: int | None = None) -> HeadStatistics:
    """Every statistic of every head.

    `entropy` and `largest_weight` (`spread`) are measured on each image's pattern and averaged over
    images; so are the shares (`shares`), of which those between patches are averaged with each
    image's weight between patches, and the sink is the token that receives most over all images.
    `agreement` (see there) is added for two images or more. `on_cls`, `on_distillation` and
    `on_registers` are there where the model has such tokens.

    Memory beside the trace, with one image: queries, keys, values and outputs of one layer, and
    some rows of its pattern at a time. With several images at most 4.2 times the pattern of one
    layer and image (counted tensor by tensor, with 12 heads), for the agreement. Queries and keys
    are computed again where the trace did not keep them, which
    `vit.trace(images, keep=["q", "k"])` spares.

    Args:
        trace: The trace.
        image: Which image; None for all.

    Raises:
        UsageError: There is no such image.
    """
    images = chosen_images(trace, image)
    measures = HeadMeasures(Places.of(trace))
    layers = [
        of_layer(trace, layer, images, measures)
        for layer in progress(range(trace.vit.n_layers), "head statistics")
    ]
    return result_of(layers, measures, f"Attention heads: {title(trace, images)}")


def result_of(
    layers: list[dict[str, np.ndarray]], measures: HeadMeasures, named: str
) -> HeadStatistics:
    """What was measured of every layer, `[head]` by name each, under a title."""
    values = {name: np.stack([layer[name] for layer in layers]) for name in layers[0]}
    sinks = np.nan_to_num(values.pop("sink_position"), nan=-1).astype(np.int64)
    return HeadStatistics(
        title=named,
        values={name: values[name] for name in about(measures.places) if name in values},
        about=about(measures.places),
        nulls=measures.uniform,
        sinks=sinks,
        places=measures.places,
    )


def of_layer(
    trace: Trace,
    layer: int,
    images: list[int],
    measures: HeadMeasures,
    rows: AttentionRows | None = None,
    see: Callable[[Rows], object] | None = None,
) -> dict[str, np.ndarray]:
    """What is measured of one layer, `[head]` by name.

    Args:
        trace: The trace.
        layer: The block.
        images: Which images.
        measures: What is measured.
        rows: The attention of one image where it is at hand.
        see: Is shown the rows too, where there is one image; they are written over by the next.
    """
    sums = LayerSums(measures, trace.vit.n_heads, compared=len(images) > 1)
    if len(images) > 1:
        for pattern in trace.attention_by_image(layer, "pattern", images):
            sums.see(pattern.detach())
            del pattern  # its memory is free for the next image's
        return sums.found()
    rows = attention_rows(trace, layer, images[0]) if rows is None else rows
    for some in rows.each():
        sums.see_rows(some)
        if see is not None:
            see(some)
    return sums.found()


def of_pattern(pattern: Tensor, measures: HeadMeasures) -> dict[str, np.ndarray]:
    """What is measured of one layer and image whose pattern is there, `[head, query, key]`."""
    sums = LayerSums(measures, len(pattern), compared=False)
    sums.see(pattern)
    return sums.found()


def about(places: Places) -> Mapping[str, Statistic]:
    """Every statistic of a sequence in words, in the order they are shown."""
    on_prefix = {
        f"on_{kind.lower()}": Statistic(
            f"on {kind}", "share", f"weight that tokens give {kind}, mean over all queries"
        )
        for kind in places.prefix
    }
    first = ("entropy", "distance")
    return {name: STATISTICS[name] for name in first} | on_prefix | STATISTICS


STATISTICS = {
    "entropy": Statistic(
        "entropy", "nats", "how many tokens a query reads: 0 is one, ln N is all N alike"
    ),
    "distance": Statistic(
        "distance", "patches", "how far patches look at patches, mean weighted by attention"
    ),
    "on_itself": Statistic(
        "on itself", "share", "weight that tokens give themselves, mean over all queries"
    ),
    "largest_weight": Statistic(
        "largest weight", "share", "the largest weight of a query, mean over all queries"
    ),
    "sink": Statistic(
        "sink", "share", "weight of the token that receives most, mean over all queries"
    ),
    "corner": Statistic("corner", "share", f"{_OF_PATCHES} on the four corners of the grid"),
    "edge": Statistic(
        "edge", "share", f"{_OF_PATCHES} on the border of the grid, corners included"
    ),
    "row": Statistic("row", "share", f"{_OF_PATCHES} on other patches of the query's row"),
    "column": Statistic(
        "column", "share", f"{_OF_PATCHES} on other patches of the query's column (modulus)"
    ),
    "neighbours": Statistic(
        "neighbours", "share", f"{_OF_PATCHES} on the up to eight patches around the query"
    ),
    "agreement": Statistic(
        "agreement", "correlation", "how alike the map is from image to image, mean over pairs"
    ),
}
"""Every statistic but those on prefix tokens, in words."""

"""Every head of a trace in numbers, one layer at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import chosen_images, title
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.heads import shares, spread
from vitlens_widgets.analysis.heads.agreement import Agreement
from vitlens_widgets.analysis.heads.places import Places
from vitlens_widgets.analysis.heads.result import HeadStatistics, Statistic
from vitlens_widgets.progress import progress
from vitlens_widgets.trace import Trace

Weigh = Callable[[Places], Tensor]
"""What each pair of positions counts in a share, `[query, key]`."""

_OF_PATCHES = "of the weight between patches, the share"


@experiment("trace", part="heads", needs_classifier=False)
def statistics(trace: Trace, image: int | None = None) -> HeadStatistics:
    """Every statistic of every head.

    `entropy` and `largest_weight` (`spread`) are measured on each image's pattern and averaged over
    images; so are the shares (`shares`), of which those between patches are averaged with each
    image's weight between patches, and the sink is the token that receives most over all images.
    `agreement` (see there) is added for two images or more. `on_cls`, `on_distillation` and
    `on_registers` are there where the model has such tokens.

    Memory beside the trace: at most 3.2 times the pattern of one layer and image, 4.2 times with
    several images (counted tensor by tensor, with 12 heads): its scores, itself, the pairs of each
    share, which take about a head each, and a sum over images for the agreement. Queries and keys
    are computed again where the trace did not keep them, which
    `vit.trace(images, keep=["q", "k"])` spares.

    Args:
        trace: The trace.
        image: Which image; None for all.

    Raises:
        UsageError: There is no such image.
    """
    images = chosen_images(trace, image)
    measures = _HeadMeasures(Places.of(trace))
    layers = [
        _of_layer(trace, layer, images, measures)
        for layer in progress(range(trace.vit.n_layers), "head statistics")
    ]
    values = {name: np.stack([layer[name] for layer in layers]) for name in layers[0]}
    sinks = values.pop("sink_position").astype(np.int64)
    return HeadStatistics(
        title=f"Attention heads: {title(trace, images)}",
        values={name: values[name] for name in measures.about if name in values},
        about=measures.about,
        nulls=measures.uniform(),
        sinks=sinks,
        places=measures.places,
    )


def _of_layer(
    trace: Trace, layer: int, images: list[int], measures: _HeadMeasures
) -> dict[str, np.ndarray]:
    over_images = _LayerSums(measures, compared=len(images) > 1)
    for pattern in trace.attention_by_image(layer, "pattern", images):
        over_images.see(pattern.detach())
        del pattern  # its memory is free for the next image's
    return {name: value.cpu().double().numpy() for name, value in over_images.values().items()}


@dataclass(frozen=True)
class _HeadMeasures:
    """What is measured of a model's heads."""

    places: Places

    @cached_property
    def of_all(self) -> dict[str, Weigh]:
        """Shares of all weight."""
        prefix = self.places.prefix.items()
        on_prefix = {
            f"on_{kind.lower()}": partial(shares.on_tokens, positions=at) for kind, at in prefix
        }
        return {**on_prefix, "on_itself": shares.on_itself}

    @cached_property
    def weights(self) -> Tensor:
        """What pairs count in all, in those of patches, and as patches: `[share, query * key]`."""
        every = [*self.of_all.values(), *OF_PATCHES.values(), shares.patch_pairs]
        weights = torch.empty(len(every), self.places.n, self.places.n)
        for row, weigh in zip(weights, every, strict=True):
            row.copy_(weigh(self.places))
        return weights.flatten(1)

    @cached_property
    def about(self) -> Mapping[str, Statistic]:
        """In words, in the order they are shown."""
        on_prefix = {
            f"on_{kind.lower()}": Statistic(
                f"on {kind}", "share", f"weight that tokens give {kind}, mean over all queries"
            )
            for kind in self.places.prefix
        }
        first = ("entropy", "distance")
        return {name: STATISTICS[name] for name in first} | on_prefix | STATISTICS

    def uniform(self) -> dict[str, float]:
        """What each statistic is if every query reads all tokens alike."""
        over_images = _LayerSums(self, compared=False)
        over_images.see(torch.full((1, self.places.n, self.places.n), 1 / self.places.n))
        found = over_images.values()
        return {name: float(found[name]) for name in self.about if name in found}


class _LayerSums:
    """Sums over the images of one layer, whose patterns are seen one after the other."""

    def __init__(self, measures: _HeadMeasures, compared: bool) -> None:
        self.measures = measures
        self.sums: dict[str, Tensor] = {}
        self.n_images = 0
        self.agreement = Agreement() if compared else None

    def see(self, pattern: Tensor) -> None:
        """One image's `[head, query, key]`."""
        weights = self.measures.weights.to(pattern)
        found = {
            "entropy": spread.entropy(pattern),
            "largest_weight": spread.largest_weight(pattern),
            "received": spread.received(pattern),
            "shares": (pattern.flatten(1) @ weights.T).double(),
        }
        for name, value in found.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        if self.agreement is not None:
            self.agreement.see(pattern)
        self.n_images += 1

    def values(self) -> dict[str, Tensor]:
        """`[head]` by name."""
        of_all = self.measures.of_all
        summed = self.sums["shares"]
        n_queries = self.n_images * self.measures.places.n
        found = {name: summed[:, i] / n_queries for i, name in enumerate(of_all)}
        for i, name in enumerate(OF_PATCHES):
            found[name] = summed[:, len(of_all) + i] / summed[:, -1]
        for name in ("entropy", "largest_weight"):
            found[name] = self.sums[name] / self.n_images
        found["sink"], found["sink_position"] = (self.sums["received"] / self.n_images).max(-1)
        if self.agreement is not None:
            found["agreement"] = self.agreement.value()
        return found


OF_PATCHES: dict[str, Weigh] = {"distance": shares.distance, **shares.GEOMETRY}
"""What is measured of the weight that patches give patches."""

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

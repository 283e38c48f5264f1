"""The neuron view: one attention score, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.checks import check_trace, title
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.heads.places import Places
from vitlens_widgets.analysis.result import Result
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, check_count
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

# How far, relative to the size of its terms, a score may be from their sum before an edit must have
# changed it.
_ROUNDING = 1e-3


@dataclass(frozen=True, eq=False)
class Neurons(Result):
    """One score in its parts: `scale * product.sum() + rest == score`.

    Attributes:
        title: Of which model, image, head, query and key.
        query: The query, float32 `[d_head]`, as it is multiplied: normed and rotated where the
            model norms and rotates.
        key: The key, likewise.
        product: `query * key`, float32 `[d_head]`.
        scale: What the sum of the products is multiplied by, such as `1 / sqrt(d_head)`.
        rest: What is added to it: the model's biases by relative position; 0.0 without any.
        score: What the softmax is given.
    """

    title: str
    query: np.ndarray = field(repr=False)
    key: np.ndarray = field(repr=False)
    product: np.ndarray = field(repr=False)
    scale: float
    rest: float
    score: float

    @property
    def added(self) -> np.ndarray:
        """What each channel adds to the score, `scale * product`, float32 `[d_head]`."""
        return self.scale * self.product

    def table(self) -> DataFrame:
        """A row per channel: its query, its key, and what it adds; the largest additions first."""
        first = self._largest_first()
        columns = {"query": self.query, "key": self.key, "adds to the score": self.added}
        values = {name: column[first].tolist() for name, column in columns.items()}
        return frame({"channel": first.tolist(), **values}, self.title)

    def figure(self, k: int = 24) -> Figure:
        """What the channels that count most add to the score, above 0 or below.

        Args:
            k: How many of them, or all of fewer.

        Raises:
            UsageError: No whole number from 1 on.
        """
        first = self._largest_first()[: check_count("k", k, least=1)]
        names = [str(channel) for channel in first]
        plot = charts.figure_over_states(
            self.titled("what channels add to a score"), names, "adds to the score"
        )
        plot.xaxis.axis_label = f"channel, the largest of {len(self.product)} first"
        added = {"added": self.added[first]}
        return charts.with_bars(plot, "channel", "adds to the score", added)

    def summary(self) -> str:
        """The score, what it is the sum of, and the three channels that count most."""
        added = self.added
        most = [f"{channel} ({added[channel]:+.3g})" for channel in self._largest_first()[:3]]
        return (
            f"{self.title}\nscore {self.score:.4g}: {added.sum():.4g} from {len(added)} channels, "
            f"{self.rest:.4g} from biases by position\nmost from channels {', '.join(most)}"
        )

    def _largest_first(self) -> np.ndarray:
        """The channels by the size of what they add, whatever its sign."""
        return np.argsort(-np.abs(self.product), kind="stable")


@experiment("trace", part="heads", needs_classifier=False)
def neurons(trace: Trace, layer: int, head: int, query: int, key: int, image: int = 0) -> Neurons:
    """One score of one head, as a sum over the channels of its query and key.

    Args:
        trace: The trace.
        layer: The block.
        head: The head.
        query: Position of the query in the sequence.
        key: Position of the key in the sequence.
        image: Which image.

    Raises:
        UsageError: An index out of range, or a score that an edit has changed.

    Source:
        Vig (2019), "A Multiscale Visualization of Attention in the Transformer Model", section 3.3
        (neuron view).
    """
    check_trace(trace)
    check_index("layer", layer, trace.vit.n_layers)
    check_index("head", head, trace.vit.n_heads)
    for what, position in (("query", query), ("key", key)):
        check_index(f"{what} position", position, len(trace.tokens))
    check_index("image", image, trace.n_images)
    found = _in_parts(trace, layer, (image, head, query, key))
    _check_sum(found, layer)
    return found


@clean
@torch.no_grad()
def _in_parts(trace: Trace, layer: int, at: tuple[int, int, int, int]) -> Neurons:
    image, head, query, key = at
    places = Places.of(trace)
    pair = f"query {places.describe(query)}, key {places.describe(key)}"
    sites = trace.sites(layer, "q", "k")
    fine = torch.promote_types(sites[0].dtype, torch.float32)
    q, k = (site[image : image + 1].transpose(1, 2).to(fine) for site in sites)
    parts = trace.vit.adapter.score_parts(layer, q, k)
    q_row, k_row = parts.q[0, head, query].float(), parts.k[0, head, key].float()
    shape = (1, trace.vit.n_heads, len(trace.tokens), len(trace.tokens))
    biases = (bias.expand(shape)[0, head, query, key] for bias in parts.biases)
    edited = trace.kept.get(("attn_scores", layer))
    own = trace.vit.adapter.attention_scores(layer, q, k) if edited is None else edited[[image]]
    return Neurons(
        title=f"One score of L{layer} H{head}, {pair}: {title(trace, [image])}",
        query=q_row.cpu().numpy(),
        key=k_row.cpu().numpy(),
        product=(q_row * k_row).cpu().numpy(),
        scale=float(parts.scale),
        rest=float(sum(biases)),
        score=float(own[0, head, query, key]),
    )


def _check_sum(found: Neurons, layer: int) -> None:
    """Refuse a score that is not the sum of its parts."""
    size = abs(found.scale) * np.abs(found.product).sum() + abs(found.rest)
    total = found.scale * float(found.product.sum()) + found.rest
    if not abs(total - found.score) <= _ROUNDING * size:
        raise UsageError(
            f"An edit has changed this score of block {layer}: it is {found.score:.4g}, its query "
            f"and key make {total:.4g}; look at the neurons of the trace without that edit."
        )

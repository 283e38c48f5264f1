"""`Maps`: the attention maps of a trace as NumPy arrays, made when they are asked for."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterator
from functools import partial, reduce
from typing import Literal

import numpy as np
import torch

from vitlens_widgets.analysis.checks import check_trace, chosen_images, title
from vitlens_widgets.analysis.heads.measures import HeadMeasures
from vitlens_widgets.analysis.heads.neurons import Neurons, neurons
from vitlens_widgets.analysis.heads.overviews import LayerOverview
from vitlens_widgets.analysis.heads.places import Places
from vitlens_widgets.analysis.heads.result import HeadStatistics
from vitlens_widgets.analysis.heads.rollout import rollouts
from vitlens_widgets.analysis.heads.statistics import of_layer, of_pattern, result_of
from vitlens_widgets.errors import counted
from vitlens_widgets.models import TokenLayout
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.again import attention_rows
from vitlens_widgets.trace.rows import AttentionRows
from vitlens_widgets.trace.sites import check_index

KEEP_BYTES = 48 * 2**20
"""Maps up to this size in all are kept, the latest ones; at least one layer's."""

LAYER_BYTES = 16 * 2**20
"""The heads of a layer up to this size are made together; of a larger one, the one asked for."""

AttentionKind = Literal["pattern", "scores"]


class Maps:
    """Who attends to whom in a trace: NumPy out, one layer at a time.

    Queries and keys are positions in the traced sequence, in `tokens`' order. Arrays are float32
    and read-only, since the latest are kept: copy one to change it.

    Args:
        trace: The trace; nothing is computed until it is asked for.

    Attributes:
        layout: The token layout, of the whole sequence.
        tokens: Which tokens of the layout are in the sequence, int64 `[position]`.

    Raises:
        UsageError: It is no trace.

    Example:
        >>> maps = Maps(trace)
        >>> maps.of_layer(3).shape  # [head, query, key]
        (12, 50, 50)
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = check_trace(trace)
        self.layout: TokenLayout = trace.layout
        self.tokens: np.ndarray = trace.tokens.cpu().numpy()
        self._kept: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._measures = HeadMeasures(Places.of(trace))
        self._latest: tuple[Hashable, AttentionRows] | None = None
        self._measured: dict[tuple[int, ...], dict[str, np.ndarray]] = {}
        self._rollouts = _Rollouts(trace)

    @property
    def n_layers(self) -> int:
        """The number of blocks."""
        return self._trace.vit.n_layers

    @property
    def n_heads(self) -> int:
        """Attention heads per block."""
        return self._trace.vit.n_heads

    @property
    def n_images(self) -> int:
        """How many images were traced together."""
        return self._trace.n_images

    @property
    def reads_cls(self) -> bool:
        """Whether CLS is what the model's answer is read from, alone or among others."""
        return self._trace.vit.readout.reads_cls

    @property
    def model_name(self) -> str:
        """What the model was loaded as; an edited run says that it is one."""
        return self._trace.vit.name + (" (edited)" if self._trace.edits else "")

    def __repr__(self) -> str:
        heads = f"{self.n_layers} layers x {self.n_heads} heads, {len(self.tokens)} tokens"
        return f"Maps({self.model_name}: {heads}, {counted(self.n_images, 'image')})"

    def picture(self, image: int = 0) -> np.ndarray:
        """The image as the model saw it, uint8 `[height, width, 3]`.

        Raises:
            UsageError: There is no such image.
        """
        return self._trace.pictures[check_index("image", image, self.n_images)]

    def of_layer(
        self, layer: int, kind: AttentionKind = "pattern", image: int | None = 0
    ) -> np.ndarray:
        """All heads of a block, `[head, query, key]`.

        Args:
            layer: The block, 0 .. L-1.
            kind: `"pattern"`: weights whose rows sum to 1; `"scores"`: what the softmax is given.
            image: Which image; None for the mean over all images.

        Raises:
            UsageError: A layer or image out of range, or an unknown kind.
        """
        layer = check_index("layer", layer, self.n_layers)
        images = chosen_images(self._trace, image)
        key = (layer, str(kind), *images)  # a kind that is no text is refused by the trace
        return self._keeping(key, lambda: self._compute(layer, kind, images))

    def of_head(
        self, layer: int, head: int, kind: AttentionKind = "pattern", image: int | None = 0
    ) -> np.ndarray:
        """One head of a block, `[query, key]`; arguments and errors as for `of_layer`.

        Where a layer is large, of one image, the head is made without the others.
        """
        layer = check_index("layer", layer, self.n_layers)
        head = check_index("head", head, self.n_heads)
        is_large = self.n_heads * len(self.tokens) ** 2 * 4 > LAYER_BYTES
        if image is None or not is_large:
            return self.of_layer(layer, kind, image)[head]
        images = chosen_images(self._trace, image)
        rows = partial(self._rows, layer, images[0], kind)
        key = (layer, head, str(kind), *images, "head")
        return self._keeping(key, lambda: rows().head(head, kind).float().cpu().numpy())

    def mean_of_heads(
        self, layer: int, kind: AttentionKind = "pattern", image: int | None = 0
    ) -> np.ndarray:
        """The mean over the heads of a block, `[query, key]`; arguments as for `of_layer`."""
        mean = self.of_layer(layer, kind, image).mean(0)
        mean.flags.writeable = False
        return mean

    def rollout(self, layer: int, image: int | None = 0) -> np.ndarray:
        """The attention rollout of blocks 0 .. layer, `[query, key]`; see `heads.rollout`.

        Raises:
            UsageError: A layer or image out of range.
        """
        return self._rollouts.of_layer(check_index("layer", layer, self.n_layers), image)

    def neurons(self, layer: int, head: int, query: int, key: int, image: int = 0) -> Neurons:
        """One score as a sum over channels; see `heads.neurons`."""
        return neurons(self._trace, layer, head, query, key, image)

    def statistics(
        self, image: int | None = 0, layers: Collection[int] | None = None
    ) -> HeadStatistics:
        """The statistics of every head; see `heads.statistics`. A layer is measured once.

        Args:
            image: Which image; None for all.
            layers: Those to measure, whose heads have numbers; None for all.
        """
        images = chosen_images(self._trace, image)
        every = range(self.n_layers)
        found = {
            layer: self._measure(layer, images)
            for layer in every
            if layers is None or layer in layers
        }
        nothing = {name: np.full(self.n_heads, np.nan) for name in next(iter(found.values()))}
        of_layers = [found.get(layer, nothing) for layer in every]
        return result_of(
            of_layers, self._measures, f"Attention heads: {title(self._trace, images)}"
        )

    def adopt(self, before: Maps, layers: Collection[int]) -> None:
        """Takes the statistics of layers in which another trace's attention is the same."""
        taken = {key: found for key, found in before._measured.items() if key[0] in layers}
        self._measured.update(taken)

    def _measure(self, layer: int, images: list[int]) -> dict[str, np.ndarray]:
        """The statistics of one layer's heads by name, float64 `[head]`."""
        key = (layer, *images)
        if key not in self._measured:
            whole = self._kept.get((layer, "pattern", *images)) if len(images) == 1 else None
            if whole is None:
                rows = self._rows(layer, images[0]) if len(images) == 1 else None
                self._measured[key] = of_layer(self._trace, layer, images, self._measures, rows)
            else:
                self._measured[key] = of_pattern(torch.from_numpy(whole.copy()), self._measures)
        return self._measured[key]

    def layer_overview(
        self, layer: int, side: int, image: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Every head's pattern scaled down, and the ends of its scale: see `LayerOverview`.

        Scores are computed once, some rows at a time, for this and for the layer's statistics.

        Args:
            layer: The block, 0 .. L-1.
            side: Of the pictures; less than the number of tokens.
            image: Which image.

        Returns:
            float32 `[head, side, side]`, and `[head, 2]`: the largest weight of each map, and the
            number that half a key per query exceeds.

        Raises:
            UsageError: A layer or image out of range.
        """
        layer, images = (
            check_index("layer", layer, self.n_layers),
            chosen_images(self._trace, image),
        )
        small = LayerOverview(self.n_heads, len(self.tokens), side)
        rows = self._rows(layer, image)
        found = of_layer(self._trace, layer, images, self._measures, rows, small.see)
        self._measured[layer, image] = found
        return small.maps, small.ranges

    def _compute(self, layer: int, kind: AttentionKind, images: list[int]) -> np.ndarray:
        if len(images) == 1:
            return self._rows(layer, images[0], kind).whole(kind).float().cpu().numpy()
        every = self._trace.attention_by_image(layer, kind, images)
        total = reduce(operator.add, (one.detach().float() for one in every))
        return (total / len(images)).cpu().numpy()

    def _rows(self, layer: int, image: int, kind: AttentionKind = "pattern") -> AttentionRows:
        """One image's attention in a layer; that which was asked for last is kept."""
        sites = (("pattern", layer), ("attn_scores", layer))
        key = (layer, image, kind if any(site in self._trace.kept for site in sites) else "")
        if self._latest is None or self._latest[0] != key:
            self._latest = key, attention_rows(self._trace, layer, image, kind)
        return self._latest[1]

    def _keeping(self, key: Hashable, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """What was computed last for this key, or now."""
        if key not in self._kept:
            found = compute()
            found.flags.writeable = False
            self._kept[key] = found
            while len(self._kept) > 1 and sum(v.nbytes for v in self._kept.values()) > KEEP_BYTES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


class _Rollouts:
    """The rollouts of the image that was asked for last, as far as they were asked for."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._image: int | None = None
        self._more: Iterator[np.ndarray] | None = None
        self._found: list[np.ndarray] = []

    def of_layer(self, layer: int, image: int | None) -> np.ndarray:
        if self._more is None or image != self._image:
            self._image, self._found = image, []
            self._more = rollouts(self._trace, image)
        try:
            while len(self._found) <= layer:
                found = next(self._more)
                found.flags.writeable = False
                self._found.append(found)
        except BaseException:  # an interrupted generator does not go on
            self._more = None
            raise
        return self._found[layer]

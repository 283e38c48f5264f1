"""The overview of all heads, layer by layer: as far as it is known, the rest on demand."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vitlens_widgets.widgets.attention_maps.codes import coded, pooled, ranges_of
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.in_pieces import InPieces
from vitlens_widgets.widgets.shared.seam import MapKind, MapsLike


class Pieces(InPieces):
    """Every head's map, whole or scaled down, of one kind and image.

    Where a layer is not known yet, the ranges of its heads are NaN.

    Args:
        source: Where the maps come from.
        kind: `"pattern"` or `"scores"`.
        image: Which image; None for the mean over all.
        side: Of the maps that are sent.
        first: The layer that comes first; the others follow from the first to the last.
    """

    def __init__(
        self, source: MapsLike, kind: MapKind, image: int | None, side: int, first: int = 0
    ) -> None:
        others = (layer for layer in range(source.n_layers) if layer != first)
        super().__init__([layer] for layer in (first, *others))
        self._source = source
        self._kind: MapKind = kind
        self._image, self._side = image, side
        self._is_whole = side == len(source.tokens)
        shape = (source.n_layers, source.n_heads)
        self._codes = np.zeros((*shape, side, side), np.uint8)
        self._ranges = np.full((*shape, 3), np.nan, np.float32)
        self._thumb_ranges = self._ranges.copy()

    def _compute(self, one: int) -> None:
        self._codes[one], self._ranges[one], self._thumb_ranges[one] = self._layer(one)

    def twin(self, source: MapsLike, layers: Iterable[int]) -> Pieces:
        """The overview of another source, in some of whose layers the maps are the same."""
        other = Pieces(source, self._kind, self._image, self._side)
        for layer in set(layers) & set(self.known):
            for name in ("_codes", "_ranges", "_thumb_ranges"):
                getattr(other, name)[layer] = getattr(self, name)[layer]
            other._forget(layer)
        return other

    def traits(self) -> dict[str, bytes]:
        """The traits that hold it: uint8 `[layer, head, side, side]`, and what reads them.

        `_ranges` is float32 `[layer, head, 3]`, the lo, hi and top of the whole maps;
        `_thumb_ranges` the same of the thumbnails, empty where these are the whole maps.
        """
        return {
            "_codes": pack.uint8(self._codes),
            "_ranges": pack.float32(self._ranges),
            "_thumb_ranges": b"" if self._is_whole else pack.float32(self._thumb_ranges),
        }

    def _layer(self, layer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Codes of a layer's heads, the ranges of their whole maps and of what is sent."""
        if self._is_whole:
            maps = np.asarray(self._source.of_layer(layer, kind=self._kind, image=self._image))
            codes, ranges = coded(maps, self._kind)
            return codes, ranges, ranges
        if self._image is None or self._kind == "scores":
            return self._head_by_head(layer)
        small, ends = self._source.layer_overview(layer, self._side, self._image)
        if not np.isfinite(small).all():
            return self._head_by_head(layer)
        codes, of_small = coded(small, self._kind)
        lo = np.zeros((len(ends), 1), np.float32)
        hi, top = ends[:, :1], ends[:, 1:]
        return codes, np.concatenate([lo, hi, np.where(top > 0, top, hi)], -1), of_small

    def _head_by_head(self, layer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same from whole maps, of which one is there at a time."""
        heads: list[tuple[np.ndarray, ...]] = []
        for head in range(self._source.n_heads):
            one = self._source.of_head(layer, head, kind=self._kind, image=self._image)
            whole = np.asarray(one)[None]
            codes, of_small = coded(pooled(whole, self._side), self._kind)
            heads.append((codes[0], ranges_of(whole, self._kind)[0], of_small[0]))
        codes, ranges, of_small = (np.stack(part) for part in zip(*heads, strict=True))
        return codes, ranges, of_small

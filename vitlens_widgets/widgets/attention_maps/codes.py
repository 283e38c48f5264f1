"""Attention maps as one byte a weight: how numbers become codes, and whole maps thumbnails.

A code is 0 to 253 for a number, `MINUS_INFINITY` for the score of a key that was knocked out, and
`NOT_A_NUMBER`. Codes are for drawing only: no number that is read out ever comes from one.
"""

from __future__ import annotations

import numpy as np

from vitlens_widgets.widgets.shared.seam import MapKind

AT_ONCE = 2**18
"""Numbers that are coded at a time: what a processor's cache holds."""

LARGEST = 253
MINUS_INFINITY = 254
NOT_A_NUMBER = 255


def coded(maps: np.ndarray, kind: MapKind) -> tuple[np.ndarray, np.ndarray]:
    """Maps as codes, with what is needed to read them.

    A weight w of a pattern is coded by `(w / hi) ** (1 / 4)`, so that linear, square-root and log
    scales alike are drawn from one byte; a score by its place between `lo` and `hi`.

    Args:
        maps: `[..., query, key]`.
        kind: `"pattern"` (numbers from 0 on; rollouts too) or `"scores"` (any sign).

    Returns:
        uint8 codes of the same shape, and float32 `[..., 3]`: lo, hi and top of each map. `hi` is
        its largest number. `top` is where a scale ends: the number that half a key per query
        exceeds (in a map of 50 tokens the 99th percentile); for scores the largest magnitude.
    """
    ranges = ranges_of(maps, kind)
    flat, of_maps = (
        np.asarray(maps, np.float32).reshape(-1, *maps.shape[-2:]),
        ranges.reshape(-1, 3),
    )
    codes = np.empty(flat.shape, np.uint8)
    rows = max(1, AT_ONCE // maps.shape[-1])
    for one, own, (lo, hi, _) in zip(codes, flat, of_maps.tolist(), strict=True):
        for first in range(0, len(own), rows):
            some = slice(first, first + rows)
            one[some] = _coded(own[some], kind, lo, hi)
    return codes.reshape(maps.shape), ranges


def ranges_of(maps: np.ndarray, kind: MapKind) -> np.ndarray:
    """The lo, hi and top of each map, as `coded` gives them: float32 `[..., 3]`."""
    flat = np.ascontiguousarray(maps, dtype=np.float32).reshape(-1, maps.shape[-2] * maps.shape[-1])
    finite = (row[np.isfinite(row)] if not np.isfinite(row).all() else row for row in flat)
    found = [_range(numbers, kind, maps.shape[-1]) for numbers in finite]
    return np.array(found, np.float32).reshape(*maps.shape[:-2], 3)


def _coded(numbers: np.ndarray, kind: MapKind, lo: float, hi: float) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        if kind == "pattern":
            place = numbers / np.float32(hi or 1)
            np.sqrt(np.sqrt(place, out=place), out=place)
        else:
            place = (numbers - np.float32(lo)) / np.float32((hi - lo) or 1)
        is_finite = np.isfinite(place).all()
        if not is_finite:
            place = np.nan_to_num(place, nan=0.0)
        np.rint(np.multiply(np.clip(place, 0, 1, out=place), LARGEST, out=place), out=place)
    codes = place.astype(np.uint8)
    if not is_finite:
        codes[numbers == -np.inf] = MINUS_INFINITY
        codes[np.isnan(numbers)] = NOT_A_NUMBER
    return codes


def _range(numbers: np.ndarray, kind: MapKind, n_keys: int) -> tuple[float, float, float]:
    if not len(numbers):
        return 0.0, 0.0, 0.0
    lo, hi = float(numbers.min()), float(numbers.max())
    if kind == "scores":
        return lo, hi, max(abs(lo), abs(hi))
    return 0.0, hi, exceeded_by_half_a_key(numbers, n_keys) or hi


def exceeded_by_half_a_key(numbers: np.ndarray, n_keys: int) -> float:
    """The number that is exceeded half a time per query: one in twice as many as there are keys."""
    place = min(len(numbers) - 1, int((1 - 0.5 / n_keys) * len(numbers)))
    return float(np.partition(numbers, place)[place])


def decoded(codes: np.ndarray, ranges: np.ndarray, kind: MapKind) -> np.ndarray:
    """The numbers that codes `[..., query, key]` stand for, float32, near enough for drawing."""
    lo, hi = (ranges[..., i, None, None] for i in (0, 1))
    share = codes.astype(np.float32) / LARGEST
    numbers = hi * share**4 if kind == "pattern" else lo + (hi - lo) * share
    numbers = np.where(codes == MINUS_INFINITY, -np.inf, numbers)
    return np.where(codes == NOT_A_NUMBER, np.nan, numbers).astype(np.float32)


def pooled(maps: np.ndarray, side: int) -> np.ndarray:
    """Maps `[..., query, key]` scaled down to `[..., side, side]`: the mean of each block.

    Block i covers tokens `round(i * n / side)` up to `round((i + 1) * n / side)`. Knocked-out keys
    do not count in a mean, unless a block holds nothing else; what is not a number makes its whole
    block none.
    """
    edges = np.floor(np.arange(side) * maps.shape[-1] / side + 0.5).astype(int)
    known = maps != -np.inf
    if known.all():
        return _sums(maps, edges) / _sums(np.ones(maps.shape[-2:], np.float32), edges)
    counts = _sums(known.astype(np.float32), edges)
    sums = _sums(np.where(known, maps, 0), edges)
    return np.where(counts > 0, sums / np.maximum(counts, 1), -np.inf)


def _sums(maps: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.add.reduceat(np.add.reduceat(maps, edges, axis=-2), edges, axis=-1)

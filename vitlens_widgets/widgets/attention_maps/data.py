"""What AttentionMaps sends to the browser: overviews, statistics, names, and maps on demand."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from vitlens_widgets.widgets.attention_maps.codes import coded
from vitlens_widgets.widgets.attention_maps.pieces import Pieces
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.seam import (
    MapKind,
    MapsLike,
    ReadingLike,
    SizesLike,
    StatisticsLike,
)

MAPS_LIMIT = 4_000_000
"""Bytes up to which all maps are sent, one byte a weight; beyond, thumbnails."""

THUMBNAILS_LIMIT = 600_000
"""Bytes that all thumbnails together should not exceed."""

EXACT_LIMIT = 256
"""Tokens up to which a map's exact numbers are sent whole; beyond, one row and column at a time."""


def description(source: MapsLike, reading: ReadingLike | None) -> dict[str, Any]:
    """Names and sizes, as JSON."""
    return names_and_sizes(source) | {
        "side": thumbnail_side(source.n_layers * source.n_heads, len(source.tokens)),
        "knows_scores": knows_scores(source),
        "asks": asking_token(source),
        "lens_name": reading.lens_name if reading is not None else None,
        "probabilities": reading.probabilities if reading is not None else None,
    }


def knows_scores(source: MapsLike) -> bool:
    """Whether there is more than weights: what they were before the softmax, and neurons."""
    return getattr(source, "knows_scores", True)


def asking_token(source: MapsLike) -> int | None:
    """Who asks while nothing is pinned: CLS where the readout reads it; None where it does not."""
    prefix = list(source.layout.prefix)
    reads_cls = getattr(source, "reads_cls", True)
    return prefix.index("CLS") if reads_cls and "CLS" in prefix else None


def names_and_sizes(source: SizesLike) -> dict[str, Any]:
    """Of a model with heads, and of its token layout."""
    grid = source.layout
    return {
        "model_name": source.model_name,
        "n_layers": source.n_layers,
        "n_heads": source.n_heads,
        "n_images": source.n_images,
        "prefix": list(grid.prefix),
        "rows": grid.rows,
        "cols": grid.cols,
        "tokens": np.asarray(source.tokens).tolist(),
    }


def _in_words(statistics: StatisticsLike, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": statistics.label(name),
        "unit": statistics.unit(name),
        "meaning": statistics.meaning(name),
        "uniform": statistics.null(name),
    }


def thumbnail_side(n_maps: int, n_tokens: int) -> int:
    """Side of the maps that are sent for the overview: all tokens, or that of a thumbnail."""
    if n_maps * n_tokens**2 <= MAPS_LIMIT:
        return n_tokens
    fitting = (s for s in (64, 48, 32, 24) if n_maps * s**2 <= THUMBNAILS_LIMIT)
    return min(n_tokens, next(fitting, 16))


def overview(source: MapsLike, kind: MapKind, image: int | None, side: int) -> dict[str, bytes]:
    """The traits of every head's map, whole or scaled down; see `Pieces.traits`."""
    return Pieces(source, kind, image, side).finish().traits()


def of_image(source: MapsLike, reading: ReadingLike | None, image: int | None) -> dict[str, Any]:
    """The traits that depend on the image alone: its pixels, its heads' statistics, the answers."""
    return picture_and_answers(source, reading, image) | statistics(source, image)


def picture_and_answers(
    source: MapsLike, reading: ReadingLike | None, image: int | None
) -> dict[str, Any]:
    """The same without the statistics, which take longer."""
    pixels = picture(source, image)
    return {
        "_picture": pack.uint8(pixels),
        "_picture_size": list(pixels.shape[:2]),
        **answers(reading, source.n_layers, image),
    }


def statistics(
    source: MapsLike, image: int | None, layers: Collection[int] | None = None
) -> dict[str, Any]:
    """Every head's statistics, float32 `[statistic, layer, head]`, and what they are in words.

    Args:
        source: Where they come from.
        image: Which image; None for all.
        layers: Whose heads have numbers; None for all. The others have NaN.
    """
    found = source.statistics(image) if layers is None else source.statistics(image, layers)
    values = [found.values[name] for name in found.names]
    return {
        "_statistics": b"".join(map(pack.float32, values)),
        "_statistic_words": [_in_words(found, name) for name in found.names],
    }


def picture(source: SizesLike, image: int | None) -> np.ndarray:
    """The image as the model saw it, or the mean of all: `[height, width, 3]`."""
    if image is not None:
        return source.picture(image)
    every = [source.picture(i).astype(np.float64) for i in range(source.n_images)]
    return np.rint(np.mean(every, axis=0))


def answers(reading: ReadingLike | None, n_layers: int, image: int | None) -> dict[str, Any]:
    """What the lens says of each token as it enters each block, for one image.

    `_answer` is int32 `[layer, token]`, an index into `_labels`, which holds only the classes that
    occur, each with its emoji; `_answer_probability` is float32 of the same shape.
    """
    if reading is None or image is None:
        return {"_answer": b"", "_answer_probability": b"", "_labels": []}
    top = reading.top(1)
    index = np.asarray(top.index)[:n_layers, image, :, 0]
    probability = np.asarray(top.probability)[:n_layers, image, :, 0]
    present, place = np.unique(index, return_inverse=True)
    return {
        "_answer": pack.int32(place.reshape(index.shape)),
        "_answer_probability": pack.float32(probability),
        "_labels": [[reading.labels[int(c)], reading.labels.emoji[int(c)]] for c in present],
    }


def chosen_map(source: MapsLike, what: dict[str, Any], kind: MapKind) -> np.ndarray:
    """One head's map, the mean of a layer's heads, or the rollout: float32 `[query, key]`.

    Args:
        source: Where the maps come from.
        what: `show`, `layer`, `head` and `image`, as the browser asks for them.
        kind: `"pattern"` or `"scores"`; a rollout has patterns only.
    """
    layer, image = what["layer"], what["image"]
    match what["show"]:
        case "rollout":
            found = source.rollout(layer, image=image)
        case "mean":
            found = source.mean_of_heads(layer, kind=kind, image=image)
        case _:
            found = source.of_head(layer, what["head"], kind=kind, image=image)
    return np.asarray(found, dtype=np.float32)


def whole_map(source: MapsLike, what: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """A map's codes with their range."""
    kind: MapKind = "pattern" if what["show"] == "rollout" else what["kind"]
    codes, ranges = coded(chosen_map(source, what, kind), kind)
    lo, hi, top = ranges.tolist()
    return {"lo": lo, "hi": hi, "top": top}, [pack.uint8(codes)]


def first_map(
    source: MapsLike, what: dict[str, Any], token: int | None = None, key: int | None = None
) -> dict[str, Any]:
    """The traits of a map that is sent before it is asked for, with its exact numbers.

    Where these are too many, with those of the tokens that are pinned, or of CLS, which asks while
    none is.
    """
    tokens = np.asarray(source.tokens).tolist()
    pinned = (token, key)
    asking = (asking_token(source), None) if pinned == (None, None) else pinned
    query, asked = (tokens.index(one) if one in tokens else None for one in asking)
    what = what | {"query": query, "key": asked}
    found, (codes,) = whole_map(source, what)
    exact, numbers = exact_numbers(source, what)
    return {
        "_first": what | found | exact,
        "_first_codes": codes,
        "_first_exact": b"".join(numbers),
    }


def exact_numbers(source: MapsLike, what: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Exact float32 numbers of a map: all of them, or those of one query's row and key's column.

    `what` also says which positions `query` and `key` are asked for; either may be None. The
    response names the quantities; for each there is one buffer with the whole map, or two, the row
    and the column, empty where none was asked for.
    """
    is_pattern = what["show"] == "rollout" or not knows_scores(source)
    kinds: list[MapKind] = ["pattern"] if is_pattern else ["pattern", "scores"]
    maps = [chosen_map(source, what, kind) for kind in kinds]
    if len(maps[0]) <= EXACT_LIMIT:
        return {"kinds": kinds, "whole": True}, [pack.float32(values) for values in maps]
    query, key = what["query"], what["key"]
    lines: list[bytes] = []
    for values in maps:
        lines.append(b"" if query is None else pack.float32(values[query]))
        lines.append(b"" if key is None else pack.float32(values[:, key]))
    return {"kinds": kinds, "whole": False, "query": query, "key": key}, lines


def neurons(source: MapsLike, what: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """What each dimension of a head adds to one pair's score: query, key and product, float32."""
    found = source.neurons(
        what["layer"], what["head"], what["query"], what["key"], image=what["image"]
    )
    names = {"scale": float(found.scale), "rest": float(found.rest), "score": float(found.score)}
    return names, [pack.float32(part) for part in (found.query, found.key, found.product)]

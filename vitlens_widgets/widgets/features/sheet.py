"""What is shown of one feature: pictures, tenths, counts, classes, and what it writes."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets.features.seam import CatalogueLike, DataPatches, Neighbour

LARGE = 112
"""Longest side of the strongest images, pixels; a whole number of them a patch."""

N_LARGE = 12
"""How many of them are shown."""

CROP, SMALL_CROP = 64, 40
"""Sides of what is cut out of images: for the tenths, for names in the list."""

N_CROPS = 3
"""How many make a name."""

FINE = 12
"""From so many rows or columns of patches on, what is cut out is wider."""

N_UP, N_DOWN = 5, 4
"""Classes that are promoted and suppressed most."""

Found = tuple[dict[str, Any], dict[str, np.ndarray]]


def sheet(source: CatalogueLike, layer: int, feature: int) -> Found:
    """Its strongest images, a patch of each tenth, counts, the classes that it tells best."""
    place = list(source.layers).index(layer)
    counts = source.counts[place, feature]
    there = np.flatnonzero(counts)
    top = source.strongest(layer, feature)
    shown = slice(0, N_LARGE if source.largest[place, feature] > 0 else 0)
    numbers, patches = top.image[shown].tolist(), top.patch[shown].tolist()
    tenths = source.tenths(layer, feature)
    windows, at = cut_out(source, tenths, 3 if _size(source)[0] < FINE else 5, CROP)
    said = {
        "last": int(there[-1]) if len(there) else 0,
        "images": numbers,
        "patches": patches,
        "classes": [_class_on(source, *one) for one in zip(numbers, patches, strict=True)],
        "tenth_at": at,
        "tenth_images": tenths.image.tolist(),
        "tenth_classes": [
            _class_on(source, *one)
            for one in zip(tenths.image.tolist(), tenths.patch.tolist(), strict=True)
        ],
        "areas": _areas(source, layer, feature, place),
        "large": list(large_size(source)),
    }
    pictures = [small(source.data_picture(number), large_size(source)) for number in numbers]
    return said, {
        "counts": counts.astype("<i4"),
        "of_classes": _of_classes(source, layer, feature),
        "values": top.value[shown].astype("<f4"),
        "maps": top.map[shown].astype("<f4"),
        "pictures": np.stack(pictures) if pictures else np.zeros(0, np.uint8),
        "tenths": tenths.value.astype("<f4"),
        "crops": windows,
    }


def crops(source: CatalogueLike, layer: int, feature: int) -> Found:
    """What names it where nobody knows classes: three of its strongest patches."""
    place = list(source.layers).index(layer)
    top = source.strongest(layer, feature)
    n = N_CROPS if source.largest[place, feature] > 0 else 0
    some = DataPatches(top.image[:n], top.patch[:n], top.value[:n])
    windows, at = cut_out(source, some, 1 if _size(source)[0] < FINE else 3, SMALL_CROP)
    return {"at": at}, {"crops": windows}


def writes(source: CatalogueLike, layer: int, feature: int) -> Found:
    """The classes that it promotes and suppresses most."""
    found = source.writes(layer, feature)
    logits = np.asarray(found.logits, float)
    order = np.argsort(-logits, kind="stable")
    n_down = min(N_DOWN, max(0, len(order) - N_UP))

    def named(some: np.ndarray) -> list[list[Any]]:
        return [[found.names[i], found.emoji[i], float(logits[i])] for i in some.tolist()]

    down = order[len(order) - n_down :]
    most = float(np.abs(logits).max(initial=0))
    return {"up": named(order[:N_UP]), "down": named(down), "most": most, "n": len(logits)}, {}


def readers(source: CatalogueLike, layer: int, feature: int) -> Found:
    """How much more the weights of later heads take of it than of a random direction."""
    found = np.asarray(source.readers(layer, feature), "<f4")
    n_later, n_heads = found.shape[:2]
    return {"first": source.n_layers - n_later, "shape": [n_later, n_heads]}, {"readers": found}


def neighbours(source: CatalogueLike, layer: int, feature: int) -> Found:
    """Features that write in the same direction."""
    return _listed(source.neighbours(layer, feature))


def partners(source: CatalogueLike, layer: int, feature: int) -> Found:
    """Features of other blocks that fire with it."""
    return _listed(source.partners(layer, feature))


def _listed(found: dict[str, list[Neighbour]]) -> Found:
    groups = [
        [name, [[one.layer, one.feature, float(one.number)] for one in some]]
        for name, some in found.items()
    ]
    return {"groups": groups}, {}


def cut_out(
    source: CatalogueLike, patches: DataPatches, across: int, side: int
) -> tuple[np.ndarray, list[list[int]]]:
    """Squares of patches around some patches, and which of theirs each patch is.

    At the edge of an image the square stays inside.

    Args:
        source: Who has the images.
        patches: Which patches.
        across: How many patches a square has across.
        side: Of the squares, pixels.

    Returns:
        uint8 `[patch, side, side, 3]`; row, column and number of patches across, of each.
    """
    rows, cols = _size(source)
    across = min(across, rows, cols)
    found, at = list[np.ndarray](), list[list[int]]()
    for number, patch in zip(patches.image.tolist(), patches.patch.tolist(), strict=True):
        picture = source.data_picture(number)
        height, width = picture.shape[0] / rows, picture.shape[1] / cols
        row, col = divmod(patch, cols)
        top = min(max(0, row - across // 2), rows - across)
        left = min(max(0, col - across // 2), cols - across)
        box = (left * width, top * height, (left + across) * width, (top + across) * height)
        found.append(small(picture, (side, side), box))
        at.append([row - top, col - left, across])
    return (np.stack(found) if found else np.zeros(0, np.uint8)), at


def small(
    picture: np.ndarray, size: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> np.ndarray:
    """A picture, or a part of it, at a size in pixels, (height, width)."""
    height, width = size
    resized = Image.fromarray(np.asarray(picture, np.uint8)).resize(
        (width, height), Image.Resampling.LANCZOS, box
    )
    return np.asarray(resized)


def large_size(source: CatalogueLike) -> tuple[int, int]:
    """Height and width of the strongest images, pixels."""
    rows, cols = _size(source)
    patch = max(1, LARGE // max(rows, cols))
    return rows * patch, cols * patch


def _size(source: CatalogueLike) -> tuple[int, int]:
    return source.layout.rows, source.layout.cols


def _class_on(source: CatalogueLike, number: int, patch: int) -> int:
    """The class that a patch shows; -1 for none."""
    return int(source.shown(number)[patch])


def _areas(source: CatalogueLike, layer: int, feature: int, place: int) -> list[list[Any]]:
    """The two classes that it tells best: class, area, its interval."""
    found = source.selectivity
    if found is None:
        return []
    areas = found.auc[place, feature]
    order = np.argsort(-np.nan_to_num(areas, nan=-1), kind="stable")
    best = [int(one) for one in order[:2] if np.isfinite(areas[one])]
    return [[one, float(areas[one]), _interval(source, layer, feature, one)] for one in best]


def _of_classes(source: CatalogueLike, layer: int, feature: int) -> np.ndarray:
    """How many patches of each class fall in each bin, int32 `[class, bin]`."""
    if not len(source.labels):
        return np.zeros(0, "<i4")
    return source.counts_of(layer, feature).astype("<i4")


def _interval(source: CatalogueLike, layer: int, feature: int, target: int) -> list[float] | None:
    try:
        found = source.interval(layer, feature, target)
    except UsageError:
        return None
    return None if found is None else [float(end) for end in found]

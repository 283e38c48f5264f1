"""The sums that correlations of features are made of: of single images, and of two passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

GROUPS = 10
"""Into how many groups images are dealt, of which the interval leaves out one after the other."""

Kept = Mapping[str, np.ndarray]

_FIRST = "first"
"""The map of the first image, where another may come before it."""


def no_sums(own: Tensor, every: Tensor) -> dict[str, np.ndarray]:
    """What is kept before the first image, which says what all activations are taken less of.

    So sums of squares stay small where a channel is far from 0 and hardly moves.

    Args:
        own: The first image's activations of the asked features, `[token, asked]`.
        every: Of all, `[token, feature]`.
    """
    n_asked, n = own.shape[1], every.shape[1]
    shapes = {"n": (), "asked": (n_asked,), "asked squared": (n_asked,)}
    shapes |= {"sum": (n,), "squared": (n,), "products": (n_asked, n)}
    return {
        "less": every.mean(0).numpy(),
        "less asked": own.mean(0).numpy(),
        "before": np.zeros((0, *own.shape), np.float32),  # the image before, once there is one
        **{name: np.zeros((GROUPS, *shape)) for name, shape in shapes.items()},
        **{f"null {name}": np.zeros(shape) for name, shape in shapes.items()},
    }


def add_images(kept: dict[str, np.ndarray], own: Tensor, every: Tensor, number: int) -> None:
    """Add some images' sums, in place.

    Args:
        kept: What is kept.
        own: Activations of the asked features, `[image, token, asked]`.
        every: Of all, `[image, token, feature]`.
        number: Of the first image.
    """
    asked = own - torch.from_numpy(kept["less asked"])
    values = every - torch.from_numpy(kept["less"])
    totals = _totals(values)
    for image, sums in enumerate(_sums(asked, values, totals)):
        for name, part in sums.items():
            kept[name][(number + image) % GROUPS] += part
    if number and not len(kept["before"]):
        kept[_FIRST] = values[0].numpy().copy()
    before = torch.cat([torch.from_numpy(kept["before"]), asked[:-1]])
    _add_null(kept, before, values, totals)
    kept["before"] = asked[-1:].numpy().copy()


def _add_null(kept: Kept, before: Tensor, values: Tensor, totals: Kept) -> None:
    """Add the last images with the asked features' maps of those before them, in place."""
    at = slice(len(values) - len(before), None)
    for sums in _sums(before, values[at], {name: part[at] for name, part in totals.items()}):
        for name, part in sums.items():
            kept[f"null {name}"][...] += part


def joined(one: Kept, other: Kept) -> dict[str, np.ndarray]:
    """What is kept of all images, the last digits of sums aside.

    Args:
        one: Of the earlier images.
        other: Of those that follow them.
    """
    asked, every = other["less asked"] - one["less asked"], other["less"] - one["less"]
    plain = {name: sums for name, sums in other.items() if f"null {name}" in other}
    nulls = {name: other[f"null {name}"] for name in plain}
    more = _less_of_another(plain, asked, every)
    more |= {f"null {n}": sums for n, sums in _less_of_another(nulls, asked, every).items()}
    found = {name: np.asarray(one[name] + sums) for name, sums in more.items()}
    first = torch.from_numpy(other[_FIRST] + every)[None]
    _add_null(found, torch.from_numpy(one["before"]), first, _totals(first))
    return {**one, **found, "before": other["before"] + asked}


def _less_of_another(sums: Kept, asked: np.ndarray, every: np.ndarray) -> dict[str, np.ndarray]:
    """The sums of activations that are larger by so much.

    Args:
        sums: As `_sums` has them, `[...]` before the axes of features.
        asked: By how much those of the asked features are, `[asked]`.
        every: Those of all, `[feature]`.
    """
    n, own, total = sums["n"][..., None], sums["asked"], sums["sum"]
    asked, every = asked.astype(float), every.astype(float)
    moved = own[..., None] * every + asked[:, None] * total[..., None, :]
    return {
        "n": sums["n"],
        "asked": own + n * asked,
        "asked squared": sums["asked squared"] + 2 * asked * own + n * asked**2,
        "sum": total + n * every,
        "squared": sums["squared"] + 2 * every * total + n * every**2,
        "products": sums["products"] + moved + n[..., None] * np.outer(asked, every),
    }


def _totals(values: Tensor) -> dict[str, np.ndarray]:
    """Sums over tokens of all features, float64 `[image, feature]`."""
    return {
        "sum": values.sum(1).double().numpy(),
        "squared": values.square().sum(1).double().numpy(),
    }


def _sums(asked: Tensor, values: Tensor, totals: Kept) -> Iterator[dict[str, np.ndarray]]:
    """Of each image, by the names of what is kept, float64."""
    found = {
        "n": np.full(len(asked), float(asked.shape[1])),
        "asked": asked.sum(1).double().numpy(),
        "asked squared": asked.square().sum(1).double().numpy(),
        "products": (asked.transpose(1, 2) @ values).double().numpy(),
        **totals,
    }
    yield from ({name: part[one] for name, part in found.items()} for one in range(len(asked)))

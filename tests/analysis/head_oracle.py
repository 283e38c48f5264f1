"""Head statistics written as loops over images, queries and keys: the oracle of the fast ones."""

from __future__ import annotations

import math

import numpy as np
import torch

import vitlens_widgets as vl
from tests.small_models import pixels_for, timm_model


def random_patterns(*shape: int, seed: int = 0) -> np.ndarray:
    """Asymmetric patterns whose rows sum to 1, some weights near 1 and some near 0."""
    scores = 2 * np.random.default_rng(seed).standard_normal(shape)
    weights = np.exp(scores)
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def trace_with(special: str, patterns: np.ndarray, drop: tuple[int, ...] = ()) -> vl.Trace:
    """A trace of a small model whose patterns are these, `[layer, image, head, query, key]`."""
    vit = vl.load(timm_model(special))
    edits = [vl.edits.DropTokens(list(drop))] if drop else []
    edits += [
        vl.edits.Replace("pattern", layer, torch.from_numpy(given))
        for layer, given in enumerate(patterns)
    ]
    pixels = pixels_for(vit.image_size, n_images=patterns.shape[1])
    return vit.trace(pixels, edits=edits, preprocessed=True)


def head_statistics(patterns: np.ndarray, layout: vl.TokenLayout, tokens: list[int]) -> dict:
    """Of one head, `[image, query, key]`: every statistic by name, and the sink's position."""
    found = {
        "entropy": np.mean([[entropy(row) for row in image] for image in patterns]),
        "largest_weight": np.mean([[max(row) for row in image] for image in patterns]),
        **{name: between(patterns, layout, tokens, counts) for name, counts in PAIRS.items()},
    }
    n = len(tokens)
    received = [np.mean([image[q][k] for image in patterns for q in range(n)]) for k in range(n)]
    found["sink_position"] = int(np.argmax(received))
    found["sink"] = max(received)
    found["on_itself"] = np.mean([image[q][q] for image in patterns for q in range(n)])
    kinds = {name.split()[0] for name in layout.prefix}
    for kind in kinds:
        at = [i for i, name in enumerate(layout.prefix) if name.split()[0] == kind]
        name = "on_registers" if kind == "register" else f"on_{kind.lower()}"
        found[name] = sum(received[k] for k in at)
    return found


def entropy(row: np.ndarray) -> float:
    """In nats; 0 ln 0 is 0."""
    return -sum(float(p) * math.log(p) for p in row if p > 0)


def between(patterns, layout, tokens, counts) -> float:
    """The mean of `counts(query, key)` over all weight from patch to patch."""
    weighed = total = 0.0
    for image in patterns:
        for q, query in enumerate(tokens):
            for k, key in enumerate(tokens):
                if query < layout.n_prefix or key < layout.n_prefix:
                    continue
                here, there = layout.row_col(query), layout.row_col(key)
                weighed += float(image[q][k]) * counts(here, there, layout)
                total += float(image[q][k])
    return weighed / total


def _border(place, layout) -> tuple[bool, bool]:
    return place[0] in (0, layout.rows - 1), place[1] in (0, layout.cols - 1)


def _around(here, there) -> bool:
    return here != there and abs(here[0] - there[0]) <= 1 and abs(here[1] - there[1]) <= 1


PAIRS = {
    "distance": lambda here, there, _: math.dist(here, there),
    "corner": lambda _, there, layout: all(_border(there, layout)),
    "edge": lambda _, there, layout: any(_border(there, layout)),
    "row": lambda here, there, _: here != there and here[0] == there[0],
    "column": lambda here, there, _: here != there and here[1] == there[1],
    "neighbours": lambda here, there, _: _around(here, there),
}
"""What a pair of patches counts: (query's place, key's place, layout)."""

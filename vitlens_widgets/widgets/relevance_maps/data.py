"""What RelevanceMaps sends to the browser: relevance as exact numbers, names, curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.widgets.relevance_maps.curves import Growing
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.seam import RelevanceLike, RelevanceSourceLike

KINDS = ("negative", "positive", "random")
"""In which order patches are removed, as `vl.analysis.removal_curves` names it."""


def of_image(source: RelevanceSourceLike, image: int) -> dict[str, Any]:
    """The image's pixels, and the probability of every class, float32 `[class]`."""
    pixels = source.picture(image)
    return {
        "_picture": pack.uint8(pixels),
        "_picture_size": list(pixels.shape[:2]),
        "_probability": pack.float32(source.probabilities(image)),
    }


def maps(founds: list[RelevanceLike], image: int) -> dict[str, Any]:
    """Relevance of one image for one class or two.

    `_tokens` is float32 `[class, token]`, `_heads` float32 `[class, layer, head, token]`, empty
    where the method says nothing of heads. Diverging colours are for methods with numbers below 0.
    """
    heads = [found.heads[image] for found in founds if found.heads is not None]
    tokens = [found.tokens[image] for found in founds]
    signed = any((numbers < 0).any() for numbers in (*heads, *tokens))
    return {
        "_tokens": pack.float32(np.stack(tokens)),
        "_heads": pack.float32(np.stack(heads)) if heads else b"",
        "_is_signed": bool(signed),
    }


def curves(
    source: RelevanceSourceLike, founds: list[RelevanceLike], growing: list[Growing], image: int
) -> dict[str, Any]:
    """The removal curves as far as they are known.

    `_curves` is float32 `[class, kind, point]` (see `KINDS`), the probability of the class, NaN
    where it is not known yet; `_curve_answers` is int32 `[class, kind, point]` of the first two
    kinds, what the model answers, -1 where it is not known yet; `_falling` is int32 `[class,
    patch]`, the most relevant patch first.
    """
    n_points = len(growing[0].removed)
    probability = np.full((len(growing), len(KINDS), n_points), np.nan, np.float32)
    answers = np.full((len(growing), 2, n_points), -1, np.int32)
    for of_class, one in enumerate(growing):
        if one.found is None:
            continue
        for place, kind in enumerate(KINDS):
            if kind in one.found.probability:
                values = one.found.probability[kind][0]
                probability[of_class, place, : len(values)] = values
            if kind in one.found.answers:
                values = one.found.answers[kind][0]
                answers[of_class, place, : len(values)] = values
    return {
        "_curves": pack.float32(probability),
        "_curve_answers": pack.int32(answers),
        "_falling": pack.int32(np.stack([source.falling(found, image) for found in founds])),
    }

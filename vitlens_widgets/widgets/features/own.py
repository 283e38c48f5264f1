"""What is shown of a feature on an image of the user's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.widgets.features.seam import CatalogueLike
from vitlens_widgets.widgets.features.traits import STRENGTHS

N_MOVERS = 2
"""Classes whose answers move most have a name on the curve."""

N_OTHERS = 3
"""Of the other classes, so many have a curve."""

Found = tuple[dict[str, Any], dict[str, np.ndarray]]


def seen(source: CatalogueLike, layer: int, feature: int, image: int) -> Found:
    """Its activation at every token of the image."""
    place = list(source.layers).index(layer)
    return {}, {"values": source.activations(image)[place, :, feature].astype("<f4")}


def here(source: CatalogueLike, image: int, token: int) -> Found:
    """Of all features, the activation at a token as a share of the largest in the data."""
    largest = np.asarray(source.largest, float)
    values = source.activations(image)[:, token]
    shares = np.divide(values, largest, out=np.zeros_like(largest), where=largest > 0)
    return {}, {"shares": shares.ravel().astype("<f4")}


def effect(source: CatalogueLike, image: int, target: int) -> Found:
    """What each feature adds by itself to a logit, and to whose; -1 for the image's own answer."""
    asked, adds = source.effects(image, None if target < 0 else source.labels[target])
    return {"asked": asked}, {"numbers": adds.ravel().astype("<f4")}


def turned(source: CatalogueLike, layer: int, feature: int, image: int) -> Found:
    """Answers with the feature turned down and up, in one run."""
    found = source.turned(image, layer, feature, STRENGTHS)
    classes = shown_classes(found.answers)
    arrays = {"answers": found.answers[:, classes].astype("<f4")}
    shown = set(classes)
    if found.named is not None and found.chance is not None:
        arrays |= {"named": found.named.astype("<i4"), "chance": found.chance.astype("<f4")}
        shown |= set(found.named.ravel().tolist())
    best = found.answers.argmax(1).tolist()
    labels = source.answers  # without a classifier, what stands in the place of answers
    known = sorted(one for one in shown | set(best) if one >= 0)
    names = {str(i): [labels[i], labels.emoji[i]] for i in known}
    said = {"classes": classes, "best": best, "names": names, "is_answer": found.named is not None}
    return said, arrays


def shown_classes(answers: np.ndarray) -> list[int]:
    """Those that move most first, then the most probable ones, `[strength, class]` given."""
    moved = answers.max(0) - answers.min(0)
    movers = np.argsort(-moved, kind="stable")[:N_MOVERS].tolist()
    probable = np.argsort(-answers.max(0), kind="stable").tolist()
    return movers + [one for one in probable if one not in movers][:N_OTHERS]

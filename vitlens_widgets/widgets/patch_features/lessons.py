"""What a browser may ask PatchFeatures to teach, and what it is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vitlens_widgets.errors import UsageError, quoted_list
from vitlens_widgets.kinds import is_mapping, is_several
from vitlens_widgets.widgets.patch_features.seam import FeaturesLike, HeldOutLike, TeachingLike

LONGEST_NAME = 60
"""Characters of a class's name that a browser may send."""

WHOLE = 65535
"""A probability of 1 as a code."""

MOST_LESSONS = 1000


def taught(
    teaching: TeachingLike, features: FeaturesLike, examples_from: str, n_prefix: int, method: str
) -> dict[str, Any]:
    """The classes, what every patch answers, and each click left out in turn, as traits."""
    lessons = {"_lessons": described(teaching), "_taught_from": examples_from}
    if not teaching.taught:
        return lessons | {"_class_map": b"", "_certainty": b"", "_held": b""}
    alone = len(teaching.taught) == 1
    answers, certainty, held = (
        _of_one(teaching, features, n_prefix)
        if alone
        else _of_several(teaching, examples_from, method)
    )
    # answers count the classes that have examples; a browser counts all
    of_all = np.array([teaching.classes.index(one) for one in teaching.taught] + [-1])
    codes = np.rint(WHOLE * np.nan_to_num(certainty.astype(np.float64)).clip(0, 1))
    return lessons | {
        "_class_map": of_all[answers].astype("<i2").tobytes(),
        "_certainty": codes.astype("<u2").tobytes(),
        "_held": of_all[held].astype("<i2").tobytes(),
    }


Answered = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Which class each patch answers, how certain it is, and each click left out; see `FilmLike`."""


def _of_several(teaching: TeachingLike, examples_from: str, method: str) -> Answered:
    film = teaching.film(examples_from)
    return film.answers, film.probability, left_out(teaching.held_out(), method)


def _of_one(teaching: TeachingLike, features: FeaturesLike, n_prefix: int) -> Answered:
    """A single class is certain everywhere, which says nothing: how like its examples are they?"""
    clicks = teaching.taught[0].clicks
    like = likeness(features, clicks, n_prefix)
    return np.where(np.isnan(like), -1, 0), like, np.full((2, len(like), len(clicks)), -1)


def left_out(held: HeldOutLike, method: str) -> np.ndarray:
    """What the others take each example for, `[from each state or final, state, example]`.

    A logistic regression is fitted anew for each example that is left out, so that in every state
    would be too much for a click: until it is asked for, it is left out in the final one alone, -1
    elsewhere.
    """
    if method != "logistic" or "by_state" in vars(held):
        return np.stack([held.by_state, held.by_final])
    last = np.full_like(held.by_final, -1)
    last[-1] = held.by_final[-1]
    return np.stack([last, held.by_final])


def likeness(
    features: FeaturesLike, clicks: Sequence[tuple[int, int]], n_prefix: int
) -> np.ndarray:
    """Cosines to the mean of some patches' unit vectors, `[state, image, row, col]`.

    The cosine with a mean of unit vectors is the mean of the cosines with them, divided by
    the mean's length, whose square is the mean of all cosines between them.
    """
    mean = np.mean([features.similarity(*click).patches for click in clicks], 0)
    images, tokens = np.array(clicks).T
    flat = mean.reshape(*mean.shape[:2], -1)
    between = flat[:, images, tokens - n_prefix].mean(1)
    return mean / np.sqrt(between)[:, None, None, None]


def described(teaching: TeachingLike) -> dict[str, Any]:
    """Names, emoji and examples, as JSON."""
    return {
        "classes": [
            {
                "name": one.name,
                "emoji": one.emoji,
                "slot": one.slot,
                "examples": [list(click) for click in one.clicks],
            }
            for one in teaching.classes
        ],
        "can_undo": teaching.can_undo,
        "can_redo": teaching.can_redo,
        "python": teaching.as_python() if teaching.taught else "",
    }


def follow(teaching: TeachingLike, lessons: Any) -> None:
    """Does what a browser asks for, in its order.

    Raises:
        UsageError: Something is no lesson, or cannot be done; what came before it stays done.
    """
    if not is_several(lessons) or len(lessons) > MOST_LESSONS:
        raise UsageError("What is to be taught comes as a list of lessons.")
    for lesson in lessons:
        _do(teaching, lesson)


def _do(teaching: TeachingLike, lesson: Any) -> None:
    deed = lesson.get("do") if is_mapping(lesson) else None
    match deed:
        case "add":
            teaching.add(_name(lesson, "name"), _index(lesson, "image"), _index(lesson, "token"))
        case "remove":
            teaching.remove(_index(lesson, "image"), _index(lesson, "token"))
        case "rename":
            teaching.rename(_name(lesson, "name"), _name(lesson, "to"))
        case "drop":
            teaching.remove_class(_name(lesson, "name"))
        case "undo":
            teaching.undo()
        case "redo":
            teaching.redo()
        case _:
            deeds = quoted_list(("add", "remove", "rename", "drop", "undo", "redo"))
            raise UsageError(f"A lesson does one of {deeds}.")


def _name(lesson: Any, key: str) -> str:
    name = lesson.get(key)
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        raise UsageError(f"A class's name has 1 to {LONGEST_NAME} characters.")
    return name.strip()


def _index(lesson: Any, key: str) -> int:
    index = lesson.get(key)
    if not isinstance(index, int) or isinstance(index, bool):
        raise UsageError(f"A lesson's {key} is an index.")
    return index

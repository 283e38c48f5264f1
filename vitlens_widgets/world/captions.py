"""Captions of scenes: what they show in one sentence, in many wordings of few words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from vitlens_widgets.errors import UsageError, check_count, check_type, did_you_mean
from vitlens_widgets.world.description import (
    COLORS,
    FACTS,
    PLACES,
    SHADES,
    SIZES,
    ColorName,
    Description,
    Thing,
    fact,
    holds,
    with_fact,
)
from vitlens_widgets.world.labels import CLASSES
from vitlens_widgets.world.scene import Scene

PATTERNS = {
    "gradient": "shades",
    "blotches": "clouds",
    "noise": "spots",
    "checks": "checks",
    "stripes": "stripes",
}
"""Kind of background that shows a pattern -> its word."""

# In each, the first is the plain one.
_OPENINGS = ("", "a picture of ", "a drawing of ", "there is ")
_ARTICLES = ("a", "the", "one")
_SIZES = {"small": ("small", "little"), "medium": ("medium",), "large": ("large", "big")}
_NO_THING = "nothing"
_JOINTS = (" and ", " with ", " next to ")
_CORNERS = ("at the {}", "in the {} corner", "in the {}")
_EDGES = ("at the {}", "on the {} side", "on the {}")
_MIDDLES = ("in the middle", "in the center", "at the center")
_BEHIND = (", on {}", " on {}", ", in front of {}", " against {}", ", with {} behind")
_BEHIND_FLAT = (" on a {} background", ", the background is {}")
_BEHIND_PATTERN = (" on a background of {}", ", the background is {}")

_KEPT, _KEPT_IN_BRIEF = 0.85, 0.3  # chance of a detail
BRIEF = 0.4  # share of captions, of which
_ONE_OF_SEVERAL = 0.3  # tell of one thing alone
_FOILED = {"name": 0.4, "place": 0.3, "color": 0.15, "size": 0.15}  # chances of what is wrong


def _all_words() -> tuple[str, ...]:
    """Every word that a caption may have, commas among them, in alphabetical order."""
    wordings = (_OPENINGS, _ARTICLES, *_SIZES.values(), _JOINTS, _CORNERS, _EDGES, _MIDDLES)
    more = (_BEHIND, _BEHIND_FLAT, _BEHIND_PATTERN, PATTERNS.values())
    facts = (CLASSES, COLORS, SHADES, SIZES, PLACES, ("an", _NO_THING))
    return tuple(sorted(set(words_of(" ".join(chain(*wordings, *more, *facts))))))


def words_of(text: str) -> list[str]:
    """The words of a text, in small letters; what stands between them is one, too."""
    return re.findall(r"[^\W\d_]+|\d|[^\s\w]+|_+", text.lower().replace("{}", " "))


WORDS = _all_words()


def check_words(text: str, words: Sequence[str] = WORDS) -> None:
    """Refuse a caption that has a word of no caption.

    Raises:
        UsageError: It has one; the nearest are named.
    """
    for word in words_of(text):
        if word not in words:
            names = ", ".join(one for one in words if one.isalpha())
            near = did_you_mean(word, words)
            raise UsageError(
                f'The caption "{text}" has the word "{word}", which this model was never taught.'
                f"{near} Its words: {names}."
            )


def caption(scene: Scene, wording: int | None = None) -> str:
    """What a scene shows, in one sentence.

    Args:
        scene: From `vl.world.scene`, or changed since.
        wording: A whole number from 0 on for one of many wordings, which may leave details out;
            by default the plain one, with all details.

    Raises:
        UsageError: No scene, or no such number.

    Example:
        >>> caption(world.scene(7))
        'a medium purple star at the left, on dark pink clouds'
    """
    check_type("A caption", scene, Scene, "a scene of the world, such as vl.world.scene(7)")
    if wording is None:
        return _Wording(None).sentence(scene.description)
    wording = check_count("wording", wording, 0)
    return in_words(told_of(scene, wording), (wording, scene.seed))


def told_of(scene: Scene, wording: int) -> Description:
    """What one of many captions tells of a scene: of what it leaves out, nothing ("").

    A brief one tells less, or of one thing alone.
    """
    rng, description = np.random.default_rng((wording, scene.seed)), scene.description
    brief = rng.random() < BRIEF
    chance = _KEPT_IN_BRIEF if brief else _KEPT
    order: list[int] = rng.permutation(len(description.things)).tolist()
    things = [description.things[i] for i in order]
    if brief and rng.random() < _ONE_OF_SEVERAL:
        things = things[:1]

    def kept(detail: str) -> str:
        return detail if rng.random() < chance else ""

    def color_of(color: ColorName) -> ColorName:
        return ColorName(color.name, kept(color.shade))

    def thing_of(thing: Thing) -> Thing:
        color = color_of(thing.color) if kept(thing.color.name) else ColorName("")
        return Thing(thing.name, color, kept(thing.size), kept(thing.place))

    told = tuple(map(thing_of, things))
    if rng.random() >= chance:
        return Description(told, (), "")
    return Description(told, tuple(map(color_of, description.colors)), kept(description.pattern))


def foil_of(told: Description, shown: Description, rng: np.random.Generator) -> Description:
    """The same but for one fact of one thing, so that it is not true of what is shown."""
    while True:
        at = int(rng.integers(len(told.things)))
        thing = told.things[at]
        facts = [name for name in FACTS if fact(thing, name)]
        often = np.array([_FOILED[name] for name in facts])
        what = facts[int(rng.choice(len(facts), p=often / often.sum()))]
        others = [one for one in FACTS[what] if one != fact(thing, what)]
        other = with_fact(thing, what, others[int(rng.integers(len(others)))])
        foil = replace(told, things=(*told.things[:at], other, *told.things[at + 1 :]))
        if not holds(foil, shown):
            return foil


def in_words(told: Description, seed: tuple[int, ...]) -> str:
    """A caption that tells it; the seed chooses the words."""
    return _Wording(np.random.default_rng((*seed, 1))).sentence(told)


def class_prompts() -> dict[str, str]:
    """For each class the caption that says nothing else."""
    return {name: _with_article("a", name) for name in CLASSES}


def thing_prompt(name: str, color: str = "", place: str = "") -> str:
    """The caption of one thing, its colour or its place, and of nothing behind it."""
    where = f" {_Wording(None).place(place)}" if place else ""
    return _with_article("a", f"{color} {name}".strip()) + where


def _with_article(article: str, noun: str) -> str:
    return f"an {noun}" if article == "a" and noun[0] in "aeiou" else f"{article} {noun}"


class _Wording:
    """One way to say what is told: the plain one, or as chance decides."""

    def __init__(self, rng: np.random.Generator | None) -> None:
        self._rng = rng

    def sentence(self, told: Description) -> str:
        """All of it."""
        shown = self._one_of(_JOINTS).join(map(self._thing, told.things)) or _NO_THING
        return self._one_of(_OPENINGS) + shown + self._behind(told)

    def _thing(self, thing: Thing) -> str:
        size = self._one_of(_SIZES[thing.size]) if thing.size else ""
        words = filter(None, [size, self._color(thing.color), thing.name])
        noun = _with_article(self._one_of(_ARTICLES), " ".join(words))
        return f"{noun} {self.place(thing.place)}" if thing.place else noun

    def _color(self, color: ColorName) -> str:
        return f"{color.shade} {color.name}".strip()

    def place(self, place: str) -> str:
        """Where a thing is."""
        if place == "middle":
            return self._one_of(_MIDDLES)
        return self._one_of(_CORNERS if " " in place else _EDGES).format(place)

    def _behind(self, told: Description) -> str:
        if not told.colors:
            return ""
        colors = " and ".join(map(self._color, told.colors))
        pattern = PATTERNS.get(told.pattern)
        if pattern is None:
            return self._one_of((*_BEHIND, *_BEHIND_FLAT)).format(colors)
        return self._one_of((*_BEHIND, *_BEHIND_PATTERN)).format(f"{colors} {pattern}")

    def _one_of(self, wordings: Sequence[str]) -> str:
        """The first, plain one half of the time where chance decides."""
        if self._rng is None or self._rng.random() < 0.5:
            return wordings[0]
        return wordings[int(self._rng.integers(len(wordings)))]

"""Examples of classes as a user gives them: patches of images, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from vitlens_widgets.data import LabelSet
from vitlens_widgets.data.emoji import split_emoji
from vitlens_widgets.errors import UsageError, as_list, check_text, said
from vitlens_widgets.kinds import is_mapping, is_several
from vitlens_widgets.lenses.features import FeatureReading
from vitlens_widgets.models import TokenLayout
from vitlens_widgets.trace.selection import position
from vitlens_widgets.trace.sites import check_index

SUCH_AS = '{"helmet": [(0, (27, 25)), (0, (29, 23))], "flag": [(0, (4, 2))]}'


class Click(NamedTuple):
    """One example: a patch of an image."""

    image: int
    token: int
    """Its index in the whole sequence."""


class PatchExamples(NamedTuple):
    """Examples of every class, in the order of teaching."""

    names: tuple[str, ...]
    emoji: tuple[str, ...]
    """One for each class; "" where the user gave none."""
    clicks: tuple[tuple[Click, ...], ...]
    """Of each class."""

    @property
    def flat(self) -> list[Click]:
        """All of them, class by class."""
        return [click for of_class in self.clicks for click in of_class]

    @property
    def classes(self) -> np.ndarray:
        """The class of each of `flat`, int64 `[example]`."""
        return np.repeat(np.arange(len(self.names)), [len(of_class) for of_class in self.clicks])

    @property
    def labels(self) -> LabelSet:
        """The names, with their emoji."""
        return LabelSet.of(self.names, "taught", self.emoji)

    def as_json(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        clicks = [[list(click) for click in of_class] for of_class in self.clicks]
        return {"names": list(self.names), "emoji": list(self.emoji), "clicks": clicks}

    @classmethod
    def from_json(cls, words: Mapping[str, Any]) -> PatchExamples:
        """What `as_json` said."""
        clicks = (tuple(Click(*click) for click in of_class) for of_class in words["clicks"])
        return cls(tuple(words["names"]), tuple(words["emoji"]), tuple(clicks))


class Pictures:
    """Pictures that examples lie in, each once."""

    def __init__(self) -> None:
        self.every: list[Any] = []

    def index(self, picture: Any) -> int:
        """The place of a picture, which is appended when it is new."""
        for i, known in enumerate(self.every):
            if known is picture or (isinstance(picture, str) and known == picture):
                return i
        self.every.append(picture)
        return len(self.every) - 1


def check_patch(token: Any, layout: TokenLayout) -> int:
    """The index of a patch, given by its index or its (row, column).

    Raises:
        UsageError: There is no such token, or it is no patch.
    """
    index = layout.find(token)
    if index < layout.n_prefix:
        raise UsageError(f"Classes are taught by patches, and {layout.describe(index)} is none.")
    return index


def check_click(image: Any, token: Any, features: FeatureReading) -> Click:
    """An example, if it is a patch that was seen.

    Raises:
        UsageError: No such image or patch, or one that was dropped.
    """
    check_index("image", image, features.n_images)
    index = check_patch(token, features.layout)
    position(index, features.layout, features.trace.tokens)
    return Click(int(image), index)


def placed(image: Any, token: Any, n_images: int) -> tuple[Any, Any]:
    """Image and token of an example; in the only image, its patch alone may be given.

    Raises:
        UsageError: There are several images, and no token.
    """
    if token is not None:
        return image, token
    if n_images == 1:
        return 0, image
    raise UsageError(
        f"An example is an image and a patch, such as 0, (27, 25); {image!r} alone says not in "
        f"which of {n_images} images."
    )


def check_name(name: Any) -> str:
    """The name of a class, without space around it.

    Raises:
        UsageError: It is no text, or an empty one.
    """
    name = " ".join(check_text("The name of a class", name, "helmet").split())
    if not name:
        raise UsageError('A class needs a name, such as "helmet".')
    return name


def is_called(name: str, other: str) -> bool:
    """Whether two names are of one class: emoji, capitals and "_" for a space do not count."""
    keys = (split_emoji(one)[1].casefold().replace("_", " ") for one in (name, other))
    return len(set(keys)) == 1


def named_pairs(examples: Any) -> dict[str, list[tuple[Any, Any]]]:
    """The (image, token) pairs of each class, with nothing known of image and token yet.

    Raises:
        UsageError: No mapping of names to such pairs, or a class without any.
    """
    if not is_mapping(examples) or not examples:
        what = "an empty dict" if is_mapping(examples) else said(examples)
        raise UsageError(f"Examples are given by name, such as {SUCH_AS}, not as {what}.")
    named: dict[str, list[tuple[Any, Any]]] = {}
    for given, of_class in examples.items():
        name = check_name(given)
        if any(is_called(name, other) for other in named):
            raise UsageError(f'Two classes are called "{name}"; give each a name of its own.')
        pairs = as_list(f'The class "{name}"', of_class, "[(0, (27, 25))]")
        if not pairs:
            raise UsageError(f'The class "{name}" has no example; give it one, or leave it out.')
        named[name] = [_pair(name, pair) for pair in pairs]
    return named


def checked(pairs: Mapping[str, list[tuple[Any, Any]]], features: FeatureReading) -> PatchExamples:
    """Examples of which every one is a patch that was seen, and is there once.

    Raises:
        UsageError: As `check_click`, or one patch is given twice.
    """
    seen: dict[Click, str] = {}
    clicks: list[tuple[Click, ...]] = []
    for name, of_class in pairs.items():
        own = tuple(check_click(*pair, features) for pair in of_class)
        for click in own:
            check_new(click, seen.get(click), features.layout)
            seen[click] = name
        clicks.append(own)
    emoji, names = zip(*map(split_emoji, pairs), strict=True)
    return PatchExamples(names, emoji, tuple(clicks))


def check_new(click: Click, name: str | None, layout: TokenLayout) -> None:
    """Refuse a patch that is an example already.

    Raises:
        UsageError: It is, of the class of this name.
    """
    if name is not None:
        where = f"image {click.image}, {layout.describe(click.token)}"
        raise UsageError(f'The patch at {where} is an example of "{name}" already.')


def _pair(name: str, pair: Any) -> tuple[Any, Any]:
    if not (is_several(pair) and len(pair) == 2):
        raise UsageError(
            f'An example of "{name}" is a pair (image, token), such as (0, (27, 25)), not {pair!r}.'
        )
    return pair[0], pair[1]

"""The nouns that are kept here, read from `nouns.tsv`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

FILE = "nouns.tsv"


class Noun(NamedTuple):
    """One sense of a noun, a synset of WordNet.

    Attributes:
        name: Its first word.
        kinds: What it is a kind or an instance of, their offsets.
        classes: Which classes of known label sets it is, `("world", 0)` for the cat.
    """

    name: str
    kinds: tuple[str, ...]
    classes: tuple[tuple[str, int], ...] = ()


@lru_cache(maxsize=1)
def nouns() -> dict[str, Noun]:
    """The nouns by offset, eight digits: what ImageNet writes after its n."""
    file = files("vitlens_widgets.data.wordnet").joinpath(FILE)
    return parsed(file.read_text(encoding="utf-8").splitlines())


def senses(label_set: str) -> dict[int, str]:
    """The offset of each class of a known label set, by the class's index; empty for others."""
    return {
        index: offset
        for offset, noun in nouns().items()
        for name, index in noun.classes
        if name == label_set
    }


def parsed(lines: Iterable[str]) -> dict[str, Noun]:
    """What `written` has written; lines that begin with # are remarks."""
    found: dict[str, Noun] = {}
    for line in lines:
        if not line.startswith("#"):
            offset, name, kinds, classes = line.split("\t")
            pairs = (entry.rsplit(":", 1) for entry in classes.split())
            classes = tuple((label_set, int(index)) for label_set, index in pairs)
            found[offset] = Noun(name, tuple(kinds.split()), classes)
    return found


def written(found: dict[str, Noun]) -> list[str]:
    """One line per noun, by offset: offset, name, kinds, classes."""
    return [
        "\t".join(
            (
                offset,
                noun.name,
                " ".join(noun.kinds),
                " ".join(f"{name}:{index}" for name, index in noun.classes),
            )
        )
        for offset, noun in sorted(found.items())
    ]

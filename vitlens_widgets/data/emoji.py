"""One emoji for a class name: chosen by hand where the name is known, by its words elsewhere.

Hand-made tables stand beside this file, an emoji and the names it serves on each line:
`emoji_imagenet.tsv` and `emoji_world.tsv` for the classes of these sets with their indices,
`emoji_words.tsv` for the words and phrases of any other.

A name is understood as English is: its last word says what the thing is ("fire truck" is a truck),
words before it only say which one. So a phrase must be whole words that end the name: "house cat"
is a cat, "cat flap" is none, and "catapult" has nothing to do with either. Of several phrases
that fit, the longest counts: "hot dog" is no dog.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from unicodedata import category

from vitlens_widgets.errors import check_text

_BEFORE_CONNECTIVE = re.compile(r"\s(?:with|in|on|at|for|from|by|near|without)\s")
_ALTERNATIVES = re.compile(r"[,;/|()\[\]]|__+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_IRREGULAR = {
    "children": "child",
    "feet": "foot",
    "geese": "goose",
    "men": "man",
    "mice": "mouse",
    "oxen": "ox",
    "teeth": "tooth",
    "women": "woman",
}
_SETS = {"imagenet-1k": "emoji_imagenet.tsv", "world": "emoji_world.tsv"}
_AS_PICTURE = "\ufe0f"
_ODD_ONES = re.compile(
    f"[0-9#*]{_AS_PICTURE}?\u20e3|\u2139{_AS_PICTURE}|[\u25fd\u25fe]{_AS_PICTURE}?"
)
"""Keycaps and emoji that Unicode counts among letters and signs of mathematics."""
_PICTURES = re.compile("[\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
"""Blocks whose symbols are pictures by themselves."""
_LIKENESS = 0.95  # share of a known set's names, in their places, by which it is recognised


def emoji_for(name: str) -> str:
    """The emoji that fits a class name, as one grapheme cluster; "" where none fits.

    Args:
        name: a class name as data sets spell them: words may be joined by "_" or "-" or by
            capitals, stand in the plural, begin with a number ("017.Cardinal"), or be followed by
            synonyms after commas, which are tried in their order.

    Raises:
        UsageError: It is no text.

    Example:
        >>> emoji_for("golden retriever"), emoji_for("FireTrucks"), emoji_for("catapult")
        ('🐕', '🚒', '')
    """
    check_text("The name of a class", name, "cat")
    whole = re.sub(r"^\d+[\s._-]+(?=\D)", "", name.strip())
    for text in dict.fromkeys((whole, _CAMEL.sub(" ", whole))):
        if emoji := _lookup(_words(text)):
            return emoji
        for part in _parts(text):
            if emoji := _of_phrase(_words(part)):
                return emoji
    return ""


def split_emoji(name: str) -> tuple[str, str]:
    """(emoji, the rest) of a name that begins or ends with an emoji; ("", name) without one.

    Example:
        >>> split_emoji("⛑️ helmet"), split_emoji("traffic light 🚦"), split_emoji("helmet")
        (('⛑️', 'helmet'), ('🚦', 'traffic light'), ('', 'helmet'))
    """
    words = name.split()
    for place in (0, -1):
        if len(words) > 1 and _is_emoji(words[place]):
            return words.pop(place), " ".join(words)
    return (name if words and _is_emoji(name) else ""), name


def _is_emoji(word: str) -> bool:
    """Whether it is a picture, alone: no letter or digit, and no sign of text such as "№" or "©".

    What is a picture only where U+FE0F asks for it ("©️") is none without.
    """
    if _ODD_ONES.fullmatch(word):
        return True
    asked = _AS_PICTURE in word and any(ord(char) > 0x7F for char in word.strip(_AS_PICTURE))
    kinds = ("So", "Cn")  # Python's table may not know the newest of them
    pictures = any(_PICTURES.match(char) and category(char) in kinds for char in word)
    return (asked or pictures) and not any(char.isalnum() or char.isspace() for char in word)


def emoji_of_set(names: Sequence[str]) -> tuple[str, ...]:
    """One emoji for each name of a label set.

    ImageNet-1k and the world are recognised by their names in their order (with synonyms or
    without, with further classes behind or without), so that ImageNet's kite is the bird and its
    mouse the computer's; every other name stands for itself.
    """
    known = recognised(names)
    chosen = _table(_SETS[known]) if known else ()
    rest = (emoji_for(name) for name in names[len(chosen) :])
    return (*(emoji for _, emoji in chosen), *rest)


def recognised(names: Sequence[str]) -> str:
    """Which set these are the names of: "imagenet-1k", "world" or ""; see `emoji_of_set`."""
    return next((known for known, file in _SETS.items() if _begins_with(names, _table(file))), "")


def _begins_with(names: Sequence[str], table: Sequence[tuple[str, str]]) -> bool:
    if len(names) < len(table):
        return False
    pairs = zip(names, table, strict=False)
    alike = sum(name.split(",")[0].strip().casefold() == own.casefold() for name, (own, _) in pairs)
    return alike >= _LIKENESS * len(table)


def _parts(text: str) -> Iterator[str]:
    """What the thing may be, best first: "tomato soup, broth of beef" -> all but the word "of"."""
    for alternative in _ALTERNATIVES.split(text):
        head = _BEFORE_CONNECTIVE.split(alternative)[0]
        yield from re.split(r"\sof\s", head)


def _words(text: str) -> list[str]:
    words = re.findall(r"[^\W_]+", re.sub(r"['’]s?\b", "", text.casefold()))
    while len(words) > 1 and words[-1].isdigit():  # a year or a number says nothing of the kind
        words.pop()
    return words


def _of_phrase(words: list[str]) -> str:
    """The emoji of the longest known phrase that ends `words`."""
    ends = (_lookup(words[start:]) for start in range(len(words)))
    return next(filter(None, ends), "") or _imagenet_words().get(" ".join(words), "")


def _lookup(words: list[str]) -> str:
    """The emoji of just this phrase, in the singular or the plural."""
    if not words:
        return ""
    *before, last = words
    known = (_phrases().get(" ".join([*before, form])) for form in _singulars(last))
    return next(filter(None, known), "")


def _singulars(word: str) -> Iterator[str]:
    """The word as it is, then what its singular may be."""
    yield word
    if word in _IRREGULAR:
        yield _IRREGULAR[word]
    if word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]
        if word.endswith("es"):
            yield word[:-2]
        if word.endswith("ies"):
            yield word[:-3] + "y"
        if word.endswith("ves"):
            yield from (word[:-3] + "f", word[:-3] + "fe")


def _rows(file: str) -> Iterator[tuple[str, str]]:
    """Each (emoji, entry) of a table."""
    text = files("vitlens_widgets.data").joinpath(file).read_text(encoding="utf-8")
    for line in text.splitlines():
        emoji, tab, entries = line.partition("\t")
        if tab:
            yield from ((emoji, entry) for entry in entries.split(", "))


@lru_cache(maxsize=len(_SETS))
def _table(file: str) -> tuple[tuple[str, str], ...]:
    """(first name, emoji) of each class of a known set, by index."""
    table: dict[int, tuple[str, str]] = {}
    for emoji, entry in _rows(file):
        index, _, name = entry.partition(" ")
        table[int(index)] = (name, emoji)
    return tuple(table[index] for index in sorted(table))


@lru_cache(maxsize=1)
def _imagenet_words() -> dict[str, str]:
    """ImageNet-1k's names as whole names: a "pole" alone is one, the North Pole is not."""
    return {" ".join(_words(name)): emoji for name, emoji in _table("emoji_imagenet.tsv")}


@lru_cache(maxsize=1)
def _phrases() -> dict[str, str]:
    """Every phrase that may end a name: the words, and ImageNet-1k's names of several words."""
    several = {name: emoji for name, emoji in _imagenet_words().items() if " " in name}
    return several | {" ".join(_words(entry)): emoji for emoji, entry in _rows("emoji_words.tsv")}

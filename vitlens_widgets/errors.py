"""A user's mistake, said in one sentence: what was given, what was expected, what to do."""

from __future__ import annotations

import difflib
import inspect
import math
import operator
import warnings
from collections.abc import Iterable
from numbers import Real
from types import FrameType
from typing import Any, TypeVar

Choice = TypeVar("Choice")
Thing = TypeVar("Thing")


class UsageError(ValueError):
    """Something was given that cannot be used; the message says what, and what to do instead."""


class UnsupportedModelError(UsageError):
    """A model breaks an assumption that the numbers rest on; the message names the assumption."""


def warn(text: str, kind: type[Warning] = UserWarning) -> None:
    """Warns of something at the user's own line: the first that is outside of the package.

    What the package is called through, such as a context manager or a module's hook, is not it.
    """
    level, frame = 1, inspect.currentframe()
    while frame and frame.f_back and _package_of(frame) in _NOT_THE_USERS:
        level, frame = level + 1, frame.f_back
    warnings.warn(text, kind, stacklevel=level)


_NOT_THE_USERS = {__name__.partition(".")[0], "contextlib", "functools", "torch"}


def _package_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def nearest(word: str, candidates: Iterable[str], n: int = 3) -> list[str]:
    """The `n` candidates that look most like `word`, best first.

    Candidates that contain the word come before those that merely resemble it. Case counts between
    candidates alone that differ in nothing else: of a function and its class, one is meant.
    """
    capital = word[:1].isupper()
    folded: dict[str, str] = {}
    for candidate in candidates:
        first = folded.setdefault(candidate.casefold(), candidate)
        if first[:1].isupper() != capital == candidate[:1].isupper():
            folded[candidate.casefold()] = candidate
    word = word.casefold()
    containing = sorted((c for c in folded if word and word in c), key=len)
    alike = difflib.get_close_matches(word, folded, n=n, cutoff=0.5)
    return [folded[c] for c in dict.fromkeys([*containing[:n], *alike])][:n]


def did_you_mean(word: str, candidates: Iterable[str], n: int = 3) -> str:
    """` Nearest: "dog", "cat".` for the end of an error sentence; empty where nothing is near."""
    found = nearest(word, candidates, n)
    return f" Nearest: {quoted_list(found)}." if found else ""


def check_choice(what: str, given: Choice, choices: Iterable[str]) -> Choice:
    """What was given, if it is one of the choices.

    Raises:
        UsageError: It is not; the nearest are named.
    """
    choices = list(choices)
    is_word = isinstance(given, str)
    if not is_word or given not in choices:
        near = did_you_mean(given, choices) if is_word and len(choices) > 3 else ""
        raise UsageError(f"{what} must be one of {quoted_list(choices)}, not {given!r}.{near}")
    return given


def as_list(what: str, given: Any, such_as: str) -> list[Any]:
    """What was given, as a list.

    Raises:
        UsageError: It is no list.
    """
    try:
        return list(given)
    except TypeError:
        raise UsageError(f"{what} takes a list, such as {such_as}, not {said(given)}.") from None


def check_text(what: str, given: Any, such_as: str) -> str:
    """What was given, if it is a text.

    Raises:
        UsageError: It is none.
    """
    if not isinstance(given, str):
        raise UsageError(f'{what} is a text, such as "{such_as}", not {said(given)}.')
    return given


def check_flag(what: str, given: Any) -> bool:
    """What was given, if it is True or False.

    Raises:
        UsageError: It is neither.
    """
    if not isinstance(given, bool):
        raise UsageError(f"{what} is True or False, not {said(given)}.")
    return given


def whole_number(given: Any) -> int | None:
    """What was given, if it is a whole number: NumPy's are, True, 1.5 and "1" are none."""
    if isinstance(given, bool):
        return None
    try:
        return operator.index(given)
    except TypeError:
        return None


def check_count(what: str, given: Any, least: int, most: float = float("inf")) -> int:
    """What was given, if it is a whole number from `least` to `most`.

    Raises:
        UsageError: It is not; the range is named.
    """
    count = whole_number(given)
    if count is None or not least <= count <= most:
        upto = "on" if most == float("inf") else f"to {most}"
        raise UsageError(f"{what} must be a whole number from {least} {upto}, not {given!r}.")
    return count


def check_number(what: str, given: Any, above: float = float("-inf")) -> float:
    """The number, if it is a finite one, and larger than `above`.

    Raises:
        UsageError: It is not.
    """
    is_number = isinstance(given, Real) and not isinstance(given, bool)
    if not is_number or not math.isfinite(given) or given <= above:
        least = "" if above == float("-inf") else f" above {above:g}"
        raise UsageError(f"{what} takes a number{least}, such as 0.25, not {given!r}.")
    return float(given)


def check_from_0(what: str, given: Any) -> float:
    """The number, if it is a finite one, 0 or more.

    Raises:
        UsageError: It is not.
    """
    if (number := check_number(what, given)) < 0:
        raise UsageError(f"{what} takes a number from 0 on, such as 0.001, not {given!r}.")
    return number


def check_type(what: str, given: Any, kind: type[Thing], such_as: str) -> Thing:
    """What was given, if it is of this class.

    Args:
        what: Takes it, to begin the sentence.
        given: What was given.
        kind: The class.
        such_as: What would do: `'a model from vl.load, such as vl.load("toy/p32")'`.

    Raises:
        UsageError: It is of another.
    """
    if not isinstance(given, kind):
        raise UsageError(f"{what} takes {such_as}, not {said(given)}.")
    return given


def check_seed(seed: Any) -> int:
    """The seed, if it is a whole number from 0 on that a generator takes.

    Raises:
        UsageError: It is not.
    """
    number = whole_number(seed)
    if number is None or not 0 <= number < 2**63:
        raise UsageError(f"seed is {seed!r}; a seed is a whole number from 0 on, below 2**63.")
    return number


def said(given: Any) -> str:
    """What was given, as an error sentence names it: `"cat.png"`, `None`, `an int`."""
    if given is None or isinstance(given, str):
        return "None" if given is None else f'"{given}"'
    kind = type(given).__name__
    vowel = kind.lower().startswith((*"aeiou", "nd"))  # an ndarray
    return f"{'an' if vowel else 'a'} {kind}"


def counted(n: int, thing: str) -> str:
    """`1 image`, `2 images`."""
    return f"{n} {thing if n == 1 else many(thing)}"


def many(thing: str) -> str:
    """`images`, `memories`."""
    return f"{thing[:-1]}ies" if thing.endswith("ry") else f"{thing}s"


def quoted_list(words: Iterable[str]) -> str:
    """`"dog", "cat"`: names as an error sentence lists them."""
    return ", ".join(f'"{word}"' for word in words)

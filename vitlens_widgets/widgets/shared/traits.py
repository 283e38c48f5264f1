"""The kinds of choice a widget offers as traits; each refuses a bad value with one sentence."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import numpy as np
from traitlets import HasTraits, TraitError, TraitType

from vitlens_widgets.errors import UsageError, did_you_mean, quoted_list, whole_number
from vitlens_widgets.kinds import is_several


class TraitUsageError(UsageError, TraitError):
    """A trait was given a value it cannot take; the trait keeps the value it had."""


MOST_PROMPTS, LONGEST_PROMPT = 1000, 400
"""How many prompts, and characters of one, a widget takes: no model reads longer ones."""


Given = TypeVar("Given", bound="int | None")
"""What an index is read as: `int`, or `int | None` where it may be None."""


class Index(TraitType[Given, Any]):
    """An index from 0 up to, and not including, a count that the widget knows.

    Args:
        count: Name of the widget's attribute that holds the count.
        meaning: What is counted, for the error sentence, e.g. "a head".
        from_end: -1 is the last, -2 the one before it, as in Python.
    """

    def __init__(
        self, count: str, meaning: str, *, from_end: bool = False, **keywords: Any
    ) -> None:
        super().__init__(**keywords)
        self._count = count
        self._meaning = meaning
        self._from_end = from_end

    def validate(self, obj: HasTraits, value: Any) -> int:
        """Gives `value` as an `int`; NumPy's integers and one-element tensors are welcome."""
        count = getattr(obj, self._count)
        index = whole_number(value)
        if self._from_end:
            index = _from_end(index, count)
        if index is None or not 0 <= index < count:
            or_none = ", or None" if self.allow_none else ""
            raise TraitUsageError(
                f"{self.name} must be the index of {self._meaning}, 0 to {count - 1}{or_none}; "
                f"{value!r} was given."
            )
        return index


class State(TraitType[int, Any]):
    """A state of the residual stream, by its index or its name; kept and sent as the index.

    Args:
        names: Name of the widget's attribute that holds the names, such as "9_pre" and "final".
        meaning: What it is, for the error sentence.
    """

    def __init__(self, names: str, meaning: str = "a state", **keywords: Any) -> None:
        super().__init__(**keywords)
        self._names = names
        self._meaning = meaning

    def validate(self, obj: HasTraits, value: Any) -> int:
        """Gives the index of `value`."""
        names = list(getattr(obj, self._names))
        if isinstance(value, str) and value in names:
            return names.index(value)
        index = _from_end(whole_number(value), len(names))
        if index is None or not 0 <= index < len(names):
            hint = did_you_mean(value, names) if isinstance(value, str) else ""
            raise TraitUsageError(
                f"{self.name} must be the index of {self._meaning}, 0 to {len(names) - 1}, or its "
                f'name, "{names[0]}" to "{names[-1]}"; {value!r} was given.{hint}'
            )
        return index

    def said(self, obj: HasTraits, value: int) -> str:
        """Its name."""
        return repr(getattr(obj, self._names)[value])


class Token(Index[Given]):
    """A token of the sequence: its index, a patch's (row, column), or a prefix token's name.

    The widget's `_meta` holds the names of the prefix tokens and the size of the grid.
    """

    def validate(self, obj: HasTraits, value: Any) -> int:
        """Gives the token's index."""
        meta = cast("dict[str, Any]", getattr(obj, "_meta", {}))
        if isinstance(value, str):
            return self._named(value, list(meta["prefix"]))
        pair = _pair(value)
        if pair is None:
            return super().validate(obj, value)
        row, col = pair
        if not (0 <= row < meta["rows"] and 0 <= col < meta["cols"]):
            raise TraitUsageError(
                f"{self.name} must be a patch's (row, column), rows 0 to {meta['rows'] - 1} and "
                f"columns 0 to {meta['cols'] - 1}; {value!r} was given."
            )
        token = len(meta["prefix"]) + row * int(meta["cols"]) + col
        return super().validate(obj, token)

    def _named(self, value: str, names: list[str]) -> int:
        if value.casefold() not in (folded := [name.casefold() for name in names]):
            known = f"one of {quoted_list(names)}" if names else "an index: there are no others"
            raise TraitUsageError(
                f"{self.name} by name must be {known}; {value!r} was given."
                f"{did_you_mean(value, names)}"
            )
        return folded.index(value.casefold())

    def said(self, obj: HasTraits, value: int) -> str:
        """`(2, 4)` of a patch, `'CLS'` of a prefix token."""
        meta = cast("dict[str, Any]", getattr(obj, "_meta", {}))
        patch = value - len(meta["prefix"])
        return repr(meta["prefix"][value] if patch < 0 else divmod(patch, int(meta["cols"])))


class KeptToken(Token[Given]):
    """A token of the layout that was in the traced sequence; the widget's `_kept` holds them."""

    def validate(self, obj: Any, value: Any) -> int:
        """Gives `value` as an `int`."""
        token = super().validate(obj, value)
        if token not in obj._kept:
            raise TraitUsageError(
                f"{self.name} must be a token of the traced sequence; token {token} was dropped "
                "from it."
            )
        return token


class OneOf(TraitType[str, Any]):
    """One of a few words.

    Args:
        words: The words, the default first.
    """

    def __init__(self, *words: str, **keywords: Any) -> None:
        super().__init__(default_value=words[0], **keywords)
        self.words = words

    def validate(self, obj: HasTraits, value: Any) -> str:
        """Gives `value` back when it is one of the words."""
        words = self.words_of(obj)
        if not isinstance(value, str) or value not in words:
            hint = did_you_mean(value, words) if isinstance(value, str) else ""
            raise TraitUsageError(
                f"{self.name} must be one of {quoted_list(words)}; {value!r} was given.{hint}"
            )
        return value

    def words_of(self, obj: HasTraits) -> tuple[str, ...]:  # noqa: ARG002 - others ask the widget
        """The words that this widget takes."""
        return self.words


class OneOfNames(OneOf):
    """One of a few words, or of the names that the widget knows.

    Args:
        words: The words, the default first.
        also: Name of the widget's attribute that holds the other names.
    """

    def __init__(self, *words: str, also: str, **keywords: Any) -> None:
        super().__init__(*words, **keywords)
        self._also = also

    def words_of(self, obj: HasTraits) -> tuple[str, ...]:
        """The words, then the widget's names."""
        return (*self.words, *getattr(obj, self._also))


class ClassIndex(TraitType[Given, Any]):
    """A class of the widget's label set, by name or by index; kept and sent as the index.

    Without any labels it is None.

    Args:
        labels: Name of the widget's attribute that holds the label set.
    """

    def __init__(self, labels: str, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._labels = labels

    def validate(self, obj: HasTraits, value: Any) -> int | None:
        """Gives the class index of `value`."""
        labels = getattr(obj, self._labels)
        if value is None and not len(labels):
            return None
        index = whole_number(value)
        if index is None and not isinstance(value, str):
            raise TraitUsageError(
                f"{self.name} must be a label's name or its index, 0 to {len(labels) - 1}; "
                f"{value!r} was given."
            )
        try:
            return int(labels.index(value if index is None else index))
        except UsageError as error:
            raise TraitUsageError(str(error)) from None

    def said(self, obj: HasTraits, value: int) -> str:
        """Its label."""
        return repr(getattr(obj, self._labels)[value])


class Prompts(TraitType[tuple[str, ...], Any]):
    """Texts that a model of images and texts is asked, each once; none for other models.

    No list: what is appended to a list, its widget does not hear of.

    Args:
        are_read: Name of the widget's attribute that says whether its model is asked any.
    """

    def __init__(self, are_read: str, **keywords: Any) -> None:
        super().__init__(default_value=(), **keywords)
        self._are_read = are_read

    def validate(self, obj: HasTraits, value: Any) -> tuple[str, ...]:
        """Gives the texts, without space around them."""
        if getattr(obj, self._are_read):
            return checked_prompts(value)
        if not is_several(value) or len(value):
            raise TraitUsageError(
                f"{self.name} are for a CLIP or SigLIP that classifies by them, and this model "
                "does not."
            )
        return ()


def checked_prompts(given: Any) -> tuple[str, ...]:
    """Texts to classify by, each once, without space around them.

    Raises:
        TraitUsageError: They are none, too many, or too long.
    """
    every = list(given) if is_several(given) else [None]
    texts = tuple(one.strip() for one in every if isinstance(one, str) and one.strip())
    fits = 0 < len(texts) == len(every) <= MOST_PROMPTS
    if not fits or max(map(len, texts)) > LONGEST_PROMPT:
        raise TraitUsageError(
            f'prompts must be a list of texts, such as ["a photo of a cat", "a photo of a dog"], '
            f"at most {MOST_PROMPTS}, each of 1 to {LONGEST_PROMPT} characters; {_short(given)} "
            "was given."
        )
    again = next((one for one in texts if texts.count(one) > 1), None)
    if again is not None:
        raise TraitUsageError(f'"{_short(again)}" is there twice among the prompts.')
    return texts


class Switch(TraitType[bool, Any]):
    """True or False."""

    def validate(self, obj: HasTraits, value: Any) -> bool:  # noqa: ARG002 - traitlets' signature
        """Gives `value` as a `bool`."""
        if not isinstance(value, bool | np.bool_):
            raise TraitUsageError(f"{self.name} must be True or False; {value!r} was given.")
        return bool(cast("bool", value))


def _from_end(index: int | None, count: int) -> int | None:
    """-1 as the last; what is no place at all is given back."""
    return index if index is None or index >= 0 or index < -count else index + count


def _pair(value: Any) -> tuple[int, int] | None:
    """Two integers, such as a row and a column."""
    if not isinstance(value, tuple | list):
        return None
    match [whole_number(one) for one in cast("list[Any]", value)]:
        case [int(row), int(col)]:
            return row, col
        case _:
            return None


def _short(value: Any) -> str:
    """A value in a few words."""
    words = value if isinstance(value, str) else repr(value)
    return words if len(words) <= 60 else f"{words[:60]}..."

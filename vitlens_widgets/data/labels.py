"""What the classes of a model are called: short, unique names in the order of their indices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from numbers import Integral
from typing import Any, SupportsIndex, overload

from vitlens_widgets.data.emoji import emoji_of_set
from vitlens_widgets.data.known_sets import known_set
from vitlens_widgets.errors import (
    UsageError,
    as_list,
    check_count,
    check_text,
    did_you_mean,
    said,
    whole_number,
)
from vitlens_widgets.kinds import is_mapping

MOST_CLASSES = 10**6


class LabelSet(Sequence[str]):
    """An immutable sequence of unique class names; `labels[i]` is the name of class i.

    A class is named by what stands before the first comma of its description ("tench" for "tench,
    Tinca tinca"); classes that would share a name, capitals aside, keep more of their description.

    Make one with `LabelSet.of`, `LabelSet.known` or `LabelSet.numbered`.

    Example:
        >>> labels = LabelSet.of(["cat", "dog", "boat"])
        >>> labels[1], labels.index("Boat"), labels.emoji
        ('dog', 2, ('🐱', '🐶', '⛵'))
    """

    def __init__(
        self,
        descriptions: Sequence[str],
        definitions: Sequence[str],
        name: str,
        emoji: Sequence[str] = (),
    ) -> None:
        self._name = name
        self._given = tuple(emoji)
        self._descriptions = tuple(descriptions)
        self._names = tuple(_unique_names(descriptions, definitions))

    @classmethod
    def of(cls, names: Iterable[str], name: str = "", emoji: Sequence[str] = ()) -> LabelSet:
        """The label set of a model of one's own.

        Args:
            names: one name per class in the order of the model's outputs, with synonyms after
                commas if there are any; or a dict of names by index, or of indices by name, such as
                the `id2label` and `label2id` of a Hugging Face model.
            name: what the set is called.
            emoji: one of one's own for each class; where it is "", as for all without any, one
                that fits the name.

        Raises:
            UsageError: there are no names or they are in no order, one of them is not a string,
                or there are not as many emoji.
        """
        if isinstance(names, str):
            raise UsageError(f'Labels were given as one string, "{names}": give a list of names.')
        names = _listed(names)
        if not names:
            raise UsageError("An empty list of labels was given: give one name per class.")
        for index, label in enumerate(names):
            if not isinstance(label, str):
                raise UsageError(
                    f"Label {index} is {label!r}, {said(label)}: every label must be "
                    "a string; LabelSet.numbered(n) names classes by their number."
                )
        if emoji and len(emoji) != len(names):
            raise UsageError(f"{len(emoji)} emoji were given for {len(names)} labels.")
        return cls([" ".join(label.split()) for label in names], [""] * len(names), name, emoji)

    @classmethod
    def known(cls, name: str) -> LabelSet:
        """The label set of a well-known data set.

        Args:
            name: "imagenet-1k", "imagenet-12k", "imagenet-21k", "imagenet-21k-miil",
                "imagenet-22k", "imagenet-22k-ms", "cifar10", "cifar100" or "world".

        Raises:
            UsageError: the set is not built in; the message lists those that are.
        """
        return _known(check_text("The name of a label set", name, "imagenet-1k"))

    @classmethod
    def numbered(cls, n: int) -> LabelSet:
        """The names "class 0", "class 1", ...: for a model whose classes nobody named.

        Raises:
            UsageError: No number of classes.
        """
        count = check_count("A number of classes", n, least=1, most=MOST_CLASSES)
        return cls.of((f"class {i}" for i in range(count)), "numbered")

    @property
    def name(self) -> str:
        """What the set is called, such as "imagenet-1k"; "" where nobody said."""
        return self._name

    @property
    def emoji(self) -> tuple[str, ...]:
        """One emoji per class, each one grapheme cluster; "" where none fits."""
        return self._emoji

    @cached_property
    def _emoji(self) -> tuple[str, ...]:
        found = emoji_of_set(self._descriptions)
        if not self._given:
            return found
        return tuple(own or fitting for own, fitting in zip(self._given, found, strict=True))

    def description(self, index: int) -> str:
        """All that a class is called: "tench, Tinca tinca"."""
        return self._descriptions[self.index(index)]

    def index(self, target: str | SupportsIndex) -> int:  # type: ignore[override]
        """The index of a class, given as its name, one of its synonyms, or the index itself.

        Args:
            target: a name (capitals and "_" for a space do not count) or an index from 0.

        Raises:
            UsageError: no class has this name (the message has the nearest), several share the
                synonym, or the index is outside the range.
        """
        if isinstance(target, str):
            return self._find(target)
        index = whole_number(target)
        if index is None:
            raise UsageError(f"A class is given by its name or its index, not by {target!r}.")
        if not 0 <= index < len(self):
            raise UsageError(
                f"Class {index} is out of range: the {self._title} are counted from 0 to"
                f" {len(self) - 1}."
            )
        return index

    def matches(self, text: str) -> list[int]:
        """The classes whose description contains `text`; those that begin with it come first.

        Raises:
            UsageError: It is no text.
        """
        wanted = _key(check_text("What classes are searched for", text, "cat"))
        keys = [_key(description) for description in self._descriptions]
        found = [index for index, key in enumerate(keys) if wanted in key]
        return sorted(found, key=lambda index: (not keys[index].startswith(wanted), index))

    def _find(self, target: str) -> int:
        places = self._places.get(_key(target), [])
        if len(places) == 1:
            return places[0]
        if places:
            several = " or ".join(f'"{self[index]}" ({index})' for index in places[:4])
            raise UsageError(f'"{target}" is said of several classes: choose {several}.')
        near = did_you_mean(target, self._names)
        raise UsageError(f'"{target}" is not among the {self._title}.{near}')

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """The classes that each name stands for; a class's own name before others' synonyms."""
        places: dict[str, list[int]] = {}
        for index, description in enumerate(self._descriptions):
            for synonym in {_key(part) for part in (description, *description.split(","))}:
                places.setdefault(synonym, []).append(index)
        return places | {_key(name): [index] for index, name in enumerate(self._names)}

    @property
    def _title(self) -> str:
        return f"{len(self)} {self._name} labels" if self._name else f"{len(self)} labels"

    @overload
    def __getitem__(self, index: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> str | tuple[str, ...]:
        return self._names[index]

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LabelSet):
            return NotImplemented
        return self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """What two equal sets have in common."""
        return self._name, self._descriptions, self._given

    def __repr__(self) -> str:
        first = ", ".join(self._names[:3]) + (", ..." if len(self) > 3 else "")
        return f"LabelSet({self._name!r}, {len(self)} classes: {first})"


@lru_cache(maxsize=4)
def _known(name: str) -> LabelSet:
    proper, descriptions, definitions = known_set(name)
    return LabelSet(descriptions, definitions, proper)


def _listed(names: Iterable[str]) -> list[str]:
    """The names in the order of their indices.

    Raises:
        UsageError: They have no order, or a dict's indices are not 0, 1, 2, ...
    """
    if isinstance(names, (set, frozenset)):
        raise UsageError("Labels were given as a set, which has no order: give a list of names.")
    if not is_mapping(names):
        return as_list("labels", names, '["cat", "dog"]')
    pairs: list[tuple[Any, Any]] = list(names.items())
    by_name = all(isinstance(value, Integral) for _, value in pairs)
    by_index = {index: name for name, index in pairs} if by_name else dict(pairs)
    by_index = {_as_index(key): name for key, name in by_index.items()}
    if set(by_index) != set(range(len(pairs))):
        raise UsageError(
            "A dict of labels must have a name for each index 0, 1, 2, ..., as in "
            f'{{0: "cat", 1: "dog"}} or {{"cat": 0, "dog": 1}}; this one has '
            f"{', '.join(map(repr, list(by_index)[:4]))}{', ...' * (len(by_index) > 4)}."
        )
    return [by_index[index] for index in range(len(pairs))]


def _as_index(key: Any) -> Any:
    """JSON has "0" for 0."""
    return int(key) if isinstance(key, str) and key.isdecimal() else key


def _key(name: str) -> str:
    """What counts when names are compared."""
    return " ".join(name.casefold().replace("_", " ").split())


def _unique_names(descriptions: Sequence[str], definitions: Sequence[str]) -> list[str]:
    """The shortest form of each description that no other class has.

    The forms, from short to long: the first synonym, all of them, all of them with the definition;
    the index is added where even that is shared.
    """
    meant = zip(descriptions, definitions, strict=True)
    defined = [f"{d} ({meaning})" if meaning else d for d, meaning in meant]
    numbered = [f"{d} ({index})" for index, d in enumerate(descriptions)]
    names = [description.split(",")[0].strip() for description in descriptions]
    for longer in (descriptions, defined, numbered):
        shared = Counter(map(_key, names))
        names = [long if shared[_key(n)] > 1 else n for n, long in zip(names, longer, strict=True)]
    return names

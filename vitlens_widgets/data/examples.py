"""Data sets of images whose class is known: what an experiment reads, and the simplest of them.

A data set is whatever has the members of `Dataset`; `ImageFolder`, `ImageNetS` and the world's
`Scenes` are some, and `Examples` makes one of any sequence.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from vitlens_widgets.data.emoji import recognised
from vitlens_widgets.data.labels import LabelSet
from vitlens_widgets.data.listed_paths import as_listed_paths
from vitlens_widgets.data.rows import Columns, columns_of
from vitlens_widgets.errors import UsageError, counted, said
from vitlens_widgets.kinds import is_mapping, is_tuple

UNKNOWN = -1
"""Stands for the class of an image of which nobody knows it."""


@dataclass(frozen=True, eq=False)
class Example:
    """One image and the truth about it.

    Attributes:
        image: Whatever `read_image` takes.
        label: The class, an index into the data set's labels; `UNKNOWN` where nobody knows, in
            which case only what does not ask for it can read the image.
        mask: Bool `[height, width]` of the whole image, before any resizing and cropping: which
            pixels show the class. None where nobody knows.
        name: What the image is called in an error's sentence.
    """

    image: Any = field(repr=False)
    label: int
    mask: np.ndarray | None = field(default=None, repr=False)
    name: str = ""


@runtime_checkable
class Dataset(Protocol):
    """Images with classes, and with masks if there are any, to be read by their number.

    Attributes:
        labels: What the classes are called.
        has_masks: Whether every example has a mask.
        count: How many examples there are; None for an endless data set.
        identity: What the data set is, in JSON's types: of two with the same identity, examples of
            the same number are the same.

    One may also have a method `source(number)`: what the example is made from, hashable; of two
    data sets, examples of the same source are the same image. A run that is resumed reads again
    which examples it has done, unless there is an attribute `identity_says_all`, and it is true:
    then no example can change while the identity stays.
    """

    labels: LabelSet
    has_masks: bool
    count: int | None
    identity: Mapping[str, Any]

    def __getitem__(self, number: int) -> Example:
        """The example of this number, from 0 on."""
        ...


class Examples:
    """A data set made of a sequence of (image, class) or (image, class, mask).

    Args:
        items: The examples; a data set of torchvision is such a sequence. Classes are names or
            indices, or None where nobody knows; a mask is bool `[height, width]`, True where the
            pixel shows the class. Rows of Hugging Face, whose `Dataset` is such a sequence, have a
            column of each.
        labels: The class names, or the name of a known label set (`"cifar100"`); by default those
            that the data set itself has (`ClassLabel`, `classes`). Photographs whose classes nobody
            knows need none: `Examples([(path, None) for path in paths])`.
        name: What the set is called. A run that is resumed knows the set by its name, its labels,
            the number of its items, and the images that it has done.

    Raises:
        UsageError: No items, a first one that is no such tuple, or labels that are no names.

    Example:
        >>> from torchvision.datasets import CIFAR100
        >>> Examples(CIFAR100("data", train=False), "cifar100", name="CIFAR-100, test")
    """

    def __init__(
        self,
        items: Sequence[Any],
        labels: Sequence[str] | str | None = None,
        name: str = "examples",
    ) -> None:
        if isinstance(items, str) or not hasattr(items, "__len__"):
            raise UsageError(f"Examples takes a list of (image, class), not {said(items)}.")
        if not len(items):
            raise UsageError("No examples were given: a data set needs at least one.")
        self._items = items
        self._name = name
        first = items[0]
        self._columns = columns_of(items, first) if is_mapping(first) else None
        parts = _parts(self._plain(first))
        if len(parts) not in (2, 3):
            raise UsageError(
                "example 0 must be (image, class) or (image, class, mask), not "
                f"{_kind(self._plain(first))}; the class is None where nobody knows it."
            )
        self._unknown = labels is None and parts[1] is None
        if self._unknown:
            labels = _NO_CLASSES
        self.labels = as_labels(own_names(items, self._columns) if labels is None else labels)
        self.has_masks = len(parts) == 3
        self.count: int | None = len(items)

    @property
    def identity(self) -> dict[str, Any]:
        """See `Dataset`."""
        return {"examples": self._name, "count": self.count, "labels": list(self.labels)}

    def __getitem__(self, number: int) -> Example:
        """See `Dataset`.

        Raises:
            UsageError: An item that is no such tuple, an unknown class, or a mask of another kind.
        """
        item, name = self._plain(self._items[number]), f"example {number}"
        parts = _parts(item)
        if len(parts) != 2 + self.has_masks:
            asked = "(image, class, mask)" if self.has_masks else "(image, class)"
            raise UsageError(f"{name} must be {asked}, as the first one is, not {_kind(item)}.")
        mask = checked_mask(parts[2], name) if self.has_masks else None
        label = UNKNOWN if parts[1] is None else self.labels.index(parts[1])
        return Example(parts[0], label, mask, name)

    def __getstate__(self) -> dict[str, Any]:
        """A list of paths and classes as one that takes little room; all else as it is."""
        paths = as_listed_paths(self._items)
        return vars(self) | ({} if paths is None else {"_items": paths})

    def _plain(self, item: Any) -> Any:
        """(image, class) of a row; anything else as it is."""
        if self._columns is None or not is_mapping(item):
            return item
        columns = self._columns
        if columns.label is None:
            raise UsageError("The rows have no column of classes: name it label, or give tuples.")
        return item[columns.image], item[columns.label]

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        classes = "classes unknown" if self._unknown else f"{len(self.labels)} classes"
        return f"Examples({self._name}: {counted(len(self), 'image')}, {classes})"


_NO_CLASSES = ("unknown",)


def own_names(items: Any, columns: Columns | None) -> Any:
    """The class names that a data set says.

    Raises:
        UsageError: It says none.
    """
    names = getattr(items, "classes", None) if columns is None else columns.classes
    if not names:
        raise UsageError(
            f"{said(items).capitalize()} does not say what its classes are called; give labels=, "
            "one name per class."
        )
    return names


def as_labels(labels: Sequence[str] | str) -> LabelSet:
    """The label set that a user names or spells out.

    Raises:
        UsageError: An unknown name, or something that is no name.
    """
    if isinstance(labels, LabelSet):
        return labels
    return LabelSet.known(labels) if isinstance(labels, str) else LabelSet.of(labels)


def checked_mask(mask: Any, name: str) -> np.ndarray:
    """The mask, if it is bool `[height, width]`.

    Raises:
        UsageError: It is something else.
    """
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.ndim != 2 or not mask.size:
        raise UsageError(
            f"The mask of {name} must be bool [height, width], True where a pixel shows the class; "
            f"it is {mask.dtype} {list(mask.shape)}."
        )
    return mask


def checked_example(data: Dataset, number: int, *, any_class: bool = False) -> Example:
    """The example of this number, of whichever data set, if it is one.

    Args:
        data: The data set.
        number: Which.
        any_class: Whether its class plays no part, so that nobody need know it.

    Raises:
        UsageError: It is something else, its class is none of the data set's or nobody knows it, or
            it lacks the mask that every example has.
    """
    example = data[number]
    if not isinstance(example, Example):
        raise UsageError(f"{data!r} must give vl.data.Example, not {said(example)}.")
    named = f'example "{example.name}"' if example.name else f"example {number}"
    unknown = isinstance(example.label, int) and example.label == UNKNOWN
    if unknown and not any_class:
        raise UsageError(
            f"Nobody says of what class {named} of {data!r} is, and this needs to know it."
        )
    try:
        fits = unknown or 0 <= operator.index(example.label) < len(data.labels)
    except TypeError:
        fits = False
    if not fits:
        raise UsageError(
            f"The label of {named} of {data!r} must be a class' index, from 0 to "
            f"{len(data.labels) - 1}, not {example.label!r}."
        )
    if data.has_masks and example.mask is None:
        raise UsageError(f"{data!r} says that it has masks, and {named} has none.")
    return example


def matched(labels: LabelSet, model_labels: LabelSet, whose: str = "The model") -> list[int]:
    """The class of a model that each class of a data set is, found by its name.

    Args:
        labels: The data set's.
        model_labels: The model's, or those of another data set.
        whose: They are, to begin the sentence.

    Raises:
        UsageError: A class that the model does not have; nothing is guessed from numbers.
    """
    if labels == model_labels or (_is_imagenet(labels) and _is_imagenet(model_labels)):
        return list(range(len(labels)))
    found: list[int] = []
    missing: list[str] = []
    for name in labels:
        try:
            found.append(model_labels.index(name))
        except UsageError:
            missing.append(name)
    if missing:
        has = ", ".join([*model_labels[:3], *(["..."] if len(model_labels) > 3 else [])])
        some = ", ".join(f'"{name}"' for name in missing[:3])
        others = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        loaded = ", or load the model with labels= in the order of its outputs"
        remedy = loaded if whose == "The model" else ""
        raise UsageError(
            f"{whose} has no class {some}{others}, which the data set has: its "
            f"{len(model_labels)} labels are {has}; choose another data set{remedy}."
        )
    return found


def as_model_classes(mask: np.ndarray, labels: LabelSet, model_labels: LabelSet) -> np.ndarray:
    """A mask of class indices, brought from a data set's labels to a model's by their names.

    Raises:
        UsageError: A class that the model does not have.
    """
    return np.array(matched(labels, model_labels))[mask]


def _is_imagenet(labels: LabelSet) -> bool:
    """Whether these are ImageNet's thousand classes, with synonyms or without."""
    described = [labels.description(i) for i in range(len(labels))]
    return len(labels) == 1000 and recognised(described) == "imagenet-1k"


def _parts(item: Any) -> tuple[Any, ...]:
    """Those of a tuple; none of anything else."""
    return item if is_tuple(item) else ()


def _kind(item: Any) -> str:
    return counted(len(_parts(item)), "part") if isinstance(item, tuple) else said(item)

"""Images that come one after another: a DataLoader, an IterableDataset, a generator's maker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from vitlens_widgets.data.examples import Example, as_labels, own_names
from vitlens_widgets.data.rows import columns_of
from vitlens_widgets.errors import UsageError, check_count, said
from vitlens_widgets.kinds import is_mapping, is_several


class Streamed:
    """A data set of what can only be gone through from the beginning.

    Args:
        items: Gives `(image, class)` or rows of a table when it is gone through, or batches of
            either: an `IterableDataset` of torch or Hugging Face, or a `DataLoader` that does not
            shuffle. Images are whatever `read_image` takes: before any normalising.
        labels: The class names, or the name of a known label set; by default those that a table's
            `ClassLabel` has.
        count: How many images of it make the data set.
        name: What it is called. A run that is resumed knows the set by its name, its labels, its
            count, and the images that it has done; it must then come in the same order.

    Raises:
        UsageError: Something that cannot be gone through twice, that shuffles, or whose classes
            have no names.

    Example:
        >>> rows = datasets.load_dataset("imagenet-1k", split="validation", streaming=True)
        >>> data = Streamed(rows, "imagenet-1k", count=500, name="ImageNet, validation")
    """

    has_masks = False
    forward_alone = True
    """Whether it is slow but from the first image to the last."""

    def __init__(
        self,
        items: Iterable[Any],
        labels: Sequence[str] | str | None = None,
        *,
        count: int,
        name: str = "stream",
    ) -> None:
        _check(items, count)
        self._items, self._name, self.count = items, name, int(count)
        self._rest: Iterator[tuple[Any, Any]] = iter(())
        self._next: int | None = None  # the number that the rest begins with
        self.labels = as_labels(_named(items) if labels is None else labels)

    @property
    def identity(self) -> dict[str, Any]:
        """See `Dataset`."""
        return {"streamed": self._name, "count": self.count, "labels": list(self.labels)}

    def __getitem__(self, number: int) -> Example:
        """See `Dataset`; an earlier number begins anew.

        Raises:
            UsageError: It ends before, or gives something else.
        """
        if self._next is None or number < self._next:
            self._rest, self._next = _each(self._items), 0
        try:
            for _ in range(number - self._next):
                next(self._rest)
            image, label = next(self._rest)
        except StopIteration:
            self._next = None
            raise UsageError(
                f"{self._name} ended before its image {number}; give count= no more than it has."
            ) from None
        self._next = number + 1
        return Example(image, self.labels.index(label), name=f"image {number} of {self._name}")

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        return f"Streamed({self._name}: {self.count} images, {len(self.labels)} classes)"


def _check(items: Any, count: Any) -> None:
    check_count("count=, the number of images to read,", count, least=1)
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        raise UsageError(f"Streamed takes what gives (image, class) one by one, not {said(items)}.")
    if isinstance(items, Iterator):
        raise UsageError(
            f"Streamed takes what can be gone through again, and {said(items)} can be only once: "
            "give the DataLoader or data set itself, or a list."
        )
    if _sampler_of(items) in ("RandomSampler", "WeightedRandomSampler"):
        raise UsageError(
            "This DataLoader shuffles, so that no number of an image would be the same twice; make "
            "one with shuffle=False."
        )


def _sampler_of(loader: Any) -> str:
    return type(getattr(loader, "sampler", None)).__name__


def _named(items: Any) -> Sequence[str]:
    """The class names that a table has, or the data set within a DataLoader."""
    source = getattr(items, "dataset", items)
    features = getattr(source, "features", None)
    return own_names(source, columns_of(source, dict.fromkeys(features)) if features else None)


def _each(items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """(image, class), one by one, of whatever comes."""
    source = getattr(items, "dataset", items)
    columns = None
    for given in items:
        item: Any = given
        if is_mapping(given):
            columns = columns or columns_of(source, given)
            item = given[columns.image], given.get(columns.label or "")
        parts: list[Any] = list(item) if is_several(item) else []
        if len(parts) != 2:
            raise UsageError(f"Streamed reads (image, class), and {said(item)} came.")
        image, label = parts
        several = is_several(image) or getattr(image, "ndim", 0) == 4
        yield from zip(image, label, strict=True) if several else [(image, label)]

"""Which images of a data set a lens is fitted to, in which order, and which are held out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

from vitlens_widgets.data import Dataset, Example, LabelSet
from vitlens_widgets.data.checksums import of_example
from vitlens_widgets.data.examples import UNKNOWN, checked_example
from vitlens_widgets.errors import UsageError, check_count
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.example_batches import ExampleBatch, batches, check_data, how_many

_LOOKED_AT = 32
_AT_ONCE_BYTES = 2**28
"""Of the states of images that the model runs together."""


class HeldOutSplit:
    """A data set's first images, some of them held out.

    Those that are held out are drawn, since folders are sorted by class. What is fitted comes in
    another order in each pass, but for a `Streamed` set, which can only be gone through.

    Args:
        data: The images.
        n_images: How many; None for all of them.
        held_out: How many of those are held out; None for a fifth, 256 at most.
        seed: Of all draws.
        what: Is fitted, to begin a sentence.

    Attributes:
        fitted: Numbers of the images that are fitted to.
        held_out: Numbers of the others, in ascending order.

    Raises:
        UsageError: No data set, numbers that it does not have, or none left to fit to.
    """

    def __init__(
        self,
        data: Dataset,
        n_images: int | None,
        held_out: int | None,
        seed: int,
        what: str = "A lens",
    ) -> None:
        check_data(data, needs_masks=False, what=f"{what} that is fitted")
        n = how_many(data, n_images)
        if n < 3:
            raise UsageError(
                f"{what} is fitted to some images and measured on two others at least: give three "
                f"images or more, not {n}."
            )
        usual = min(256, max(2, n // 5))
        n_held_out = usual if held_out is None else check_count("held_out=", held_out, 2, n - 1)
        self._data, self._seed = data, seed
        self._sorted = getattr(data, "forward_alone", False)  # as of a `Streamed` set
        drawn = self._drawn(0).permutation(n)
        self.held_out = sorted(drawn[:n_held_out].tolist())
        self.fitted = sorted(drawn[n_held_out:].tolist())

    @property
    def labels(self) -> LabelSet:
        """What the images' classes are called.

        Raises:
            UsageError: Nobody knows them.
        """
        if (first := self._data[self.fitted[0]]).label == UNKNOWN:
            raise UsageError(
                f"{self._data!r} does not say of what class its images are, such as "
                f"{first.name or 'the first'}, and a probe is fitted to that."
            )
        return self._data.labels

    def facts(self) -> dict[str, Any]:
        """By what these images are known again, in JSON's types.

        A data set whose identity does not say all is known by its first images, too.
        """
        digest = hashlib.sha256()
        if not getattr(self._data, "identity_says_all", False):
            for number in range(min(_LOOKED_AT, len(self.fitted) + len(self.held_out))):
                digest.update(of_example(self._example(number)).encode())
        return {
            "data": dict(self._data.identity),
            "n_images": len(self.fitted) + len(self.held_out),
            "held_out": len(self.held_out),
            "seen": digest.hexdigest(),
        }

    def in_order(self, start: int, stop: int) -> list[int]:
        """The numbers from one place to another of a sequence of passes without end."""
        n = len(self.fitted)
        passes = range(start // n, -(-stop // n))
        numbers = np.concatenate([self._pass(one) for one in passes])
        return numbers[start - n * passes[0] : stop - n * passes[0]].tolist()

    def batches(self, vit: ViT, numbers: Sequence[int], batch_size: int) -> Iterator[ExampleBatch]:
        """The images of these numbers, no more at once than memory allows."""
        yield from batches_of(vit, self._data, numbers, batch_size)

    def _example(self, number: int) -> Example:
        return checked_example(self._data, number, any_class=True)

    def _pass(self, one: int) -> np.ndarray:
        numbers = np.array(self.fitted)
        return numbers if self._sorted else self._drawn(1 + one).permutation(numbers)

    def _drawn(self, what: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence((self._seed, what)))


class FirstImages:
    """A data set's first images, which a lens is measured on.

    Attributes:
        held_out: Their numbers.

    Raises:
        UsageError: No data set, or fewer than two images.
    """

    def __init__(self, data: Dataset, n_images: int | None) -> None:
        check_data(data, needs_masks=False, what="A lens")
        n = how_many(data, n_images)
        if n < 2:
            raise UsageError(f"A lens is measured on two images or more, not {n}.")
        self._data, self.held_out = data, list(range(n))

    def batches(self, vit: ViT, numbers: Sequence[int], batch_size: int) -> Iterator[ExampleBatch]:
        """See `HeldOutSplit.batches`."""
        yield from batches_of(vit, self._data, numbers, batch_size)


def batches_of(
    vit: ViT, data: Dataset, numbers: Sequence[int], batch_size: int
) -> Iterator[ExampleBatch]:
    """Some images of a data set, no more at once than memory allows.

    Of any classes: a lens is fitted to what the model says, not to what is true.
    """
    step = min(batch_size, images_at_once(vit))
    every = cast("Dataset", _Chosen(data, numbers))
    yield from batches(vit, every, 0, len(numbers), step, any_class=True)


class _Chosen:
    """Some examples of a data set."""

    has_masks = False

    def __init__(self, data: Dataset, numbers: Sequence[int]) -> None:
        self._data, self._numbers = data, numbers
        self.labels, self.count = data.labels, len(numbers)
        self.identity: Mapping[str, Any] = data.identity

    def __getitem__(self, number: int) -> Example:
        return checked_example(self._data, self._numbers[number], any_class=True)


def images_at_once(vit: ViT) -> int:
    """How many images the model may run together."""
    values = (vit.n_layers + 1) * vit.layout.n_tokens * vit.width
    return max(1, _AT_ONCE_BYTES // (4 * values))

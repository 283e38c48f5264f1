"""For each image another one of the data set, and random numbers of its own, whatever its batch."""

from __future__ import annotations

import zlib
from functools import cached_property

import torch
from torch import Tensor

from vitlens_widgets.analysis.stream import ExampleBatch
from vitlens_widgets.data import Dataset
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.example_batches import batches

N_OTHERS = 8


class OtherImages:
    """The first few images of a data set, of which one stands for "another image" of each.

    Args:
        vit: The model.
        data: The data set; read when it is first asked.
    """

    def __init__(self, vit: ViT, data: Dataset) -> None:
        self._vit, self._data = vit, data

    @cached_property
    def batch(self) -> ExampleBatch:
        """They themselves."""
        stop = N_OTHERS if self._data.count is None else min(N_OTHERS, self._data.count)
        (batch,) = batches(self._vit, self._data, 0, stop, stop, self._data.labels)
        return batch

    @cached_property
    def trace(self) -> Trace:
        """Their run."""
        return self._vit.trace(self.batch.pixels, preprocessed=True)

    def of(self, batch: ExampleBatch) -> list[int | None]:
        """Which of them is another one than each image of a batch; None where all are the same."""
        n = len(self.batch)
        found: list[int | None] = []
        for pixels, example in zip(batch.pixels, batch.examples, strict=True):
            first = zlib.crc32(example.name.encode())
            turns = [(first + i) % n for i in range(n)]
            others = (i for i in turns if not torch.equal(self.batch.pixels[i], pixels))
            found.append(next(others, None))
        return found


class OwnNoise:
    """Random numbers for each image, the same in any batch.

    Args:
        batch: The images.
        seed: Of the experiment.

    Attributes:
        numbers: One for each image, which seeds what is drawn for it.
    """

    def __init__(self, batch: ExampleBatch, seed: int) -> None:
        self.numbers = [zlib.crc32(f"{seed} {one.name}".encode()) for one in batch.examples]
        self._generators = [torch.Generator().manual_seed(one) for one in self.numbers]

    def like(self, values: Tensor) -> Tensor:
        """Normal numbers, `[image, ...]`, as `values`."""
        drawn = [torch.randn(values.shape[1:], generator=one) for one in self._generators]
        return torch.stack(drawn).to(values)

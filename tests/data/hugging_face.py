"""What Hugging Face's `datasets` gives, as far as it is looked at: that library is not needed."""

from __future__ import annotations

from collections.abc import Sequence


class Image:
    """The feature of a column of images."""


class ClassLabel:
    """The feature of a column of classes."""

    def __init__(self, names):
        self.names = names


class Column(Sequence):
    """A column, read by number."""

    def __init__(self, values):
        self._values = values

    def __getitem__(self, number):
        return self._values[number]

    def __len__(self):
        return len(self._values)


class Dataset:
    """Rows with features, read by number, by slice and by column."""

    def __init__(self, features, columns):
        self.features, self._columns = features, columns

    def __len__(self):
        return len(next(iter(self._columns.values())))

    def __getitem__(self, key):
        if isinstance(key, str):
            return Column(self._columns[key])
        return {name: values[key] for name, values in self._columns.items()}


class IterableDataset:
    """Rows that come one by one, without a length."""

    def __init__(self, features, columns):
        self.features, self._columns = features, columns

    def __iter__(self):
        for row in zip(*self._columns.values(), strict=True):
            yield dict(zip(self._columns, row, strict=True))

"""Data sets and measures that go wrong in the processes they are sent to."""

from __future__ import annotations

import os
import signal
import time
import warnings
from pathlib import Path

import numpy as np
import torch

from vitlens_widgets.analysis.stream import BatchMeasure, tally
from vitlens_widgets.errors import warn


class Sums(BatchMeasure):
    """Sums of pixels and counts of classes."""

    name = "sums"

    def __init__(self, seconds=0.0):
        self.settings, self._seconds = {}, seconds

    def measure(self, batch):
        time.sleep(self._seconds)
        pixels = batch.pixels.double().mean((1, 2, 3)).numpy()
        return {"pixels": tally(pixels), "classes": np.bincount(batch.classes, minlength=16)}


class Pale(UserWarning):
    """Of an image."""


class Warns(Sums):
    """It warns of every batch, and counts the threads that torch has."""

    def measure(self, _batch):
        warnings.warn("An image is pale.", Pale, stacklevel=2)
        warn("An image is dark.")
        return {"threads": np.array([torch.get_num_threads()])}


class Wrapped:
    """Another data set, of which something happens when one example is read."""

    def __init__(self, data, at, note):
        self._data, self._at, self._note = data, at, Path(note)
        self.labels, self.has_masks = data.labels, data.has_masks
        self.count, self.identity = data.count, data.identity

    def __getitem__(self, number):
        if number == self._at:
            self.happen()
        return self._data[number]

    def n_times(self):
        """How often it has happened, in whichever process."""
        return len(self._note.read_text()) if self._note.exists() else 0

    def happen(self):
        with self._note.open("a") as file:
            file.write(".")


class Kills(Wrapped):
    """The process that reads it is killed, as often as is said."""

    def __init__(self, data, at, note, times):
        super().__init__(data, at, note)
        self._times, self._parent = times, os.getpid()

    def happen(self):
        if self.n_times() < self._times and os.getpid() != self._parent:
            super().happen()
            os.kill(os.getpid(), signal.SIGKILL)


class Fails(Wrapped):
    """It cannot be read, as often as is said."""

    def __init__(self, data, at, note, times, error):
        super().__init__(data, at, note)
        self._times, self._error = times, error

    def happen(self):
        if self.n_times() < self._times:
            super().happen()
            raise self._error

"""A run's numbers in a file, so that it can go on where it was stopped."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vitlens_widgets.data import Dataset
from vitlens_widgets.data.checksums import of_example
from vitlens_widgets.data.examples import checked_example
from vitlens_widgets.errors import UsageError, said, warn
from vitlens_widgets.files import path_for, try_out, whole_file
from vitlens_widgets.trace.fingerprint import agree
from vitlens_widgets.workers.kept_parts import as_arrays, of_arrays
from vitlens_widgets.workers.order import Part

SCHEMA = 2
"""Of the file. A reader refuses any other number."""

_OTHER = {
    "version": "another version of vitlens_widgets",
    "experiment": "another experiment",
    "settings": "other settings",
    "model": "another model, or one with other weights or hooks",
    "data": "other images",
}
_TABLES = (".csv", ".tsv", ".json", ".xlsx", ".parquet", ".md", ".html", ".txt")
_INSTEAD = "give save_to= another file, or delete this one"


class SavedRun:
    """One run's file, of which every write replaces the whole, or nothing if it fails.

    Args:
        path: The file, or an existing folder, in which the file has the experiment's name.
        about: What the run is of, in JSON's types: the keys of `_OTHER`.
        data: The images; those that are done must be what they were.
        seconds: From one write to the next, at least.

    Attributes:
        done: How many images are in the file, from the first on without a gap.
        ahead: What is done beyond them, of a run by several workers that was stopped.

    Raises:
        UsageError: It is no path, or no file can be written there.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        about: Mapping[str, Any],
        data: Dataset,
        seconds: float = 0.0,
    ) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise UsageError(f'save_to= takes a path, such as "run.npz", not {said(path)}.')
        place = Path(path).expanduser()
        if place.suffix.lower() in _TABLES:
            raise UsageError(
                f'save_to= keeps a run to go on with, as "{place.stem}.npz"; its table is written '
                f'as "{place.name}" by .table().to_csv("{place.stem}.csv") and the like.'
            )
        if os.path.isdir(place):  # noqa: PTH112 - which takes every name
            place /= f"{about['experiment']}.npz"
        self.path = path_for(place, "run.npz")
        self._about = json.loads(json.dumps(about))  # as it will be read again
        self.done = 0
        self.ahead: list[Part] = []
        self._data = data
        self.looks = not getattr(data, "identity_says_all", False)
        self._seen = (0, "")
        self._fails = False
        self._seconds, self._written = seconds, time.monotonic()

    def read(self) -> tuple[int, dict[str, np.ndarray]]:
        """How many images are done, and the tallies of them; (0, {}) before the first.

        Raises:
            UsageError: The file is no saved run, is damaged, is of a run of something else, or a
                new one cannot be written.
        """
        if not self.path.exists():
            try_out(self.path)
            return 0, {}
        kept = self._kept()
        other = [
            named
            for key, named in _OTHER.items()
            if not agree(kept["about"].get(key), self._about[key])
        ]
        done, tallies = kept["done"], kept["tallies"]
        if not other:
            self._seen = (done, self._after(self._digests(0, done)))
            if self._seen[1] != kept["seen"] or not all(map(self._stands, kept["ahead"])):
                other = ["other images, or of images that are not the same whenever they are read"]
        if other:
            raise UsageError(f"{self.path} holds a run of {' and '.join(other)}; {_INSTEAD}.")
        self.done, self.ahead = done, kept["ahead"]
        return done, tallies

    def keep(
        self, done: int, tallies: Mapping[str, np.ndarray], digests: Iterable[str], last: bool
    ) -> None:
        """Replace what is saved, if it is time; where that fails, say so and let the run go on.

        Args:
            done: How many images there are now.
            tallies: Of all of them.
            digests: By what the images that are new are known again.
            last: Whether no others come, so that it is time at once.
        """
        if self._seen[0] < done:  # an interrupted call may come a second time
            self._seen = (done, self._after(digests))
        if not last and time.monotonic() - self._written < self._seconds:
            return
        arrays: dict[str, Any] = {f"of {name}": value for name, value in tallies.items()}
        about = json.dumps(self._about)
        arrays |= {"about": about, "done": done, "seen": self._seen[1], "schema": SCHEMA}
        self.ahead = [part for part in self.ahead if part.start >= done]
        arrays |= as_arrays(self.ahead)
        try:
            with whole_file(self.path) as file:
                np.savez(file, **arrays, sum=_sum_of(arrays))
        except UsageError as error:
            if not self._fails:
                warn(
                    f"{error} It holds the first {self.done} images; the run goes on without it, "
                    "and tries again after each batch."
                )
            self._fails = True
        else:
            self.done, self._fails = done, False
        self._written = time.monotonic()

    @property
    def n_kept(self) -> int:
        """How many images are in the file, those beyond a gap among them."""
        return self.done + sum(part.stop - part.start for part in self.ahead)

    def finish(self, done: int) -> None:
        """Say how much is saved, where it is not all."""
        if self.done < done:
            warn(
                f"{self.path} holds the first {self.done} of {done} images: the numbers of all "
                "are in this result alone."
            )

    def _kept(self) -> dict[str, Any]:
        """What the file holds.

        Raises:
            UsageError: It holds something else, or not what was written.
        """
        try:
            with np.load(self.path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file}
            about, schema = dict(json.loads(str(arrays["about"]))), arrays.get("schema")
        except Exception as error:  # NumPy says in many ways that a file is none of its own
            raise UsageError(f"{self.path} is no saved run; give save_to= another file.") from error
        if schema is None or schema.tolist() != SCHEMA:
            number = "none" if schema is None else schema
            raise UsageError(
                f"{self.path} was written by another version of vitlens_widgets (its schema is "
                f"{number}, this one reads {SCHEMA}); {_INSTEAD}."
            )
        if str(arrays.pop("sum", "")) != _sum_of(arrays):
            raise UsageError(
                f"{self.path} is damaged: it does not hold what was written to it; {_INSTEAD}."
            )
        return {
            "about": about,
            "done": int(arrays["done"]),
            "seen": str(arrays["seen"]),
            "tallies": {n.removeprefix("of "): a for n, a in arrays.items() if n[:3] == "of "},
            "ahead": of_arrays(arrays),
        }

    def _after(self, digests: Iterable[str]) -> str:
        """What tells the images seen so far from others, with some more."""
        seen = self._seen[1]
        for digest in digests if self.looks else ():
            seen = hashlib.sha256(f"{seen} {digest}".encode()).hexdigest()
        return seen

    def _digests(self, start: int, stop: int) -> Iterator[str]:
        """By what these images are known, as they are now."""
        for number in range(start, stop) if self.looks else ():
            yield of_example(checked_example(self._data, number, any_class=True))

    def _stands(self, part: Part) -> bool:
        """Whether the images of a part are what they were."""
        return list(part.digests) == list(self._digests(part.start, part.stop))


def check_same_kind(tallies: Mapping[str, np.ndarray], more: Mapping[str, np.ndarray]) -> None:
    """Refuse to add up what is not of the same names, shapes and types.

    Raises:
        UsageError: It is not.
    """
    kinds = [
        {name: (np.shape(value), np.asarray(value).dtype.kind) for name, value in one.items()}
        for one in (tallies, more)
    ]
    if kinds[0] != kinds[1]:
        name = next(n for n in {**kinds[0], **kinds[1]} if kinds[0].get(n) != kinds[1].get(n))
        before, now = (
            f"{kind[name][1]} {list(kind[name][0])}" if name in kind else "none" for kind in kinds
        )
        raise UsageError(
            f'The tally "{name}" must be of one shape and type in all batches, and it was '
            f"{before} so far and is {now} in this one."
        )


def _sum_of(arrays: Mapping[str, Any]) -> str:
    """SHA-256 of arrays with their names, types and shapes."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        value = np.asarray(arrays[name])
        digest.update(f"{name} {value.dtype} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()

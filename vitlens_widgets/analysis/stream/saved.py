"""A run's numbers in a file, so that it can go on where it was stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vitlens_widgets.errors import UsageError, said

_OTHER = {
    "version": "another version of vitlens_widgets",
    "experiment": "another experiment",
    "settings": "other settings",
    "model": "another model, or one with other weights",
    "data": "other images",
}


class SavedRun:
    """One run's file, of which every write replaces the whole, or nothing if it fails.

    Args:
        path: The file, or an existing folder, in which the file has the experiment's name.
        about: What the run is of, in JSON's types: the keys of `_OTHER`.

    Raises:
        UsageError: It is no path, or there is no folder for the file.
    """

    def __init__(self, path: str | os.PathLike[str], about: Mapping[str, Any]) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise UsageError(f'save_to= takes a path, such as "run.npz", not {said(path)}.')
        self.path = Path(path).expanduser()
        if self.path.is_dir():
            self.path /= f"{about['experiment']}.npz"
        if not self.path.parent.is_dir():
            raise UsageError(f"There is no folder {self.path.parent} to save the run in.")
        self._about = json.loads(json.dumps(about))  # as it will be read again

    def read(self) -> tuple[int, dict[str, np.ndarray]]:
        """How many images are done, and the tallies of them; (0, {}) before the first.

        Raises:
            UsageError: The file is no saved run, or of a run of something else.
        """
        if not self.path.exists():
            return 0, {}
        try:
            with np.load(self.path, allow_pickle=False) as file:
                about, done = dict(json.loads(str(file["about"]))), int(file["done"])
                tallies = {n.removeprefix("of "): file[n] for n in file if n.startswith("of ")}
        except Exception as error:  # NumPy says in many ways that a file is none of its own
            raise UsageError(f"{self.path} is no saved run; give save_to= another file.") from error
        other = [named for key, named in _OTHER.items() if about.get(key) != self._about.get(key)]
        if other:
            raise UsageError(
                f"{self.path} holds a run of {' and '.join(other)}; give save_to= another file, or "
                "delete this one."
            )
        return done, tallies

    def write(self, done: int, tallies: Mapping[str, np.ndarray]) -> None:
        """Replace what is saved, at once."""
        arrays: dict[str, Any] = {f"of {name}": value for name, value in tallies.items()}
        arrays |= {"about": json.dumps(self._about), "done": done}
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            with beside.open("wb") as file:
                np.savez(file, **arrays)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise

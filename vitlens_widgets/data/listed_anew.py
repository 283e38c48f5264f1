"""Data sets of files in a folder, sent to other processes by how they were listed.

The names of a million files are a hundred megabytes; the folder and what was asked of it are none.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from vitlens_widgets.errors import UsageError, counted


class ListedAnew(ABC):
    """A data set that another process lists again for itself, and knows to be the same.

    Attributes:
        folder: In which its files are.
    """

    folder: Path
    _files: list[Path]
    """In their order."""

    @abstractmethod
    def _found(self) -> list[Path]:
        """The files that the folder holds now, in their order.

        Raises:
            UsageError: The folder is no longer there.
        """

    @cached_property
    def _listing(self) -> tuple[int, str]:
        """How many files there are, and what tells their names and their order from others."""
        return len(self._files), _names(self.folder, self._files)

    @cached_property
    def _names_and_sizes(self) -> str:
        """SHA-256 of the files' names below the folder and their sizes, in their order.

        Read once: where files are far away, a look at each of a hundred thousand takes minutes.

        Raises:
            UsageError: One is no longer there.
        """
        digest = hashlib.sha256()
        for file in self._files:
            try:
                size = file.stat().st_size
            except OSError as error:
                raise UsageError(
                    f"{file} is not there any more, or cannot be read ({error.strerror}): make the "
                    "data set anew."
                ) from error
            digest.update(f"{file.relative_to(self.folder).as_posix()}\0{size}\n".encode())
        return digest.hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the files: wherever it arrives, the folder is where it is here."""
        left_out = ("_files", "_names_and_sizes")
        kept = {name: value for name, value in vars(self).items() if name not in left_out}
        return {**kept, "folder": self.folder.absolute(), "_listing": self._listing}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """List the files again.

        Raises:
            UsageError: The folder is not there, or holds others.
        """
        before: tuple[int, str] = state["_listing"]
        vars(self).update(state)
        self._files = self._found()
        now = len(self._files), _names(self.folder, self._files)
        if now != before:
            counts = f"{counted(before[0], 'image')} before and {now[0]} now"
            names = ", by other names" if now[0] == before[0] else ""
            raise UsageError(
                f"{self.folder} does not hold the images that it held when the data set was made "
                f"({counts}{names}): make the data set anew, and call again."
            )


def _names(folder: Path, files: Iterable[Path]) -> str:
    """SHA-256 of the files' names below their folder."""
    digest, start = hashlib.sha256(), len(str(folder / "x")) - 1
    for file in files:
        digest.update(os.fspath(file)[start:].replace(os.sep, "/").encode(errors="surrogateescape"))
        digest.update(b"\0")
    return digest.hexdigest()

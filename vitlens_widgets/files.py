"""Files that are written whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from vitlens_widgets.errors import UsageError, said

if sys.platform != "win32":
    import fcntl

_PART = ".vitlens-{}.part"
_OLD = 60.0
"""Seconds; a file that is younger may not be locked yet by who writes it."""

_swept: set[Path] = set()

_ADVICE = {
    errno.ENOSPC: "make room, or name a file on another disk",
    errno.EDQUOT: "make room, or name a file on another disk",
    errno.EFBIG: "make room, or name a file on another disk",
    errno.EACCES: "name a file in a folder that you may write to",
    errno.EPERM: "name a file in a folder that you may write to",
    errno.EROFS: "name a file in a folder that you may write to",
    errno.ENAMETOOLONG: "give it a shorter name",
    errno.ENOENT: "make its folder first, or name one that is there",
    errno.ENOTDIR: "make its folder first, or name one that is there",
}


def path_for(given: str | os.PathLike[str], such_as: str) -> Path:
    """The place of a file that shall be written, with `~` as one's home.

    Args:
        given: What the user gave.
        such_as: A name that would do, for the sentence.

    Raises:
        UsageError: It is no path, has a NUL in it or too long a name, is a folder or a device, or
            its folder is not there.
    """
    if not isinstance(given, (str, os.PathLike)):
        raise UsageError(f'A file is named by its path, such as "{such_as}", not by {said(given)}.')
    path = Path(given).expanduser()
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    except OSError as error:
        raise _refusal(path, error) from None
    except ValueError:
        raise UsageError(f"{str(path)!r} has a NUL in it, which no file's name can have.") from None
    if stat.S_ISDIR(mode):
        raise UsageError(f'"{path}" is a folder; name a file in it, such as "{such_as}".')
    if not stat.S_ISREG(mode):
        raise UsageError(f'"{path}" is no file that can be replaced; name another.')
    if not path.parent.is_dir():
        raise UsageError(
            f'The folder "{path.parent}" does not exist; make it first, or name one that does.'
        )
    return path


@contextmanager
def whole_file(path: Path) -> Generator[BinaryIO]:
    """A file to write to, which takes its place at the end of the block.

    Until then it has a name of its own in the same folder, so that of several writers the last one
    that comes to its end wins. An exception leaves what was there before. A link stays one: the
    file that it leads to is written. What killed programs have left in the folder is cleared away.

    Raises:
        UsageError: The folder cannot be written to, has no room, or is not there.
    """
    part: Path | None = None
    try:
        target = Path(os.path.realpath(path))  # which a circle of links does not stop
        _check_replaceable(target)
        _sweep(target.parent)
        part = target.with_name(_PART.format(secrets.token_hex(8)))
        with part.open("xb") as file:
            _lock(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, part)
            if sys.platform == "win32":  # which moves no open file
                file.close()
            part.replace(target)
    except OSError as error:
        raise _refusal(path, error) from None
    finally:
        if part is not None:
            with suppress(OSError):
                part.unlink()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file at once; see `whole_file`."""
    with whole_file(path) as file:
        file.write(content)


def reserve(file: IO[bytes], n_bytes: int, path: Path) -> None:
    """Take the room for a file that is written through a map: on a full disk that would end Python.

    Args:
        file: The open file; it has the length at least afterwards.
        n_bytes: Its length.
        path: Where it is, for the sentence.

    Raises:
        UsageError: There is not that much room.
    """
    if sys.platform in ("linux", "freebsd"):
        try:
            os.posix_fallocate(file.fileno(), 0, n_bytes)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # not every disk can
                raise _refusal(path, error) from None


def made_folder(folder: Path) -> Path:
    """The folder, made if it is not there.

    Raises:
        UsageError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise UsageError(f'"{folder}" cannot be made a folder: {reason}.') from None
    return folder


def try_out(path: Path) -> None:
    """Find out now whether `whole_file` will be able to begin; nothing is left behind.

    Raises:
        UsageError: It will not.
    """
    with suppress(_Enough), whole_file(path) as file:
        file.write(b"\0")
        raise _Enough


class _Enough(Exception):  # noqa: N818
    """Ends what was only to be tried."""


def _refusal(path: Path, error: OSError) -> UsageError:
    """What could not be done, why, and what to do."""
    kept = " and stays as it was" if os.path.isfile(path) else ""  # noqa: PTH113 - never raises
    advice = _ADVICE.get(error.errno or 0, "name another file")
    return UsageError(f'"{path}" could not be written{kept}: {error.strerror or error}; {advice}.')


def _check_replaceable(target: Path) -> None:
    """Refuse to replace what may not be written to, though its folder may."""
    if target.exists():
        with target.open("r+b"):
            pass


def _sweep(folder: Path) -> None:
    """Delete what killed programs have left in a folder; once for each folder."""
    if folder in _swept:
        return
    _swept.add(folder)
    for part in folder.glob(_PART.format("*")):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > _OLD and not _is_held(part):
                part.unlink()


def _lock(file: BinaryIO) -> None:
    """Let others know that somebody is at work on it; Windows deletes no open file anyway."""
    if sys.platform != "win32":
        with suppress(OSError):  # not every disk can
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_held(part: Path) -> bool:
    """Whether a living program is at work on it; the disk's own lock ends with the program."""
    if sys.platform == "win32":
        return False
    with part.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def existing_path(given: str | os.PathLike[str]) -> Path:
    """The path of a file or folder that may be there, with `~` looked up.

    Raises:
        UsageError: Nothing can have this name.
    """
    if not isinstance(given, (str, os.PathLike)):
        raise UsageError(f"A file or folder is given by its path, not by {said(given)}.")
    try:
        path = Path(given).expanduser()
        path.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # too long; "~nobody"; a NUL
        reason = (getattr(error, "strerror", None) or str(error)).rstrip(".")
        name = str(given)
        short = f"{name[:60]}..." if len(name) > 60 else name
        raise UsageError(f'"{short}" is no path: {reason}.') from None
    return path

"""A file from the web, fetched once and kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vitlens_widgets.errors import UsageError


def fetch(url: str, sha256: str | None = None) -> Path:
    """The file at a web address, from the user's cache folder if it was fetched before.

    Args:
        url: where it is.
        sha256: what its checksum must be, in hexadecimal digits; None if that is not known.

    Raises:
        UsageError: it cannot be reached, the server does not give it, or it is another file.
    """
    import pooch  # only those who download pay for its import

    folder = pooch.os_cache("vitlens_widgets") / "images"
    # Some servers, Wikimedia's among them, refuse programs that do not say their name.
    downloader: Any = pooch.HTTPDownloader(headers={"User-Agent": "vitlens_widgets"}, timeout=30)
    try:
        with _quiet(pooch.get_logger()):
            return Path(pooch.retrieve(url, sha256, path=folder, downloader=downloader))
    except OSError as error:  # all of requests' errors, and a full disk
        raise UsageError(
            f'"{url}" could not be fetched ({_reason(error)}): check the address and the '
            "connection, or give an image file on this machine."
        ) from None
    except ValueError:  # pooch's word for another checksum; what it has fetched is thrown away
        raise UsageError(f'"{url}" is not the file that was expected: {other(sha256)}') from None


def other(sha256: str | None) -> str:
    """The end of the sentence for a file with another checksum."""
    return f"its SHA-256 is not {sha256}."


def _reason(error: OSError) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}".rstrip()
    return "no answer" if type(error).__module__.startswith("requests") else str(error)


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Without the note that a download begins and what its checksum is."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)

"""A file from the web, fetched once and kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vitlens_widgets.errors import UsageError


def fetch(url: str) -> Path:
    """The file at a web address, from the user's cache folder if it was fetched before.

    Raises:
        UsageError: it cannot be reached, or the server does not give it.
    """
    import pooch  # only those who download pay for its import

    folder = pooch.os_cache("vitlens_widgets") / "images"
    # Some servers, Wikimedia's among them, refuse programs that do not say their name.
    downloader = pooch.HTTPDownloader(headers={"User-Agent": "vitlens_widgets"}, timeout=30)
    try:
        with _quiet(pooch.get_logger()):
            return Path(pooch.retrieve(url, None, path=folder, downloader=downloader))
    except OSError as error:  # all of requests' errors, and a full disk
        raise UsageError(
            f'"{url}" could not be fetched ({_reason(error)}): check the address and the '
            "connection, or give an image file on this machine."
        ) from None


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

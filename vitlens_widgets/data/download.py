"""A file from the web, fetched once and kept; bounded in bytes, seconds and redirects."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from vitlens_widgets.errors import UsageError

MOST_BYTES = 64_000_000
"""Of one image that comes from elsewhere than a file on this machine."""
MOST_SECONDS = 120.0
"""From asking for an address to its last byte, redirects included."""
MOST_REDIRECTS = 5
_SILENCE = 20.0  # seconds without any byte
_CHUNK = 2**16
# Some servers, Wikimedia's among them, refuse programs that do not say their name.
_HEADERS = {"User-Agent": "vitlens_widgets", "Accept": "image/*,*/*;q=0.5"}
_SELF_HELP = "download it yourself and give the file"


def fetch(url: str, sha256: str | None = None) -> Path:
    """The file at a web address, from the user's cache folder if it was fetched before.

    Args:
        url: where it is.
        sha256: what its checksum must be, in hexadecimal digits; None if that is not known.

    Raises:
        UsageError: it cannot be reached, the server does not give it, gives a page in its place,
            more than 64 MB or for longer than two minutes, or it is another file.
    """
    import pooch  # only those who download pay for its import

    folder = pooch.os_cache("vitlens_widgets") / "images"
    name = hashlib.sha256(url.encode(errors="replace")).hexdigest()  # its own may be too long
    download: Any = _to_file
    try:
        with _quiet(pooch.get_logger()):
            return Path(pooch.retrieve(url, sha256, fname=name, path=folder, downloader=download))
    except UsageError:
        raise
    except OSError as error:  # a full disk
        raise UsageError(_not_fetched(url, str(error))) from None
    except ValueError:  # pooch's word for another checksum; what it has fetched is thrown away
        raise UsageError(f'"{url}" is not the file that was expected: {other(sha256)}') from None


def other(sha256: str | None) -> str:
    """The end of the sentence for a file with another checksum."""
    return f"its SHA-256 is not {sha256}."


def _to_file(url: str, file: str, _: Any) -> None:
    """What pooch calls to download."""
    try:
        content = _Download(url).content()
    except UsageError:
        raise
    except (OSError, ValueError) as error:  # all of requests' errors, and names no server can have
        raise UsageError(_not_fetched(url, _reason(error))) from None
    Path(file).write_bytes(content)


class _Download:
    """One download in a thread of its own, which can be left alone.

    A read from a socket returns when all bytes that were asked for are there: a server that sends
    one every few seconds would hold whoever waits for it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._got = bytearray()
        self._size: int | None = None
        self._error: BaseException | None = None
        self._response: Any = None
        self._over, self._left = threading.Event(), threading.Event()

    def content(self) -> bytes:
        """All bytes; raises what the download raised, or when its time is over."""
        threading.Thread(target=self._run, daemon=True).start()
        try:
            self._wait()
        finally:
            self._leave()
        if self._error is not None:
            raise self._error
        return bytes(self._got)

    def _wait(self) -> None:
        from vitlens_widgets.progress import progress_bar  # as pooch's: only who downloads

        end = time.monotonic() + MOST_SECONDS
        with progress_bar(None, "download", unit="B") as bar:
            while not self._over.wait(0.1):  # short, or Ctrl-C would wait, too, on Windows
                bar.total = self._size
                bar.update(len(self._got) - bar.n)
                if time.monotonic() > end:
                    raise UsageError(self._slow())

    def _slow(self) -> str:
        return (
            f'"{self.url}" had not come after {MOST_SECONDS:g} seconds: try again, or {_SELF_HELP}.'
        )

    def _leave(self) -> None:
        """Nobody waits any more."""
        self._left.set()
        if self._response is not None and not self._over.is_set():
            getattr(self._response.raw, "shutdown", self._response.close)()  # urllib3 from 2.3

    def _run(self) -> None:
        try:
            self._read()
        except Exception as error:  # raised again where it is waited for
            self._error = error
        finally:
            self._over.set()

    def _read(self) -> None:
        import requests

        with requests.Session() as session, _answer(session, self.url) as response:
            self._response = response
            self._size = _checked_size(self.url, response.headers)
            for chunk in response.iter_content(_CHUNK):
                self._got += chunk
                if len(self._got) > MOST_BYTES:
                    raise UsageError(_too_large(self.url))
                if self._left.is_set():
                    return


def _answer(session: Any, url: str) -> Any:
    """The answer at the end of an address's redirects, with its body unread.

    Raises:
        UsageError: They are many, or lead elsewhere than to the web or from https to http.
    """
    at = url
    for _ in range(MOST_REDIRECTS + 1):
        words = {"headers": _HEADERS, "timeout": _SILENCE}
        response = session.get(at, stream=True, allow_redirects=False, **words)
        if not response.is_redirect:
            response.raise_for_status()
            return response
        before, at = at, urljoin(at, response.headers["location"])
        response.close()
        scheme = urlsplit(at).scheme
        if scheme != "https" and not scheme == urlsplit(before).scheme == "http":
            raise UsageError(
                f'"{url}" leads to "{at}", and addresses are not followed from '
                f"{urlsplit(before).scheme} to {scheme}: if you trust it, {_SELF_HELP}."
            )
    raise UsageError(
        f'"{url}" leads from one address to another more than {MOST_REDIRECTS} times: give the '
        f"address where the image is, or {_SELF_HELP}."
    )


def _checked_size(url: str, headers: Any) -> int | None:
    """How many bytes are announced, if that is said.

    Raises:
        UsageError: Too many, or those of a page.
    """
    if headers.get("content-type", "").startswith(("text/html", "application/xhtml")):
        raise UsageError(
            f'"{url}" is a page, not an image: in a browser, "copy image address" gives the '
            f"address of the image itself; where one has to log in, {_SELF_HELP}."
        )
    size = headers.get("content-length", "")
    if not size.isdecimal():
        return None
    if int(size[:20]) > MOST_BYTES:
        raise UsageError(_too_large(url))
    return int(size)


def _too_large(url: str) -> str:
    return f'"{url}" has more than {MOST_BYTES // 1_000_000} MB: {_SELF_HELP}.'


def _not_fetched(url: str, reason: str) -> str:
    return (
        f'"{url}" could not be fetched ({reason}): check the address and the connection, or give '
        "an image file on this machine."
    )


_REASONS = {
    "ProxyError": "the proxy did not let it through",
    "SSLError": "the certificate of the server is not trusted",
    "ReadTimeout": f"no answer for {_SILENCE:g} seconds",
    "ConnectTimeout": f"no answer for {_SILENCE:g} seconds",
    "ChunkedEncodingError": "the server ended the connection before the end",
}


def _reason(error: OSError | ValueError) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}".rstrip()
    if isinstance(error, ValueError):
        return "this is no address of the web"
    return _REASONS.get(type(error).__name__, "no answer")


@contextmanager
def _quiet(logger: logging.Logger) -> Generator[None]:
    """Without the note that a download begins and what its checksum is."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)

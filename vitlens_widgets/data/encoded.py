"""The bytes of image files that come from elsewhere: bounded, and of formats one would expect."""

from __future__ import annotations

import base64
import binascii
import io
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from PIL import Image

from vitlens_widgets.data.download import MOST_BYTES
from vitlens_widgets.errors import UsageError

WEB = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "WEBP")
"""Pillow's names of what browsers show; other readers are not given what comes from the web."""
IN_MEMORY = (*WEB, "HEIF", "JPEG2000", "PPM", "TIFF")
"""And of what tables of images hold. No format that is a program or a document, such as EPS."""
MOST_PIXELS = 100_000_000
"""Of an image that is no file on this machine, by what it says itself before it is decoded."""
_ADDRESS = re.compile(r"(https?:|data:|[a-z][a-z0-9+.-]*:(?=//))", re.IGNORECASE)


def address_kind(source: Any) -> str:
    """`"http:"`, `"https:"`, `"data:"` or another kind of address; "" for what is none."""
    found = _ADDRESS.match(source) if isinstance(source, str) else None
    return found.group().lower() if found else ""


def data_url(source: str) -> bytes:
    """The bytes that a `data:` address holds itself.

    Raises:
        UsageError: It is not written as one, or is too long.
    """
    head, comma, body = source.partition(",")
    if len(body) > 4 * MOST_BYTES:  # a byte may be written as %ff
        raise UsageError(too_many_bytes("This data: address"))
    try:
        content = unquote_to_bytes(body) if comma else b""
        if head.casefold().endswith(";base64"):
            content = base64.b64decode(content, validate=True)
    except (binascii.Error, UnicodeError):
        content = b""
    if len(content) > MOST_BYTES:
        raise UsageError(too_many_bytes("This data: address"))
    if not content:
        raise UsageError(
            f'A data: address is written as "data:image/png;base64,iVBOR...", not as '
            f'"{source[:40]}{"..." * (len(source) > 40)}".'
        )
    return content


def content_of(source: Any) -> bytes:
    """The bytes that were given, or those of an open file, which stays where it was.

    Raises:
        UsageError: They are too many, or a text.
    """
    if not hasattr(source, "read"):
        content = bytes(source)
    else:
        place = source.tell() if hasattr(source, "tell") else None
        content = source.read(MOST_BYTES + 1)
        if place is not None and hasattr(source, "seek"):
            source.seek(place)
    if not isinstance(content, bytes):
        raise UsageError('An image file is opened as bytes, open(path, "rb"), not as text.')
    if len(content) > MOST_BYTES:
        raise UsageError(too_many_bytes(called(getattr(source, "name", ""))))
    return content


def called(name: Any) -> str:
    """A file by its name, to begin a sentence."""
    return f'"{name}"' if name else "This file"


def too_many_bytes(said: str) -> str:
    """The sentence for it."""
    return (
        f"{said} has more than {MOST_BYTES // 1_000_000} MB, and images that are no files on this "
        "machine are taken up to there: save it, and give its path."
    )


def opened(file: Path | io.BytesIO, said: str, formats: Sequence[str] | None) -> Image.Image:
    """The image in a file, not yet decoded; of some formats alone, then only up to a size.

    Args:
        file: Where it is, or its bytes.
        said: What the user calls it.
        formats: Pillow's names of those that are read; None for all.

    Raises:
        UsageError: It says that it has more pixels.
        OSError: What Pillow raises, if it cannot be read.
    """
    if formats is None:
        return Image.open(file)
    Image.init()  # names those that are there, HEIF of pillow-heif among them
    with warnings.catch_warnings():  # of half as many pixels as Pillow refuses: refused right here
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(file, formats=[name for name in formats if name in Image.OPEN])
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise UsageError(
            f"{said} has {image.width} x {image.height} pixels, and images that are no files on "
            f"this machine are taken up to {MOST_PIXELS // 1_000_000} million: make it smaller."
        )
    return image

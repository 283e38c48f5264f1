"""By what examples are known again: the bytes they are read from."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vitlens_widgets.data.examples import Example
from vitlens_widgets.kinds import is_binary, is_mapping, is_path


def of_example(example: Example) -> str:
    """Changes when the image, its class or its mask does."""
    return f"{of_image(example.image)} {example.label} {of_image(example.mask)}"


def of_image(image: Any) -> str:
    """SHA-256 of whatever `read_image` takes: of its file, of its bytes, of its values."""
    if is_path(image):
        return _of_file(Path(image).expanduser()) or str(image)
    if is_mapping(image):  # a row of Hugging Face
        return " ".join(f"{name}: {of_image(value)}" for name, value in image.items())
    if image is None or is_binary(image):
        return hashlib.sha256(image or b"").hexdigest()
    if isinstance(image, Image.Image) and image.mode == "P":
        image = image.convert("RGBA")  # by its palette
    detach = getattr(image, "detach", None)  # a tensor's; NumPy has no bfloat16
    values = np.ascontiguousarray(detach().cpu().double() if detach else image)
    return f"{values.dtype} {values.shape} {hashlib.sha256(values.tobytes()).hexdigest()}"


def _of_file(path: Path) -> str:
    """Of a file, which is read once as long as it stays as it is; "" where there is none."""
    try:
        now = path.stat()
        return _of_content(path, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
    except (OSError, ValueError):
        return ""


@lru_cache(maxsize=100_000)
def _of_content(path: Path, *_stat: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

"""One entry per image, of whatever a user calls images: a list, a table, a folder, an animation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageSequence, UnidentifiedImageError

from vitlens_widgets.data.arrays import check_order
from vitlens_widgets.data.encoded import address_kind
from vitlens_widgets.data.image_folder import SUFFIXES
from vitlens_widgets.data.images import is_tensor
from vitlens_widgets.data.rows import image_of, is_encoded
from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.kinds import is_binary, is_mapping, is_several

AT_MOST = 1024
"""Images that are taken together where their number was not written by hand."""

_ANIMATED = frozenset({"GIF", "PNG", "WEBP", "AVIF"})  # an MPO's further frames are thumbnails


def listed(images: Any) -> list[Any]:
    """The images, each something that `read_image` takes.

    Args:
        images: One image; a list or tuple of images; an array or tensor with the image axis first;
            a folder, whose images are taken by name; an animated GIF, PNG, WebP or AVIF, every
            frame; rows, a column or a whole data set of Hugging Face.

    Raises:
        UsageError: None at all, more than can be meant, or a folder without images.
    """
    found: list[Any]
    if is_tensor(images) and images.is_nested:
        found = list(images.unbind())
    elif _ndim(images) == 4:
        check_order(tuple(images.shape), channels_first=is_tensor(images))
        found = list(images)
    elif is_several(images):
        found = list(images)
    elif isinstance(images, (str, Path)):
        found = _of_path(images)
    elif isinstance(images, Image.Image):
        found = _frames(images)
    elif is_mapping(images):
        found = _of_rows(images)
    elif _is_table(images):
        found = _of_table(images)
    else:
        found = [images]
    if not found:
        raise UsageError("No image was given; give one image or a list of them.")
    return found


def _is_table(images: Any) -> bool:
    """A data set or a column of one: read by number, with rows or images in it."""
    if is_binary(images) or hasattr(images, "__array__"):
        return False
    return isinstance(images, Sequence) or hasattr(images, "features")


def _of_table(table: Any) -> list[Any]:
    if not hasattr(table, "__len__"):
        raise UsageError(
            f"{said(table).capitalize()} has no length: give a list of its first images, such as "
            "list(data.take(8))."
        )
    return [table[i] for i in range(_bounded(len(table), said(table)))]


def _of_rows(rows: Mapping[str, Any]) -> list[Any]:
    """One row, or several as a dict of columns."""
    if is_encoded(rows):
        return [rows]
    image = image_of(rows)
    return listed(image) if isinstance(image, (list, tuple)) or _ndim(image) == 4 else [image]


def _ndim(image: Any) -> int:
    return getattr(image, "ndim", 0)


def _of_path(given: str | Path) -> list[Any]:
    if not str(given).strip() or address_kind(given):
        return [given]
    path = Path(given).expanduser()
    try:
        if path.is_dir():
            return _of_folder(path)
        with Image.open(path) as image:
            return _frames(image) if _is_animation(image) else [given]
    except UsageError:
        raise
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return [given]  # what is wrong with it, read_image says


def _of_folder(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if file.name[0] != "." and file.is_file())
    found = [file for file in files if file.suffix.casefold() in SUFFIXES]
    if not found:
        raise UsageError(
            f"The folder {folder} holds no images itself; for folders of classes there is "
            "vl.data.ImageFolder."
        )
    return found[: _bounded(len(found), f"the folder {folder}")]


def _is_animation(image: Image.Image) -> bool:
    return getattr(image, "is_animated", False) and image.format in _ANIMATED


def _frames(image: Image.Image) -> list[Image.Image]:
    """Every frame of an animation; the image itself where it is none."""
    if not _is_animation(image):
        return [image]
    _bounded(getattr(image, "n_frames", 1), "an animation")
    place = image.tell()
    found = [frame.copy() for frame in ImageSequence.Iterator(image)]
    image.seek(place)
    return found


def _bounded(count: int, what: str) -> int:
    if count > AT_MOST:
        raise UsageError(
            f"{what[0].upper()}{what[1:]} has {count} images, more than the {AT_MOST} that are "
            "taken at once: give a part of them, such as a list of the first 8; experiments read "
            "data sets of any size."
        )
    return count

"""Rows of tables of images, as Hugging Face's `datasets` gives them: which column is what.

Nothing of that library is imported: a row is a dict, a table has `features`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from vitlens_widgets.errors import UsageError, quoted_list
from vitlens_widgets.kinds import is_mapping, is_several

_IMAGE_NAMES = ("image", "img", "jpg", "png", "webp")
_LABEL_NAMES = ("label", "labels", "cls", "class")


@dataclass(frozen=True)
class Columns:
    """Which columns hold images and classes.

    Attributes:
        image: The images' column.
        label: The classes' column; None where there is none.
        classes: What the classes are called; None where the table does not say.
    """

    image: str
    label: str | None
    classes: Sequence[str] | None = None


def is_encoded(row: Mapping[Any, Any]) -> bool:
    """Whether it is one image as Hugging Face stores it: `{"bytes": ..., "path": ...}`."""
    return bool(row) and set(row) <= {"bytes", "path"}


def columns_of(table: Any, row: Mapping[str, Any]) -> Columns:
    """The columns of a table, by what its `features` say, else by their names in a row.

    Raises:
        UsageError: No column of images or several, or several of classes.
    """
    features = getattr(table, "features", None)
    kinds = {name: type(of).__name__ for name, of in features.items()} if features else {}
    images = [name for name in kinds if kinds[name] == "Image"] or _images_in(row)
    image = _only(images, "images", row)
    labels = [name for name in kinds if kinds[name] == "ClassLabel"]
    labels = labels or [name for name in _LABEL_NAMES if name in row and name != image]
    label = _only(labels, "classes", row) if labels else None
    classes = getattr(features[label], "names", None) if features and label in kinds else None
    return Columns(image, label, classes)


def image_of(row: Mapping[str, Any]) -> Any:
    """The image of a row.

    Raises:
        UsageError: No column of images, or several.
    """
    return row[_only(_images_in(row), "images", row)]


def _images_in(row: Mapping[str, Any]) -> list[str]:
    named = [name for name in _IMAGE_NAMES if name in row]
    return named or [name for name, value in row.items() if _looks_like_one(value)]


def _looks_like_one(value: Any) -> bool:
    one: Any = value[0] if is_several(value) and value else value
    return isinstance(one, Image.Image) or (is_mapping(one) and is_encoded(one))


def _only(names: Iterable[str], what: str, row: Mapping[str, Any]) -> str:
    names = list(names)
    if len(names) == 1:
        return names[0]
    found = f"several columns of {what}, {quoted_list(names)}" if names else f"no column of {what}"
    raise UsageError(
        f"A row has {found}, among {quoted_list(map(str, row)) or 'none'}: give one column, as in "
        'row["image"], or keep one in the data set.'
    )

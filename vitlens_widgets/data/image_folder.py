"""Image folders: one folder per class, one file per image."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from vitlens_widgets.data.examples import Example, as_labels
from vitlens_widgets.data.known_sets import imagenet_synsets
from vitlens_widgets.data.labels import LabelSet
from vitlens_widgets.data.listed_anew import ListedAnew
from vitlens_widgets.errors import UsageError, check_count, counted, said, warn
from vitlens_widgets.files import existing_path

_READ = ".jpg .jpeg .jpe .jfif .png .ppm .pgm .pbm .pnm .webp .bmp .tif .tiff .gif .avif .jp2"
_UNREAD = ".heic .heif .jxl .dng .nef .cr2 .arw .dcm .nii .svg .npy .psd"

SUFFIXES = frozenset(_READ.split())
"""The files that are images, whatever the case of their ending."""

UNREAD = frozenset(_UNREAD.split())
"""Endings of images that are not read: whoever has some would not see that they are left out."""

_SYNSET = re.compile(r"n\d{8}")


_FLAT = (
    "; it has images itself: vit.trace takes such a folder as it is, and vl.data.Examples takes a "
    "list of (image, class), the class None where nobody knows it"
)


class ImageFolder(ListedAnew):
    """A folder that has one folder of images per class, as torchvision's `ImageFolder` reads it.

    Images in folders within a class's folder are of that class, too. Folders are classes by their
    names: those of WordNet's synsets ("n02123045") are classes of ImageNet-1k, others are called
    what the folder is called. The images are read in turn, the first
    of every class (by file name), then the second of every class, so that also the first few are
    spread over the classes.

    Args:
        folder: Where it is.
        labels: The label set that the folders' names are looked up in, or its name; by default the
            names themselves, or ImageNet's.
        per_class: At most so many images of each class, the first by name; None for all.
        skip: Without the first so many of each class, before `per_class` is counted; the rest of
            `ImageFolder(folder, per_class=10)` is `ImageFolder(folder, skip=10)`.

    Raises:
        UsageError: There is no such folder, it has no folders with images, or a folder's name is
            not among the labels.

    Example:
        >>> photos = ImageFolder("photos")  # photos/cat/1.jpg, photos/dog/a.png ...
        >>> photos.count, photos[0].label
        (120, 0)
    """

    has_masks = False

    def __init__(
        self,
        folder: str | os.PathLike[str],
        labels: Sequence[str] | str | None = None,
        per_class: int | None = None,
        skip: int = 0,
    ) -> None:
        self.folder = existing(folder)
        classes = class_folders(self.folder)
        names = [path.name for path in classes]
        self.labels, indices = _named(names, labels)
        self._class_of = dict(zip(names, indices, strict=True))
        self._per_class, self._skip = per_class, skip
        self._files = self._found()
        if not self._files:
            raise UsageError(f"The folders in {self.folder} hold no images.")
        _say_what_is_left_out(self.folder, classes)
        self.count: int | None = len(self._files)

    def _found(self) -> list[Path]:
        """See `ListedAnew`."""
        classes = class_folders(existing(self.folder))
        return in_turn([first_images(one, self._per_class, self._skip) for one in classes])

    @property
    def identity(self) -> dict[str, Any]:
        """See `Dataset`: the files by name and size, as first asked, wherever the folder stands."""
        return {"image folder": self._names_and_sizes}

    def source(self, number: int) -> Path:
        """The file of this number: of two data sets, those with one file are one image."""
        return self._files[number].resolve()

    def __getitem__(self, number: int) -> Example:
        """See `Dataset`."""
        file = self._files[number]
        name = file.relative_to(self.folder)
        return Example(file, self._class_of[name.parts[0]], name=str(name))

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        return f"ImageFolder({self.folder.name}: {len(self)} images)"


def existing(folder: str | os.PathLike[str]) -> Path:
    """The folder.

    Raises:
        UsageError: There is none.
    """
    if not isinstance(folder, (str, os.PathLike)):
        raise UsageError(f'A folder is given by its path, such as "photos", not by {said(folder)}.')
    path = existing_path(folder)
    if not path.is_dir():
        raise UsageError(f"There is no folder {os.fspath(folder)}.")
    return path


def class_folders(folder: Path) -> list[Path]:
    """The folders of classes, by name.

    Raises:
        UsageError: There is none.
    """
    found = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    if not found:
        has_some = any(path.suffix.casefold() in SUFFIXES for path in folder.iterdir())
        raise UsageError(
            f"{folder} must have one folder per class, with the class's images in it"
            f"{_FLAT if has_some else ''}."
        )
    return found


def first_images(folder: Path, count: int | None, skip: int = 0) -> list[Path]:
    """The first image files in a folder after some; all for None. Hidden files are none.

    By name, and those of folders within it after its own, in the order of torchvision.

    Raises:
        UsageError: A count below 1, or a number to skip below 0.
    """
    check_per_class(count)
    check_count("skip", skip, least=0)
    files = [path for path in _walked(folder) if path.suffix.casefold() in SUFFIXES]
    return files[skip:][:count]


def _walked(folder: Path) -> Iterator[Path]:
    """Every file in a folder and the folders within it; macOS leaves hidden ones: "._a.jpg"."""
    for place, _, names in sorted(os.walk(folder, followlinks=True)):
        if any(part[0] == "." for part in Path(place).relative_to(folder).parts):
            continue
        yield from (Path(place) / name for name in sorted(names) if name[0] != ".")


def _say_what_is_left_out(folder: Path, classes: Sequence[Path]) -> None:
    found = (path for one in classes for path in _walked(one))
    unread = [path for path in found if path.suffix.casefold() in UNREAD]
    if unread:
        warn(
            f"{counted(len(unread), 'file')} of {folder} are left out, such as "
            f"{unread[0].relative_to(folder)}: images are read from "
            f"{', '.join(sorted(SUFFIXES))}."
        )


def check_per_class(count: int | None) -> None:
    """Refuse a number of images of each class that leaves none.

    Raises:
        UsageError: No whole number, or one below 1.
    """
    if count is not None:
        check_count("per_class, unless it is None for all images,", count, least=1)


def in_turn(by_class: Iterable[Iterable[Any]]) -> list[Any]:
    """The first of every class, then the second of every class, and so on."""
    missing = object()
    turns = chain.from_iterable(zip_longest(*by_class, fillvalue=missing))
    return [one for one in turns if one is not missing]


def _named(names: list[str], labels: Sequence[str] | str | None) -> tuple[LabelSet, list[int]]:
    """The label set, and the index of each folder's class in it."""
    if labels is None and all(_SYNSET.fullmatch(name) for name in names):
        return LabelSet.known("imagenet-1k"), [synset_class(name) for name in names]
    labels = LabelSet.of(names) if labels is None else as_labels(labels)
    return labels, [labels.index(name) for name in names]


def synset_class(synset: str) -> int:
    """The index of a synset's class in ImageNet-1k.

    Raises:
        UsageError: It is none of its thousand.
    """
    index = imagenet_synsets().get(synset)
    if index is None:
        raise UsageError(f'"{synset}" is not one of the thousand synsets of ImageNet-1k.')
    return index

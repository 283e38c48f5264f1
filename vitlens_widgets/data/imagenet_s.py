"""ImageNet-S: images of ImageNet with a mask of their class."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from vitlens_widgets.data.examples import Example
from vitlens_widgets.data.image_folder import (
    class_folders,
    existing,
    first_images,
    in_turn,
    synset_class,
)
from vitlens_widgets.data.labels import LabelSet
from vitlens_widgets.data.listed_anew import ListedAnew
from vitlens_widgets.errors import UsageError

_PAIRS = {
    "n04356056": "n04355933",
    "n04493381": "n02808440",
    "n03642806": "n03832673",
    "n04008634": "n03773504",
    "n03887697": "n15075141",
}
MERGED = frozenset((*_PAIRS, *_PAIRS.values()))
"""Synsets that ImageNet-S merges with one another, so that their ImageNet class is not certain."""

_SIZES = (50, 300, 919)


class ImageNetS(ListedAnew):
    """A split of ImageNet-S: `<split>/<synset>/<image>`, masks in `<split>-segmentation`.

    A mask is a PNG whose red channel plus 256 times the green one is the number of the category,
    counted from 1 in the order of the sorted synsets; 0 is anything else, and 1000, to be ignored,
    counts as anything else too. The images are read in turn, one of each class after the other.

    The subset of Vilas et al. (2023), 910 classes of 5 images, is `ImageNetS.vilas(folder)`.

    Args:
        folder: The folder of the size, such as `"ImageNetS919"`.
        split: `"validation"`, `"train-semi"`, or another folder; without masks beside it, the
            examples have none.
        per_class: At most so many images of each class, the first by name; None for all.
        least: Classes with fewer images are left out.
        exclude: Synsets that are left out.

    Raises:
        UsageError: There are no such folders, or not as many classes as ImageNet-S has, without
            which the numbers in the masks are not known.

    Source:
        Gao et al. (2022), "Large-scale unsupervised semantic segmentation".

    Example:
        >>> data = ImageNetS.vilas("ImageNetS919")
        >>> data.count
        4550
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        split: str = "validation",
        per_class: int | None = None,
        *,
        least: int = 1,
        exclude: Collection[str] = (),
    ) -> None:
        self.folder = existing(folder)
        self.split = split
        self.labels = LabelSet.known("imagenet-1k")
        classes = class_folders(existing(self.folder / split))
        self._category = {path.name: i for i, path in enumerate(classes, start=1)}
        _check_size(self.folder / split, len(classes))
        self._per_class, self._least, self._exclude = per_class, least, exclude
        self._files = self._found()
        if not self._files:
            raise UsageError(f"The folders in {self.folder / split} hold no images to choose.")
        self.has_masks = (self.folder / f"{split}-segmentation").is_dir()
        self.count: int | None = len(self._files)

    def _found(self) -> list[Path]:
        """See `ListedAnew`."""
        classes = class_folders(existing(self.folder / self.split))
        chosen = [path for path in classes if path.name not in self._exclude]
        enough = [path for path in chosen if len(first_images(path, self._least)) == self._least]
        return in_turn([first_images(path, self._per_class) for path in enough])

    @classmethod
    def vilas(
        cls, folder: str | os.PathLike[str], split: str = "validation", per_class: int = 5
    ) -> ImageNetS:
        """What Vilas et al. (2023) measured on: 5 images of each class that has as many.

        The classes that ImageNet-S merges are left out. Their code takes the first files in the
        order in which the file system lists them, which is not the same everywhere; here they are
        the first by name.

        Args:
            folder: The folder of the size.
            split: `"validation"`; their probes were fitted to `"test"`.
            per_class: How many images of each class; 10 for their probes.
        """
        return cls(folder, split, per_class=per_class, least=per_class, exclude=MERGED)

    @property
    def identity(self) -> dict[str, Any]:
        """See `Dataset`: the files by name and size, as first asked, wherever the folder stands."""
        return {"ImageNet-S": self._names_and_sizes, "masks": self.has_masks}

    def source(self, number: int) -> Path:
        """The file of this number: of two data sets, those with one file are one image."""
        return self._files[number].resolve()

    def __getitem__(self, number: int) -> Example:
        """See `Dataset`.

        Raises:
            UsageError: The mask is missing, cannot be read, or is not in these colours.
        """
        file = self._files[number]
        synset = file.parent.name
        mask = self._mask(file, self._category[synset]) if self.has_masks else None
        name = str(file.relative_to(self.folder))
        return Example(_as_stored(file), synset_class(synset), mask, name)

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        return f"ImageNetS({self.folder.name}/{self.split}: {len(self)} images)"

    def _mask(self, image: Path, category: int) -> np.ndarray:
        masks = self.folder / f"{self.split}-segmentation"
        file = (masks / image.relative_to(self.folder / self.split)).with_suffix(".png")
        try:
            with Image.open(file) as opened:
                colours = np.array(opened)
        except OSError as error:
            raise UsageError(f"The mask {file} cannot be read: {error}.") from error
        if colours.ndim != 3 or colours.shape[2] < 3:
            raise UsageError(f"The mask {file} must be an RGB image; ImageNet-S's are.")
        return colours[..., 0].astype(int) + 256 * colours[..., 1].astype(int) == category


def _as_stored(file: Path) -> Path | np.ndarray:
    """The image as masks and the paper know it: a camera's note to turn it is not followed."""
    try:
        with Image.open(file) as image:
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
            return np.array(image.convert("RGB")) if turned else file
    except (OSError, SyntaxError, ValueError):
        return file  # of which `read_image` says what is wrong


def _check_size(folder: Path, n_classes: int) -> None:
    if n_classes not in _SIZES:
        raise UsageError(
            f"{folder} has {n_classes} class folders; ImageNet-S has 50, 300 or 919, and the "
            "numbers in its masks count all of them: keep the folders of classes you leave out."
        )

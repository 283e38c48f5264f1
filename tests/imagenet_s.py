"""ImageNet-S on disk, small: its folders, a few images, and masks in its colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from vitlens_widgets.data.known_sets import imagenet_synsets

WITH_MORE = (3, 40)
"""The two of the fifty classes, counted from 1, that have six images; the others have one."""


def write_imagenet_s(folder: Path) -> list[str]:
    """Writes the split `validation` of ImageNet-S-50, images of 40 x 30 pixels.

    A thing of the class lies at rows 5 to 20, columns 10 to 30; one of the ten classes that
    ImageNet-S merges is among the fifty.

    Returns:
        The synsets, in order.
    """
    every = sorted(imagenet_synsets())
    synsets = sorted([*every[:: len(every) // 50][:49], "n04356056"])
    for number, synset in enumerate(synsets, start=1):
        for i in range(6 if number in WITH_MORE else 1):
            name = f"{synset}/ILSVRC2012_val_{i}"
            _save(folder / "validation" / f"{name}.JPEG", np.full((30, 40, 3), 9, np.uint8))
            _save(folder / "validation-segmentation" / f"{name}.png", _mask(number))
    return synsets


def _mask(number: int) -> np.ndarray:
    ids = np.zeros((30, 40), int)
    ids[5:20, 10:30] = number
    ids[0:5] = 1000  # to be ignored
    ids[25:] = 300 + number  # another category, of the same red for some
    return np.stack([ids % 256, ids // 256, 0 * ids], -1).astype(np.uint8)


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)

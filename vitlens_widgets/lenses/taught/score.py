"""How well patches draw what masks show: IoU and accuracy of each class, on pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import special

from vitlens_widgets.data import LabelSet, frame
from vitlens_widgets.errors import UsageError
from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.lenses.features import FeatureReading
from vitlens_widgets.lenses.segmentation import pixel_labels
from vitlens_widgets.lenses.taught.fitting import Fitted
from vitlens_widgets.masks import check_aspect

if TYPE_CHECKING:
    from pandas import DataFrame


def score(found: Fitted, labels: LabelSet, features: FeatureReading, masks: Any) -> DataFrame:
    """See `PatchClassifier.score`."""
    true = _masks(masks, labels, features)
    if not features.present.all():
        raise UsageError("Masks are compared with whole images, and patches were dropped here.")
    size = next(iter(true.values())).shape[1:]
    units = features.units(features.trace.n_states - 1)[:, features.layout.patches].numpy()
    chances = torch.from_numpy(special.softmax(found.logits(units), axis=-1))
    given = pixel_labels(chances, features.layout.grid, (size[0], size[1]))
    rows = [_of_class(given == labels.index(name), mask) for name, mask in true.items()]
    columns = {
        "class": [*true, "mean"],
        "IoU": [*(row[0] for row in rows), float(np.mean([row[0] for row in rows]))],
        "accuracy": [*(row[1] for row in rows), float(np.mean([row[1] for row in rows]))],
        "pixels": [*(row[2] for row in rows), sum(row[2] for row in rows)],
    }
    return frame(columns, f"taught classes of {features.trace.vit.name} against masks")


def _of_class(given: np.ndarray, true: np.ndarray) -> tuple[float, float, int]:
    """(IoU, the share of its pixels that are given it, its pixels)."""
    both, n = int((given & true).sum()), int(true.sum())
    return both / int((given | true).sum()), both / n, n


def _masks(masks: Any, labels: LabelSet, features: FeatureReading) -> dict[str, np.ndarray]:
    """The mask of each class that has one, bool `[image, height, width]`."""
    if is_mapping(masks):
        named = {labels[labels.index(name)]: np.asarray(mask) != 0 for name, mask in masks.items()}
    else:
        numbers = np.asarray(masks)
        if not np.issubdtype(numbers.dtype, np.integer):
            raise UsageError(
                "masks= takes a dict of masks by class name, or whole numbers [image, height, "
                f"width], the index of the class at each pixel; this one is {numbers.dtype}."
            )
        named = {name: numbers == index for index, name in enumerate(labels)}
        if numbers.size and numbers.max() >= len(labels):
            raise UsageError(
                f"masks= holds the class {numbers.max()}, and the {len(labels)} taught classes "
                f"are counted from 0 to {len(labels) - 1}."
            )
    named = {name: mask[None] if mask.ndim == 2 else mask for name, mask in named.items()}
    for name, mask in named.items():
        _check(name, mask, next(iter(named.values())).shape, features)
    shown = {name: mask for name, mask in named.items() if mask.any()}
    if not shown:
        raise UsageError("The masks show none of the taught classes.")
    return shown


def _check(name: str, mask: np.ndarray, shape: tuple[int, ...], features: FeatureReading) -> None:
    if mask.ndim != 3 or mask.shape != shape or len(mask) != features.n_images:
        raise UsageError(
            f'The mask of "{name}" has the shape {list(mask.shape)}; masks have one, [image, '
            f"height, width], with {features.n_images} images here."
        )
    check_aspect(mask[0], features.trace.pictures.shape[1:3])

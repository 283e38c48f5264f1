"""Whether the objects can be found in what is painted, by a model that segments pictures.

Source of the idea: the FCN score of Isola et al. (2017), "Image-to-Image Translation with
Conditional Adversarial Networks", section 4.1: a generated picture is as good as what a segmenter
that was trained on real ones finds in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.infill.shown import pieces
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.lenses.segmentation import mean_iou, pixel_labels
from vitlens_widgets.progress import progress
from vitlens_widgets.trace import ViT

if TYPE_CHECKING:
    from vitlens_widgets.lenses.infill.infilling import Infilling


@dataclass(frozen=True, eq=False)
class ObjectIoU:
    """Mean intersection over union of classes, on hidden pixels alone (`segmentation.mean_iou`).

    The segmenter labels every pixel of the pasted picture: its patches' answers, enlarged. So the
    score depends on the segmenter, and on what it makes of the visible patches around; `original`
    says what it scores on the picture itself, which no painting can be expected to exceed. It is
    shown the whole picture, resized to its own size: a crop of its preprocessing is left out, so
    that every pixel has its label.

    Attributes:
        truth: Each state's painting against the true classes, `[state, image]`.
        final: Each state's painting against the segmenter's labels of the final one, likewise.
        original: The original picture against the true classes, `[image]`.
    """

    truth: np.ndarray
    final: np.ndarray
    original: np.ndarray


def object_iou(infilling: Infilling, truth: Any, segmenter: ViT) -> ObjectIoU:
    """See `Infilling.iou`."""
    check_classifier(segmenter)
    truth = np.asarray(truth)
    truth = truth[None] if truth.ndim == 2 else truth
    if truth.shape != infilling.hidden.shape or not np.issubdtype(truth.dtype, np.integer):
        raise UsageError(
            f"truth= has the shape {list(truth.shape)} and the type {truth.dtype}; expected the "
            f"class of each pixel, whole numbers {list(infilling.hidden.shape)}."
        )
    hidden = infilling.hidden
    states = progress(range(infilling.n_states), "objects")
    labels = [_labels(segmenter, infilling.pictures(state)) for state in states]
    return ObjectIoU(
        truth=np.stack([_ious(given, truth, hidden) for given in labels]),
        final=np.stack([_ious(given, labels[-1], hidden) for given in labels]),
        original=_ious(_labels(segmenter, infilling.original), truth, hidden),
    )


@torch.no_grad()
def _labels(segmenter: ViT, pictures: np.ndarray) -> np.ndarray:
    """The class of each pixel by the segmenter's patches, `[image, height, width]`."""
    layout = segmenter.layout
    chances = torch.cat(
        [_chances(segmenter, pictures[i]) for i in pieces(len(pictures), layout.n_patches)]
    )
    return pixel_labels(chances, (layout.rows, layout.cols), pictures.shape[1:3])


def _chances(segmenter: ViT, pictures: np.ndarray) -> Tensor:
    """Each patch's probabilities, `[image, patch, class]`, of the whole resized pictures."""
    preprocessing = segmenter.preprocessing
    size = preprocessing.size[::-1]  # (width, height)
    resized = [
        np.array(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
        for picture in pictures
    ]
    pixels = preprocessing.pixels(resized).to(segmenter.device, segmenter.dtype)
    state = segmenter.trace(pixels, preprocessed=True).states[-1]
    logits = segmenter.adapter.token_logits(state)[:, segmenter.layout.patches]
    return logits.softmax(-1).float().cpu()


def _ious(given: np.ndarray, truth: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    return np.array(
        [
            mean_iou(g[h], t[h]) if h.any() else np.nan
            for g, t, h in zip(given, truth, hidden, strict=True)
        ]
    )

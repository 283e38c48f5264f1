"""Whether the objects can be found in what is painted, by a model that segments pictures.

Source of the idea: the FCN score of Isola et al. (2017), "Image-to-Image Translation with
Conditional Adversarial Networks", section 4.1: a generated picture is as good as what a segmenter
that was trained on real ones finds in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.infill.shown import pieces
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.lenses.segmentation import mean_iou, pixel_labels
from vitlens_widgets.trace import ViT


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


def object_iou(
    paintings: Iterable[np.ndarray],
    original: np.ndarray,
    hidden: np.ndarray,
    truth: Any,
    segmenter: ViT,
) -> ObjectIoU:
    """How well a segmenting ViT finds the objects in what is painted.

    Args:
        paintings: Of each state in turn, pasted, uint8 `[image, height, width, 3]`.
        original: The pictures, likewise.
        hidden: Which pixels are hidden, bool `[image, height, width]`.
        truth: See `Infilling.iou`.
        segmenter: A ViT whose patches name what they show.

    Raises:
        UsageError: A truth of another shape, or a model without a classifier.
    """
    check_classifier(segmenter)
    truth = np.asarray(truth)
    truth = truth[None] if truth.ndim == 2 else truth
    if truth.shape != hidden.shape or not np.issubdtype(truth.dtype, np.integer):
        raise UsageError(
            f"truth= has the shape {list(truth.shape)} and the type {truth.dtype}; expected the "
            f"class of each pixel, whole numbers {list(hidden.shape)}."
        )
    labels = [_labels(segmenter, pictures) for pictures in paintings]
    return ObjectIoU(
        truth=np.stack([_ious(answers, truth, hidden) for answers in labels]),
        final=np.stack([_ious(answers, labels[-1], hidden) for answers in labels]),
        original=_ious(_labels(segmenter, original), truth, hidden),
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
    height, width = preprocessing.size
    resized = [
        np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))
        for picture in pictures
    ]
    pixels = preprocessing.pixels(resized).to(segmenter.device, segmenter.dtype)
    state = segmenter.trace(pixels, preprocessed=True).states[-1]
    logits = segmenter.adapter.token_logits(state)[:, segmenter.layout.patches]
    return logits.softmax(-1).float().cpu()


def _ious(labels: np.ndarray, truth: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    return np.array(
        [
            mean_iou(of_image[h], t[h]) if h.any() else np.nan
            for of_image, t, h in zip(labels, truth, hidden, strict=True)
        ]
    )

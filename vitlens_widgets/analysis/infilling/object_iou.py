"""Whether the objects can be found in what is painted, by a model that segments pictures.

Source of the idea: the FCN score of Isola et al. (2017), "Image-to-Image Translation with
Conditional Adversarial Networks", section 4.1: a generated picture is as good as what a segmenter
that was trained on real ones finds in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.over_images import OverImages, over_images
from vitlens_widgets.analysis.result import Result, mean_and_half
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, counted
from vitlens_widgets.lenses import Infilling
from vitlens_widgets.lenses.infill.infilling import check_infilling
from vitlens_widgets.lenses.infill.shown import pieces
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.lenses.segmentation import mean_iou, pixel_labels
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.probabilities import probabilities
from vitlens_widgets.progress import progress
from vitlens_widgets.trace import ViT

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class ObjectIoU(Result):
    """Mean intersection over union of classes, on hidden pixels alone (`segmentation.mean_iou`).

    The segmenter labels every pixel of the pasted picture: its patches' answers, enlarged. So the
    score depends on the segmenter, and on what it makes of the visible patches around; `original`
    says what it scores on the picture itself, which no painting can be expected to exceed. It is
    shown the whole picture, resized to its own size: a crop of its preprocessing is left out, so
    that every pixel has its label.

    Attributes:
        title: The lens, its model, the segmenter and the number of images.
        state_names: `["0_pre", ..., "final"]`.
        truth: Each state's painting against the true classes, `[state, image]`; NaN for an image
            of which nothing is hidden.
        final: Each state's painting against the segmenter's labels of the final one, likewise.
        original: The original picture against the true classes, `[image]`.
    """

    title: str
    state_names: Sequence[str]
    truth: np.ndarray = field(repr=False)
    final: np.ndarray = field(repr=False)
    original: np.ndarray = field(repr=False)

    def table(self) -> DataFrame:
        """A row per state, then one of the original: means over images, half their intervals."""
        columns: dict[str, list[Any]] = {"state": [*self.state_names, "original"]}
        none = np.full((1, self.truth.shape[1]), np.nan)
        rows = {"truth": [*self.truth, self.original], "final": [*self.final, *none]}
        for name, values in rows.items():
            both = over_images(np.stack(values))
            columns[f"against the {name}"] = both.mean.tolist()
            columns[f"± (against the {name})"] = both.half.tolist()
        return frame(columns, self.title)

    def figure(self) -> Figure:
        """Means over images with 95 % intervals, state by state, beside that of the original."""
        plot = charts.figure_over_states(
            self.titled("mean IoU of classes by state"), self.state_names, "mean IoU of classes"
        )
        original = f"original, {_AGAINST['truth']}"
        beside = {original: [float(self._original.mean)] * len(self.state_names)}
        return charts.with_means(plot, "state", self.state_names, self._over_images, beside)

    def summary(self) -> str:
        """What the final painting and the original score."""
        final = mean_and_half(self._over_images[_AGAINST["truth"]], -1)
        return (
            f"{self.title}\nfinal {_AGAINST['truth']}: {final}\n"
            f"original {_AGAINST['truth']}: {mean_and_half(self._original)}"
        )

    @property
    def _over_images(self) -> Mapping[str, OverImages]:
        """Each `[state]`."""
        return {_AGAINST[name]: over_images(getattr(self, name)) for name in _AGAINST}

    @property
    def _original(self) -> OverImages:
        return over_images(self.original)


_AGAINST = {name: f"against the {name}" for name in ("truth", "final")}


@experiment("infilling", part="infilling", needs_classifier=False)
def object_iou(infilling: Infilling, truth: Any, segmenter: ViT) -> ObjectIoU:
    """How well a segmenting ViT finds the objects in what is painted.

    Args:
        infilling: Made by an infill lens.
        truth: The class of each pixel, whole numbers `[image, height, width]` in the order of
            the segmenter's labels: for scenes of the world, their `class_mask`.
        segmenter: A ViT whose patches name what they show, `vl.load("toy/p32-taught")` for the
            world.

    Raises:
        UsageError: No infilling, a truth of another shape, or a segmenter without a classifier.
    """
    check_infilling(infilling, "object_iou")
    check_classifier(segmenter)
    truth, hidden = np.asarray(truth), infilling.hidden
    truth = truth[None] if truth.ndim == 2 else truth
    if truth.shape != hidden.shape or not np.issubdtype(truth.dtype, np.integer):
        raise UsageError(
            f"truth= has the shape {list(truth.shape)} and the type {truth.dtype}; expected the "
            f"class of each pixel, whole numbers {list(hidden.shape)}."
        )
    states = progress(range(infilling.n_states), "objects")
    labels = [_labels(segmenter, infilling.pictures(state)) for state in states]
    painted = f"{infilling.lens_name} of {infilling.model_name}"
    return ObjectIoU(
        title=f"{painted}, objects by {segmenter.name}, {counted(infilling.n_images, 'image')}",
        state_names=infilling.state_names,
        truth=np.stack([_ious(answers, truth, hidden) for answers in labels]),
        final=np.stack([_ious(answers, labels[-1], hidden) for answers in labels]),
        original=_ious(_labels(segmenter, infilling.original), truth, hidden),
    )


@clean
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
    return probabilities(logits, segmenter.probabilities).float().cpu()


def _ious(labels: np.ndarray, truth: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    return np.array(
        [
            mean_iou(of_image[h], t[h]) if h.any() else np.nan
            for of_image, t, h in zip(labels, truth, hidden, strict=True)
        ]
    )

"""`DecodedPictures`: what a decoder painted of states, or of what components write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
from torch import Tensor
from torch.nn.functional import normalize

from vitlens_widgets.errors import UsageError, check_choice
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.lenses.pictures.similar import embedded, resized, ssim
from vitlens_widgets.models.probabilities import probabilities
from vitlens_widgets.trace import ViT

By = Literal["embedding", "ssim"]
To = Literal["input", "final", "others"]


@dataclass(frozen=True, eq=False, repr=False)
class DecodedPictures:
    """Pictures of states or components, with what they are alike to.

    Attributes:
        title: Of what, by which decoder.
        names: Of the states or components.
        pictures: uint8 `[row, image, seed, height, width, 3]`.
        done: Which are painted, bool `[row, image, seed]`: an interrupt may have come first.
        embeddings: What was decoded, `[row, image, ...]`.
        final: The picture of the run's own last state, `[image, seed, height, width, 3]`.
        final_done: Which of these are painted, bool `[image, seed]`.
        input: What the model saw, uint8 `[image, height, width, 3]`.
        seeds: Those of the noise.
        vit: The encoder.
        asked: By which lens, of which trace and how, for `vl.DecodedImages` to go on from.
    """

    title: str
    names: tuple[str, ...]
    pictures: np.ndarray
    done: np.ndarray
    embeddings: Tensor
    final: np.ndarray
    final_done: np.ndarray
    input: np.ndarray
    seeds: tuple[int, ...]
    vit: ViT = field(repr=False)
    asked: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    def __repr__(self) -> str:
        height, width = self.pictures.shape[3:5]
        return (
            f"DecodedPictures({self.title}: {int(self.done.sum())} of {self.done.size}, "
            f"{height} x {width} pixels)"
        )

    def similarity(self, by: By = "embedding", to: To = "input") -> np.ndarray:
        """How alike each picture is to the input, or to the picture of the last state.

        Args:
            by: `"embedding"`: the cosine of what the encoder itself pools of both; `"ssim"`: their
                structure (`vitlens_widgets.lenses.pictures.similar.ssim`), at the decoder's size.
            to: `"input"`; `"final"`: the picture of the run's own last state with the same seed;
                `"others"`: the other images of the run, mean over them. That is the mark of chance:
                a picture that is no more alike to its own input says nothing of it.

        Returns:
            Float64 `[row, image, seed]`; NaN where a picture is not done.

        Raises:
            UsageError: An unknown choice, or others of a single image.
        """
        check_choice("by", by, ("embedding", "ssim"))
        check_choice("to", to, ("input", "final", "others"))
        if to == "final":
            found = self._alike(by, self.final)
            return np.where(self.done & self.final_done, found, np.nan)
        if to == "input":
            return np.where(self.done, self._alike(by, self.input[:, None]), np.nan)
        n = len(self.input)
        if n == 1:
            raise UsageError('to="others" compares with the other images of the run; it has one.')
        shifted = [self._alike(by, np.roll(self.input, i, 0)[:, None]) for i in range(1, n)]
        return np.where(self.done, np.mean(shifted, 0), np.nan)

    def _alike(self, by: By, other: np.ndarray) -> np.ndarray:
        """To other pictures, uint8 `[image, seed or 1, height, width, 3]`."""
        if by == "embedding":
            return (self._of_pictures * embedded(self.vit, other)).sum(-1)
        return ssim(self.pictures, resized(other, self.pictures.shape[3:5]))

    def similarity_before(self) -> np.ndarray:
        """The cosine of each embedding itself and the input's, before any picture.

        Returns:
            Float64 `[row, image]`.

        Raises:
            UsageError: Tokens were decoded, which are no embedding of an image.
        """
        check_choice("what is decoded", self._reads, ("readout",))
        units = normalize(self.embeddings.double(), dim=-1).cpu().numpy()
        return (units * self._of_input).sum(-1)

    def ranking(self, by: By = "embedding", to: To = "input") -> list[str]:
        """The names, most alike first, by the mean over images and seeds; those not done last.

        Raises:
            UsageError: An unknown choice.
        """
        found = self.similarity(by, to)
        count = self.done.sum((1, 2))
        means = np.nansum(found, (1, 2)) / np.maximum(count, 1)
        order = np.argsort(np.where(count > 0, -means, np.inf), kind="stable")
        return [self.names[i] for i in order]

    def named_by(self, judge: ViT) -> tuple[np.ndarray, np.ndarray]:
        """What a classifier sees in the pictures.

        Args:
            judge: Any model with a classifier, such as `vl.load("toy/p32-taught")`.

        Returns:
            The class of each, int64 `[row, image, seed]`, -1 where no picture is done; and its
            probability, float64.

        Raises:
            UsageError: The judge has no classifier.
        """
        classes = np.full(self.done.shape, -1, np.int64)
        chances = np.full(self.done.shape, np.nan)
        check_classifier(judge)
        for row in range(len(self.names)):
            there = self.done[row]
            if not there.any():
                continue
            seen = answers_to(judge, self.pictures[row][there])
            classes[row][there], chances[row][there] = seen
        return classes, chances

    @property
    def _reads(self) -> str:
        return "readout" if self.embeddings.ndim == 3 else "tokens"

    @cached_property
    def _of_pictures(self) -> np.ndarray:
        return embedded(self.vit, self.pictures)

    @cached_property
    def _of_input(self) -> np.ndarray:
        return embedded(self.vit, self.input)


def answers_to(judge: ViT, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a classifier sees in pictures, uint8 `[picture, height, width, 3]`.

    Returns:
        The most probable class of each, int64 `[picture]`, and its probability, float64.
    """
    logits = cast("Tensor", judge.trace(list(pictures)).logits)
    best = probabilities(logits.detach().double(), judge.adapter.probabilities).max(-1)
    return best.indices.cpu().numpy(), best.values.cpu().numpy()

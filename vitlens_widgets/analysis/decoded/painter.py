"""What a lens paints of embeddings while an experiment runs, and by which its decoder is known."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, check_type
from vitlens_widgets.lenses.decoder import Decoder
from vitlens_widgets.lenses.pictures.lens import PictureLens, Seeds
from vitlens_widgets.lenses.pictures.similar import embedded
from vitlens_widgets.trace import ViT

_PROBE_STEPS = 2


class LensPainter:
    """A lens that paints any embeddings of a model, in one way.

    Args:
        vit: The model that the experiment is of.
        lens: What paints; of the same model.
        reads: What its decoder must read, `"readout"` or `"tokens"`; None for either.
        seeds: How many, or which.
        steps: Of the decoder; None for its own number.
        guidance: Likewise.

    Attributes:
        settings: What its pictures depend on, in JSON's types.

    Raises:
        UsageError: It is no such lens, or of another model.
    """

    def __init__(
        self,
        vit: ViT,
        lens: PictureLens,
        reads: str | None,
        seeds: Seeds,
        steps: int | None,
        guidance: float | None,
    ) -> None:
        check_type("lens=", lens, PictureLens, "vl.SteeringLens(vit, decoder) or one of its kin")
        if lens.vit.model is not vit.model:
            raise UsageError(
                f"lens= is of {lens.vit.name} (id {id(lens.vit):x}), the experiment of {vit.name} "
                f"(id {id(vit):x}); make the lens of the same vl.load result."
            )
        if reads is not None and lens.reads != reads:
            raise UsageError(
                f"This experiment paints the {reads}, and {lens.decoder.name} reads "
                f"{lens.decoder.reads.what}: take a decoder of the {reads}."
            )
        self.lens, self._vit = lens, vit
        self._how = lens.how(seeds, steps, guidance)
        self.settings: dict[str, Any] = {
            "decoder": lens.decoder.name,
            "decoder_is": looks_of(lens.decoder),
            "seeds": list(self._how.seeds),
            "steps": steps,
            "guidance": guidance,
        }

    def paint(self, embeddings: Tensor, states: Sequence[int] | None = None) -> np.ndarray:
        """All pictures, uint8 `[row, image, seed, height, width, 3]`.

        Args:
            embeddings: `[row, image, ...]`.
            states: Which state each row is, for decoders that are told.

        Raises:
            KeyboardInterrupt: It was stopped; some pictures do not make a measurement.
        """
        pictures, done = self.lens.paint(embeddings, self._how, states)
        if not done.all():
            raise KeyboardInterrupt
        return pictures

    def alike(
        self, embeddings: Tensor, to: np.ndarray, states: Sequence[int] | None = None
    ) -> np.ndarray:
        """How alike pictures are to something, mean over seeds: float64 `[row, image]`.

        Args:
            embeddings: `[row, image, ...]`.
            to: What the model pools of what they are compared with, of length 1,
                `[image, feature]`.
            states: As for `paint`.
        """
        found = embedded(self._vit, self.paint(embeddings, states))
        return (found * to[:, None]).sum(-1).mean(-1)


def painter_of(
    vit: ViT,
    lens: PictureLens | None,
    reads: str | None,
    seeds: Seeds,
    steps: int | None,
    guidance: float | None,
) -> LensPainter | None:
    """As `LensPainter`; None without a lens, of an experiment that paints nothing."""
    return None if lens is None else LensPainter(vit, lens, reads, seeds, steps, guidance)


def settings_of(painter: LensPainter | None) -> dict[str, Any]:
    """What pictures depend on, also where there are none."""
    return _NO_PAINTER if painter is None else painter.settings


_NO_PAINTER: dict[str, Any] = {
    "decoder": None,
    "decoder_is": None,
    "seeds": [0],
    "steps": None,
    "guidance": None,
}
"""The settings of an experiment that paints nothing."""


def units(features: Tensor) -> np.ndarray:
    """Of length 1, float64 `[..., feature]`."""
    return torch.nn.functional.normalize(features.detach().double(), dim=-1).cpu().numpy()


def looks_of(decoder: Decoder) -> dict[str, Any]:
    """By which a decoder is known again, as `fingerprint` has it of a model.

    What it says of itself, and the levels of a picture of one fixed embedding of random numbers,
    mean over its quarters and by colour.
    """
    known = (decoder.name, decoder.reads, decoder.size, decoder.steps, decoder.guidance)
    shape, states = decoder.reads.shape, decoder.reads.states
    (picture,) = decoder.decode(
        np.random.RandomState(0).standard_normal(shape).astype(np.float32),
        steps=None if decoder.steps == 1 else min(decoder.steps, _PROBE_STEPS),
        state=states - 1 if states else None,
    )
    quarters = [half for rows in np.array_split(picture, 2) for half in np.array_split(rows, 2, 1)]
    levels = np.stack([one.mean((0, 1)) for one in quarters]).round(2)
    digest = hashlib.sha256(repr(known).encode()).hexdigest()
    return {"sha256": digest, "answers": levels.ravel().tolist()}

"""`overlay_study`: which head holds a thing that was laid on the image, and what goes with it."""

from __future__ import annotations

from itertools import product
from typing import ClassVar, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vitlens_widgets.analysis.chosen_head import is_to_choose, of_others
from vitlens_widgets.analysis.decoded.ablation import Ablated, Ablation
from vitlens_widgets.analysis.decoded.kinds import kinds
from vitlens_widgets.analysis.decoded.others import OtherImages, OwnNoise
from vitlens_widgets.analysis.decoded.overlay_result import HOLDS, LOSES, OverlayStudy
from vitlens_widgets.analysis.decoded.painter import LensPainter, painter_of, settings_of, units
from vitlens_widgets.analysis.decoded.pasted import cut_out, pasted
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, spread, tally
from vitlens_widgets.data import Dataset, read_image
from vitlens_widgets.data.examples import matched
from vitlens_widgets.errors import UsageError, check_number, check_seed
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.lenses.pictures.lens import PictureLens, Seeds, readout_of
from vitlens_widgets.lenses.pictures.similar import embedded
from vitlens_widgets.lenses.pictures.steered import Writer, WrittenBy, check_strength, moved
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.probabilities import probabilities
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.batch import as_batch
from vitlens_widgets.trace.fingerprint import fingerprint

JUDGE = "judge"


@over_data(OverlayStudy, needs_classifier=False)
def overlay_study(
    vit: ViT,
    data: Dataset,
    *,
    lens: PictureLens | None = None,
    judge: ViT | None = None,
    size: float = 0.4,
    strength: float = 8.0,
    seeds: Seeds = 1,
    steps: int | None = None,
    guidance: float | None = None,
    seed: int = 0,
) -> Measures[OverlayStudy]:
    """Which head holds a second thing that is laid on the image, and whether it goes with the head.

    On each image another one of the data set's first eight is laid, in a corner by lot: its thing,
    cut out by its mask, where the data set has masks, else all of it. How much of the overlay is in
    an embedding is its cosine with that of the overlay alone, on grey, less its cosine with that of
    the image alone. Of every head, in the run of both together:

    - how much more of the overlay is there when its direct contribution is made stronger: what the
      head *holds*;
    - how much less when the head is switched off, in an exact run: what is *lost* with it.

    Both are measured of the embedding; with a lens of the pictures that are painted of it, through
    the model's own embedding; and with a judge by the probability of the overlay's class in them.

    The head that does best looks better than it is. So a head is chosen on one half of the images,
    by the first measure, and judged on the other, beside the mean of all other heads, which is what
    a head drawn by lot does.

    Args:
        vit: The model.
        data: Images, two different ones at least.
        lens: What paints, `vl.SteeringLens(vit, decoder)`; None: no pictures, embeddings alone.
        judge: A classifier with the data set's classes, such as `vl.load("toy/p32-taught")`; goes
            with a lens.
        size: The longer side of the overlay, as a share of the image's shorter one, up to .9.
        strength: What a head's contribution is multiplied by, above 1.
        seeds: Of the pictures, how many or which.
        steps: Of the decoder; None for its own number.
        guidance: Likewise.
        seed: Of the corners.

    Raises:
        UsageError: A lens of another model or of tokens, a judge without one or without the data
            set's classes, another size or strength, or what `run` refuses.

    Source:
        Takatsuki, Joseph, Fujisawa & Kanai (2025), the study of overlays, such as a flower, of
        which their code cannot be had: what is laid on, and all measures, are our own.

    Example:
        >>> lens, judge = vl.SteeringLens(vit, decoder), vl.load("toy/p32-taught")
        >>> data = vl.world.Scenes(seed=500)
        >>> found = vl.analysis.overlay_study(vit, data, lens=lens, judge=judge, n_images=50)
        >>> found.chosen, found.summary()
    """
    painter = painter_of(vit, lens, "readout", seeds, steps, guidance)
    if not 0 < check_number("size", size) <= _LARGEST:
        raise UsageError(
            f"size= is a share, above 0 to {_LARGEST} of the shorter side, not {size}."
        )
    if not check_strength(strength) > 1:
        raise UsageError(f"strength= makes what a head writes stronger: above 1, not {strength}.")
    return _Overlay(vit, data, painter, judge, (float(size), float(strength)), check_seed(seed))


_LARGEST = 0.9


class _Overlay(Measures[OverlayStudy]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "overlay study"
    own_labels: ClassVar = True  # of the overlay, which the judge is asked about
    usual: ClassVar = {
        "decoder": None,
        "judge": None,
        "size": 0.4,
        "strength": 8.0,
        "seeds": [0],
        "steps": None,
        "guidance": None,
        "seed": 0,
    }

    def __init__(
        self,
        vit: ViT,
        data: Dataset,
        painter: LensPainter | None,
        judge: ViT | None,
        how: tuple[float, float],
        seed: int,
    ) -> None:
        self._vit, self._painter, self._judge = vit, painter, judge
        (self._size, self._strength), self._seed = how, seed
        self._others = OtherImages(vit, data)
        self._data = data
        if judge is not None:
            if painter is None:
                raise UsageError("judge= is shown pictures: give lens=, too.")
            check_classifier(judge)
        self.settings = {
            **settings_of(painter),
            "judge": None if judge is None else judge.name,
            "judge_is": None if judge is None else fingerprint(judge),
            "size": self._size,
            "strength": self._strength,
            "seed": seed,
        }

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds: every measure of every head, on either half of the images."""
        shape = len(batch), self._vit.n_layers, self._vit.n_heads
        every = np.full((len(self._names), *shape), np.nan)
        seen = np.full(len(batch), np.nan)
        others = self._others.of(batch)
        here = [i for i, other in enumerate(others) if other is not None]
        if here:
            found, seen[here] = self._of_images(batch, here, others)
            every[:, here] = found.reshape(*found.shape[:2], *shape[1:])
        to_choose = np.array([is_to_choose(one) for one in batch.examples])[:, None, None]
        judged = np.where(to_choose, np.nan, every)
        by_lot = np.stack([of_others(one) for one in judged])
        parts = {"judged": judged, "by lot": by_lot, "ahead": judged - by_lot}
        parts = {name: tally(one.swapaxes(0, 1)) for name, one in parts.items()}
        chosen_on = np.where(to_choose, every[0], np.nan)
        return {"to choose": tally(chosen_on), "seen": tally(seen)} | parts

    def result(self, done: Totals) -> OverlayStudy:
        """What it all says."""
        found = {name.replace(" ", "_"): spread(one) for name, one in done.tallies.items()}
        return OverlayStudy(title=done.title, names=tuple(self._names), **found)

    @property
    def _names(self) -> list[str]:
        measured = kinds(self._painter) + ([] if self._judge is None else [JUDGE])
        return [f"{kind} {what}" for kind in measured for what in (HOLDS, LOSES)]

    def _of_images(
        self, batch: ExampleBatch, here: list[int], others: list[int | None]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Every measure `[measure, image, head]`, and how far the overlay is seen at all."""
        overlays = [self._others.batch.examples[one] for one in others if one is not None]
        both, alone = self._pasted(batch, here, others)
        made = [as_batch(self._vit, one, False)[0] for one in (both, alone)]
        runs = [self._vit.trace(x, preprocessed=True) for x in (batch.pixels[here], *made)]
        image, composed, overlay = (units(readout_of(self._vit, one.states[-1])) for one in runs)
        towards = overlay - image  # a cosine with the one less a cosine with the other
        decoded = self._decoded(runs[1])
        scores = [(units(decoded) * towards).sum(-1)]
        if self._painter is not None:
            pictures = self._painter.paint(decoded)
            of_pictures = (embedded(self._vit, pictures) * towards[:, None]).sum(-1).mean(-1)
            scores.insert(0, of_pictures)
            if self._judge is not None:
                wanted = self._wanted([one.label for one in overlays])
                scores.append(_judged(self._judge, pictures, wanted))
        found = [one.T for of_kind in scores for one in _differences(of_kind)]
        return np.stack(found), ((composed - image) * towards).sum(-1)

    def _pasted(
        self, batch: ExampleBatch, here: list[int], others: list[int | None]
    ) -> tuple[list[Image.Image], list[Image.Image]]:
        """The images with their overlays, and the overlays alone."""
        pool, numbers = self._others.batch, OwnNoise(batch, self._seed).numbers
        made = [
            pasted(
                read_image(batch.examples[i].image),
                cut_out(read_image(pool.examples[other].image), pool.masks[other]),
                self._size,
                numbers[i] % 4,
            )
            for i in here
            if (other := others[i]) is not None
        ]
        return [both for both, _ in made], [alone for _, alone in made]

    @clean
    @torch.no_grad()
    def _decoded(self, trace: Trace) -> Tensor:
        """What is painted: all heads stronger, all heads off, then the run as it is.

        `[2 * heads + 1, image, feature]`.
        """
        by = WrittenBy(trace)
        heads = list(product(range(self._vit.n_layers), range(self._vit.n_heads)))
        stronger = [
            readout_of(self._vit, moved(trace, by.of(Writer(*head)), self._strength))
            for head in heads
        ]
        runs = [Ablated(i, (head,)) for head in heads for i in range(trace.n_images)]
        off = dict(Ablation(trace).features(runs))
        own = readout_of(self._vit, trace.states[-1])
        without = torch.stack([off[i] for i in range(len(runs))]).to(own)
        return torch.cat([torch.stack(stronger), without.unflatten(0, (len(heads), -1)), own[None]])

    def _wanted(self, labels: list[int]) -> list[int]:
        """The judge's class of each of the data set's.

        Raises:
            UsageError: It does not have one.
        """
        judge = cast("ViT", self._judge)
        classes = matched(self._data.labels, judge.labels, "The judge")
        return [classes[one] for one in labels]


def _differences(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What heads hold, and what is lost with them, of `[2 * heads + 1, image]`."""
    stronger, off = np.split(scores[:-1], 2)
    return stronger - scores[-1], scores[-1] - off


@clean
@torch.no_grad()
def _judged(judge: ViT, pictures: np.ndarray, wanted: list[int]) -> np.ndarray:
    """The probability of a class of each image in its pictures, mean over seeds, `[row, image]`."""
    found: list[np.ndarray] = []
    for row in pictures:  # [image, seed, height, width, 3]
        logits = cast("Tensor", judge.trace(list(row.reshape(-1, *row.shape[2:]))).logits)
        answers = probabilities(logits.double(), judge.adapter.probabilities).cpu().numpy()
        of_images = answers.reshape(*row.shape[:2], -1)[np.arange(len(row)), :, wanted]
        found.append(of_images.mean(-1))
    return np.stack(found)

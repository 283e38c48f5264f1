"""`TunedInfillLens`: affine translators after which the decoder paints early what it will paint."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.data import Dataset, frame
from vitlens_widgets.errors import UsageError, check_count, check_from_0, check_number, check_seed
from vitlens_widgets.lenses.fitted.affine import Translators, check_shapes, in_half, translated
from vitlens_widgets.lenses.fitted.embedded import embedded_file
from vitlens_widgets.lenses.fitted.ending import call_of, fit_to_the_end, held_out_of
from vitlens_widgets.lenses.fitted.kinds import check_kinds, kinds_of, spans
from vitlens_widgets.lenses.fitted.split import HeldOutSplit
from vitlens_widgets.lenses.fitted.training import Fitter
from vitlens_widgets.lenses.infill.brightness import Statistics
from vitlens_widgets.lenses.infill.lens import InfillLens
from vitlens_widgets.lenses.infill.masks import check_share
from vitlens_widgets.lenses.infill.scores import REFERENCES
from vitlens_widgets.lenses.infill.tuned_fit import HiddenPixels, InfillPlan
from vitlens_widgets.lenses.saved import SavedLens
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.vit import check_vit

if TYPE_CHECKING:
    from pandas import DataFrame
    from typing_extensions import Self

_CALL = (
    "n_images",
    "held_out",
    "mask_ratio",
    "rank",
    "steps",
    "batch_size",
    "rate",
    "decay",
    "seed",
)
_NOT_GOOD_FOR = (
    "Other models, other weights of this one, other shares of hidden patches and images of another "
    "kind than it was fitted to: there its error is not known. It says what the model would paint "
    "if the blocks that follow only did what they do on average."
)


class TunedInfillLens(InfillLens):
    """The infill lens behind an affine translator for each state of the encoder.

    State k of a visible token, h, becomes `h + A h + b`, then the model's own norm and decoder
    paint. Translators are fitted so that what is painted into the hidden patches is what the model
    paints there at the end; what the image really shows there plays no part. The last state is read
    as it is. `TunedInfillLens.fit` fits one, and `TunedInfillLens.load` reads one.

    Args:
        mae: The masked autoencoder, from `vl.load`.
        weight: A, `[state, kind, d, d]` from state 0 on; with `up`, the half of it that is applied
            first; None for 0. See `vl.AffineLens`.
        bias: b, `[state, kind, d]`.
        up: `[state, kind, d, rank]`, so that A is `up @ weight`.
        kinds: What the second axis counts; None for the model's own: CLS and patches.
        norm: As for `InfillLens`.
        statistics: As for `InfillLens`.
        fitted: How it was fitted (`"of"`), the mean loss over states at each step (`"curve"`), and
            what it is worth on images held out (`"held_out"`), which `table` says.

    Raises:
        UsageError: No masked autoencoder, or tensors that do not fit it.

    Source:
        The tuned lens of Belrose et al. (2023), section 3, with a decoder's pixels in place of an
        answer's probabilities; the plain lens is that of Xu (2023), section 4.2.

    Example:
        >>> mae = vl.load("toy/mae")
        >>> lens = vl.TunedInfillLens.load("toy/mae", mae)
        >>> vl.InfillStrip(lens.read(image, mask_ratio=0.75, seed=2))
    """

    name = "tuned infill lens"
    kept_by = "keep it by lens.save(path), and vl.TunedInfillLens.load(path, mae)"

    def __init__(
        self,
        mae: ViT,
        weight: Tensor | None,
        bias: Tensor | None = None,
        up: Tensor | None = None,
        kinds: Sequence[str] | None = None,
        norm: bool = True,
        statistics: Statistics | None = None,
        fitted: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(mae, norm, statistics=statistics)
        self.kinds = check_kinds(mae, kinds_of(mae) if kinds is None else kinds)
        self.weight, self.bias, self.up = weight, bias, up
        check_shapes(mae, weight, bias, up, len(self.kinds))
        self.fitted = dict(fitted or {})

    @classmethod
    def fit(
        cls,
        mae: ViT,
        data: Dataset,
        *,
        n_images: int | None = None,
        held_out: int | None = None,
        mask_ratio: float | None = None,
        rank: int | None = None,
        steps: int = 250,
        batch_size: int = 32,
        rate: float = 0.1,
        decay: float = 1e-3,
        norm: bool = True,
        statistics: Statistics | None = None,
        seed: int = 0,
        save_to: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Fit translators to what the model paints, and measure them on images held out.

        First the affine map from each state to the last with the least squared error is found in
        closed form; from there the squared difference of the painting from the final one, over
        hidden patches and over the final painting's variance, is brought down by SGD with Nesterov
        momentum .9, a rate that falls to 0 linearly, and gradients cut back to a norm of 1. Each
        batch has masks of its own. As in `vl.TunedLens.fit`, one process does it.

        Args:
            mae: The masked autoencoder.
            data: The images; their classes play no part.
            n_images: How many of them; None for all.
            held_out: How many of those are held out, drawn at random; None for a fifth, 256 at
                most.
            mask_ratio: Share of the patches that are hidden; None for the model's own.
            rank: Of A; None for any, 0 for translators that are biases alone.
            steps: Of SGD; 0 leaves the closed form.
            batch_size: How many images a step is taken by.
            rate: SGD's rate at first.
            decay: Weight decay, towards the identity.
            norm: As for `InfillLens`.
            statistics: As for `InfillLens`; what is measured on images held out depends on it.
            seed: Of which images are held out, of the order of the others, and of the masks.
            save_to: A file for the lens. While it is being fitted, the fit is kept beside it
                (`lens.safetensors.fit`); the same call goes on from there and ends with the same
                numbers, or reads the lens that is finished.

        Raises:
            UsageError: No masked autoencoder, an argument out of range, too few images, a fit that
                diverges, a file of another fit, or one that cannot be written.
        """
        plain = InfillLens(mae, norm, statistics=statistics)
        own = plain.adapter.config.mask_ratio if mask_ratio is None else mask_ratio
        plan = InfillPlan(
            kinds=kinds_of(mae),
            rank=None if rank is None else check_count("rank=", rank, 0, mae.width),
            start="ridge",
            steps=check_count("steps=", steps, 0),
            batch_size=check_count("batch_size=", batch_size, 1),
            rate=check_number("rate=", rate, above=0),
            decay=check_from_0("decay=", decay),
            seed=check_seed(seed),
            mask_ratio=check_share("mask_ratio", own),
            norm=norm,
        )
        split = HeldOutSplit(data, n_images, held_out, plan.seed)
        facts = {**plan.facts, **split.facts(), "statistics": plain.statistics}

        def made(parts: Translators, about: dict[str, Any]) -> Self:
            return cls(mae, **parts._asdict(), norm=norm, statistics=statistics, fitted=about)

        return fit_to_the_end(
            Fitter(HiddenPixels(mae, plain.adapter, plan), plan, split),
            facts,
            save_to,
            cls,
            load=cls.load,
            make=made,
            measure=lambda lens: _measured([lens, plain], split, plan),
            loss="misses {:.3f}",
        )

    def transform(self, states: list[Tensor]) -> list[Tensor]:
        """Each state that has a translator through it."""
        parts = [getattr(self, name) for name in Translators._fields]
        n = len(next((part for part in parts if part is not None), ()))
        n = min(n, len(states) - 1)
        if not n:
            return states
        some = Translators(*(None if part is None else part[:n] for part in parts))
        moved = translated(torch.stack(states[:n]), list(spans(self.vit, self.kinds)), some)
        return [*moved.to(states[0]), *states[n:]]

    def save(self, path: str | os.PathLike[str], half: bool = False) -> None:
        """Write the lens as safetensors: its arguments, and by what its model is known again.

        Args:
            path: The file.
            half: In half precision: a file of half the size, whose lens differs by rounding.

        Raises:
            UsageError: It cannot be written, or numbers too large for half precision.
        """
        SavedLens.of(in_half(self) if half else self).write(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], mae: ViT) -> Self:
        """Read a lens that `save` wrote, or that of an embedded model; no code in it is run.

        Args:
            path: The file, or the name of an embedded model: `"toy/mae"`, `"toy/mae-norm"`.
            mae: The model that the lens was made for, loaded again.

        Raises:
            UsageError: No model, no such file or no infill lens in it, or one of another model.
        """
        mae = check_vit(mae, f"{cls.__name__}.load, after the file,", "toy/mae")
        place = embedded_file(path, "infill")
        saved = SavedLens.read(place)
        if saved.lens != cls.__name__:
            raise UsageError(f"{place} holds a {saved.lens}, which is no {cls.__name__}.")
        return cls(mae, **saved.arguments_for(mae))

    def table(self) -> DataFrame:
        """The error on the images held out, a row per state.

        Columns: `state`; then for this lens and the plain one, against what is painted from the
        last state (`final`) and against the image (`original`), the mean squared error of
        brightness on hidden patches, mean over images, with its deviation over them.

        Raises:
            UsageError: The lens was not made by `fit`.
        """
        found = held_out_of(self)
        columns: dict[str, list[Any]] = {"state": self.vit.state_names}
        for reference, of in found["mse"].items():
            for name, both in of.items():
                columns[f"{name}, to the {reference}"] = both["mean"]
                columns[f"{name}, to the {reference}, deviation"] = both["deviation"]
        title = f"{self.name} of {self.vit.name}, {found['images']} images held out"
        return frame(columns, f"{title}, {found['mask_ratio']:g} of the patches hidden")

    def card(self) -> str:
        """What it is, how it was fitted, what it was measured to do and what it is not good for.

        Raises:
            UsageError: The lens was not made by `fit`.
        """
        rows, facts = self.table(), self.fitted["of"]
        both = zip(
            rows["state"],
            rows[f"{self.name}, to the final"],
            rows[f"{InfillLens.name}, to the final"],
            strict=True,
        )
        errors = ", ".join(f"{state} {one:.2g} ({plain:.2g})" for state, one, plain in both)
        return (
            f"Tuned infill lens of {self.vit.name}\n"
            f"{call_of(self, {name: facts[name] for name in _CALL})}\n"
            f"Mean squared error of brightness on hidden patches, against what the model paints at "
            f"the end, mean over {facts['held_out']} images held out; the plain lens's in "
            f"brackets:\n  {errors}\n"
            f"Not good for: {_NOT_GOOD_FOR}"
        )

    def __repr__(self) -> str:
        return f"Tuned{super().__repr__()}"


def _measured(
    lenses: Sequence[InfillLens], split: HeldOutSplit, plan: InfillPlan
) -> dict[str, Any]:
    """Mean squared errors of lenses on the images held out, in JSON's types."""
    found: dict[str, dict[str, Any]] = {reference: {} for reference in REFERENCES[::-1]}
    for lens in lenses:
        read = list(_read(lens, split, plan))
        for reference, of in found.items():
            scores = np.concatenate([one.score("mse", reference) for one in read], axis=1)
            both = {"mean": scores.mean(1), "deviation": scores.std(1, ddof=1)}
            of[lens.name] = {
                name: [float(f"{one:.6g}") for one in values] for name, values in both.items()
            }
    return {"images": len(split.held_out), "mask_ratio": plan.mask_ratio, "mse": found}


def _read(lens: InfillLens, split: HeldOutSplit, plan: InfillPlan) -> Iterator[Any]:
    for i, batch in enumerate(split.batches(lens.vit, split.held_out, plan.batch_size)):
        yield lens.read(
            batch.pixels, mask_ratio=plan.mask_ratio, seed=plan.seed + i, preprocessed=True
        )

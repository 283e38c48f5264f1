"""`ProbeLens`: translators of a tuned lens's size, fitted to what is true."""

from __future__ import annotations

import os
from typing import ClassVar, Literal, TypeVar

from vitlens_widgets.data import Dataset
from vitlens_widgets.data.examples import matched
from vitlens_widgets.lenses.fitted.split import HeldOutSplit
from vitlens_widgets.lenses.fitted.training import FittedTo, Start, TuningPlan
from vitlens_widgets.lenses.fitted.truth import TrueClass
from vitlens_widgets.lenses.fitted.tuned import TunedLens
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.trace import ViT

Self = TypeVar("Self", bound="ProbeLens")


class ProbeLens(TunedLens):
    """What a probe of a tuned lens's size gets: the same translators, fitted to the true class.

    It is no lens on what the model thinks: it is there to be held against one. Where a tuned lens
    does what a probe does (is right where the model is wrong, in states whose answer the model goes
    on to change), it computes the answer itself. `vl.analysis.lens_agreement` says so by numbers.
    The truth is asked of the readout alone. Arguments and files are those of `TunedLens`.

    Source:
        Linear probes: Alain & Bengio (2017), "Understanding intermediate layers using linear
        classifier probes"; as a control of the tuned lens: Belrose et al. (2023), on why theirs is
        fitted to the final answer and so is not rewarded for what the model does not have.

    Example:
        >>> probe = vl.ProbeLens.fit(vit, vl.world.Scenes(seed=40_000), n_images=1000)
        >>> test = vl.world.Scenes(seed=10_000)
        >>> vl.analysis.lens_agreement(vit, test, lenses=[tuned, probe], n_images=300).table()
    """

    name = "probe"
    _loss: ClassVar[str] = "cross-entropy {:.3f} nats"

    @classmethod
    def fit(  # pyright: ignore[reportIncompatibleMethodOverride]  # the truth is its one target
        cls: type[Self],
        vit: ViT,
        data: Dataset,
        *,
        n_images: int | None = None,
        held_out: int | None = None,
        kinds: Literal["each", "all"] = "each",
        rank: int | None = None,
        start: Start = "ridge",
        steps: int = 250,
        batch_size: int = 32,
        rate: float = 0.1,
        decay: float = 1e-3,
        seed: int = 0,
        save_to: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Fit translators to the true class of images, in the way of `TunedLens.fit`.

        Arguments are those of `TunedLens.fit`, but for `target`: minus the log-probability of the
        true class at the model's readout is brought down, from the same beginning, by the same
        steps.

        Raises:
            UsageError: As `TunedLens.fit`, classes that the model does not have, or images whose
                class nobody knows.
        """
        check_classifier(vit)
        return super().fit(
            vit,
            data,
            n_images=n_images,
            held_out=held_out,
            kinds=kinds,
            rank=rank,
            start=start,
            steps=steps,
            batch_size=batch_size,
            rate=rate,
            decay=decay,
            seed=seed,
            save_to=save_to,
        )

    @classmethod
    def _objective(cls, vit: ViT, plan: TuningPlan, split: HeldOutSplit) -> FittedTo:
        """The true class."""
        return TrueClass(vit, plan.kinds, tuple(matched(split.labels, vit.labels)))

"""`TunedLens`: affine translators that say early what the model says at the end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from vitlens_widgets.data import Dataset
from vitlens_widgets.errors import (
    UsageError,
    check_choice,
    check_count,
    check_from_0,
    check_number,
    check_seed,
)
from vitlens_widgets.lenses.fitted.affine import AffineLens, Translators
from vitlens_widgets.lenses.fitted.card import card_of
from vitlens_widgets.lenses.fitted.descent import Objective
from vitlens_widgets.lenses.fitted.divergence import Target, one_token
from vitlens_widgets.lenses.fitted.embedded import embedded_file
from vitlens_widgets.lenses.fitted.ending import fit_to_the_end, held_out_of
from vitlens_widgets.lenses.fitted.held_out import held_out, table_of
from vitlens_widgets.lenses.fitted.kinds import ALL, kinds_of
from vitlens_widgets.lenses.fitted.split import HeldOutSplit
from vitlens_widgets.lenses.fitted.training import (
    FittedTo,
    Fitter,
    Start,
    TuningPlan,
)
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.trace import ViT

if TYPE_CHECKING:
    from pandas import DataFrame

Self = TypeVar("Self", bound="TunedLens")


class TunedLens(AffineLens):
    """The logit lens behind an affine translator for each state, fitted to the model's own answer.

    Translators (`AffineLens`) are fitted so that what a token says at each state, after the final
    norm and the classifier, which stay as they are, is near to what the model says at the end: by
    the KL divergence of the final answer from the lens's, over many images. What is true of an
    image plays no part. The final state is read as it is. `TunedLens.fit` fits one, and
    `TunedLens.load` reads one; the arguments are those of `AffineLens`.

    Attributes:
        fitted: How it was fitted (`"of"`), the mean loss over states at each step in nats
            (`"curve"`), and what it is worth on images held out (`"held_out"`), which `table` says.

    Source:
        Belrose et al. (2023), "Eliciting latent predictions from transformers with the tuned
        lens", section 3 and its appendix on training, for language models; each kind of token of
        a ViT has a translator of its own here.
    """

    name = "tuned lens"
    _loss: ClassVar[str] = "KL {:.3f} nats"

    @classmethod
    def fit(
        cls: type[Self],
        vit: ViT,
        data: Dataset,
        *,
        n_images: int | None = None,
        held_out: int | None = None,
        kinds: Literal["each", "all"] = "each",
        target: Target = "token",
        rank: int | None = None,
        start: Start = "ridge",
        steps: int = 250,
        batch_size: int = 32,
        rate: float = 0.1,
        decay: float = 1e-3,
        seed: int = 0,
        save_to: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Fit translators to the answers of a model, and measure them on images held out.

        Images are read a batch at a time. First, in one pass, the affine map from each state to
        the final one with the least squared error is found in closed form; from there SGD goes
        down the KL divergence, with Nesterov momentum .9, a rate that falls to 0 linearly, and
        gradients of all translators together cut back to a norm of 1. The loss of a state is the
        mean over tokens, of each kind of token by itself; where the readout is more than one token
        (a mean of patches, attention pooling), its own divergence is added.

        One process does it, and there is no `executor=`: each step goes on from the one before, and
        the closed form, a pass over no more images than steps take, is the smaller part.

        L-BFGS (strong Wolfe, the states of all images in memory) in place of SGD was tried once, on
        256 scenes of `toy/p32`, judged on 128 others by the mean over states of the KL in nats, at
        the readout and the patches; times are of one processor. Closed form: 1.68 and 1.61, 4
        seconds. Then 24 evaluations of L-BFGS: 1.47 and .68, 8 more; SGD, forward passes with it:
        60 steps 1.43 and .77, 19 more, 250 steps 1.50 and .62, 85 more. With so few images both go
        too near to their readouts. L-BFGS is the quicker one where all states fit into memory; it
        is not offered, since images are read here a batch at a time.

        Args:
            vit: The model, from `vl.load`; with a classifier or prompts.
            data: The images; their classes play no part.
            n_images: How many of them; None for all.
            held_out: How many of those are held out, drawn at random; None for a fifth, 256 at
                most.
            kinds: `"each"`: a translator for each kind of token (what the readout reads, patches,
                registers); `"all"`: one for all tokens, as in language models.
            target: `"token"`: each token's own final answer; `"readout"`: the model's answer,
                whichever token is read.
            rank: Of A; None for any, 0 for translators that are biases alone.
            start: `"ridge"`: from the closed form; `"identity"`: from the logit lens, as the
                authors do.
            steps: Of SGD; 0 leaves the closed form.
            batch_size: How many images a step is taken by. They need not fit into memory together.
            rate: SGD's rate at first; the authors' is .1.
            decay: Weight decay, towards the identity; the authors' is .001.
            seed: Of which images are held out, of the order of the others, and of a low rank's
                beginning.
            save_to: A file for the lens. While it is being fitted, the fit is kept beside it
                (`lens.safetensors.fit`), every half minute and when it is interrupted; the same
                call goes on from there and ends with the same numbers, or reads the lens that is
                finished.

        Raises:
            UsageError: No classifier, an argument out of range, too few images, a closed form that
                there is not, a fit that diverges, a file of another fit, or one that cannot be
                written.

        Example:
            >>> vit = vl.load("toy/p32")
            >>> lens = vl.TunedLens.fit(vit, vl.world.Scenes(), n_images=2000)
            >>> lens.table()
            >>> vl.PatchGrid(lens.read(vit.trace(image)))
        """
        check_classifier(vit)
        check_choice("kinds=", kinds, ("each", ALL))
        plan = TuningPlan(
            kinds=kinds_of(vit) if kinds == "each" else (ALL,),
            target=check_choice("target=", target, ("token", "readout")),
            rank=None if rank is None else check_count("rank=", rank, 0, vit.width),
            start=check_choice("start=", start, ("ridge", "identity")),
            steps=check_count("steps=", steps, 0),
            batch_size=check_count("batch_size=", batch_size, 1),
            rate=check_number("rate=", rate, above=0),
            decay=check_from_0("decay=", decay),
            seed=check_seed(seed),
        )
        _check_start(vit, plan)
        split = HeldOutSplit(data, n_images, held_out, plan.seed)
        return cls._fitted(vit, plan, split, save_to)

    @classmethod
    def _fitted(
        cls: type[Self], vit: ViT, plan: TuningPlan, split: HeldOutSplit, save_to: Any
    ) -> Self:
        def made(parts: Translators, about: dict[str, Any]) -> Self:
            return cls(vit, **parts._asdict(), kinds=plan.kinds, fitted=about)

        return fit_to_the_end(
            Fitter(cls._objective(vit, plan, split), plan, split),
            {**plan.facts, **split.facts()},
            save_to,
            cls,
            load=cls.load,
            make=made,
            measure=lambda lens: held_out(lens, split, plan.target, plan.batch_size),
            loss=cls._loss,
        )

    @classmethod
    def _objective(cls, vit: ViT, plan: TuningPlan, split: HeldOutSplit) -> FittedTo:  # noqa: ARG003
        """What translators are fitted by."""
        return Objective(vit, plan.kinds, plan.target)

    @classmethod
    def load(cls: type[Self], path: str | os.PathLike[str], vit: ViT | None = None) -> Self:
        """Read a tuned lens; see `Lens.load`.

        Args:
            path: A file that `save` wrote; or the name of an embedded model whose lens comes with
                the package: `"toy/p32"`, `"toy/p32-cls"`, `"toy/p32-taught"`.
            vit: The model that it was fitted to, loaded again; it is needed.

        Raises:
            UsageError: As `Lens.load`, or an embedded model whose lens does not come with it.

        Example:
            >>> lens = vl.TunedLens.load("toy/p32", vl.load("toy/p32"))
            >>> print(lens.card())
        """
        return super().load(embedded_file(path, "tuned"), vit)

    def card(self) -> str:
        """What it is, how it was fitted, what it was measured to do and what it is not good for.

        Raises:
            UsageError: The lens was not made by `fit`.
        """
        return card_of(self, self.table())

    def table(self) -> DataFrame:
        """KL(final || lens) on the images held out: a row per place and state.

        Columns: `place` (the readout, and the mean over tokens of each kind), `state`, the mean
        over images in nats and bits, its deviation over images in nats, and the same of the logit
        lens.

        Raises:
            UsageError: The lens was not made by `fit`.
        """
        found = held_out_of(self)
        return table_of(self, found)


def _check_start(vit: ViT, plan: TuningPlan) -> None:
    """Refuse a closed form where there is no state that tokens are to become.

    Raises:
        UsageError: There is none.
    """
    if plan.start == "ridge" and plan.target == "readout" and one_token(vit) is None:
        raise UsageError(
            f"{vit.name} reads {vit.readout.name}, which is no one token whose final state the "
            'closed form could lead to: give start="identity" with target="readout".'
        )

"""`JacobianLens`: each state through what, on average, becomes of it until it is read."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor

from vitlens_widgets.data import Dataset
from vitlens_widgets.data.overlap import was_fitted_to
from vitlens_widgets.errors import UsageError, check_flag, check_type, counted
from vitlens_widgets.files import path_for, try_out
from vitlens_widgets.lenses.fitted import AffineLens
from vitlens_widgets.lenses.fitted.held_out import LOGIT, held_out, table_of
from vitlens_widgets.lenses.fitted.kinds import kinds_of
from vitlens_widgets.lenses.fitted.split import FirstImages
from vitlens_widgets.lenses.jacobian.fitting import MEASURED, Done, Fitting, check_computes, keeping
from vitlens_widgets.lenses.jacobian.mean import MeanMap
from vitlens_widgets.lenses.jacobian.products import linear
from vitlens_widgets.lenses.jacobian.tail import Tail
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.vit import check_vit

if TYPE_CHECKING:
    from pandas import DataFrame
    from typing_extensions import Self


_NOT_GOOD_FOR = (
    "Other models, other weights of this one, and images of another kind than it was fitted to. It "
    "is a mean of derivatives: where what becomes of a state depends on the image, as in early "
    "states, it can be farther from the model than the logit lens, which this table says."
)


class JacobianLens(AffineLens):
    """State h as `J h`: J is the mean derivative of what is read at the end in that state.

    What is read is the mean of the last state's tokens that the model's readout takes: CLS, the
    mean of patches, the mean that an attention pooling weighs. J is one for each state and kind of
    token (readout, patch, register): the derivative of what is read, summed over the tokens of the
    kind and divided by what they weigh in it, mean over the images of a data set. So it says what
    becomes of what is read when all tokens of the kind move alike; of a patch that CLS will look
    at, towards which class it pushes the answer. Then the model's own norm and classifier read it.

    It is a mean, and need not be nearer to the model than the logit lens. On `toy/p32`, fitted to 8
    scenes and measured on 48 others, KL to the final answer after 3, 4 and 5 blocks was 2.04, 1.34
    and 0.68 nats at CLS (logit lens: 2.37, 1.66, 0.99; with the offset: 3.03, 1.63, 0.67), but of
    patches, read against the same answer, 5.15, 5.37 and 4.38 (4.55, 5.34, 5.62). `measure` says so
    of any fit.

    Nothing is trained. At the last state every token is read as it is, so that the readout's answer
    is the model's own; J = 1 would be the logit lens.

    Args:
        vit: The model, from `vl.load`.
        weight: J - 1, `[state, kind, d, d]`, of all states but the last; its rows are what is read.
        bias: The mean over images of what is read less J h, `[state, kind, d]`.
        kinds: What the second axis counts; None for the model's own kinds.
        offset: Whether that mean is added. Without it (the default), norm and classifier read what
            a state itself brings; with it, the affine map that is nearest to the rest of the model
            on average, in which early states, of which little is left, all answer alike.
        fitted: How it was found: images, data, and `standard_error` of J (`[state][kind]`).

    Raises:
        UsageError: The model has no classifier, or tensors do not fit it.

    Sources:
        The Jacobian lens of language models (Anthropic, 2026), whose target is the final state of
        later tokens; here it is what the readout takes, since a ViT has no order of tokens. The
        mean intercept: Hernandez et al. (2024), "Linearity of relation decoding in transformer
        language models", section 3, whose affine map is such a mean over examples.

    Example:
        >>> lens = vl.JacobianLens.fit(vit, vl.world.Scenes(), n_images=64)
        >>> vl.PatchGrid(lens.read(vit.trace(image)))
    """

    name = "Jacobian lens"

    def __init__(
        self,
        vit: ViT,
        weight: Tensor,
        bias: Tensor,
        kinds: Sequence[str] | None = None,
        offset: bool = False,
        fitted: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(vit, weight, bias, kinds=kinds, fitted=fitted)
        self.offset = check_flag("offset=", offset)
        if offset:
            self.name = "Jacobian lens with offset"

    @classmethod
    def fit(
        cls,
        vit: ViT,
        data: Dataset,
        *,
        n_images: int | None = None,
        batch_size: int = 8,
        tolerance: float | None = None,
        offset: bool = False,
        executor: Any = None,
        save_to: str | os.PathLike[str] | None = None,
    ) -> Self:
        """The mean Jacobians over the first images of a data set.

        An image costs d backward passes through the blocks, for a model of width d (twice as many
        where a readout takes two means side by side).

        Args:
            vit: The model, in float32 or finer.
            data: The images; their classes are not looked at.
            n_images: How many at the most; None for all of them.
            batch_size: How many the model runs together; the numbers do not depend on it, but for
                rounding.
            tolerance: Ends before, after the first batch at which the standard error of each
                state's and kind's mean Jacobian is at most this share of its size, both the roots
                of summed squares of all its numbers; None takes all images. Unlike the change from
                one mean to the next, it does not shrink with smaller batches.
            offset: See `JacobianLens`; `with_offset` gives the other one of the same fit.
            executor: Whose workers do it, such as `vl.cluster()` or a process pool; None for this
                process. The numbers are the same: batches are added in their order.
            save_to: A file, which holds the lens of the images so far after every batch. What
                workers have done behind one that is not done is kept beside it when the fit is
                stopped (`lens.safetensors.ahead`), until the fit has come to its end. With the
                same file, a fit that was stopped goes on, a finished one is read, with what it was
                measured to be worth if such a lens was saved there, and one of fewer images is
                continued; the result is that of one run in the same batches.

        Raises:
            UsageError: No classifier, a model in half precision or one of which no gradients can be
                had, a readout that is no mean of tokens, a data set or number that does not fit, or
                a file of something else.
        """
        check_classifier(vit)
        fitting = Fitting(vit, data, n_images, batch_size, tolerance)
        if save_to is None:
            done = fitting.run(fitting.none(), lambda _: None, None, executor)
            return cls._of(vit, fitting, done, offset)
        path = path_for(save_to, "jacobian.safetensors")
        keep = keeping(lambda done: cls._of(vit, fitting, done, offset).save(path))
        tail = Tail(path, vit, data)
        done = fitting.run(cls._begun(vit, fitting, path), keep, tail, executor)
        tail.end()
        return cls._of(vit, fitting, done, offset)

    @classmethod
    @clean
    def local(cls, trace: Trace, *, offset: bool = False) -> Self:
        """The lens of a trace's own images alone: what becomes of their states, to first order.

        With one image, `J h` of a state is what the rest of the model makes of it around this very
        image; with the offset, too, a readout that is one token, such as CLS, answers at every
        state what the model answers. A mean of several does so at the last state alone: each of
        them is read by the J of all, and not by its own.

        Args:
            trace: A trace, with its edits.
            offset: See `JacobianLens`.

        Raises:
            UsageError: No trace, or as `fit`.
        """
        check_type("JacobianLens.local", trace, Trace, "a trace, such as vit.trace(image)")
        vit = check_vit(trace.vit, "JacobianLens.local")
        check_classifier(vit)
        check_computes(vit)
        kinds = kinds_of(vit)
        run = trace if trace.has_graph else trace.rerun([], grad=True, first=0)
        mean = MeanMap.of_none(vit, len(kinds)).with_more(linear(run, kinds))
        about = {"images": trace.n_images, "local": True}
        return cls(vit, mean.weight, mean.bias, kinds, offset, about)

    def measure(self, data: Dataset, *, n_images: int | None = None, batch_size: int = 16) -> Self:
        """The same lens, with what it is worth on images that it was not fitted to.

        The KL divergence of the final answer from the lens's, with and without the offset, and from
        the logit lens's, for `table`, `card` and the lens's file.

        Args:
            data: Other images than those of the fit; their classes play no part.
            n_images: How many, from the first on; None for all.
            batch_size: How many the model runs together.

        Raises:
            UsageError: Images of the fit, as far as data sets tell, or fewer than two images.

        Example:
            >>> lens = vl.JacobianLens.fit(vit, vl.world.Scenes(seed=0), n_images=48)
            >>> lens.measure(vl.world.Scenes(seed=5000), n_images=48).table()
        """
        images = FirstImages(data, n_images)
        if was_fitted_to(self.fitted, data, len(images.held_out)):
            raise UsageError(
                f"This {self.name} was fitted to images of {data!r}, and is measured on others: "
                "give scenes of another seed, or another folder."
            )
        found = held_out(self, images, "readout", batch_size, [self.with_offset(not self.offset)])
        twin = copy.copy(self)
        twin.fitted = self.fitted | dict(zip(MEASURED, (found, dict(data.identity)), strict=True))
        return twin

    def table(self) -> DataFrame:
        """KL(final || lens) on the images of `measure`: a row per place and state.

        Columns: `place` (the readout, and the mean over tokens of each kind, each against the
        model's own answer), `state`, the mean over images in nats and bits, its deviation over
        images in nats, and the same with the offset (without it, of a lens that has it) and of the
        logit lens.

        Raises:
            UsageError: Nothing was measured.
        """
        return table_of(self, self._measured)

    def card(self) -> str:
        """What it is, how it was fitted, what it was measured to do and what it is not good for.

        Raises:
            UsageError: Nothing was measured.
        """
        found, rows = self._measured, self.table()
        of = rows[rows["place"] == "readout"]
        names = [self.name, self.with_offset(not self.offset).name, LOGIT]
        said = [f"{name}: {_by_state(of, name, self.name)}" for name in names]
        return "\n".join(
            [
                f"{self.name} of {self.vit.name}",
                self._how,
                f"KL of the final answer from the lens's at the readout, mean over "
                f"{found['images']} other images, in nats:",
                *(f"  {line}" for line in said),
                f"Not good for: {_NOT_GOOD_FOR}",
            ]
        )

    @property
    def _how(self) -> str:
        """How it was fitted, as a sentence of its card."""
        if "images" not in self.fitted:
            return "How it was fitted is not known."
        how = f"The mean over {counted(self.fitted['images'], 'image')}"
        if "data" not in self.fitted:
            return f"{how} of a trace."
        error = self.fitted.get("standard_error")
        sure = "" if error is None else f"; its mean is known to {max(map(max, error)):.1%}"
        where = ", ".join(f"{name} {value}" for name, value in self.fitted["data"].items())
        return f"{how}{sure}; data: {where}."

    @property
    def _measured(self) -> dict[str, Any]:
        if "held_out" not in self.fitted:
            raise UsageError(
                f"Nothing was measured of this {self.name} yet: lens = lens.measure(data, "
                "n_images=48), with other images than it was fitted to."
            )
        return self.fitted["held_out"]

    @property
    def sees_states_alone(self) -> bool:
        """Yes; of a lens that is derived from it, it is not known."""
        return type(self) is JacobianLens

    def with_offset(self, offset: bool = True) -> Self:
        """The same Jacobians with the mean intercept added, or without it."""
        twin = copy.copy(self)
        JacobianLens.__init__(twin, self.vit, *self._maps, self.kinds, offset, self.fitted)
        return twin

    def transform(self, states: Tensor, first: int, final: Tensor) -> Tensor:
        """`J h` of each state, with the offset where it is asked for."""
        if self.offset:
            return super().transform(states, first, final)
        plain = copy.copy(self)
        plain.bias = None
        return AffineLens.transform(plain, states, first, final)

    @classmethod
    def _of(cls, vit: ViT, fitting: Fitting, done: Done, offset: bool) -> Self:
        return cls(
            vit, done.mean.weight, done.mean.bias, fitting.kinds, offset, fitting.about(done)
        )

    @classmethod
    def _begun(cls, vit: ViT, fitting: Fitting, path: Path) -> Done:
        """What a file holds already; nothing before the first batch."""
        if not path.exists():
            try_out(path)
            return fitting.none()
        lens = cls.load(path, vit)
        return fitting.kept(path, *lens._maps, lens.fitted)

    @property
    def _maps(self) -> tuple[Tensor, Tensor]:
        """`weight` and `bias`, both of which it has."""
        return cast("Tensor", self.weight), cast("Tensor", self.bias)


def _by_state(rows: DataFrame, name: str, own: str) -> str:
    """A lens's mean divergence at each state, in words."""
    column = "KL (nats)" if name == own else f"{name} KL (nats)"
    return ", ".join(f"{k} {one:.2f}" for k, one in zip(rows["state"], rows[column], strict=True))

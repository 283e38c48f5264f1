"""The fit of a tuned lens: a closed form of some passes, then steps of descent; it can go on."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.fitted.affine import Translators
from vitlens_widgets.lenses.fitted.descent import Descent, at_rest
from vitlens_widgets.lenses.fitted.divergence import Target
from vitlens_widgets.lenses.fitted.kept_fit import KeptFit
from vitlens_widgets.lenses.fitted.kinds import spans
from vitlens_widgets.lenses.fitted.moments import AffineMoments, moments, solved
from vitlens_widgets.lenses.fitted.split import HeldOutSplit
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.progress import Foresight, progress_bar
from vitlens_widgets.trace import ViT

Start = Literal["ridge", "identity"]

_SAVE_SECONDS = 30.0
_BARS = "▁▂▃▄▅▆▇█"
_BARS_SHOWN = 16


@dataclass(frozen=True)
class FitPlan:
    """How translators are fitted; see `TunedLens.fit`."""

    kinds: tuple[str, ...]
    rank: int | None
    start: Start
    steps: int
    batch_size: int
    rate: float
    decay: float
    seed: int

    @property
    def facts(self) -> dict[str, Any]:
        """In JSON's types."""
        return {**asdict(self), "kinds": list(self.kinds)}


@dataclass(frozen=True)
class TuningPlan(FitPlan):
    """How a tuned lens is fitted."""

    target: Target


@dataclass(frozen=True)
class Fit:
    """How far a fit has come; what comes next makes a new one, so that none is torn.

    Attributes:
        done: Batches so far: those of the closed form, then the steps.
        sums: Of the closed form, while it is made.
        descent: The translators, once there are some.
        curve: The mean loss over states of each step, in nats.
    """

    done: int = 0
    sums: AffineMoments | None = None
    descent: Descent | None = None
    curve: tuple[float, ...] = ()


class FittedTo(Protocol):
    """What translators are fitted by; see `descent.Objective`."""

    @property
    def vit(self) -> ViT:
        """The model."""
        ...

    def run(self, pixels: Tensor, place: int, classes: Tensor) -> Any:
        """Run a batch that begins at this place among all that are gone through; true classes."""
        ...

    def states(self, run: Any) -> Tensor:
        """The states of a run, `[state, image, token, d]`, the final one last."""
        ...

    def becomes(self, run: Any) -> Tensor:
        """What the closed form has each token become, `[image, token, d]`."""
        ...

    def gradients(self, run: Any, translators: Translators) -> tuple[Translators, Tensor]:
        """Of the loss of every state, and the losses, `[state]`."""
        ...


class Fitter(NamedTuple):
    """Does the next batch of a fit."""

    objective: FittedTo
    plan: FitPlan
    split: HeldOutSplit

    @property
    def n_first(self) -> int:
        """Batches that the closed form is made of: one pass, or as many images as steps take."""
        if self.plan.start == "identity":
            return 0
        one_pass = -(-len(self.split.fitted) // self.plan.batch_size)
        return min(one_pass, self.plan.steps or one_pass)

    @property
    def n_batches(self) -> int:
        """All of them."""
        return self.n_first + self.plan.steps

    def foresight(self, done: int) -> Foresight:
        """Warns of a fit that takes long; after so many batches."""
        n_images = len(self.split.fitted) + len(self.split.held_out)
        shorter = ("steps", self.plan.steps) if self.plan.steps else ("n_images", n_images)
        return Foresight("This fit", self.n_batches, *shorter, goes_on=done > 0)

    def next(self, fit: Fit) -> Fit:
        """The fit after one more batch."""
        if fit.done < self.n_first:
            first = fit.done * self.plan.batch_size
            last = min(first + self.plan.batch_size, len(self.split.fitted))
            return self._summed(fit, self.split.in_order(first, last), first)
        fit = self.begun(fit)
        first = (fit.done - self.n_first) * self.plan.batch_size
        size = min(self.plan.batch_size, len(self.split.fitted))
        return self._stepped(fit, self.split.in_order(first, first + size), first)

    def begun(self, fit: Fit) -> Fit:
        """With translators to go on from, if there are none."""
        if fit.descent is not None:
            return fit
        if fit.sums is not None:
            return replace(fit, sums=None, descent=at_rest(solved(fit.sums, self.plan.rank)))
        return replace(fit, descent=at_rest(self._identity()))

    def _identity(self) -> Translators:
        """The logit lens; of a low rank, `up` alone is 0, or no gradient would move either half."""
        vit, rank = self.objective.vit, self.plan.rank
        shape = (vit.n_layers, len(self.plan.kinds))
        bias = torch.zeros(*shape, vit.width, device=vit.device)
        if rank == 0:
            return Translators(None, bias)
        if rank is None:
            return Translators(bias.new_zeros(*shape, vit.width, vit.width), bias)
        generator = torch.Generator().manual_seed(self.plan.seed)
        weight = torch.randn(*shape, rank, vit.width, generator=generator) / vit.width**0.5
        return Translators(weight.to(bias), bias, bias.new_zeros(*shape, vit.width, rank))

    @clean
    def _summed(self, fit: Fit, numbers: list[int], place: int) -> Fit:
        """The closed form's sums, with a batch's."""
        vit, sums = self.objective.vit, fit.sums
        where = list(spans(vit, self.plan.kinds))
        with torch.no_grad():
            for batch in self.split.batches(vit, numbers, self.plan.batch_size):
                run = self.objective.run(batch.pixels, place, batch.classes)
                states, becomes = self.objective.states(run), self.objective.becomes(run)
                place += len(batch)
                kinds = range(len(self.plan.kinds))
                parts = [[part for at, part in where if at == kind] for kind in kinds]
                tokens = [torch.cat([states[:-1, :, p] for p in of], 2) for of in parts]
                goals = [torch.cat([becomes[None, :, p] for p in of], 2) for of in parts]
                more = moments(tokens, goals, None if sums is None else sums.shift)
                sums = more if sums is None else sums.added(more)
        return replace(fit, done=fit.done + 1, sums=sums)

    def _stepped(self, fit: Fit, numbers: list[int], place: int) -> Fit:
        """One step of descent, along the mean gradient of a batch."""
        vit, plan = self.objective.vit, self.plan
        assert fit.descent is not None  # noqa: S101  # begun
        slopes, loss = None, torch.zeros((), device=vit.device)
        for batch in self.split.batches(vit, numbers, plan.batch_size):
            run = self.objective.run(batch.pixels, place, batch.classes)
            share = len(batch) / len(numbers)
            more, losses = self.objective.gradients(run, fit.descent.translators)
            place += len(batch)
            slopes = _sum_of(slopes, more, share)
            loss = loss + share * losses.mean()
        assert slopes is not None  # noqa: S101  # a batch has images
        step = len(fit.curve)
        if not loss.isfinite():
            raise UsageError(
                f"The fit has no finite loss any more at step {step}; give a smaller rate= than "
                f"{plan.rate:g}."
            )
        descent = fit.descent.step(slopes, plan.rate * (1 - step / plan.steps), plan.decay)
        return Fit(fit.done + 1, None, descent, (*fit.curve, loss.item()))


@clean
def fitted(
    fitter: Fitter, kept: KeptFit | None, name: str = "tuned lens", loss: str = "KL {:.3f} nats"
) -> Fit:
    """The fit at its end, from where it was left.

    Args:
        fitter: Does the batches.
        kept: The file of the fit.
        name: Of the lens, beside the progress bar.
        loss: How a loss is said there.

    Raises:
        UsageError: It diverges, or its file cannot be written.
        KeyboardInterrupt: With a sentence that says what is kept.
    """
    fit, saved = Fit(), time.monotonic()
    if kept is not None:
        fit = _of_tensors(*kept.read()) if kept.is_there else fit
    foresight = fitter.foresight(fit.done)
    try:
        with progress_bar(fitter.n_batches, name, "batch") as bar:
            bar.update(fit.done)
            while fit.done < fitter.n_batches:
                fit = fitter.next(fit)
                bar.set_postfix_str(_said(fit.curve, loss), refresh=False)
                bar.update()
                foresight.after(fit.done)
                if kept is not None and time.monotonic() - saved > _SAVE_SECONDS:
                    kept.keep(*_in_tensors(fit))
                    saved = time.monotonic()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_stopped(kept, fit, fitter.n_batches)) from None
    fit = fitter.begun(fit)
    if kept is not None:
        kept.keep(*_in_tensors(fit))
    return fit


def _stopped(kept: KeptFit | None, fit: Fit, of: int) -> str:
    """Keeps what there is, and says so."""
    stopped = f"Stopped after {fit.done} of {of} batches"
    if kept is None:
        return f"{stopped}; with save_to= the same call could go on."
    if kept.keep(*_in_tensors(fit)):
        return f"{stopped}, kept in {kept.path}; the same call goes on from there."
    return f"{stopped}, which could not be kept."


def _said(curve: tuple[float, ...], loss: str) -> str:
    """The loss so far, as a curve of blocks and its last value."""
    if not curve:
        return "closed form"
    n = min(_BARS_SHOWN, len(curve))
    means = [
        sum(part) / len(part)
        for i in range(n)
        if (part := curve[i * len(curve) // n : (i + 1) * len(curve) // n])
    ]
    low, high = min(means), max(means)
    heights = [round((v - low) / (high - low or 1) * (len(_BARS) - 1)) for v in means]
    return f"{loss.format(means[-1])} {''.join(_BARS[height] for height in heights)}"


def _sum_of(sums: Translators | None, more: Translators, share: float) -> Translators:
    parts = [p if p is None or share == 1 else share * p for p in more]
    if sums is None:
        return Translators(*parts)
    return Translators(
        *(p if p is None or s is None else s + p for s, p in zip(sums, parts, strict=True))
    )


def _in_tensors(fit: Fit) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What a file keeps: numbers, and tensors by name."""
    tensors: dict[str, Tensor] = {}
    if fit.sums is not None:
        tensors |= {f"sums {name}": part for name, part in fit.sums._asdict().items()}
    if fit.descent is not None:
        for what, of in fit.descent._asdict().items():
            parts = of._asdict().items()
            tensors |= {f"{what} {name}": part for name, part in parts if part is not None}
    return {"done": fit.done, "curve": list(fit.curve)}, tensors


def _of_tensors(numbers: dict[str, Any], tensors: dict[str, Tensor]) -> Fit:
    def named(what: str) -> dict[str, Tensor | None]:
        names = ("weight", "bias", "up")
        return {name: tensors.get(f"{what} {name}") for name in names}

    sums = {name: tensors.get(f"sums {name}") for name in AffineMoments._fields}
    descent = None
    if "translators bias" in tensors:
        both = (Translators(**named(what)) for what in Descent._fields)
        descent = Descent(*both)
    there = {name: part for name, part in sums.items() if part is not None}
    whole = AffineMoments(**there) if there else None
    return Fit(numbers["done"], whole, descent, tuple(numbers["curve"]))

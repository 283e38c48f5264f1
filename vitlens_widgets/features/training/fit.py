"""The training loop: goes on where it stopped, keeps what there is, says how far it has come."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.features.activation import Activation
from vitlens_widgets.features.sae import SAE
from vitlens_widgets.features.scaling import Scaling
from vitlens_widgets.features.training.checks import Checked, Checks
from vitlens_widgets.features.training.kept import KeptTraining, in_tensors, of_tensors
from vitlens_widgets.features.training.learning import Learning, Told, begun, stepped
from vitlens_widgets.features.training.plan import SAEPlan
from vitlens_widgets.features.training.pools import Pools
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.progress import Foresight, progress_bar

_SAVE_SECONDS = 30.0
_SAME = 1e-5
"""Of the size of tokens: what varies by less is rounding."""


@dataclass(frozen=True)
class Training:
    """How far a training has come; what comes next makes a new one, so that none is torn.

    Attributes:
        done: Steps so far.
        factor: What tokens are divided by.
        learning: The SAE, once it has begun.
        curve: What each step told of its batch.
        checks: What the checks on images held out have found.
    """

    done: int = 0
    factor: Tensor | None = None
    learning: Learning | None = None
    curve: tuple[Told, ...] = field(default=())
    checks: tuple[Checked, ...] = field(default=())


class Trainer:
    """Does the steps.

    Args:
        plan: How the SAE is trained.
        pools: The tokens.
        checks: Says what the model answers; None of one without a classifier.
    """

    def __init__(self, plan: SAEPlan, pools: Pools, checks: Checks | None = None) -> None:
        self.plan, self._pools, self._checks = plan, pools, checks

    def begun(self) -> Training:
        """Before the first step: scaled so that channels vary by 1 in the mean."""
        tokens = self._pools.first
        spread = (tokens - tokens.mean(0)).square().mean().sqrt()
        if not bool(spread > _SAME * tokens.square().mean().sqrt()):
            raise UsageError(
                f"{self.plan.site} of block {self.plan.layer} is the same at every token that was "
                "looked at, so that there is nothing to learn: give other images or another site."
            )
        return Training(0, spread, begun(tokens / spread, self.plan))

    def next(self, now: Training) -> Training:
        """After one more step."""
        assert now.learning is not None and now.factor is not None  # noqa: PT018, S101  # begun
        x = self._pools.batch(now.done) / now.factor
        learning, told = stepped(now.learning, x, now.done, self.plan)
        if not torch.isfinite(torch.tensor(told.loss)):
            raise UsageError(
                f"The training has no finite loss any more at step {now.done}; give a smaller "
                f"rate= than {self.plan.rate:g}."
            )
        after = Training(now.done + 1, now.factor, learning, (*now.curve, told), now.checks)
        if self._checks is None or not self._checks.is_due(after.done):
            return after
        found = Checked(after.done, self._checks.recovered(self.sae(after)))
        return replace(after, checks=(*now.checks, found))

    def is_even(self, done: int) -> bool:
        """Whether a buffer is used up, so that from one such step to another the pace is a mean.

        Where one buffer has all tokens, that is after any step.
        """
        pools = self._pools
        return done > 0 if pools.is_one else done % pools.n_steps == 0

    def sae(self, now: Training) -> SAE:
        """What there is at the moment."""
        assert now.learning is not None and now.factor is not None  # noqa: PT018, S101  # begun
        plan = self.plan
        return SAE(
            plan.site,
            plan.layer,
            plan.tokens,
            **now.learning.weights._asdict(),
            activation=_activation(plan, now.learning.threshold),
            scaling=Scaling("constant", factor=now.factor),
            subtracts_bias=True,
            nested=plan.nested if plan.kind == "matryoshka" else (),
        )


def _activation(plan: SAEPlan, threshold: Tensor) -> Activation:
    if plan.kind == "relu":
        return Activation("relu")
    if plan.kind == "topk":
        return Activation("topk", k=plan.k)
    return Activation("batchtopk", k=plan.k, threshold=threshold)


@clean
def trained(trainer: Trainer, kept: KeptTraining | None) -> Training:
    """The training at its end, from where it was left.

    Raises:
        UsageError: It diverges, or its file cannot be written.
        KeyboardInterrupt: With a sentence that says what is kept.
    """
    there = kept is not None and kept.is_there
    steps, saved = trainer.plan.steps, time.monotonic()
    foresight = Foresight("This training", steps, "steps", steps, goes_on=there)
    if trainer.is_even(0):
        foresight.after(0)
    now = _read(kept) if kept is not None and there else trainer.begun()
    try:
        with progress_bar(steps, "SAE", "step") as bar:
            bar.update(now.done)
            while now.done < steps:
                now = trainer.next(now)
                bar.set_postfix_str(said(now), refresh=False)
                bar.update()
                if trainer.is_even(now.done):
                    foresight.after(now.done)
                if kept is not None and time.monotonic() - saved > _SAVE_SECONDS:
                    _keep(kept, now)
                    saved = time.monotonic()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_stopped(kept, now, steps)) from None
    if kept is not None:
        _keep(kept, now)
    return now


def said(now: Training) -> str:
    """How far it is, beside the progress bar."""
    told = now.curve[-1]
    last = f", recovers {now.checks[-1].recovered:.1%}" if now.checks else ""
    return f"explains {told.explained:.1%}, L0 {told.l0:.1f}, dead {told.dead:.1%}{last}"


def _keep(kept: KeptTraining, now: Training) -> bool:
    assert now.learning is not None and now.factor is not None  # noqa: PT018, S101  # begun
    lists = {name: [list(one) for one in getattr(now, name)] for name in ("curve", "checks")}
    numbers: dict[str, Any] = {"done": now.done, **lists}
    return kept.keep(numbers, {"factor": now.factor, **in_tensors(now.learning)})


def _read(kept: KeptTraining) -> Training:
    numbers, tensors = kept.read()
    curve = tuple(Told(*one) for one in numbers["curve"])
    checks = tuple(Checked(*one) for one in numbers["checks"])
    return Training(numbers["done"], tensors["factor"], of_tensors(tensors), curve, checks)


def _stopped(kept: KeptTraining | None, now: Training, of: int) -> str:
    """Keeps what there is, and says so."""
    stopped = f"Stopped after {now.done} of {of} steps"
    if kept is None:
        return f"{stopped}; with save_to= the same call could go on."
    if _keep(kept, now):
        return f"{stopped}, kept in {kept.path}; the same call goes on from there."
    return f"{stopped}, which could not be kept."

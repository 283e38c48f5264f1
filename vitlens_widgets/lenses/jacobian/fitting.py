"""The loop of a Jacobian lens over a data set: ends when the mean has settled, and can go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from vitlens_widgets.data import Dataset
from vitlens_widgets.data.checksums import of_example
from vitlens_widgets.data.examples import checked_example
from vitlens_widgets.errors import UsageError, check_count, check_number, warn
from vitlens_widgets.lenses.fitted.kinds import kinds_of
from vitlens_widgets.lenses.jacobian.mean import MeanMap
from vitlens_widgets.lenses.jacobian.products import Linear, linear
from vitlens_widgets.lenses.jacobian.tail import Tail
from vitlens_widgets.lenses.jacobian.targets import n_targets
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.progress import Foresight, progress_bar
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.example_batches import ExampleBatch, check_data, how_many
from vitlens_widgets.workers.order import BatchJob, Part
from vitlens_widgets.workers.parts import parts_of
from vitlens_widgets.workers.threads import threads_that_fit

MEASURED = ("held_out", "measured")
"""What is said of a lens by `JacobianLens.measure`: what it is worth, and on which images."""


@dataclass(frozen=True, eq=False)
class Done:
    """What a fit has come to.

    Args:
        mean: Over the images so far.
        seen: What tells them from others.
        measured: What this mean was measured to be worth, as a lens's `fitted` says it.
    """

    mean: MeanMap
    seen: str = ""
    measured: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Fitting:
    """Which images the mean is to be over, and when it is sure enough.

    Arguments and errors are those of `JacobianLens.fit`.
    """

    def __init__(
        self,
        vit: ViT,
        data: Dataset,
        n_images: int | None,
        batch_size: int,
        tolerance: float | None,
    ) -> None:
        check_computes(vit)
        check_data(data, needs_masks=False, what="A lens")
        self.stop = how_many(data, n_images)
        self.batch_size = check_count("batch_size", batch_size, least=1)
        self.tolerance = 0 if tolerance is None else check_number("tolerance", tolerance, above=0)
        self.kinds = kinds_of(vit)
        self._vit, self._data = vit, data
        self._n_products = vit.width * n_targets(vit, self.kinds)  # of each batch

    def none(self) -> Done:
        """Before the first image."""
        return Done(MeanMap.of_none(self._vit, len(self.kinds)))

    @clean
    def run(
        self, done: Done, keep: Callable[[Done], None], tail: Tail | None, executor: Any = None
    ) -> Done:
        """Go on from what is done to the end.

        Args:
            done: What is.
            keep: Is given what is done after each batch.
            tail: The file beside it that keeps what workers have done behind a gap; None for none.
            executor: Whose workers do it; None for this process.
        """
        kept = first = done.mean.n_images
        if self.is_sure(done) or first == self.stop:
            return done
        ahead = [] if tail is None else [one for one in tail.read() if self._stands(one, first)]

        def keep_ahead(parts: Sequence[Part]) -> None:
            nonlocal ahead
            ahead = [part for part in parts if part.start >= kept]
            if tail is not None:
                tail.keep(ahead)

        n_batches = -(-(self.stop - first) // self.batch_size)
        n_products = n_batches * self._n_products
        goes_on = bool(first or ahead)
        foresight = Foresight("This fit", n_products, "n_images", self.stop, goes_on=goes_on)
        threads = threads_that_fit() if executor is None else nullcontext()
        try:
            with progress_bar(n_products, "Jacobian lens") as bar, threads:
                job, count = self._job(executor is None, foresight.beside(bar.update))
                for part in ahead:
                    bar.update(self._products_of(part.stop - part.start))
                span, size = (first, self.stop), self.batch_size
                with parts_of(job, executor, span, size, count, ahead, keep_ahead) as parts:
                    for part in parts:
                        mean = done.mean.with_more(found_of(part.tallies, self._vit))
                        done = Done(mean, self._after(done.seen, part.digests))
                        bar.set_postfix({"standard error": f"{mean.standard_error().max():.3g}"})
                        keep(done)
                        kept = mean.n_images
                        if self.is_sure(done):
                            break
        except KeyboardInterrupt:
            raise KeyboardInterrupt(self._stopped(kept, ahead, tail)) from None
        return done

    def _job(
        self, here: bool, step: Callable[[int], object]
    ) -> tuple[BatchJob, Callable[[int], object]]:
        """What is done with a batch, and what counts images that are done.

        A batch takes long, so that in this process each of its products is counted.
        """

        def by_images(n_images: int) -> None:
            step(self._products_of(n_images))

        products = _Products(self._vit, self.kinds, partial(step, 1) if here else None)
        words: dict[str, Any] = {"any_class": True, "digests": self._looks, "large": True}
        job = BatchJob(products.add, False, self._vit, self._data, **words)
        return job, _nothing if here else by_images

    def _products_of(self, n_images: int) -> int:
        return -(-n_images // self.batch_size) * self._n_products

    def _stands(self, part: Part, first: int) -> bool:
        """Whether a part is of images that are asked for, and that are what they were."""
        asked = first <= part.start and part.stop <= self.stop
        return asked and list(part.digests) == self._digests(part.start, part.stop)

    def _digests(self, start: int, stop: int) -> list[str]:
        """By what these images are known, as they are now."""
        numbers = range(start, stop) if self._looks else ()
        return [of_example(checked_example(self._data, i, any_class=True)) for i in numbers]

    @property
    def _looks(self) -> bool:
        """Whether images are known again by themselves."""
        return not getattr(self._data, "identity_says_all", False)

    def _stopped(self, kept: int, ahead: Sequence[Part], tail: Tail | None) -> str:
        """What is said when it is interrupted: how much is kept, and where."""
        if tail is None:
            return f"Stopped after {kept} of {self.stop} images; save_to= would have kept them."
        n_ahead = sum(part.stop - part.start for part in ahead)
        beside = f", {tail.path.name} what workers found of {n_ahead} others" if n_ahead else ""
        return (
            f"Stopped: {tail.lens} holds the lens of the first {kept} of {self.stop} images"
            f"{beside}; the same call goes on from there."
        )

    def is_sure(self, done: Done) -> bool:
        """Whether every state's mean Jacobian is known as well as was asked."""
        return self.tolerance > 0 and bool(done.mean.standard_error().max() <= self.tolerance)

    def about(self, done: Done) -> dict[str, Any]:
        """What the lens says of how it was found, in JSON's types."""
        error = cast("list[list[float]]", done.mean.standard_error().tolist())
        return {
            "data": json.loads(json.dumps(dict(self._data.identity))),
            "seen": done.seen,
            "images": done.mean.n_images,
            "squares": done.mean.squares.tolist(),
            "standard_error": error if done.mean.n_images > 1 else None,
            **done.measured,
        }

    def kept(self, path: Path, weight: Tensor, bias: Tensor, fitted: Mapping[str, Any]) -> Done:
        """What a file holds of this fit.

        Args:
            path: The file.
            weight: As `MeanMap` has it.
            bias: As `MeanMap` has it.
            fitted: As `about` gave it.

        Raises:
            UsageError: It is a lens of no such fit, of other images, of more than are asked for, or
                rounded.
        """
        instead = "give save_to= another file, or delete this one"
        if "squares" not in fitted:
            raise UsageError(
                f"{path} holds a lens that was not made by vl.JacobianLens.fit, from which no fit "
                f"goes on; {instead}."
            )
        n_images = int(fitted["images"])
        if weight.dtype != self._vit.dtype:
            raise UsageError(
                f"{path} holds a lens in half precision, from which no fit goes on; {instead}."
            )
        if n_images > self.stop:
            raise UsageError(
                f"{path} holds {n_images} images already, more than the {self.stop} asked for; "
                f"give save_to= another file, or n_images={n_images} or more."
            )
        mean = MeanMap(weight, bias, torch.tensor(fitted["squares"]).double(), n_images)
        measured = {name: fitted[name] for name in MEASURED if name in fitted}
        done = Done(mean, self._after("", self._digests(0, n_images)), measured)
        now = self.about(done)
        if any(now[word] != fitted[word] for word in ("data", "seen")):
            raise UsageError(f"{path} holds a lens of other images; {instead}.")
        return done

    def _after(self, seen: str, digests: Iterable[str]) -> str:
        """What tells the images seen so far from others, with some more."""
        for digest in digests if self._looks else ():
            seen = hashlib.sha256(f"{seen} {digest}".encode()).hexdigest()
        return seen


class _Products:
    """How a batch's affine maps are found, here or by workers, as arrays.

    Args:
        vit: The model.
        kinds: Of token.
        step: Called after each vector-Jacobian product; None for workers.
    """

    def __init__(
        self, vit: ViT, kinds: Sequence[str], step: Callable[[], object] | None = None
    ) -> None:
        self._vit, self._kinds, self._step = vit, kinds, step or _nothing

    def add(self, _tallies: Mapping[str, Any], batch: ExampleBatch) -> dict[str, Any]:
        """The maps of a batch alone."""
        trace = self._vit.trace(batch.pixels, preprocessed=True, grad=True)
        *maps, n_images = linear(trace, self._kinds, self._step)
        arrays = dict(zip(Linear._fields, (one.cpu().numpy() for one in maps), strict=False))
        return {**arrays, "n_images": n_images}


def _nothing(*_of: object) -> None:
    """Counts nothing."""


def found_of(arrays: Mapping[str, Any], vit: ViT) -> Linear:
    """What `_Products` found, where the model is."""
    jacobian, intercept, squares = (
        torch.from_numpy(arrays[name]).to(vit.device)
        for name in ("jacobian", "intercept", "squares")
    )
    return Linear(jacobian, intercept, squares, int(arrays["n_images"]))


def check_computes(vit: ViT) -> None:
    """Refuse a model whose derivatives would be rounded as coarsely as its numbers.

    Raises:
        UsageError: It computes in half precision.
    """
    if vit.dtype not in (torch.float32, torch.float64):
        name = str(vit.dtype).removeprefix("torch.")
        raise UsageError(
            f"A Jacobian lens is fitted in float32, and {vit.name} computes in {name}, which would "
            "round its derivatives; load it with dtype=torch.float32, or call model.float() first."
        )


def keeping(save: Callable[[Done], None]) -> Callable[[Done], None]:
    """Saves what is done; where that fails, says so once, and lets the fit go on."""
    warned = False

    def keep(done: Done) -> None:
        nonlocal warned
        try:
            save(done)
        except UsageError as error:
            if not warned:
                warn(f"{error} The fit goes on without it, and tries again after each batch.")
            warned = True

    return keep

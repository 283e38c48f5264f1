"""`Trace`: one forward pass, captured and edited, which can be run again with further edits."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError, UsageError, as_list, counted, said
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.answer import check_answer, check_finite
from vitlens_widgets.trace.base import BaseTrace
from vitlens_widgets.trace.batch import as_batch
from vitlens_widgets.trace.edits import AnyEdit, AnyPlacedEdit, DropTokens
from vitlens_widgets.trace.instrument import Plan, instrumented
from vitlens_widgets.trace.modules import (
    SeenModules,
    check_modes,
    check_not_recomputed,
    check_not_transformed,
)
from vitlens_widgets.trace.outside import Outside
from vitlens_widgets.trace.record import Record, sites_to_keep
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.stream import Stream
from vitlens_widgets.trace.validate import validate
from vitlens_widgets.trace.watch import Watch, watcher_of
from vitlens_widgets.trace.weights import SeenWeights


class Trace(BaseTrace):
    """One forward pass: every state, and every site of every block on demand.

    What is read of it, such as `trace.states`, `trace["attn_out", 3]` and `trace.logits`, is
    described in `trace.base.BaseTrace`.
    """

    def rerun(
        self,
        edits: Sequence[AnyEdit],
        *,
        keep: str | Sequence[str] = (),
        watch: Watch | None = None,
        grad: bool = False,
        first: int | None = None,
    ) -> Trace:
        """The same images with further edits, run from the first edited block on.

        Equal to `vit.trace(images, edits=[*trace.edits, *edits])`, at the cost of the blocks that
        the new edits can change.

        Args:
            edits: Edits to make after those of this trace (`vl.edits`).
            keep: As in `vit.trace`.
            watch: As in `vit.trace`; shows the blocks that are run.
            grad: As in `vit.trace`.
            first: The block to start from, at the latest the first that the new edits concern,
                where it starts by default; without edits, the last one. Gradients begin there.

        Raises:
            UsageError: An edit that does not fit, a block that is not there, or weights that have
                changed since.
            UnsupportedModelError: What ran is not what was captured, or the answer is not finite.

        Example:
            >>> without = trace.rerun([vl.edits.Zero("z", 11, head=4)])
            >>> without.logits - trace.logits
        """
        self.check_weights("run again")
        vit, n_before = self.vit, len(self.edits)
        every = [*self.edits, *_listed(edits)]
        context, placed = validate(every, vit, self.layout, self.n_images)
        start = _first_layer(placed[n_before:], vit)
        start = start if first is None else min(start, check_index("layer", first, vit.n_layers))
        self._check_repeats(*range(start, vit.n_layers))
        sites = sites_to_keep(keep, grad, vit.adapter.hook_points(0))
        record = Record(vit.n_layers, sites, grad, watcher_of(context, watch, placed, sites))
        record.start_from(self.states, self.kept, start)
        # what this run did before the block, and the dropping of tokens, is in the state
        dropping = {i for i, edit in enumerate(placed) if isinstance(edit, DropTokens)}
        arrived = dropping | set(range(n_before))
        state = self.states[start][:, torch.isin(self.tokens, context.kept)]
        stream = Stream(vit, range(start, vit.n_layers), state, self._words)
        plan = Plan(
            context, placed, record.sites_of(start), record.see, stream, set(), arrived=arrived
        )
        logits = _run_blocks(plan, state, start, grad)
        trace = Trace(context, record, placed, logits, self._make_pictures, plan, self._weights)
        trace._repeats = trace._repeats.after(self._repeats, start)
        check_finite(trace, logits)
        trace._outside = Outside.of(vit, trace.states[-1], logits)
        return trace

    @clean
    def answered_by(self, vit: BaseViT) -> Trace:
        """This run, answered by a twin of its model: another classifier, no new forward pass.

        The states and all sites are those of this trace; `logits`, and what lenses make of it, are
        the twin's.

        Args:
            vit: `trace.vit.taught(classifier)` or `trace.vit.prompted(prompts)`.

        Raises:
            UsageError: Another model, or a trace with gradients, whose graph ends in its own
                answer.

        Example:
            >>> twin = vit.prompted(["a photo of a cat", "a photo of a dog"])
            >>> vl.PatchGrid(vl.LogitLens(twin).read(trace.answered_by(twin)))
        """
        _check_twin(self, vit)
        twin = copy.copy(self)
        twin.vit, twin._context = vit, replace(self._context, vit=vit)
        twin.kept = dict(self.kept)
        twin._weights, twin._modules = SeenWeights(vit, "trace", "trace"), SeenModules(vit)
        with torch.no_grad():
            has_classes = vit.adapter.has_classifier
            twin.logits = vit.adapter.readout_logits(self.states[-1]) if has_classes else None
        check_finite(twin, twin.logits)
        twin._outside = Outside.of(vit, twin.states[-1], twin.logits)
        return twin


@clean
def run(
    vit: BaseViT,
    images: Any,
    *,
    edits: Sequence[AnyEdit] = (),
    keep: str | Sequence[str] = (),
    watch: Watch | None = None,
    grad: bool = False,
    preprocessed: bool = False,
) -> Trace:
    """See `ViT.trace`."""
    sites = sites_to_keep(keep, grad, vit.adapter.hook_points(0))
    check_modes(vit)
    check_not_transformed()
    if grad:
        check_not_recomputed(vit)
    pixels, pictures = as_batch(vit, images, preprocessed)
    layout = vit.adapter.layout((pixels.shape[2], pixels.shape[3]))
    context, placed = validate(_listed(edits), vit, layout, len(pixels))
    record = Record(vit.n_layers, sites, grad, watcher_of(context, watch, placed, sites))
    stream = Stream(vit, range(vit.n_layers))
    plan = Plan(context, placed, record.sites_of(0), record.see, stream, set())
    weights = SeenWeights(vit, "trace", "trace")
    with torch.set_grad_enabled(grad), instrumented(plan):
        answer = _answer(vit, pixels, stream)
    logits = answer if vit.adapter.has_classifier else None
    trace = Trace(context, record, placed, logits, pictures, plan, weights)
    check_answer(trace, answer)
    trace._outside = Outside.of(vit, trace.states[-1], answer)  # pyright: ignore[reportPrivateUsage]  # of its own making
    return trace


def _answer(vit: BaseViT, pixels: Tensor, stream: Stream) -> Tensor:
    """What the model's own code gives.

    Raises:
        UnsupportedModelError: It fails before its first block: the images are none that it reads.
    """
    try:
        return vit.adapter.forward(pixels)
    except (RuntimeError, ValueError, AssertionError) as error:
        if stream.has_begun or isinstance(error, (UsageError, torch.OutOfMemoryError)):
            raise
        _, channels, height, width = pixels.shape
        raise UnsupportedModelError(
            f"{vit.name} fails before its first block on images of {height} x {width} pixels and "
            f"{counted(channels, 'channel')}, which its adapter says it reads: {error}"
        ) from error


@clean
def _run_blocks(plan: Plan, state: Tensor, first: int, grad: bool) -> Tensor | None:
    """The model's answer to a state before block `first`, run as planned."""
    adapter = plan.context.vit.adapter
    with torch.set_grad_enabled(grad):
        with instrumented(plan):
            for layer in range(first, adapter.n_layers):
                state = adapter.run_block(layer, state)
        return adapter.readout_logits(state) if adapter.has_classifier else None


def _check_twin(trace: Trace, vit: Any) -> None:
    """Refuse what is no twin of the trace's model.

    Raises:
        UsageError: It is none, or the trace cannot be answered anew.
    """
    if not isinstance(vit, BaseViT):
        raise UsageError(f"A trace is answered by a twin of its model, not by {said(vit)}.")
    own = trace.vit
    if vit.model is not own.model or vit.image_size != own.image_size:
        raise UsageError(
            f"This trace is of {own.name}, and {vit.name} is another model or size; its twins come "
            "of vit.taught(classifier) and vit.prompted(prompts)."
        )
    if trace.has_graph:
        raise UsageError(
            "A trace with grad=True cannot be answered anew: its graph ends in its own answer; "
            "trace again with the other model."
        )
    trace.check_weights("answered anew")


def _listed(edits: AnyEdit | Sequence[AnyEdit]) -> list[AnyEdit]:
    one = isinstance(edits, AnyEdit)
    return [edits] if one else as_list("edits=", edits, '[vl.edits.Zero("z", 3, head=2)]')


def _first_layer(edits: Sequence[AnyPlacedEdit], vit: BaseViT) -> int:
    """The first block that the edits concern; the last one if there are none."""
    layers = [0 if isinstance(edit, DropTokens) else min(edit.layers) for edit in edits]
    return min(layers, default=vit.n_layers - 1)

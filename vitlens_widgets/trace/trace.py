"""`Trace`: one forward pass, captured and edited, which can be run again with further edits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import BaseViT
from vitlens_widgets.trace.answer import check_answer
from vitlens_widgets.trace.base import BaseTrace
from vitlens_widgets.trace.batch import as_batch
from vitlens_widgets.trace.edits import AnyEdit, AnyPlacedEdit, DropTokens
from vitlens_widgets.trace.instrument import Plan, instrumented
from vitlens_widgets.trace.record import Record, sites_to_keep
from vitlens_widgets.trace.validate import validate
from vitlens_widgets.trace.watch import Watch, watcher_of


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
    ) -> Trace:
        """The same images with further edits, run from the first edited block on.

        Equal to `vit.trace(images, edits=[*trace.edits, *edits])`, at the cost of the blocks that
        the new edits can change.

        Args:
            edits: Edits to make after those of this trace (`vl.edits`).
            keep: As in `vit.trace`.
            watch: As in `vit.trace`; shows the blocks that are run.
            grad: As in `vit.trace`.

        Raises:
            UsageError: An edit that does not fit, or weights that have changed since.

        Example:
            >>> without = trace.rerun([vl.edits.Zero("z", 11, head=4)])
            >>> without.logits - trace.logits
        """
        return rerun(self, edits, keep=keep, watch=watch, grad=grad)


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
    if vit.model.training:
        raise UsageError(
            "The model is in train mode, where dropout makes every run different; call "
            "model.eval() first."
        )
    pixels, pictures = as_batch(vit, images, preprocessed)
    layout = vit.adapter.layout((pixels.shape[2], pixels.shape[3]))
    context, placed = validate(_listed(edits), vit, layout, len(pixels))
    record = Record(vit.n_layers, sites, grad, watcher_of(context, watch, placed, sites))
    plan = Plan(context, placed, record.sites_of(0), record.see)
    with torch.set_grad_enabled(grad), instrumented(plan):
        answer = vit.adapter.forward(pixels)
    logits = answer if vit.adapter.has_classifier else None
    trace = Trace(context, record, placed, logits, pictures)
    check_answer(trace)
    return trace


def rerun(
    trace: Trace,
    edits: Sequence[AnyEdit],
    *,
    keep: str | Sequence[str] = (),
    watch: Watch | None = None,
    grad: bool = False,
    first: int | None = None,
) -> Trace:
    """See `Trace.rerun`; `first` is the block to start from, by default the first edited one."""
    vit, n_before = trace.vit, len(trace.edits)
    trace.check_weights("run again")
    every = [*trace.edits, *_listed(edits)]
    context, placed = validate(every, vit, trace.layout, trace.n_images)
    first = _first_layer(placed[n_before:], vit) if first is None else first
    sites = sites_to_keep(keep, grad, vit.adapter.hook_points(0))
    record = Record(vit.n_layers, sites, grad, watcher_of(context, watch, placed, sites))
    record.start_from(trace.states, trace.kept, first)
    # what the earlier run did before this block, and the dropping of tokens, is in the state
    dropping = {i for i, edit in enumerate(placed) if isinstance(edit, DropTokens)}
    arrived = dropping | set(range(n_before))
    plan = Plan(context, placed, record.sites_of(first), record.see, arrived)
    state = trace.states[first][:, torch.isin(trace.tokens, context.kept)]
    with torch.set_grad_enabled(grad):
        with instrumented(plan):
            for layer in range(first, vit.n_layers):
                state = vit.adapter.run_block(layer, state)
        logits = vit.adapter.readout_logits(state) if vit.adapter.has_classifier else None
    return Trace(context, record, placed, logits, trace._make_pictures)


def _listed(edits: AnyEdit | Sequence[AnyEdit]) -> list[AnyEdit]:
    return [edits] if isinstance(edits, AnyEdit) else list(edits)


def _first_layer(edits: Sequence[AnyPlacedEdit], vit: BaseViT) -> int:
    """The first block that the edits concern; the last one if there are none."""
    layers = [0 if isinstance(edit, DropTokens) else min(edit.layers) for edit in edits]
    return min(layers, default=vit.n_layers - 1)

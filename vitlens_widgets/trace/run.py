"""One forward pass, captured and edited: `vit.trace(images)` and `trace.rerun(edits)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError, UsageError
from vitlens_widgets.models import BaseViT
from vitlens_widgets.trace.batch import as_batch
from vitlens_widgets.trace.context import Context
from vitlens_widgets.trace.edits import DropTokens, Edit
from vitlens_widgets.trace.instrument import Plan, instrumented
from vitlens_widgets.trace.record import Record, sites_to_keep
from vitlens_widgets.trace.trace import Trace
from vitlens_widgets.trace.watch import Watch, watcher_of

# How far, relative to the largest logit, the captured final state may be from the model's answer
# before the capture is called wrong. Not the promise (the tests hold 1e-5 in float32), but what
# tells a broken assumption from rounding.
_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4}
_TOLERANCE_HALF = 5e-2


def run(
    vit: BaseViT,
    images: Any,
    *,
    edits: Sequence[Edit | DropTokens] = (),
    keep: str | Sequence[str] = (),
    watch: Watch | None = None,
    grad: bool = False,
    preprocessed: bool = False,
) -> Trace:
    """See `ViT.trace`."""
    edits = _listed(edits)
    sites = sites_to_keep(keep, grad, vit.adapter.hook_points(0))
    if vit.model.training:
        raise UsageError(
            "The model is in train mode, where dropout makes every run different; call "
            "model.eval() first."
        )
    pixels, pictures = as_batch(vit, images, preprocessed)
    layout = vit.adapter.layout(tuple(pixels.shape[2:]))
    context = Context.of(vit, layout, len(pixels), edits)
    record = Record(vit.n_layers, sites, grad, watcher_of(context, watch, edits, sites))
    plan = Plan(context, edits, record.sites_of(0), record.see)
    with torch.set_grad_enabled(grad), instrumented(plan):
        answer = vit.adapter.forward(pixels)
    logits = answer if vit.adapter.has_classifier else None
    trace = Trace(context, record, edits, logits, pictures)
    _check(trace)
    return trace


def rerun(
    trace: Trace,
    edits: Sequence[Edit | DropTokens],
    *,
    keep: str | Sequence[str] = (),
    watch: Watch | None = None,
    grad: bool = False,
    first: int | None = None,
) -> Trace:
    """See `Trace.rerun`; `first` is the block to start from, by default the first edited one."""
    edits = _listed(edits)
    vit, every = trace.vit, [*trace.edits, *edits]
    trace.check_weights("run again")
    context = Context.of(vit, trace.layout, trace.n_images, every)
    first = _first_layer(edits, context) if first is None else first
    sites = sites_to_keep(keep, grad, vit.adapter.hook_points(0))
    record = Record(vit.n_layers, sites, grad, watcher_of(context, watch, every, sites))
    record.start_from(trace.states, trace.kept, first)
    # what the earlier run did before this block, and the dropping of tokens, is in the state
    dropping = {i for i, edit in enumerate(every) if isinstance(edit, DropTokens)}
    arrived = dropping | set(range(len(trace.edits)))
    plan = Plan(context, every, record.sites_of(first), record.see, arrived)
    state = trace.states[first][:, torch.isin(trace.tokens, context.kept)]
    with torch.set_grad_enabled(grad):
        with instrumented(plan):
            for layer in range(first, vit.n_layers):
                state = vit.adapter.run_block(layer, state)
        logits = vit.adapter.readout_logits(state) if vit.adapter.has_classifier else None
    return Trace(context, record, every, logits, trace.make_pictures)


def _listed(edits: Edit | DropTokens | Sequence[Edit | DropTokens]) -> list[Edit | DropTokens]:
    return [edits] if isinstance(edits, (Edit, DropTokens)) else list(edits)


def _first_layer(edits: Sequence[Edit | DropTokens], context: Context) -> int:
    """The first block that the edits concern; the last one if there are none."""
    layers = [0 if isinstance(edit, DropTokens) else min(edit.layers(context)) for edit in edits]
    return min(layers, default=context.vit.n_layers - 1)


def _check(trace: Trace) -> None:
    """Refuse a model in which the captured states do not lead to the model's own answer."""
    vit, states, logits = trace.vit, trace.states, trace.logits
    if states.shape[2] != len(trace.tokens):
        raise UnsupportedModelError(
            f"{vit.name} cannot be read exactly: its blocks see {states.shape[2]} tokens where "
            f"{trace.layout} makes {len(trace.tokens)}."
        )
    if logits is None:
        return
    with torch.no_grad():
        off = _largest(vit.adapter.readout_logits(states[-1]) - logits)
    if off > _TOLERANCE.get(states.dtype, _TOLERANCE_HALF) * _largest(logits):
        raise UnsupportedModelError(
            f"{vit.name} cannot be read exactly: its logits must be its classifier on the state "
            f"after the last block, but they differ by {off:.3g} (logits up to "
            f"{_largest(logits):.3g}); its forward does something beyond its blocks, final norm "
            "and classifier."
        )


def _largest(values: Tensor) -> float:
    return values.detach().abs().max().item()

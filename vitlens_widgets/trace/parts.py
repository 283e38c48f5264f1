"""A part of one block on any states: values put at some sites, others read, the rest not run."""

# pyright: reportPrivateUsage=false
# This would be a method of a trace, but that few who read it need it.

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.hook_points import AnyHookPoint
from vitlens_widgets.trace.base import BaseTrace
from vitlens_widgets.trace.capture import handling
from vitlens_widgets.trace.instrument import AllSeen
from vitlens_widgets.trace.modules import refuse_missing, uncompiled
from vitlens_widgets.trace.stream import Stream


@clean
def run_part(
    trace: BaseTrace,
    layer: int,
    state: Tensor,
    show: Mapping[str, AnyHookPoint],
    put: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Run one block on other states than its trace's, until all that is asked for has shown.

    Graphs are kept where gradients are enabled, so that `torch.autograd.grad` goes by this part of
    the block alone. The trace's edits are not made.

    Args:
        trace: Whose block; call `trace.check_weights` before the first of several parts.
        layer: The block.
        state: `[row, token, d]`, any number of rows, with the tokens of the trace.
        show: What is read, by the site that it is, or leads to: hook points of the block.
        put: Values that stand at sites of the block instead of its own, by site.

    Returns:
        What showed, by name.

    Raises:
        UnsupportedModelError: A hook point did not show, or the block was handed something made
            for each image apart, which rows that are no images do not have.
    """
    put = put or {}
    own = trace.vit.adapter.hook_points(layer)
    _check_words(trace, layer)
    points = {**{("put", site): own[site] for site in put}, **_named(show)}
    trace._check_repeats(layer)
    found: dict[str, Tensor] = {}
    waiting = dict.fromkeys(points)

    def see(key: tuple[str, str], value: Tensor) -> Tensor | None:
        waiting.pop(key, None)
        kind, name = key
        if kind == "show":
            found[name] = value.clone()  # the model may go on to change its own in place
        if not waiting:
            raise AllSeen
        return put[name] if kind == "put" else None

    stream = Stream(trace.vit, [layer], state, trace._words)
    handlers = {key: partial(see, key) for key in points}
    with suppress(AllSeen), uncompiled(trace.vit.model), handling(points, handlers, stream):
        trace.vit.adapter.run_block(layer, state)
    for _, name in waiting:
        refuse_missing(trace.vit, layer, name)  # by its site
    return found


def _check_words(trace: BaseTrace, layer: int) -> None:
    words = trace._words.get(layer)
    given = [] if words is None else [*words.args, *words.kwargs.values()]
    for word in given:
        of_images = isinstance(word, Tensor) and word.ndim > 2 and len(word) == trace.n_images
        if of_images and trace.n_images > 1:
            raise UnsupportedModelError(
                f"{trace.vit.name} hands block {layer} a mask or positions of each image beside "
                "its state, so that parts of it cannot run on other rows; trace the images one by "
                "one."
            )


def _named(show: Mapping[str, AnyHookPoint]) -> dict[tuple[str, str], AnyHookPoint]:
    return {("show", name): point for name, point in show.items()}

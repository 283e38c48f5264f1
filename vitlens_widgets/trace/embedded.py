"""What patches are embedded as without any image: their positions."""

# pyright: reportPrivateUsage=false
# As `again`: this would be a method of a trace, but that few who read it need it.

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vitlens_widgets.models.cleanup import clean, hooking
from vitlens_widgets.trace.again import is_edited
from vitlens_widgets.trace.base import BaseTrace
from vitlens_widgets.trace.instrument import Plan, instrumented
from vitlens_widgets.trace.modules import parts_of
from vitlens_widgets.trace.stream import Stream

_EXACT = 1e-5
_ROUNDINGS = 4  # that values have been through which are kept in half precision


def positions_of(trace: BaseTrace) -> Tensor | None:
    """State 0 of the patches where the layer that cuts patches gives zeros, `[patch, d]`.

    What that layer gives of an image is then the rest of state 0, patch by patch. None where it is
    not: where a norm stands behind it (CLIP's), where no one layer cuts patches, or where edits
    have changed state 0.

    Args:
        trace: The run; patches that it dropped are left out.

    Raises:
        UsageError: Other hooks than in the run are outside the blocks: an image's state 0 may be
            another then, and that of none shows it no more than the pixels that are gone.
    """
    trace._outside.check_hooks(trace.vit, "what its patches are embedded as without any image")
    if is_edited(trace, 0, "resid_pre"):
        return None
    n_prefix, layout = trace.layout.n_prefix, trace.layout
    cuts: list[nn.Module] = []
    _state(trace, [], cuts, None)
    if not cuts:
        return None
    generator = torch.Generator().manual_seed(0)
    noise = 4 * torch.randn(layout.n_patches, trace.vit.width, generator=generator)
    noise = noise.to(trace.states)
    bare = _state(trace, cuts[-1:], [], torch.zeros_like(noise))
    placed = _state(trace, cuts[-1:], [], noise) - bare
    placed[n_prefix:] -= noise
    exact = max(_EXACT, _ROUNDINGS * torch.finfo(bare.dtype).eps)
    if placed.abs().max() > exact * max(float(noise.abs().max()), float(bare.abs().max())):
        return None
    return bare[trace.tokens[trace.tokens >= n_prefix]]


@clean
def _state(
    trace: BaseTrace, cuts: Sequence[nn.Module], found: list[nn.Module], gives: Tensor | None
) -> Tensor:
    """State 0 of a blank image, `[token, d]`.

    Args:
        trace: A run, for its model and image size.
        cuts: The layer that shall give something else.
        found: Is told the layers that give as many numbers as there are in the patches.
        gives: What the layer shall give, `[patch, d]`.
    """
    vit, layout = trace.vit, trace.layout
    height, width = vit.adapter.patch_size
    pixels = trace.states.new_zeros(
        1, vit.adapter.n_channels, layout.rows * height, layout.cols * width
    )
    shown: list[Tensor] = []

    def look(module: nn.Module, _args: object, out: Tensor) -> Tensor | None:
        if out.numel() != layout.n_patches * vit.width:
            return None
        found.append(module)
        if module not in cuts or gives is None:
            return None
        return (gives.T if out.ndim == 4 else gives).reshape(out.shape)

    def see(_site: str, _layer: int, value: Tensor) -> None:
        shown.append(value)

    stream = Stream(vit, range(vit.n_layers))
    plan = Plan(trace._context, (), {0: ["resid_pre"]}, see, stream, set(), stops=True)
    with torch.no_grad(), instrumented(plan), hooking() as hooks:
        for module in parts_of(vit.model):
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                hooks.after(module, look)
        vit.adapter.forward(pixels)
    return shown[0][0]

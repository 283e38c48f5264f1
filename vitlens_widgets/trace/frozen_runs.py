"""Runs of what stands behind the blocks, with what is not affine in it frozen at the first."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.base import BaseTrace
from vitlens_widgets.trace.freezing import Freezing, freezing
from vitlens_widgets.trace.modules import check_differentiable, parts_of


class FrozenRuns:
    """The first run of a readout as it is, others with what was frozen in it.

    Args:
        vit: The model.
        read: What is read of a last state, `[image, token, d]`: its logits, or what is pooled.
    """

    def __init__(self, vit: BaseViT, read: Callable[[Tensor], Tensor]) -> None:
        self._modules: list[nn.Module] = list(parts_of(vit.model, without=vit.adapter.blocks))
        self._read = read
        self.frozen = Freezing()

    @clean
    def first(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """The state, of which gradients can be asked, and what is read of it."""
        leaf = state.detach().clone().requires_grad_()
        with torch.enable_grad(), freezing(self._modules, self.frozen):
            return leaf, self._read(leaf)

    @clean
    def again(self, state: Tensor, *, with_bias: bool, with_aside: bool) -> Tensor:
        """What is read of another state, affine in it; see `Freezing` for the constants."""
        self.frozen.begin_again()
        self.frozen.with_bias, self.frozen.with_aside = with_bias, with_aside
        leaf = state.detach().clone().requires_grad_()
        with torch.enable_grad(), freezing(self._modules, self.frozen):
            return self._read(leaf).detach()


def check_can_freeze(trace: BaseTrace) -> None:
    """Refuse a run at which nothing can be frozen.

    Raises:
        UsageError: The trace has gradients, was made in inference mode, or its model has changed.
    """
    check_differentiable(trace.vit, trace.states[-1], "What is added up to an answer")
    if trace.has_graph:
        raise UsageError(
            "A readout is frozen at a trace without grad=True; trace the images again so."
        )
    trace.check_weights("read out")

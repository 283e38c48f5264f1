"""Relevance by the local Jacobian: what each token of a state adds to the class, to first order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vitlens_widgets.analysis.relevance.parts import Parts
from vitlens_widgets.errors import check_count
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.modules import check_differentiable
from vitlens_widgets.trace.sites import check_index


@dataclass(frozen=True)
class LocalJacobian:
    """What each token of one state adds to a class's logit, as the rest of the model makes of it.

    A token's relevance is the derivative of the logit in its state times that state: by how much
    the logit rises with the token's state made longer, in shares of its length. It is the local
    Jacobian of `vl.JacobianLens.local`, token by token, followed by the model's norm and classifier
    as they are at this image. It says nothing of single heads.

    Args:
        state: Which state; 0 is the embedded patches.

    Raises:
        UsageError: No whole number from 0 on; at the call, a state that the model does not have
            before a block, or a model without gradients.

    Source:
        Gradient times input (Shrikumar et al. 2017), in a state in place of the pixels.

    Example:
        >>> method = vl.analysis.LocalJacobian(state=3)
        >>> vl.analysis.relevance(trace, "cat", method=method).patches()
        >>> vl.RelevanceMaps(trace, ["cat", "umbrella"], method=method)
    """

    state: int = 0

    def __post_init__(self) -> None:
        check_count("state=", self.state, 0)

    @property
    def name(self) -> str:
        """`"local_jacobian"`, and the state after it."""
        return f"local_jacobian_{self.state}"

    @property
    def label(self) -> str:
        """What it is called for people."""
        return f"local Jacobian (state {self.state})"

    @property
    def settings(self) -> dict[str, Any]:
        """What its numbers depend on."""
        return {"state": self.state}

    @clean
    @torch.enable_grad()
    def __call__(self, trace: Trace, classes: Tensor) -> Parts:
        """The relevance of each token for a class of each image, int64 `[image]`."""
        k = check_index("state", self.state, trace.vit.n_layers)
        check_differentiable(trace.vit, trace.states[k], f'The method "{self.name}"')
        run = trace.rerun([], grad=True, first=k)
        assert run.logits is not None  # noqa: S101  # relevance asks for a classifier
        asked = run.logits.gather(1, classes.to(run.logits.device)[:, None]).sum()
        state = run["resid_pre", k]
        (gradient,) = torch.autograd.grad(asked, state)
        return Parts((gradient.float() * state.detach().float()).sum(-1).cpu())

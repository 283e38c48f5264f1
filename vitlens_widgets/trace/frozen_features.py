"""`FrozenFeatures`: what a model pools, as an affine map of the last state, frozen at one run."""

# pyright: reportPrivateUsage=false
# As `again`: this would be a method of a trace, but that few who read it need it.

from __future__ import annotations

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.base import BaseTrace
from vitlens_widgets.trace.frozen_runs import FrozenRuns, check_can_freeze
from vitlens_widgets.trace.rounding import tolerance_of


class FrozenFeatures:
    """What a model pools for its classifier, as an affine map of the last state.

    With the final norm's scale (and a pooling's attention) frozen at the value of the run, what is
    written to the residual stream has a vector of its own among the pooled features, in CLIP among
    the texts: `features = constant + of(state)`, and `of` is linear.

    Args:
        trace: The run.

    Attributes:
        features: What the model itself pools, `[image, feature]`.
        constant: What is there whatever the stream is, `[image, feature]`: biases.

    Raises:
        UsageError: What is pooled is no affine map even then, the trace has gradients, or other
            hooks than in the run are outside the blocks.

    Source:
        Gandelsman, Efros & Steinhardt (2024), "Interpreting CLIP's image representation via
        text-based decomposition", section 3 and appendix A.1.
    """

    def __init__(self, trace: BaseTrace) -> None:
        check_can_freeze(trace)
        trace._outside.check_hooks(trace.vit, "what it pools")
        self._runs = FrozenRuns(trace.vit, trace.vit.adapter.readout_features)
        state = trace.states[-1]
        self.features = self._runs.first(state)[1].detach()
        zeros = torch.zeros_like(state)
        self.constant = self._runs.again(zeros, with_bias=True, with_aside=True)
        self._zero = self._runs.again(zeros, with_bias=False, with_aside=False)
        off = (self.constant + self.of(state) - self.features).abs().amax()
        if off > tolerance_of(state.dtype) * self.features.abs().amax():
            raise UsageError(
                f"What {trace.vit.name} pools is no sum over what is written to its residual "
                "stream, even with the scale of its norms frozen: something that is not linear "
                "stands between."
            )

    @clean
    def of(self, vectors: Tensor) -> Tensor:
        """What vectors of the stream add to the features.

        Args:
            vectors: `[image, token, d]` of the whole sequence.

        Returns:
            `[image, feature]`.
        """
        return self._runs.again(vectors, with_bias=False, with_aside=False) - self._zero

"""`LogitLens`: each state read as if it were the last."""

from __future__ import annotations

from torch import Tensor

from vitlens_widgets.lenses.lens import check_classifier, check_same_model, each_state
from vitlens_widgets.lenses.reading import Reading
from vitlens_widgets.lenses.source import source_of
from vitlens_widgets.trace import Trace, ViT


class LogitLens:
    """The model's own final norm and classifier, applied to every token of every state.

    The norm is applied with each token's own statistics, scale and bias, and the classifier with
    its bias, so that at the final state the readout's answer is the model's own logits.

    Args:
        vit: The model, from `vl.load`.

    Raises:
        UsageError: The model has no classifier.

    Source:
        nostalgebraist (2020), "interpreting GPT: the logit lens"; for ViTs Vilas et al. (2023),
        "Analyzing Vision Transformers for Image Classification in Class Embedding Space",
        section 3, and Xu (2023), section 4.1.

    Example:
        >>> reading = LogitLens(vit).read(vit.trace(image))
        >>> reading.readout.top(1).index[-1]  # the model's own answer, per image
    """

    name = "logit lens"

    def __init__(self, vit: ViT) -> None:
        check_classifier(vit)
        self.vit = vit

    def decode(self, states: Tensor, first: int, final: Tensor) -> Tensor:  # noqa: ARG002
        """Every token: `[state, image, token, d] -> [state, image, token, class]`."""
        return each_state(self.vit.adapter.token_logits, states)

    def decode_readout(self, states: Tensor, first: int, final: Tensor) -> Tensor:  # noqa: ARG002
        """The model's readout: `[state, image, token, d] -> [state, image, class]`."""
        return each_state(self.vit.adapter.readout_logits, states)

    def read(self, trace: Trace, site: str = "resid", head: int | None = None) -> Reading:
        """Read a trace.

        Args:
            trace: A trace of the same model.
            site: `"resid"`: its L + 1 states; `"attn_out"` or `"mlp_out"`: what each of the L
                blocks adds to the stream.
            head: With `"attn_out"`: one head's part of it (`vitlens_widgets.lenses.source`).

        Raises:
            UsageError: The trace is of another model, or an unknown site or head.
        """
        check_same_model(self, trace)
        return Reading(self, source_of(trace, site, head))

"""`LogitLens`: each state read as if it were the last."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from vitlens_widgets.lenses.lens import Lens


class LogitLens(Lens):
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
    plain: ClassVar[bool] = True
    """That it reads states as they are, by the model's own way; a class made of it says it anew."""

    @property
    def sees_states_alone(self) -> bool:
        """Yes; of a lens that is derived from it, it is not known."""
        return type(self) is LogitLens

    def transform(self, states: Tensor, first: int, final: Tensor) -> Tensor:  # noqa: ARG002
        """The states as they are."""
        return states

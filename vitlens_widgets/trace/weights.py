"""Whether a model's weights are still those that something was computed with."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import BaseViT


class SeenWeights:
    """The weights of a model as they are now, to be told from later ones.

    Args:
        vit: The model.
        result: What is computed with them, for the sentence: "trace".
        again: How to get another one.
    """

    def __init__(self, vit: BaseViT, result: str, again: str) -> None:
        self._vit, self._result, self._again = vit, result, again
        self._seen = _fingerprint(vit)

    def check(self, what: str) -> None:
        """Refuse to go on with weights that are no longer those.

        Raises:
            UsageError: The weights were changed in place, replaced or moved.
        """
        if _fingerprint(self._vit) != self._seen:
            raise UsageError(
                f"The weights of {self._vit.name} have changed or moved since this {self._result}, "
                f"which can therefore not be {what}; {self._again} again."
            )


def _fingerprint(vit: BaseViT) -> int:
    """Changes when the weights are changed in place, replaced or moved."""
    return hash(
        tuple(
            (weight.data_ptr(), 0 if weight.is_inference() else weight._version)
            for weight in _weights(vit.model)
        )
    )


def _weights(model: nn.Module) -> Iterator[Tensor]:
    """Like `model.parameters()`, several times as fast: every trace and reading looks at them."""
    modules = [model]
    while modules:
        module = modules.pop()
        yield from (weight for weight in module._parameters.values() if weight is not None)
        modules += (child for child in module._modules.values() if child is not None)

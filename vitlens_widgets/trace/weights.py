"""Whether a model's weights are still those that something was computed with."""

# pyright: reportPrivateUsage=false
# torch's own way to a module's weights and parts, since the public one is several times as slow.

from __future__ import annotations

import copy
import math
import zlib
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.foreign import Foreign


class SeenWeights:
    """The weights of a model as they are now, to be told from later ones.

    Told apart are weights, buffers and a given classifier that were replaced, moved or changed in
    place. What goes by PyTorch's own count of changes (`weight.data`, a NumPy view) is noticed by
    a sample of the values: biases whole, and of a matrix some of every row and of every column.
    Such a change of fewer weights may be missed: of a single one, mostly.

    Args:
        vit: The model.
        result: What is computed with them, for the sentence: "trace".
        again: How to get another one.
    """

    def __init__(self, vit: BaseViT, result: str, again: str) -> None:
        self._vit, self._result, self._again = vit, result, again
        weights = _weights(vit)
        self._seen: _State | None = _State(*map(_state_of_all, weights))
        self._places = _places(weights[0])

    def check_stayed(self) -> None:
        """Refuse weights that were trained, replaced or moved since, as far as PyTorch counts it.

        Without looking at their values, at the end of what is computed with them. Buffers are seen
        anew: a model may make one when it first runs, such as a table of positions.

        Raises:
            UsageError: They were.
        """
        parameters, buffers = _weights(self._vit)
        if _places(parameters) != self._places:
            raise UsageError(
                f"The weights of {self._vit.name} were changed or moved while it ran, so that this "
                f"{self._result} is of no one model; {self._again} again when nothing else changes "
                "it."
            )
        if self._seen is not None:
            self._seen = self._seen._replace(buffers=_state_of_all(buffers))

    def __deepcopy__(self, memo: dict[int, Any]) -> SeenWeights:
        """The same of a copy of the model, where one is made along with it."""
        vit, twin = copy.deepcopy(self._vit, memo), copy.copy(self)
        if vit is not self._vit:
            same = _state_of(self._vit) == self._seen
            twin._vit, twin._seen = vit, _state_of(vit) if same else None
        return twin

    def check(self, what: str) -> None:
        """Refuse to go on with weights that are no longer those.

        Raises:
            UsageError: The weights were changed in place, replaced or moved.
        """
        if _state_of(self._vit) != self._seen:
            raise UsageError(
                f"The weights of {self._vit.name} have changed or moved since this {self._result}, "
                f"which can therefore not be {what}; {self._again} again."
            )


class _State(NamedTuple):
    """Changes when the weights are replaced, moved or changed in place."""

    weights: int
    buffers: int


def _state_of(vit: BaseViT) -> _State:
    return _State(*map(_state_of_all, _weights(vit)))


def _state_of_all(weights: list[Tensor]) -> int:
    return hash((_places(weights), _sum_of_samples(weights)))


def _places(weights: list[Tensor]) -> tuple[tuple[int, int], ...]:
    """Where they are, and how often each was changed."""
    return tuple((one.data_ptr(), 0 if one.is_inference() else one._version) for one in weights)


def _weights(vit: BaseViT) -> tuple[list[Tensor], list[Tensor]]:
    """Parameters with a given classifier, and buffers: every trace and reading looks at them."""
    parameters: list[Tensor] = []
    buffers: list[Tensor] = []
    modules: list[nn.Module] = [vit.model]
    while modules:
        module = modules.pop()
        parameters += (weight for weight in module._parameters.values() if weight is not None)
        buffers += (buffer for buffer in module._buffers.values() if buffer is not None)
        modules += (child for child in module._modules.values() if child is not None)
    given = vars(vit.adapter.classifier) if vit.adapter.classifier is not None else {}
    parameters += (value for value in given.values() if isinstance(value, Tensor))
    return parameters, buffers


def _sum_of_samples(weights: list[Tensor]) -> int:
    """Of some values of each, gathered in one piece of memory."""
    samples: dict[tuple[torch.device, torch.dtype], list[Tensor]] = defaultdict(list)
    for part in chain.from_iterable(map(plain_parts, weights)):
        if part.layout is torch.strided and not part.is_quantized and not part.is_meta:
            samples[part.device, part.dtype].append(_sample(part))
    total = 0
    for parts in samples.values():
        total = zlib.crc32(torch.cat(parts).cpu().view(torch.uint8).numpy().data, total)
    return total


def plain_parts(weight: Tensor) -> Iterator[Tensor]:
    """A tensor's values, or of a library's own kind (quantised, sharded) the tensors it is made of.

    Nothing of a kind that does not say what it is made of.
    """
    values: Foreign = weight.detach()
    if type(values) is Tensor:
        yield values
    elif hasattr(values, "__tensor_flatten__"):
        for name in values.__tensor_flatten__()[0]:
            yield from plain_parts(getattr(values, name))


def _sample(weight: Tensor) -> Tensor:
    step = _step(weight.shape)
    if not weight.is_contiguous():
        return weight.reshape(-1)[::step]
    n = -(-weight.numel() // step)
    return weight.as_strided((n,), (step,))


@lru_cache(maxsize=4096)
def _step(shape: torch.Size) -> int:
    """The largest step in memory that comes by every row and every column of a matrix.

    It is no longer than a row, so none is stepped over; it has no divisor in common with a row's
    length, so as many steps as a row is long come by every column; and that many fit in.
    """
    if len(shape) < 2 or not all(shape):
        return 1
    rows = shape[0] if shape[0] > 1 else math.prod(shape[:-1])
    columns = math.prod(shape) // rows
    step = min(rows, columns)
    while math.gcd(step, columns) > 1:
        step -= 1
    return max(step, 1)

"""The methods by name, and what any method is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.relevance.attention_flow import Chefer, GradientRollout, Rollout
from vitlens_widgets.analysis.relevance.class_embedding import ClassEmbedding
from vitlens_widgets.analysis.relevance.parts import Parts
from vitlens_widgets.errors import UsageError, did_you_mean, quoted_list
from vitlens_widgets.trace import Trace


@runtime_checkable
class Method(Protocol):
    """Finds how relevant each token is for a class.

    Attributes:
        name: What it is asked for by, an identifier such as `"chefer"`. What it is called for
            people is its `label`, where it has one, or else its name.
        settings: In JSON's types, what its numbers depend on beside model and images.
    """

    @property
    def name(self) -> str:
        """See above."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """See above."""
        ...

    def __call__(self, trace: Trace, classes: Tensor) -> Parts | Tensor | np.ndarray:
        """Of a trace and a class of each image, int64 `[image]`: `Parts`, or `[image, token]`."""
        ...


_ALL = (
    ClassEmbedding(),
    ClassEmbedding(rule="text"),
    ClassEmbedding(of="logit"),
    Chefer(),
    GradientRollout(),
    Rollout(),
)
METHODS: Mapping[str, Method] = {method.name: method for method in cast("tuple[Method, ...]", _ALL)}
"""The methods that a name is enough for."""


def method_of(given: str | Method) -> Method:
    """A method, given as its name or as itself.

    Raises:
        UsageError: An unknown name, or something that is no method.
    """
    if isinstance(given, str):
        if given not in METHODS:
            raise UsageError(
                f'No method is called "{given}"; there is {quoted_list(list(METHODS))}.'
                f"{did_you_mean(given, METHODS)}"
            )
        return METHODS[given]
    if not isinstance(given, Method) or not callable(given):
        raise UsageError(
            f"A method is one of {quoted_list(list(METHODS))}, or an object with a name, its "
            f"settings and a call of (trace, classes), not {type(given).__name__}."
        )
    return given


def label_of(method: Method) -> str:
    """What a method is called for people."""
    return getattr(method, "label", method.name)


def asks_for_classes(method: Method) -> bool:
    """Whether what it finds depends on a class; it does unless the method says it does not."""
    return getattr(method, "of_classes", True)


def parts_of(method: Method, trace: Trace, classes: Tensor) -> Parts:
    """What a method finds, checked.

    Raises:
        UsageError: Other shapes than the trace's, or numbers that are not finite.
    """
    given = method(trace, classes)
    parts = given if isinstance(given, Parts) else Parts(torch.as_tensor(given))
    n_images, n_tokens = trace.n_images, len(trace.tokens)
    shapes = [(n_images, n_tokens), (n_images, trace.vit.n_layers, trace.vit.n_heads, n_tokens)]
    for values, shape in zip(parts, shapes, strict=True):
        if values is None:
            continue
        if tuple(values.shape) != shape:
            raise UsageError(
                f'The method "{method.name}" gave {list(values.shape)}; this trace asks for '
                f"{list(shape)}."
            )
        if not values.isfinite().all():
            raise UsageError(f'The method "{method.name}" gave numbers that are not finite.')
    return parts

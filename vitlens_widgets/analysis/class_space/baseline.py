"""A model that another is compared with: most often its twin with random weights."""

from __future__ import annotations

from typing import Any

from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace import ViT


def check_baseline(baseline: Any) -> ViT:
    """The baseline, if it is a model.

    Raises:
        UsageError: It is not.
    """
    if not isinstance(baseline, ViT):
        raise UsageError(
            f"baseline= takes a model from vl.load(...) or vl.untrained(vit), not "
            f"{type(baseline).__name__}."
        )
    return baseline


def check_alike(vit: ViT, baseline: Any) -> None:
    """Refuse a baseline whose tokens, states and classes are not those of the model.

    Raises:
        UsageError: They are not, or it is no model.
    """
    ours, theirs = (
        (one.layout, one.n_layers, len(one.labels), one.image_size)
        for one in (vit, check_baseline(baseline))
    )
    if ours != theirs:
        raise UsageError(
            f"baseline= must have the tokens, blocks, classes and image size of the model: {vit} "
            f"cannot be compared with {baseline}."
        )

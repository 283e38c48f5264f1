"""`Foreign`: what another library has made, of which that library alone knows the parts."""

from __future__ import annotations

from typing import Any, TypeAlias

Foreign: TypeAlias = Any
"""A module of a model library. Adapters look at its parts and say so where one is not there."""


def as_written(module: Foreign) -> Foreign:
    """The module itself, without what `torch.compile` wraps around it."""
    return module._modules.get("_orig_mod", module)

"""Weights that may have to come from a hub: one clear sentence where it is out of reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.hub import hub_offline_where_unreachable

Built = TypeVar("Built")


class OutOfReachError(UsageError):
    """Weights are not on this machine, and the hub that has them cannot be asked."""


def reach(name: str, build: Callable[[], Built]) -> Built:
    """`build()`, whose library may fetch from a hub or take what it has fetched before.

    Args:
        name: What is being built, for the error sentence.
        build: Calls the library.

    Raises:
        OutOfReachError: The hub is out of reach.
        UsageError: The library could not build it, for the reason it gives.
    """
    try:
        with hub_offline_where_unreachable() as unreachable:
            return build()
    except UsageError:
        raise
    except Exception as error:
        if unreachable and _asked_the_hub(error):
            raise OutOfReachError(
                f'"{name}" is not on this machine and the hub is out of reach; '
                f"these work offline: {_offline_choice()}."
            ) from error
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UsageError(f'"{name}" could not be loaded: {lines[0]}') from error


def _asked_the_hub(error: BaseException | None) -> bool:
    """Whether the hub's client stands in the chain of causes."""
    while error is not None:
        module = type(error).__module__
        if module.startswith(("huggingface_hub", "httpx", "requests")):
            return True
        error = error.__cause__ or error.__context__
    return False


def _offline_choice() -> str:
    """What works without a hub."""
    from vitlens_widgets import world

    return f"{', '.join(world.NAMES)}, a saved folder, or your own module"

"""Weights that may have to come from a hub: one clear sentence where it is out of reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import hub

Built = TypeVar("Built")


class OutOfReachError(UsageError):
    """Weights are not on this machine, and the hub that has them cannot be asked."""


def reach(name: str, build: Callable[[], Built], offline: str | None = None) -> Built:
    """`build()`, whose library may fetch from a hub or take what it has fetched before.

    Args:
        name: What is being built, for the error sentence.
        build: Calls the library.
        offline: What works without a hub; None for the models that do.

    Raises:
        OutOfReachError: The hub is out of reach.
        UsageError: The library could not build it, for the reason it gives.
    """
    try:
        return hub.ask_hub(build)
    except UsageError:
        raise
    except Exception as error:
        if _asked_the_hub(error) and hub.hub_is_unreachable():
            raise OutOfReachError(
                f'"{name}" is not on this machine and the hub is out of reach; '
                f"these work offline: {offline or _offline_choice()}."
            ) from error
        raise UsageError(_not_loaded(name, error)) from error


def _not_loaded(name: str, error: Exception) -> str:
    """What the library says of it, where it is said to somebody."""
    if "trust_remote_code" in str(error):
        return (
            f'"{name}" comes with code of its own, which is not run here: if you trust that code, '
            "load the model by transformers and give vl.load the module; where its parts are, a "
            "vl.PlainViT says."
        )
    first, _, more = str(error).strip().partition("\n")
    said = (
        f"{first} {more.strip().splitlines()[0][:300]}" if first.endswith(":") and more else first
    )
    kind = type(error).__name__
    if isinstance(error, (OSError, ValueError, RuntimeError, ImportError)) and said:
        return f'"{name}" could not be loaded: {said}'
    damaged = "weights are" if kind == "SafetensorError" else "configuration may be"
    return f'"{name}" could not be loaded; its {damaged} damaged ({kind}: {said}).'


def _is_of_a_field(error: BaseException) -> bool:
    """Whether a field of a configuration holds something else, which the hub's library checks."""
    return type(error).__name__.startswith("StrictDataclass")


def _asked_the_hub(error: BaseException | None) -> bool:
    """Whether the hub's client stands in the chain of causes."""
    while error is not None:
        module = type(error).__module__
        client = module.startswith(("huggingface_hub", "httpx", "requests"))
        if client and not _is_of_a_field(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _offline_choice() -> str:
    """What works without a hub."""
    from vitlens_widgets import world

    return f"{', '.join(world.NAMES)}, a saved folder, or your own module"

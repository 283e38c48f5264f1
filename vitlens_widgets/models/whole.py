"""Whether a module is all there: its weights have values, and its parts are those of its class."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch

from vitlens_widgets.errors import UnsupportedModelError, UsageError
from vitlens_widgets.models.foreign import Foreign

COMPUTES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""The types that torch's own layers compute in; quantised layers of other libraries have theirs."""


def check_weights(model: Foreign) -> None:
    """Refuse weights that no forward pass can be made with.

    Raises:
        UnsupportedModelError: They have no values, or are of another type.
    """
    for name, weight in [*model.named_parameters(), *model.named_buffers()]:
        if weight.is_meta:
            raise UnsupportedModelError(
                f'The weights of this {type(model).__name__} have no values: "{name}" is on the '
                "meta device. Load them first, as from_pretrained and load_state_dict(..., "
                "assign=True) do."
            )
    for at, part in model.named_modules():
        if not type(part).__module__.startswith("torch.nn.modules"):
            continue
        for name, weight in part.named_parameters(prefix=at, recurse=False):
            if weight.dtype not in COMPUTES:
                raise UnsupportedModelError(
                    f'"{name}" of this {type(model).__name__} is of type {weight.dtype}, in which '
                    "torch does not compute a forward pass: model.float() converts it."
                )


@contextmanager
def of_its_class(model: Foreign) -> Generator[None]:
    """What is raised where a module is not built as its class builds it, said in a sentence.

    Raises:
        UnsupportedModelError: A part is missing, or does not go with the others.
    """
    try:
        yield
    except UsageError:
        raise
    except (AttributeError, IndexError, KeyError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else ""
        raise UnsupportedModelError(
            f"This {type(model).__name__} cannot be read: its parts are not as its class makes "
            f"them ({type(error).__name__}: {reason}). Undo what was changed in it, or say where "
            "its parts are (vl.PlainViT)."
        ) from error

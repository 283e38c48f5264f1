"""diffusers, and its models read so that no weight is missing or left over."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from vitlens_widgets.errors import UnsupportedModelError, UsageError
from vitlens_widgets.models.foreign import Foreign


def diffusers_library() -> Any:
    """The module `diffusers`.

    Raises:
        UsageError: It is not installed.
    """
    try:
        return importlib.import_module("diffusers")
    except ImportError as error:
        raise UsageError(
            "Decoders of diffusers need it installed: pip install vitlens_widgets[diffusion]."
        ) from error


def whole(kind: Foreign, source: str, words: Mapping[str, Any], part: str = "") -> Foreign:
    """A model of diffusers or transformers with all its weights.

    Args:
        kind: Its class.
        source: An id or a folder.
        words: For `from_pretrained`.
        part: The subfolder that it lies in.

    Raises:
        UnsupportedModelError: Weights are missing or left over: the libraries would fill in random
            ones, or read another model, with a line in a log.
    """
    inside = {"subfolder": part} if part else {}
    model, report = kind.from_pretrained(source, output_loading_info=True, **inside, **words)
    for found, what in (("missing_keys", "lack"), ("unexpected_keys", "have beside its own")):
        if keys := sorted(report[found]):
            where = f"{source}, {part}" if part else source
            raise UnsupportedModelError(
                f"{where} cannot be read as {kind.__name__}: its weights {what} "
                f"{', '.join(keys[:3])}."
            )
    return model.requires_grad_(False).eval()

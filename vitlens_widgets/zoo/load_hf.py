"""Models of transformers, by id or from a folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.zoo.hub import reach


def from_hf(source: str, model_args: Mapping[str, Any], offline_choice: str) -> nn.Module:
    """A checkpoint as the image classifier or masked autoencoder it was saved as; else its tower.

    Raises:
        UsageError: It cannot be loaded.
        UnsupportedModelError: Weights are missing that the class it was saved as needs.
    """

    def build() -> nn.Module:
        model, report = _auto_class(source).from_pretrained(
            source, output_loading_info=True, **model_args
        )
        missing = [key for key in sorted(report["missing_keys"]) if not _is_unread(key)]
        if missing:
            raise UnsupportedModelError(
                f'"{source}" cannot be read as {type(model).__name__}: its weights lack '
                f"{', '.join(missing[:3])}."
            )
        return model

    return reach(source, build, offline_choice)


def _auto_class(source: str) -> Any:
    import transformers

    saved_as = getattr(transformers.AutoConfig.from_pretrained(source), "architectures", None) or ()
    if "ViTMAEForPreTraining" in saved_as:
        return transformers.ViTMAEForPreTraining
    classifies = any("ForImageClassification" in name for name in saved_as)
    return transformers.AutoModelForImageClassification if classifies else transformers.AutoModel


def _is_unread(key: str) -> bool:
    """Poolers are trained for other tasks and belong to no readout, BEiT's norm apart."""
    return key.startswith("pooler.dense")

"""Models of transformers, by id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.zoo.hub import OutOfReachError, reach
from vitlens_widgets.zoo.source import ModelSource, Options


class HubSource(ModelSource):
    """An id on the hub."""

    description = 'a Hugging Face id ("google/vit-base-patch32-384")'

    def takes(self, source: str) -> bool:
        """Whether it may be an owner and a model."""
        return "/" in source

    def load(self, source: str, options: Options) -> tuple[str, nn.Module]:
        """The id and the model; raises as `ModelSource.load`."""
        try:
            return source, from_hf(source, options.model_args)
        except OutOfReachError as error:
            raise OutOfReachError(
                f'There is no file or folder "{source}" here; as a name on the hub, {error}'
            ) from error


def from_hf(source: str, model_args: Mapping[str, Any]) -> nn.Module:
    """A checkpoint as the image classifier or masked autoencoder it was saved as; else its tower.

    Args:
        source: Its id, or the folder it was saved in.
        model_args: For `from_pretrained`.

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

    return reach(source, build)


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

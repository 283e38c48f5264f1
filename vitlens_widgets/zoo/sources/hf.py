"""Models of transformers, by id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from torch import nn

from vitlens_widgets.errors import UnsupportedModelError, UsageError
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.weight_faults import faults
from vitlens_widgets.zoo.hub import OutOfReachError, reach
from vitlens_widgets.zoo.layouts import vit_in
from vitlens_widgets.zoo.source import FromFile, ModelSource, Options
from vitlens_widgets.zoo.weights_file import read_weights

_TRUST = "trust_remote_code"
_PART = "subfolder"
_BLOCK = re.compile(r"(?:^|\.)(?:layer|layers|blocks)\.\d+\.")


class HubSource(ModelSource):
    """An id on the hub."""

    description = 'a Hugging Face id ("google/vit-base-patch32-384")'
    takes_weights = True

    def takes(self, source: str) -> bool:
        """Whether it may be an owner and a model."""
        return "/" in source

    def load(self, source: str, options: Options) -> tuple[str, nn.Module]:
        """The id and the model; raises as `ModelSource.load`."""
        try:
            return source, from_hf(source, options.model_args, options.weights)
        except OutOfReachError as error:
            raise OutOfReachError(
                f'There is no file or folder "{source}" here; as a name on the hub, {error}'
            ) from error


def from_hf(
    source: str, model_args: Mapping[str, Any], weights: FromFile | None = None
) -> nn.Module:
    """A checkpoint as the image classifier or masked autoencoder it was saved as; else its tower.

    Args:
        source: Its id, or the folder it was saved in.
        model_args: For `from_pretrained`.
        weights: A file to fill it from, in place of its own weights.

    Raises:
        UsageError: It cannot be loaded, or the file does not fit.
        UnsupportedModelError: Weights are missing that the class it was saved as needs, or blocks
            are left over.
    """
    model_args = {_TRUST: False, **model_args}  # or the library asks at the keyboard

    def build() -> nn.Module:
        if weights is not None:
            return _filled(source, weights, model_args)
        model, report = _auto_class(source, model_args).from_pretrained(
            source,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told below
            **model_args,
        )
        if other := report["mismatched_keys"]:
            raise UsageError(
                f"The weights of {source} do not fit its configuration: "
                f"{'; '.join(faults((), (), sorted(other)))}."
            )
        missing = [key for key in sorted(report["missing_keys"]) if not _is_unread(key)]
        if missing:
            raise UnsupportedModelError(
                f'"{source}" cannot be read as {type(model).__name__}: its weights lack '
                f"{', '.join(missing[:3])}."
            )
        if more := _of_blocks(report["unexpected_keys"]):
            raise UnsupportedModelError(
                f'"{source}" cannot be read as {type(model).__name__}: its configuration leaves '
                f"weights of its blocks unused, {', '.join(more[:3])}."
            )
        return model

    return reach(source, build)


def _filled(source: str, weights: FromFile, model_args: Mapping[str, Any]) -> nn.Module:
    """The model that a configuration describes, with its weights from a file."""
    import transformers

    file = read_weights(weights.path)
    given = vit_in(file, weights.key, weights.ignore)
    config = cast("Foreign", transformers.AutoConfig.from_pretrained(source, **model_args))
    if (head := given.get("classifier.weight")) is not None and len(head) != config.num_labels:
        config.num_labels = len(head)
    kind = _auto_class(source, model_args)
    kind = kind._model_mapping[type(config)] if hasattr(kind, "_model_mapping") else kind
    model, report = kind.from_pretrained(
        None,
        config=config,
        state_dict=given,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # they are told below
    )
    lacks = [key for key in sorted(report["missing_keys"]) if not _is_unread(key)]
    more = [key for key in sorted(report["unexpected_keys"]) if not _is_unread(key)]
    other = [(key, there, here) for key, there, here in sorted(report["mismatched_keys"])]
    if found := faults(lacks, more, other):
        raise UsageError(
            f"{file.path} does not hold the weights of the {kind.__name__} that {source} "
            f"describes: {'; '.join(found)}."
        )
    model.config._name_or_path = source  # where its processor is
    return model


def _auto_class(source: str, model_args: Mapping[str, Any]) -> Any:
    import transformers

    kind = cast("Foreign", transformers.AutoConfig)
    where = {name: model_args[name] for name in (_TRUST, _PART) if name in model_args}
    saved_as = getattr(kind.from_pretrained(source, **where), "architectures", None) or ()
    for name in saved_as:
        if name.endswith("VisionModelWithProjection"):  # else read without its projection
            return getattr(transformers, name)
    if "ViTMAEForPreTraining" in saved_as:
        return transformers.ViTMAEForPreTraining
    classifies = any("ForImageClassification" in name for name in saved_as)
    return transformers.AutoModelForImageClassification if classifies else transformers.AutoModel


def _is_unread(key: str) -> bool:
    """Poolers are trained for other tasks and belong to no readout, BEiT's norm apart.

    Nor is a token that stands for hidden patches read where none is hidden.
    """
    return key.endswith(("pooler.dense.weight", "pooler.dense.bias", "embeddings.mask_token"))


def _of_blocks(keys: Iterable[str]) -> list[str]:
    """Weights of blocks, those of decoders for other tasks apart."""
    return sorted(key for key in keys if _BLOCK.search(key) and not key.startswith("decoder"))

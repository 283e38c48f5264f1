"""The folder of adapters saved by PEFT, on a model of transformers."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from vitlens_widgets.errors import UsageError, quoted_list
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.saved_json import read_json
from vitlens_widgets.zoo.hub import reach
from vitlens_widgets.zoo.source import ModelSource, Options, path_of
from vitlens_widgets.zoo.sources.hf import from_hf
from vitlens_widgets.zoo.weights_file import read_weights

_CONFIG = "adapter_config.json"
_FILES = ("adapter_model.safetensors", "adapter_model.bin")


class PEFTSource(ModelSource):
    """Adapters, and by their configuration the model that they adapt."""

    description = "the folder of PEFT's adapters"

    def takes(self, source: str) -> bool:
        """Whether there is such a folder."""
        return (path_of(source) / _CONFIG).is_file()

    def load(self, source: str, options: Options) -> tuple[str, nn.Module]:
        """The name of the folder, and the model with its adapters; raises as `ModelSource.load`."""
        folder = path_of(source)
        weights, base = _weights(folder), _base(folder)
        return folder.name, reach(base, lambda: _adapted(folder, base, weights, options.model_args))


def _weights(folder: Path) -> Mapping[str, Tensor]:
    for name in _FILES:
        if (folder / name).is_file():
            return next(iter(read_weights(folder / name).state_dicts.values()))
    raise UsageError(f"{folder} holds {_CONFIG}, but no {' or '.join(_FILES)}.")


def _base(folder: Path) -> str:
    """The folder or id of the model that is adapted."""
    base = read_json(folder / _CONFIG).get("base_model_name_or_path")
    if not base or not isinstance(base, str):
        raise UsageError(
            f"{folder / _CONFIG} does not say which model it adapts; build that model and give "
            f'vl.load what peft.PeftModel.from_pretrained(model, "{folder}") makes of it.'
        )
    return base


def _adapted(
    folder: Path, base: str, weights: Mapping[str, Tensor], model_args: Mapping[str, Any]
) -> nn.Module:
    """The model with its adapters.

    Raises:
        UsageError: peft is not installed, or weights of the adapters do not belong to that model.
    """
    peft = _library(folder)
    model = peft.PeftModel.from_pretrained(_base_model(base, weights, model_args), str(folder))
    own = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
    wrong = [name for name in {**own, **weights} if not _same(own.get(name), weights.get(name))]
    if wrong:
        raise UsageError(
            f"The adapters in {folder} are not those of {base}: {quoted_list(sorted(wrong)[:3])} "
            "are not in both, or of another shape."
        )
    return model


def _library(folder: Path) -> Foreign:
    """The module `peft`, an optional extra."""
    try:
        return importlib.import_module("peft")
    except ImportError as error:
        raise UsageError(
            f"{folder} holds adapters of PEFT, which need it installed: "
            "pip install vitlens_widgets[peft]."
        ) from error


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    return a is not None and b is not None and a.shape == b.shape and bool((a.cpu() == b).all())


def _base_model(base: str, weights: Mapping[str, Tensor], model_args: Mapping[str, Any]) -> Foreign:
    """The model to adapt; with a classifier where the adapters bring one."""
    import transformers

    head = next((w for name, w in weights.items() if name.endswith("classifier.weight")), None)
    if head is None:
        return from_hf(base, model_args)
    words = {"num_labels": len(head), "trust_remote_code": False, **model_args}
    kind = cast("Foreign", transformers.AutoModelForImageClassification)
    model, report = kind.from_pretrained(
        base, ignore_mismatched_sizes=True, output_loading_info=True, **words
    )
    mismatched = {name for name, *_ in report["mismatched_keys"]}
    lacks = [
        name for name in {*report["missing_keys"], *mismatched} if not name.startswith("classifier")
    ]
    if lacks:
        raise UsageError(f'"{base}" lacks weights: {quoted_list(sorted(lacks)[:3])}.')
    return model

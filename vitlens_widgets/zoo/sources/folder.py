"""The folder of a model saved by transformers' `save_pretrained` or timm's `save_for_hf`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.saved_json import read_config
from vitlens_widgets.world.weights import check_not_begun
from vitlens_widgets.zoo.source import ModelSource, Options, path_of
from vitlens_widgets.zoo.sources.hf import from_hf
from vitlens_widgets.zoo.sources.timm import from_timm


class FolderSource(ModelSource):
    """A saved model; refuses every other path."""

    description = "the folder of a saved model"
    takes_weights = True

    def takes(self, source: str) -> bool:
        """Whether it is there, or can only be meant as a path."""
        path = path_of(source)
        return path.exists() or path.is_absolute() or source.startswith((".", "~"))

    def load(self, source: str, options: Options) -> tuple[str, nn.Module]:
        """The name of the folder, and the model; raises as `ModelSource.load`."""
        path, model_args = path_of(source), dict(options.model_args)
        if not path.exists():
            raise UsageError(f"There is no file or folder {source}.")
        if isinstance(part := model_args.get("subfolder"), str):  # as of an id on the hub
            path = path / part
            del model_args["subfolder"]
        config = _config(path)
        if "architecture" in config and config.get("model_type") != "timm_wrapper":
            return path.name, from_timm(
                f"local-dir:{path}", replace(options, pretrained=True, model_args=model_args)
            )
        return path.name, from_hf(str(path), model_args, options.weights)


def _config(folder: Path) -> dict[str, Any]:
    """What the saved model notes about itself.

    Raises:
        UsageError: It is the folder of a training that has not ended, or of nothing, or damaged.
    """
    check_not_begun(folder)
    config = folder / "config.json"
    if not config.is_file():
        raise UsageError(
            f"{folder} holds no config.json; expected the folder of a model saved by transformers "
            "or timm. For a bare file of weights, say of which architecture it is: "
            'vl.load("vit_base_patch16_224", weights="that file").'
        )
    return read_config(config)

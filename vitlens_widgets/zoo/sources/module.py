"""A module that the user has built."""

from __future__ import annotations

from typing import Any

from torch import nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.zoo.source import ModelSource, Options


class ModuleSource(ModelSource):
    """Read as it is, and never changed."""

    description = "a module of timm, transformers, open_clip or torchvision"

    def takes(self, source: Any) -> bool:
        """Whether it is a module."""
        return isinstance(source, nn.Module)

    def load(self, source: nn.Module, options: Options) -> tuple[str, nn.Module]:
        """No name of ours, and the module itself; raises as `ModelSource.load`."""
        changes = {**options.moves, **options.model_args}
        asked = [f"{word}=" for word, value in changes.items() if value is not None]
        if asked:
            raise UsageError(
                f"{', '.join(asked)} would change your module, which is read as it is; change it "
                "yourself (model.to(...), model.eval()) before vl.load(model)."
            )
        return "", source

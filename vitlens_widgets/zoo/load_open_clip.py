"""Models of open_clip, an optional extra, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from vitlens_widgets.errors import UsageError, did_you_mean
from vitlens_widgets.models.open_clip_library import note_architecture, open_clip_library
from vitlens_widgets.zoo.hub import reach

PREFIX = "open_clip:"
"""How a source says that it is a model of open_clip: `"open_clip:ViT-B-32/openai"`."""


def from_open_clip(
    source: str, pretrained: bool, model_args: Mapping[str, Any], offline_choice: str
) -> nn.Module:
    """A model of open_clip with its text tower.

    Raises:
        UsageError: open_clip is not installed, an unknown name, or weights out of reach.
    """
    name, _, weights = source.removeprefix(PREFIX).partition("/")
    open_clip = open_clip_library()
    if name not in open_clip.list_models():
        nearest = did_you_mean(name, open_clip.list_models())
        raise UsageError(f'open_clip has no model "{name}".{nearest}')
    if pretrained and not weights:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
        raise UsageError(
            f'"{source}" names no weights: expected "{PREFIX}{name}/weights", and open_clip knows '
            f"{tags}; pretrained=False gives random ones."
        )
    tag = weights if pretrained else None
    model = reach(
        source,
        lambda: open_clip.create_model(name, pretrained=tag, **model_args),
        offline_choice,
    )
    note_architecture(model, name)
    return model

"""Models of open_clip, an optional extra, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from vitlens_widgets.errors import UsageError, did_you_mean
from vitlens_widgets.models.hub import reach

PREFIX = "open_clip:"
"""How a source says that it is a model of open_clip: `"open_clip:ViT-B-32/openai"`."""

_NAMES: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()
"""The architectures of the models loaded here: a module does not know its tokenizer."""

_CLIP_VOCABULARY = 49408


def from_open_clip(
    source: str, pretrained: bool, model_args: Mapping[str, Any], offline_choice: str
) -> nn.Module:
    """A model of open_clip with its text tower.

    Raises:
        UsageError: open_clip is not installed, an unknown name, or weights out of reach.
    """
    name, _, weights = source.removeprefix(PREFIX).partition("/")
    open_clip = _library()
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
    _NAMES[model] = name
    return model


def tokenizer_of(model: nn.Module) -> Any:
    """The tokenizer of a model; None for a module of unknown name that is not CLIP's own."""
    open_clip = _library()
    if model in _NAMES:
        return open_clip.get_tokenizer(_NAMES[model])
    if model.vocab_size == _CLIP_VOCABULARY:
        return open_clip.SimpleTokenizer(context_length=model.context_length)
    return None


def _library() -> Any:
    try:
        import open_clip
    except ImportError as error:
        raise UsageError(
            "Models of open_clip need it installed: pip install vitlens_widgets[open_clip]."
        ) from error
    return open_clip

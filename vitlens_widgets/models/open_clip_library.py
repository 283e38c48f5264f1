"""open_clip, an optional extra, and the tokenizers of its models."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.foreign import Foreign

_ARCHITECTURES: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()
"""By model, where it is known: a module does not know its tokenizer."""

_CLIP_VOCABULARY = 49408


def open_clip_library() -> Any:
    """The module `open_clip`.

    Raises:
        UsageError: It is not installed.
    """
    try:
        import open_clip
    except ImportError as error:
        raise UsageError(
            "Models of open_clip need it installed: pip install vitlens_widgets[open_clip]."
        ) from error
    return open_clip


def note_architecture(model: Foreign, architecture: str) -> None:
    """Remember what open_clip calls the architecture of a model, for its tokenizer."""
    _ARCHITECTURES[model] = architecture


def tokenizer_of(model: Foreign) -> Any:
    """The tokenizer of a model; None for a module of unknown name that is not CLIP's own."""
    open_clip = open_clip_library()
    if model in _ARCHITECTURES:
        return open_clip.get_tokenizer(_ARCHITECTURES[model])
    if model.vocab_size == _CLIP_VOCABULARY:
        return open_clip.SimpleTokenizer(context_length=model.context_length)
    return None


def n_tokens(tokenizer: Any, text: str) -> int:
    """How many tokens a text has, those that mark its ends included, before it is cut."""
    of_transformers = getattr(tokenizer, "tokenizer", None)
    if of_transformers is not None:
        return len(of_transformers(text, verbose=False)["input_ids"])
    return len(tokenizer.encode(text)) + 2

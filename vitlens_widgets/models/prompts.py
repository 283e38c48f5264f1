"""A zero-shot classifier from text prompts, for models of images and texts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UsageError, as_list, check_text
from vitlens_widgets.models.adapter import Adapter
from vitlens_widgets.models.classifier import CosineClassifier
from vitlens_widgets.models.cleanup import clean

Prompts = Sequence[str] | Mapping[str, str | Sequence[str]]
"""Texts, or for each class name one text or several."""
_SHOWN = 40
_SUCH_AS = '["a photo of a cat", "a photo of a dog"]'


@dataclass(frozen=True)
class Comparison:
    """How a model compares an image with texts: `scale * cosine + offset`."""

    scale: Tensor
    offset: Tensor | None = None


class ReadsTexts(Adapter):
    """What is added to the adapter of a model that also reads texts."""

    @abstractmethod
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Texts among the model's pooled images: `[text, feature]`."""

    def comparison(self) -> Comparison:
        """How the model compares an image with texts."""
        offset = getattr(self.model, "logit_bias", None)
        offset = None if offset is None else offset.detach()
        return Comparison(self.model.logit_scale.detach().exp(), offset)

    @property
    def classifier_advice(self) -> str:
        """How a user gives this model a classifier."""
        example = '["a photo of a cat", "a photo of a dog"]'
        return f"vl.load(..., prompts={example}), or {super().classifier_advice}"


@clean
def from_prompts(adapter: Adapter, prompts: Prompts) -> tuple[list[str], CosineClassifier]:
    """The class names and the classifier that text prompts make.

    Several texts of one class are averaged as directions, as Radford et al. (2021), section 3.1.4,
    average their templates.

    Raises:
        UsageError: No prompts, or a model that reads no texts.
    """
    texts = _by_name(prompts)
    if not isinstance(adapter, ReadsTexts):
        raise UsageError(
            f"{type(adapter.model).__name__} reads no texts, so that prompts= cannot classify "
            "with it; prompts need a CLIP or SigLIP with its text tower."
        )
    with torch.no_grad():
        every = [text for of_class in texts.values() for text in of_class]
        directions = nn.functional.normalize(adapter.embed_texts(every), dim=-1)
        by_class = torch.split(directions, [len(of_class) for of_class in texts.values()])
        merged = torch.cat([_one_direction(of_class) for of_class in by_class])
    how = adapter.comparison()
    return list(texts), CosineClassifier(merged, how.scale, how.offset, list(texts.values()))


def check_lengths(texts: Sequence[str], counts: Sequence[int], most: int) -> None:
    """Refuse a text of which the model would read the beginning alone.

    Args:
        texts: The texts.
        counts: The tokens of each, those that mark its ends included.
        most: What the model reads.

    Raises:
        UsageError: One is longer.
    """
    for text, count in zip(texts, counts, strict=True):
        if count > most:
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
            raise UsageError(
                f'The prompt "{shown}" has {count} tokens, and the model reads {most} at most: '
                "shorten it."
            )


def _by_name(prompts: Prompts) -> dict[str, list[str]]:
    texts = [] if isinstance(prompts, str) else as_list("prompts=", prompts, _SUCH_AS)
    if not texts:
        raise UsageError(
            f"prompts= takes one text per class, such as {_SUCH_AS}, "
            'or {"cat": ["a photo of a cat", "a drawing of a cat"], "dog": ...}.'
        )
    if not isinstance(prompts, Mapping):
        named = [_text(text) for text in texts]
        if len(set(named)) < len(named):
            twice = next(text for text in named if named.count(text) > 1)
            raise UsageError(f'prompts= names "{twice}" twice; each text is a class of its own.')
        prompts = dict(zip(named, texts, strict=True))
    return {name: _texts(of) for name, of in prompts.items()}


def _texts(of: str | Sequence[str]) -> list[str]:
    """The prompts of one class."""
    texts = [of] if isinstance(of, str) else as_list("A class of prompts=", of, _SUCH_AS)
    if not texts:
        raise UsageError(f"A class of prompts= has no text; expected some, such as {_SUCH_AS}.")
    return [_text(text) for text in texts]


def _text(text: str) -> str:
    return check_text("A prompt", text, "a photo of a cat")


def _one_direction(directions: Tensor) -> Tensor:
    """`[text, feature]` to the direction of their mean, `[1, feature]`."""
    if len(directions) == 1:
        return directions
    return nn.functional.normalize(directions.mean(0, keepdim=True), dim=-1)

"""What widgets share that take an answer apart: one class, or two of them, of a run's images."""

from __future__ import annotations

from typing import Any, Protocol

import traitlets

from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets.attention_maps.data import names_and_sizes
from vitlens_widgets.widgets.shared.base import LensWidget
from vitlens_widgets.widgets.shared.meanings import (
    ClassMeaning,
    Depth,
    Head,
    Meaning,
    OfBatch,
    TokenMeaning,
)
from vitlens_widgets.widgets.shared.seam import LabelsLike, SizesLike
from vitlens_widgets.widgets.shared.thumbs import of_batch

# ruff: noqa: D102  # as in seam.py


class ClassifiedLike(SizesLike, Protocol):
    """A run whose answers are about classes."""

    @property
    def labels(self) -> LabelsLike: ...
    @property
    def probability_kind(self) -> str: ...


class TwoClasses(LensWidget):
    """A widget of one run's blocks, heads, tokens and images, about one class or two."""

    _meta = traitlets.Dict().tag(sync=True)
    _thumbs = traitlets.Bytes().tag(sync=True)
    _labels = traitlets.List[str]().tag(sync=True)
    _emoji = traitlets.List[str]().tag(sync=True)
    _picture = traitlets.Bytes().tag(sync=True)
    _picture_size = traitlets.List[int]().tag(sync=True)

    target: Any
    against: Any
    image: Any
    _source: Any  # a ClassifiedLike, and more

    def _measure(self, words: dict[str, Any]) -> None:
        """What choices are checked against; names and sizes, with further words."""
        source: ClassifiedLike = self._source
        self._n_layers, self._n_heads = source.n_layers, source.n_heads
        self._n_images, self._n_tokens = source.n_images, source.layout.n_tokens
        self._kept = frozenset(int(token) for token in source.tokens)
        self._label_set = source.labels
        self._labels, self._emoji = list(source.labels), list(source.labels.emoji)
        self._thumbs, of_thumbs = of_batch(source.n_images, source.picture)
        kind = {"probability_kind": source.probability_kind}
        self._meta = names_and_sizes(source) | kind | words | of_thumbs

    def _refuse_one_class(self) -> None:
        """Refuse a class that is compared with itself.

        Raises:
            UsageError: It is.
        """
        if self.target is not None and self.target == self.against:
            raise UsageError(
                f'Two different classes are compared; "{self._label_set[self.target]}" is both '
                "target and against."
            )

    def _keep_apart(self, changed: str, before: dict[str, Any]) -> None:
        """A class that is chosen in the other's place changes places with it."""
        is_same = self.against is not None and self.target == self.against
        if is_same and changed in ("target", "against"):
            setattr(self, "target" if changed == "against" else "against", before[changed])

    def meanings(self) -> dict[str, Meaning]:
        """Its blocks, tokens, heads, classes and images."""
        source: ClassifiedLike = self._source
        return {
            "layer": Depth(self._n_layers, is_block=True),
            "token": TokenMeaning.of(source, self._n_images, self.image),
            "head": Head.of(source.model_name, self._n_heads),
            **({"target": ClassMeaning(tuple(self._labels))} if self._labels else {}),
            "image": OfBatch(self._n_images),
        }

"""What texts are compared with, kept so that other prompts are answered without computing it anew.

With pooling by attention, as in SigLIP, it costs as much as a forward pass of the model to read
every token of every state as if it were the readout; comparing that with a few texts costs nothing.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from vitlens_widgets.models.classifier import CosineClassifier
from vitlens_widgets.trace import Trace

KEEP_BYTES = 128 * 2**20
"""Features of all states up to this size are kept (float32)."""


class KeptFeatures:
    """The features that a classifier by prompts reads of a trace's states, kept among its twins.

    Args:
        trace: The trace.
        at: Every token, or the model's own readout.
        classifier: The model's.
    """

    def __init__(
        self, trace: Trace, at: Literal["tokens", "readout"], classifier: CosineClassifier
    ) -> None:
        self._trace, self._at, self._classify = trace, at, classifier

    @classmethod
    def of(cls, trace: Trace, at: Literal["tokens", "readout"]) -> KeptFeatures | None:
        """Where the model classifies by prompts, and its features are small enough to keep."""
        classifier = trace.vit.adapter.classifier
        if not isinstance(classifier, CosineClassifier):
            return None
        n_values = math.prod(trace.states.shape[:3]) * classifier.n_features
        return cls(trace, at, classifier) if 4 * n_values <= KEEP_BYTES else None

    def logits(self, first: int, n_states: int, images: slice) -> Tensor:
        """Of some states and images, `[state, image, token, class]`, or without the token axis."""
        chosen = range(self._trace.n_images)[images]
        states = [self._of_state(k, chosen) for k in range(first, first + n_states)]
        return self._classify(torch.stack(states))

    def _of_state(self, k: int, images: range) -> Tensor:
        kept = self._trace.of_twins
        missing = [image for image in images if (self._at, k, image) not in kept]
        if missing:
            adapter = self._trace.vit.adapter
            read = adapter.token_features if self._at == "tokens" else adapter.readout_features
            for image, found in zip(missing, read(self._trace.states[k, missing]), strict=True):
                kept[self._at, k, image] = found
        return torch.stack([kept[self._at, k, image] for image in images])

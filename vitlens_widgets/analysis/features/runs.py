"""Exact runs with a feature turned: many in one batch, from the feature's own block on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.analysis.features.feature import FeatureSet
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.probabilities import probabilities
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.edit import Edit
from vitlens_widgets.trace.region import Region
from vitlens_widgets.trace.rows_block import Put
from vitlens_widgets.trace.sites import STATE_SITES
from vitlens_widgets.trace.validate import place
from vitlens_widgets.trace.variants import Variant, Variants


class AnswersOfRuns(NamedTuple):
    """What runs answer; the first axis is `[run]` everywhere."""

    features: Tensor
    """What is pooled, `[run, feature]`."""
    logits: Tensor
    """`[run, class]`; of no classes without a classifier."""
    top: Tensor
    """The class that each patch answers, int64 `[run, patch]`; likewise."""
    probability: Tensor
    """Of that class, `[run, patch]`; likewise."""


class TurnedRuns:
    """Runs of a trace's images with other values at a site.

    Args:
        trace: The run; edited, if at all, before its first block.

    Raises:
        UsageError: It has other edits.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._variants = Variants(trace, self._read)
        self._sizes = [0, 0, 0, 0]

    @property
    def own(self) -> AnswersOfRuns:
        """What the images answer as they are."""
        return self._split(self._intact())

    def answers(self, puts: Sequence[tuple[int, Put | None]]) -> AnswersOfRuns:
        """What images answer with something else put in; None for as they are, to the bit.

        Args:
            puts: For each run, which image and what is put in.

        Raises:
            UsageError: The model has changed since, or a place that cannot be written.
            UnsupportedModelError: The model cannot run with other values in a batch.
        """
        found = self._intact()[[image for image, _ in puts]]
        changed = [(i, Variant(image, (put,))) for i, (image, put) in enumerate(puts) if put]
        for first in range(0, len(changed), self._variants.at_once):
            rows, some = zip(*changed[first : first + self._variants.at_once], strict=True)
            found[list(rows)] = self._variants.answers(some).to(found)
        return self._split(found)

    @clean
    @torch.no_grad()
    def _intact(self) -> Tensor:
        """The same of the images as they are, with the model's own logits, to the bit."""
        return self._read(self.trace.states[-1], self.trace.logits)

    def _read(self, state: Tensor, logits: Tensor | None = None) -> Tensor:
        """All that is asked of a last state, side by side, `[row, number]`, float32 or finer."""
        adapter = self.trace.vit.adapter
        fine = torch.promote_types(state.dtype, torch.float32)
        parts = [adapter.readout_features(state).to(fine)]
        if adapter.has_classifier:
            patches = self.trace.tokens >= self.trace.layout.n_prefix
            of_patches = adapter.token_logits(state)[:, patches.to(state.device)].to(fine)
            best, top = probabilities(of_patches, adapter.probabilities).max(-1)
            own = adapter.readout_logits(state) if logits is None else logits
            parts += [own.to(fine), top.to(fine), best]
        self._sizes = [part.shape[1] for part in parts] + [0] * (4 - len(parts))
        return torch.cat(parts, dim=1)

    def _split(self, found: Tensor) -> AnswersOfRuns:
        parts = torch.split(found.cpu(), self._sizes, dim=1)
        features, logits, top, probability = parts
        return AnswersOfRuns(features, logits, top.long(), probability)


@clean
@torch.no_grad()
def put_of(trace: Trace, edit: Edit, image: int) -> Put | None:
    """What an edit of one block puts into the run of one image; None if that changes nothing.

    Raises:
        UsageError: An edit that does not fit.
    """
    placed = place(edit, trace._context)  # pyright: ignore[reportPrivateUsage]
    (layer,) = placed.layers
    value = trace[edit.site, layer].detach()[image : image + 1]
    return put_instead(edit.site, layer, value, placed.apply(value, layer))


def put_instead(site: str, layer: int, value: Tensor, new: Tensor) -> Put | None:
    """A whole site of one image with other values, `[1, token, ...]`; None where they are its own.

    Args:
        site: The site.
        layer: The block.
        value: Its own values.
        new: The others.
    """
    tokens = (new != value).flatten(2).any(-1)[0].nonzero()[:, 0].cpu()
    if not len(tokens):
        return None
    rest = tuple(torch.arange(n) for n in value.shape[2:-1])
    where = Region((tokens, *rest))
    at = new[(0, *where.mesh)]
    if site in STATE_SITES:
        return Put("resid_pre", layer + STATE_SITES[site], where, at)
    return Put(site, layer, where, at)


def puts_of(
    trace: Trace, of: FeatureSet, index: int, strengths: Sequence[float], image: int
) -> list[tuple[int, Put | None]]:
    """One feature of one image times each strength."""
    return [(image, put_of(trace, of.edit(index, scale=one), image)) for one in strengths]

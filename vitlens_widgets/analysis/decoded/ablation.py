"""What a run's final embedding loses with heads switched off, in exact runs, many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from vitlens_widgets.analysis.checks import check_trace
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.progress import progress_bar
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.region import Region
from vitlens_widgets.trace.rows_block import Put
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.variants import Variant, Variants

Head = tuple[int, int]
"""(layer, head)."""


class Ablated(NamedTuple):
    """A run of one image with some heads switched off."""

    image: int
    heads: tuple[Head, ...]


class Ablation:
    """Runs a trace's images again with heads switched off, and asks what is pooled then.

    A head is off when what it gives (`z`) is 0 at all tokens. Later blocks run again and answer to
    that: indirect paths are in it. The bias of the projection is no head's, and stays.

    Args:
        trace: The run; edited, if at all, before its first block.

    Attributes:
        trace: The same.
        intact: What the run itself pools, float64 `[image, feature]`.

    Raises:
        UsageError: It is no trace, or has other edits.
    """

    @clean
    @torch.no_grad()
    def __init__(self, trace: Trace) -> None:
        read = check_trace(trace).vit.adapter.readout_features
        self.trace, self._variants = trace, Variants(trace, read)
        self.intact = _fine(read(trace.states[-1]))

    def features(
        self, runs: Sequence[Ablated], order: Sequence[int] | None = None
    ) -> Iterator[tuple[int, Tensor]]:
        """What is pooled without some heads, as the runs are done.

        Args:
            runs: Which heads are off in which image.
            order: Which are done first, as places in `runs`; None for all in order. Those that are
                not named are left out.

        Yields:
            Which run, and its features, float64 `[feature]`: the intact ones, to the bit, where no
            head is off.

        Raises:
            UsageError: A head or image that is not there, or a model that has changed since.
        """
        waiting = list(range(len(runs))) if order is None else [int(i) for i in order]
        variants = {i: self._variant(runs[i]) for i in waiting}
        for i in waiting:
            if not variants[i].puts:
                yield i, self.intact[runs[i].image]
        waiting = [i for i in waiting if variants[i].puts]
        for first in range(0, len(waiting), self._variants.at_once):
            some = waiting[first : first + self._variants.at_once]
            found = _fine(self._variants.answers([variants[i] for i in some]))
            yield from zip(some, found, strict=True)

    def similarities(
        self, runs: Sequence[Ablated], order: Sequence[int] | None = None
    ) -> Iterator[tuple[int, float]]:
        """How alike what is pooled stays to what was, as the runs are done.

        Args:
            runs: As for `features`.
            order: Likewise.

        Yields:
            Which run, and the cosine of what it pools and the intact run pools; 1 where no head is
            off.
        """
        for i, found in self.features(runs, order):
            off = bool(runs[i].heads)
            alike = cosine_similarity(found, self.intact[runs[i].image], dim=-1)
            yield i, float(alike) if off else 1.0

    def of(self, runs: Sequence[Ablated], what: str) -> np.ndarray:
        """All of them, with a bar: float64 `[run]`; see `similarities`.

        Args:
            runs: Which heads are off in which image.
            what: What it is for, said beside the bar.
        """
        found = np.full(len(runs), np.nan)
        with progress_bar(len(runs), what) as bar:
            for i, alike in self.similarities(runs):
                found[i] = alike
                bar.update(1)
        return found

    def _variant(self, run: Ablated) -> Variant:
        vit = self.trace.vit
        check_index("image", run.image, self.trace.n_images)
        of_layers: dict[int, set[int]] = {}
        for layer, head in run.heads:
            heads = of_layers.setdefault(check_index("layer", layer, vit.n_layers), set())
            heads.add(check_index("head", head, vit.n_heads))
        tokens = torch.arange(self.trace.states.shape[2])
        nothing = torch.zeros(len(tokens), 1, 1)  # for every head and all of its numbers
        return Variant(
            run.image,
            tuple(
                Put("z", layer, Region((tokens, torch.tensor(sorted(heads)))), nothing)
                for layer, heads in sorted(of_layers.items())
            ),
        )


def ablation_effects(trace: Trace) -> np.ndarray:
    """How far each head, switched off alone, turns the final embedding away: 1 - cosine.

    Exact: what the head gives is 0 at all tokens, and all later blocks run again; see `Ablation`.
    What is compared is what the model pools for its classifier, in CLIP among the texts; no
    classifier is needed.

    Args:
        trace: The run; edited, if at all, before its first block.

    Returns:
        Float64 `[layer, head, image]`, 0 for no change, at most 2.

    Raises:
        UsageError: It is no trace, has other edits, or its model has changed since.
        UnsupportedModelError: The model cannot run with other values in a batch.

    Example:
        >>> effects = vl.analysis.ablation_effects(vit.trace(images))
        >>> effects.mean(-1)  # [layer, head]
    """
    ablation = Ablation(trace)
    shape = trace.vit.n_layers, trace.vit.n_heads, trace.n_images
    runs = [Ablated(image, ((layer, head),)) for layer, head, image in np.ndindex(*shape)]
    return 1 - ablation.of(runs, "heads switched off").reshape(shape)


def _fine(features: Tensor) -> Tensor:
    return features.detach().to("cpu", torch.float64)

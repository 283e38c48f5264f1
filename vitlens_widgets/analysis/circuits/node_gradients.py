"""First-order estimates of what exchanging values does, at one site of all blocks together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import logits_of
from vitlens_widgets.analysis.metrics import BoundMetric
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.edits import Replace
from vitlens_widgets.trace.sites import ATTENTION_SITES, STATE_SITES
from vitlens_widgets.trace.steady import in_a_row

NEURON_SITES = ("mlp_pre", "mlp_post")

_ELSEWHERE = (*STATE_SITES, *ATTENTION_SITES)
"""Sites for which no block is run, or that are made of others."""

Reduce = Callable[[Tensor], Tensor]
"""From `[image, *axes of the site]` of one block to the places that are asked about."""


class NodeGradients:
    """Gradients of a metric in one site of all blocks, in a run and in changes of it.

    Args:
        base: The run that values are put into.
        other: The run that they are of.
        metric: What is asked of an answer.
        site: Where.
        softmax: At `q` and `k`: whether the softmax is computed anew, and the gradient is that of
            the pattern.
        by_token: At `k`, whether each key is exchanged by itself or all of them together.
    """

    def __init__(
        self,
        base: Trace,
        other: Trace,
        metric: BoundMetric,
        site: str,
        *,
        softmax: bool = False,
        by_token: bool = False,
    ) -> None:
        self.base, self.other, self.metric, self.site = base, other, metric, site
        self.layers = range(base.vit.n_layers)
        self._anew = softmax
        self._by_token = by_token
        self.read_at = "pattern" if softmax else site

    @property
    def moves(self) -> tuple[str, ...]:
        """The sites whose values in both runs make an estimate."""
        return ("q", "k") if self._anew else (self.site,)

    @cached_property
    def _values(self) -> _Values:
        return _Values.of([self], self.base)

    def along_inputs(self, steps: int, reduce: Reduce) -> Iterator[np.ndarray]:
        """Of each of `steps` runs with state 0 on the line to the other run's, weighed."""
        for value in self._line("resid_pre", 0, steps):
            run = self._run([Replace("resid_pre", 0, value)])
            yield _of_run(run, [(self, reduce)], self.layers, self._values)[0] / steps

    def along_activations(self, steps: int, reduce: Reduce) -> Iterator[np.ndarray]:
        """Of each block in each of `steps` runs with its own site on the line, weighed."""
        for layer in self.layers:
            for value in self._line(self.site, layer, steps):
                run = self._run([Replace(self.site, layer, value)], layer)
                found = _of_run(run, [(self, reduce)], [layer], self._values)[0]
                every = np.zeros((len(found), len(self.layers), *found.shape[2:]))
                every[:, layer] = found[:, 0] / steps
                yield every

    @clean
    @torch.enable_grad()
    def dropped(self, reduce: Reduce) -> np.ndarray:
        """The mean size of estimates without what goes through one of the other blocks.

        Each block in turn passes no gradient through what it adds; for values inside of a block,
        that block itself is left out of the mean. Float64 `[image, layer, *places]`.
        """
        sites = self.base.vit.adapter.hook_points(0)
        writes = tuple(site for site in ("attn_out", "mlp_out") if site in sites)
        run = self._run((), also=writes)
        values = [run[self.read_at, layer] for layer in self.layers]
        after = [run["resid_post", layer] for layer in self.layers]
        asked = self.metric(logits_of(run)).sum()
        gradients = torch.autograd.grad(asked, [*values, *after], retain_graph=True)
        whole, after = gradients[: len(values)], gradients[len(values) :]
        sums = np.zeros(())
        for block in self.layers:
            added = [run[site, block] for site in writes]
            onward = [after[block]] * len(added)  # what is added reaches the answer as the state
            through = torch.autograd.grad(
                added, values, onward, retain_graph=True, allow_unused=True
            )
            left = [a if b is None else a - b for a, b in zip(whole, through, strict=True)]
            sums = sums + abs(self.reduced(left, self.layers, reduce, self._values))
        return sums / (len(self.layers) - (self.site not in STATE_SITES))

    def _line(self, site: str, layer: int, steps: int) -> Iterator[Tensor]:
        start, end = self.base[site, layer], self.other[site, layer]
        return (start.lerp(end, (step + 0.5) / steps) for step in range(steps))

    def _run(self, edits: Sequence[Replace], first: int = 0, also: tuple[str, ...] = ()) -> Trace:
        keep = [self.read_at, *also]
        return self.base.rerun(edits, keep=keep, grad=True, first=first)

    @clean
    @torch.no_grad()
    def reduced(
        self, gradients: Sequence[Tensor], layers: Sequence[int], reduce: Reduce, values: _Values
    ) -> np.ndarray:
        """What exchanges are worth by a gradient in each layer, `[image, layer, *places]`."""
        found = [
            reduce(self._estimate(layer, gradient, *values))
            for layer, gradient in zip(layers, gradients, strict=True)
        ]
        return torch.stack(found, 1).double().cpu().numpy()

    def _estimate(
        self, layer: int, gradient: Tensor, base: _BlockSites, other: _BlockSites
    ) -> Tensor:
        """Of one block, `[image, *axes of the site]`; of keys together `[image, 1, head]`."""
        if not self._anew:
            moved = other[self.site, layer] - base[self.site, layer]
            has_places = self.site in ("pattern", *NEURON_SITES)
            return moved * gradient if has_places else (moved * gradient).sum(-1)
        q, k = (base[site, layer] for site in ("q", "k"))
        exact = self.base.vit.adapter.exact_scores
        before = exact(layer, q, k)
        if self.site == "q":
            after = exact(layer, other["q", layer], k)
        else:
            after = exact(layer, q, other["k", layer])
        if self.site == "k" and self._by_token:
            return of_single_keys(before, after, gradient).transpose(1, 2)
        products = (after.softmax(-1) - before.softmax(-1)) * gradient
        by_query = products.sum(-1).transpose(1, 2)  # [image, query, head]
        return by_query if self.site == "q" else by_query.sum(1, keepdim=True)


def estimates_of(asked: Sequence[tuple[NodeGradients, Reduce]]) -> list[np.ndarray]:
    """Of the base run's own gradient at several sites: one run, one backward pass.

    Args:
        asked: Sites of the same runs and metric, and what is asked of each.

    Returns:
        Of each, float64 `[image, layer, *places]`.
    """
    first = asked[0][0]
    sites = dict.fromkeys(one.read_at for one, _ in asked)

    def found() -> list[np.ndarray]:
        run = first.base.rerun((), keep=[*sites], grad=True, first=0)
        every = [one for one, _ in asked]
        has_all = all(one.moves == (one.read_at,) for one in every)
        values = _Values.of(every, run if has_all else first.base)
        return _of_run(run, asked, first.layers, values)

    return in_a_row(first.base, "asked for estimates", found)


@clean
@torch.enable_grad()
def _of_run(
    run: Trace,
    asked: Sequence[tuple[NodeGradients, Reduce]],
    layers: Sequence[int],
    values: _Values,
) -> list[np.ndarray]:
    """Of each site, float64 `[image, layer, *places]`."""
    shown = [run[one.read_at, layer] for one, _ in asked for layer in layers]
    answer = asked[0][0].metric(logits_of(run)).sum()
    gradients = iter(torch.autograd.grad(answer, shown))
    return [
        one.reduced([next(gradients) for _ in layers], layers, reduce, values)
        for one, reduce in asked
    ]


class _BlockSites:
    """Sites of a run; each block is run once, for all of them.

    Args:
        run: The run.
        sites: Those that will be read.
    """

    def __init__(self, run: Trace, sites: Iterable[str]) -> None:
        self._run = run
        self._inside = [one for one in dict.fromkeys(sites) if one not in _ELSEWHERE]
        self._values: dict[tuple[str, int], Tensor] = {}

    def __getitem__(self, at: tuple[str, int]) -> Tensor:
        site, layer = at
        if site not in self._inside:
            return self._run[at]
        if at not in self._values:
            values = self._run.sites(layer, *self._inside)
            self._values |= {(s, layer): v for s, v in zip(self._inside, values, strict=True)}
        return self._values[at]


class _Values(NamedTuple):
    """What two runs have at the sites of some estimates: as much as the gradients in them."""

    base: _BlockSites
    other: _BlockSites

    @classmethod
    def of(cls, asked: Sequence[NodeGradients], base: Trace) -> _Values:
        sites = [site for one in asked for site in one.moves]
        return cls(_BlockSites(base, sites), _BlockSites(asked[0].other, sites))


def of_single_keys(before: Tensor, after: Tensor, gradient: Tensor) -> Tensor:
    """What the pattern's change adds up to when one key alone is exchanged, `[image, head, key]`.

    With a row's other scores as they are, a key's weight p is the sigmoid of log p - log (1 - p),
    and with its score changed by d, that of log p + d - log (1 - p); all other weights share what
    is left as before. So no softmax need be computed for each key, and no exponential can overflow.
    Where one key has nearly all the weight, 1 - p and the mean of the others are summed without it.

    Args:
        before: Scores `[image, head, query, key]`.
        after: The scores with all keys exchanged, of the same shape.
        gradient: In the pattern, of the same shape.

    Source:
        Kramár et al. (2024), arXiv 2403.00745, for the mend; the short form is algebra.
    """
    if before.shape[-1] == 1:  # the only key has all the weight, whatever its score
        return before.new_zeros((*before.shape[:2], 1))
    log_p = before.log_softmax(-1)
    pattern = log_p.exp()
    top = before.argmax(-1, keepdim=True)
    rest = before.scatter(-1, top, -torch.inf)
    log_rest = rest.logsumexp(-1, keepdim=True) - before.logsumexp(-1, keepdim=True)
    small = pattern.scatter(-1, top, 0)  # half at most, so that 1 less of it loses nothing
    log_others = torch.log1p(-small).scatter(-1, top, log_rest)
    weighed = pattern * gradient
    of_others = (weighed.sum(-1, keepdim=True) - weighed) / (1 - small)
    of_rest = (rest.softmax(-1) * gradient).sum(-1, keepdim=True)
    of_others = of_others.scatter(-1, top, of_rest)
    new = (log_p + (after - before) - log_others).sigmoid()
    return ((new - pattern) * (gradient - of_others)).sum(2)

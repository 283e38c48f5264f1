"""`attribution_patching`: what exchanging values would do, estimated for all places at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import check_differ, steps_of
from vitlens_widgets.analysis.circuits.node_gradients import (
    NodeGradients,
    Reduce,
    estimates_of,
)
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.patching.activation import result_of, sweep_of
from vitlens_widgets.analysis.patching.patching import How, Patching
from vitlens_widgets.analysis.patching.places import Sweep, axes_at
from vitlens_widgets.analysis.patching.result import ActivationPatching
from vitlens_widgets.errors import UsageError, as_list, check_choice, quoted_list
from vitlens_widgets.progress import progress
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.modules import check_differentiable

Integrate = Literal["inputs", "activations"]
_MENDS = {"softmax": "softmax computed anew", "grad_drop": "GradDrop"}


@experiment("pair")
def attribution_patching(
    clean: Trace,
    corrupted: Trace,
    metric: Any,
    *,
    site: str = "z",
    by: str | Sequence[str] = ("layer", "head"),
    how: How = "denoising",
    mends: str | Sequence[str] = (),
    integrate: Integrate | None = None,
    steps: int | None = None,
) -> ActivationPatching:
    """An estimate of what `activation_patching` measures, for all places from one backward pass.

    For a value a of the run that is changed, and a' of the other run at the same place, it is the
    sum of (a' - a) * dm/da over the place: to first order, what the metric m changes by when a' is
    put in. In the result, `metric` is that of the changed run plus the estimate, so that `effect`,
    `share`, tables and figures mean what they mean of exact values, and the two can be compared
    number by number.

    Kept at a time: the graph of one forward pass, and the gradients of one site in all blocks.

    Args:
        clean: The run with the answer that is asked about, of one image or several.
        corrupted: The run without it, of the same model.
        metric: As for `activation_patching`; it must have a gradient.
        site: Where: any site that `activation_patching` exchanges.
        by: The axes, as there; what lies along the others is summed.
        how: `"denoising"`: clean values into the corrupted run, whose gradient is taken, as in
            TransformerLens. `"noising"`: corrupted values into the clean run, whose gradient it is.
        mends: Of AtP*, none, one or both. `"softmax"`, at `q` and `k`: the pattern is computed from
            the exchanged queries or keys (of a key by itself where tokens are asked about, of all
            together else), and only from it on is the estimate linear; so a saturated softmax does
            not hide an effect. `"grad_drop"`: the mean size of the estimates in which one of the
            other blocks passes on no gradient through what it adds, each in turn; so effects on two
            ways that cancel are seen. It has the sign of the estimate without it, and costs half a
            backward pass for each block.
        integrate: The mean gradient over `steps` runs rather than that of one: `"inputs"`: of runs
            whose state 0 lies on the straight line between both runs'; `"activations"`: of runs
            whose own site lies on it, block by block, which takes `steps` runs for each.
        steps: How many, each in the middle of its step; None for 5.

    Raises:
        UsageError: Traces that do not fit, a metric without a gradient, a site or axis that is not
            there, mends that do not go with the site or with `integrate`, or steps without it.

    Source:
        Nanda (2023), "Attribution patching"; Kramár et al. (2024), arXiv 2403.00745, for both
        mends; Hanna et al. (2024), arXiv 2403.17806, for integrated gradients.

    Example:
        >>> found = vl.analysis.attribution_patching(clean, corrupted, ("cat", "dog"))
        >>> vl.analysis.activation_patching(clean, corrupted, ("cat", "dog"), order=found.share[0])
    """
    patching = _differentiable(clean, corrupted, metric, how, integrate)
    check_differ([clean], [corrupted])
    chosen = _mends(mends, site, integrate, clean.vit.n_layers)
    n_steps = steps_of(steps, None if integrate else 'integrate="inputs"')
    asked = _Asked.of(patching, site, by, softmax="softmax" in chosen)
    found = _estimated(asked, integrate, n_steps, drop="grad_drop" in chosen)
    said = [f"integrated along {integrate}"] if integrate else ["gradient"]
    return asked.result(found, ", ".join([*said, *(_MENDS[one] for one in chosen)]))


def estimates_at(
    clean: Trace,
    corrupted: Trace,
    metric: Any,
    sites: Mapping[str, str | Sequence[str]],
    how: How = "denoising",
) -> dict[str, ActivationPatching]:
    """What `attribution_patching` gives at each of several sites, from one backward pass for all.

    Kept at a time: the graph of one forward pass, and the gradients of these sites in all blocks.

    Args:
        clean: As there.
        corrupted: As there.
        metric: As there.
        sites: The axes that are asked about, by site.
        how: As there.

    Raises:
        UsageError: As there.
    """
    patching = _differentiable(clean, corrupted, metric, how)
    asked = [_Asked.of(patching, site, by) for site, by in sites.items()]
    found = estimates_of([(one.gradients, one.reduce) for one in asked])
    results = [one.result(values, "gradient") for one, values in zip(asked, found, strict=True)]
    return dict(zip(sites, results, strict=True))


class _Asked(NamedTuple):
    """One site, and the axes along which it is asked about."""

    patching: Patching
    site: str
    axes: Sweep
    gradients: NodeGradients
    reduce: Reduce

    @classmethod
    def of(
        cls, patching: Patching, site: str, by: str | Sequence[str], *, softmax: bool = False
    ) -> _Asked:
        axes = sweep_of(patching, site, by, {})
        by_token, exchange = "token" in axes.axes, patching.exchange
        gradients = NodeGradients(
            exchange.base,
            exchange.source,
            patching.metric,
            site,
            softmax=softmax,
            by_token=by_token,
        )
        inside = [axis for axis in axes.axes if axis != "layer"]
        reduce = partial(_summed, own=axes_at(site)[1:], by=inside)
        return cls(patching, site, axes, gradients, reduce)

    def result(self, found: np.ndarray, words: str) -> ActivationPatching:
        """Of estimates `[image, layer, *places]`."""
        patching, axes = self.patching, self.axes
        found = np.moveaxis(found, 1, 1 + axes.axes.index("layer"))
        gap = patching.gap
        before = gap.corrupted if patching.how == "denoising" else gap.clean
        values = before.reshape(-1, *[1] * len(axes.axes)) + found
        return result_of(patching, axes, axes.places, values, self.site, f"estimated: {words}")


def _differentiable(
    clean: Trace, corrupted: Trace, metric: Any, how: How, integrate: str | None = None
) -> Patching:
    """The pair.

    Raises:
        UsageError: The metric has no gradient in the run that is changed, or as `Patching`.
    """
    patching = Patching(clean, corrupted, metric, how)
    for trace in (clean, corrupted):
        check_differentiable(trace.vit, trace.states[0], "An estimate")
    patching.metric.check_gradient(at_clean=how == "noising" and integrate is None)
    return patching


def _mends(mends: Any, site: str, integrate: Any, n_layers: int) -> list[str]:
    """The mends, if they go with the rest.

    Raises:
        UsageError: They do not.
    """
    if integrate is not None:
        check_choice("integrate", integrate, ("inputs", "activations"))
    listed = [mends] if isinstance(mends, str) else as_list("mends=", mends, '["softmax"]')
    found = [check_choice("mends", one, _MENDS) for one in listed]
    if "softmax" in found and site not in ("q", "k"):
        raise UsageError(f'The mend "softmax" is of the sites q and k, not of "{site}".')
    if found and (integrate == "activations" or (integrate and "grad_drop" in found)):
        raise UsageError(
            f"mends={quoted_list(found)} does not go with integrate={integrate!r}; leave one out."
        )
    if "grad_drop" in found and n_layers < 2:
        raise UsageError('The mend "grad_drop" drops another block, and this model has one alone.')
    return found


def _summed(values: Tensor, own: Sequence[str], by: Sequence[str]) -> Tensor:
    """`[image, *own]` summed over axes that are not asked about: `[image, *by]`."""
    for i in reversed(range(len(own))):
        if own[i] not in by:
            values = values.sum(1 + i)
    left = [axis for axis in own if axis in by]
    return torch.permute(values, [0, *(1 + left.index(axis) for axis in by)])


def _estimated(asked: _Asked, integrate: str | None, steps: int, *, drop: bool) -> np.ndarray:
    """Float64 `[image, layer, *places]`."""
    gradients, reduce = asked.gradients, asked.reduce
    if integrate is None:
        (found,) = estimates_of([(gradients, reduce)])
        return np.sign(found) * gradients.dropped(reduce) if drop else found
    along_inputs = integrate == "inputs"
    way = gradients.along_inputs if along_inputs else gradients.along_activations
    n_runs = steps if along_inputs else steps * len(gradients.layers)
    runs: Iterable[np.ndarray] = progress(way(steps, reduce), "integrated gradients", n_runs)
    return sum(runs, np.zeros(()))

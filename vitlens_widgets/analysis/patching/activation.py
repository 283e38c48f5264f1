"""`activation_patching`: what becomes of the answer when values of another run are put in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vitlens_widgets.analysis.checks import check_differ, stopped_early
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.patching.exchange import Places
from vitlens_widgets.analysis.patching.patching import How, Patching
from vitlens_widgets.analysis.patching.places import SITES, Place, Sweep, axes_at, sweep
from vitlens_widgets.analysis.patching.result import ActivationPatching
from vitlens_widgets.errors import UsageError, as_list, counted, said, warn
from vitlens_widgets.progress import progress_bar
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.selection import Choice


@experiment("pair")
def activation_patching(
    clean: Trace,
    corrupted: Trace,
    metric: Any,
    *,
    site: str = "z",
    by: str | Sequence[str] = ("layer", "head"),
    how: How = "denoising",
    layer: Choice = None,
    head: Choice = None,
    token: Choice = None,
    query: Choice = None,
    key: Choice = None,
    neuron: Choice = None,
    places: Sequence[Places] | None = None,
    order: Any = None,
    least_gap: float | None = None,
    executor: Any = None,
) -> ActivationPatching:
    """Put values of one run into another, place by place, and see how far the answer goes.

    Exact: each place has a run of its own, of the model's own blocks. All run in batches, each from
    its first changed block on, of the last block only what the readout reads; how many at a time is
    found by their size. An interrupt (Ctrl-C) ends it and gives what is done until then; before
    there is any, it is raised as `KeyboardInterrupt`, which says so.

    Args:
        clean: The run with the answer that is asked about, of one image or several.
        corrupted: The run without it, of the same model: another image, or the same with noise,
            a grey box or the like; image i makes a pair with image i.
        metric: A class for its logit, a pair of classes for the difference of their logits, one of
            `vl.analysis.metrics`, or a function of logits `[n, class]` that gives `[n]`.
        site: Where values are exchanged: `resid_pre` (states), `attn_out`, `mlp_out`, `z` (what
            heads give), `q`, `k`, `v`, `pattern`, `mlp_post` (neurons), also `resid_mid`,
            `resid_post` and `mlp_pre`.
        by: The axes of the sweep, `"layer"` and of `"head"`, `"token"`, `"query"`, `"key"` and
            `"neuron"` those that the site has. What lies along the others is exchanged together.
        how: `"denoising"` puts clean values into the corrupted run, `"noising"` the reverse.
        layer: Which blocks; None for all, as with all that follow.
        head: Which heads.
        token: Which tokens; also a `[row, col]` mask of the patches.
        query: Which rows of the pattern.
        key: Which columns of the pattern.
        neuron: Which neurons.
        places: Places of your own in place of a sweep, `vl.analysis.Place`; a list of several in
            place of one is exchanged together, for their joint effect.
        order: A number for each place, `[*axes]`, such as an estimate of its effect: those farthest
            from 0 are done first.
        least_gap: Clean and corrupted answers that differ by less are taken for the same, in units
            of the metric; None for .1 of logits, .01 of probabilities and nats, 1 rank.
        executor: Whose workers run the places, such as `vl.cluster()` or a process pool; None for
            this process. They are sent the pairs' states 0, and run as many places together as this
            process would: the numbers are the same, on GPUs up to rounding.

    Returns:
        The metric, the normalised effect and the share of the way to the other answer.

    Raises:
        UsageError: Traces that do not fit each other, that have edits in their blocks or no
            classifier, an unknown metric, site or axis, or a place that is not there or cannot be
            written.
        UnsupportedModelError: A block does something else in a batch than in the trace.

    Source:
        Vig et al. (2020); Meng et al. (2022), section 2; conventions as in Heimersheim & Nanda
        (2024), "How to use and interpret activation patching".

    Example:
        >>> found = vl.analysis.activation_patching(clean, corrupted, ("cat", "dog"))
        >>> found.figure(), found.table(), found.share[0, 3, 1]  # image 0, L3 H1
    """
    patching = Patching(clean, corrupted, metric, how, least_gap)
    check_differ([clean], [corrupted])
    chosen = {
        "layer": layer,
        "head": head,
        "token": token,
        "query": query,
        "key": key,
        "neuron": neuron,
    }
    if places is None:
        axes = sweep_of(patching, site, by, chosen)
        exchanges: list[Places] = list(axes.places)
    else:
        _check_no_sweep(chosen)
        axes, exchanges = None, _listed(places)
    shape = axes.shape if axes else (len(exchanges),)
    found = _done(patching, exchanges, _order(order, shape), executor)
    return result_of(patching, axes, exchanges, found.reshape(-1, *shape), site)


def sweep_of(
    patching: Patching, site: str, by: str | Sequence[str], chosen: dict[str, Choice]
) -> Sweep:
    """The places of a sweep; see `places.sweep`."""
    exchange = patching.exchange
    needs_width = "neuron" in axes_at(site)
    context = exchange.base._context  # pyright: ignore[reportPrivateUsage]  # where its tokens stand
    return sweep(site, by, context, exchange.width(site) if needs_width else 0, chosen)


def _listed(places: Any) -> list[Places]:
    """Places of the user's own.

    Raises:
        UsageError: No list, or none in it.
    """
    such_as = '[vl.analysis.Place("z", 3, head=1)]'
    found = as_list("places=", places, such_as)
    if not found:
        raise UsageError(f"places= names one place at least, such as {such_as}.")
    return found


def _check_no_sweep(chosen: dict[str, Choice]) -> None:
    for name, one in chosen.items():
        if one is not None:
            raise UsageError(f"{name}= chooses places of a sweep; with places= each says its own.")


def _order(order: Any, shape: tuple[int, ...]) -> list[int] | None:
    """Indices of places, those with the largest number first; None for all in order."""
    if order is None:
        return None
    try:
        numbers = np.asarray(order, float)
    except (TypeError, ValueError):
        raise UsageError(
            f"order= takes a number for each place, {list(shape)}, not {said(order)}."
        ) from None
    if numbers.shape != shape:
        raise UsageError(
            f"order= takes a number for each place, {list(shape)}, not {list(numbers.shape)}."
        )
    return np.argsort(-np.abs(numbers).ravel(), kind="stable").tolist()


def _done(
    patching: Patching, exchanges: Sequence[Places], order: list[int] | None, executor: Any
) -> np.ndarray:
    """The metric of each exchange, float64 `[image, exchange]`; NaN for what was not done."""
    found = np.full((len(patching.gap.clean), len(exchanges)), np.nan)
    n_done = 0
    try:
        with progress_bar(len(exchanges), "Activation patching", "place") as bar:
            for answer in patching.run(exchanges, order, executor):
                found[:, answer.which] = answer.metric
                n_done += 1
                bar.update(1)
    except KeyboardInterrupt:
        if not n_done:
            raise stopped_early("place") from None
        warn(
            f"Stopped by you: {n_done} of {counted(len(exchanges), 'place')} are done; the others "
            "are NaN."
        )
    return found


def result_of(
    patching: Patching,
    axes: Sweep | None,
    exchanges: Sequence[Places],
    metric: np.ndarray,
    site: str,
    method: str = "",
) -> ActivationPatching:
    """What was measured or estimated, with the names of all places.

    Args:
        patching: The runs.
        axes: The sweep; None of a list of places.
        exchanges: The places.
        metric: Float64 `[image, *axes]`.
        site: The site of a sweep.
        method: How, where it is not measured.
    """
    vit, n_done = patching.exchange.base.vit, int((~np.isnan(metric).any(0)).sum())
    words = [str(one) if isinstance(one, Place) else " + ".join(map(str, one)) for one in exchanges]
    along: dict[str, list[Any]] = dict(axes.along) if axes else {"place": words}
    names = {axis: _names(patching, site, axis, listed) for axis, listed in along.items()}
    what = f"{SITES[site]} by {', '.join(axes.axes)}" if axes else "places"
    into = "clean into corrupted" if patching.how == "denoising" else "corrupted into clean"
    some = "" if n_done == len(words) else f" ({n_done} of {len(words)} places)"
    title = f"{vit.name}, {what}, {into} ({patching.how}){some}" + (f", {method}" * bool(method))
    own = tuple(along)
    return ActivationPatching(
        title, patching.how, site if axes else "", own, along, names, metric, patching.gap
    )


def _names(patching: Patching, site: str, axis: str, listed: Sequence[Any]) -> list[str]:
    """What stands along an axis, for people."""
    if axis in ("token", "query", "key"):
        return [patching.exchange.base.layout.describe(token) for token in listed]
    if axis == "layer" and site == "resid_pre":
        return [f"{state}_pre" for state in listed]
    return [str(one) for one in listed]

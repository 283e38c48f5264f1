"""Curves of infillings: their scores state by state, and against the share of hidden patches.

>>> from bokeh.io import show
>>> vl.charts.in_notebook()
>>> show(vl.analysis.infilling.score(infilling, "psnr"))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

    from vitlens_widgets.lenses import Infilling, MaskStudy

_QUANTITIES = {
    "mse": "MSE, lower is nearer",
    "psnr": "PSNR (dB), higher is nearer",
    "ssim": "SSIM, higher is nearer",
    "perceptual": "perceptual distance, lower is nearer",
}


def score(infilling: Infilling, metric: str = "mse", image: int = 0) -> Figure:
    """A score of one image on its hidden patches, state by state.

    One curve against the original, one against what is painted from the final state; infinite
    values are left out.

    Args:
        infilling: Made by an infill lens.
        metric: `"mse"`, `"psnr"`, `"ssim"` or `"perceptual"`.
        image: Which image.

    Raises:
        UsageError: No such metric or image.
    """
    check_index("image", image, infilling.n_images)
    curves = {
        f"against the {reference}": _finite(infilling.score(metric, reference)[:, image])
        for reference in ("original", "final")
    }
    title = f"{infilling.lens_name} of {infilling.model_name}"
    plot = charts.figure_over_states(title, infilling.state_names, _QUANTITIES[metric])
    return charts.with_curves(plot, "state", infilling.state_names, curves)


def study(
    measured: MaskStudy,
    metric: str = "mse",
    reference: str = "original",
    states: Sequence[int] | None = None,
) -> Figure:
    """A score against the share of hidden patches, with 95 % intervals, a curve for each state.

    Args:
        measured: Made by `InfillLens.study`.
        metric: One of those it measured.
        reference: `"original"` or `"final"`.
        states: Which states; all by default.

    Raises:
        UsageError: The metric was not measured, or there is no such state.
    """
    n_states = len(measured.state_names)
    chosen = (
        range(n_states) if states is None else [check_index("state", k, n_states) for k in states]
    )
    mean, (low, high) = measured.mean(metric, reference), measured.interval(metric, reference)
    names = {measured.state_names[k]: k for k in chosen}
    plot = charts.empty_figure(f"{measured.title}, against the {reference}", _QUANTITIES[metric])
    plot.xaxis.axis_label = "share of hidden patches"
    return charts.with_curves(
        plot,
        "mask ratio",
        measured.ratios,
        {name: _finite(mean[:, k]) for name, k in names.items()},
        {name: (_finite(low[:, k]), _finite(high[:, k])) for name, k in names.items()},
    )


def _finite(values: np.ndarray) -> list[float]:
    """The values, those that cannot be drawn as NaN, which is left out."""
    return np.where(np.isfinite(values), values, np.nan).tolist()

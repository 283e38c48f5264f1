"""Curves of an infilling: its scores state by state.

>>> from bokeh.io import show
>>> vl.charts.in_notebook()
>>> show(vl.analysis.infilling.score(infilling, "psnr"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.lenses.infill.infilling import check_infilling
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

    from vitlens_widgets.lenses import Infilling

QUANTITIES = {
    "mse": "MSE, lower is nearer",
    "psnr": "PSNR (dB), higher is nearer",
    "ssim": "SSIM, higher is nearer",
    "perceptual": "perceptual distance, lower is nearer",
}
"""What the scores are called on an axis."""


def score(infilling: Infilling, metric: str = "mse", image: int = 0) -> Figure:
    """A score of one image on its hidden patches, state by state.

    One curve against the original, one against what is painted from the final state; infinite
    values are left out.

    Args:
        infilling: Made by an infill lens.
        metric: `"mse"`, `"psnr"`, `"ssim"` or `"perceptual"`.
        image: Which image.

    Raises:
        UsageError: No infilling, or no such metric or image.
    """
    check_infilling(infilling, "score")
    check_index("image", image, infilling.n_images)
    curves = {
        f"against the {reference}": finite(infilling.score(metric, reference)[:, image])
        for reference in ("original", "final")
    }
    called = QUANTITIES[metric].split(",")[0]
    title = f"{called} by state: {infilling.lens_name} of {infilling.model_name}"
    plot = charts.figure_over_states(title, infilling.state_names, QUANTITIES[metric])
    return charts.with_curves(plot, "state", infilling.state_names, curves)


def finite(values: np.ndarray) -> list[float]:
    """The values, those that cannot be drawn as NaN, which is left out."""
    return np.where(np.isfinite(values), values, np.nan).tolist()

"""Bokeh figures for passive curves, one function per figure."""

from vitlens_widgets.charts.class_space import identifiability
from vitlens_widgets.charts.infilling import infill_score, infill_study
from vitlens_widgets.charts.over_heads import heads
from vitlens_widgets.charts.over_many_images import (
    closeness,
    converged,
    segmentation,
    segmentation_classes,
)
from vitlens_widgets.charts.over_states import entropy, kl_to_final, probability, rank

__all__ = [
    "closeness",
    "converged",
    "entropy",
    "heads",
    "identifiability",
    "infill_score",
    "infill_study",
    "kl_to_final",
    "probability",
    "rank",
    "segmentation",
    "segmentation_classes",
]

"""Bokeh figures for passive curves, one function per figure."""

from vitlens_widgets.charts.boxes import boxes
from vitlens_widgets.charts.class_space import (
    attention_perturbation,
    building,
    class_and_context,
    composition,
    identifiability,
)
from vitlens_widgets.charts.in_notebook import in_notebook
from vitlens_widgets.charts.infilling import infill_score, infill_study
from vitlens_widgets.charts.memories import (
    agreement_of_answers,
    class_value_agreement,
    key_value_agreement,
)
from vitlens_widgets.charts.over_heads import heads
from vitlens_widgets.charts.over_many_images import (
    closeness,
    converged,
    segmentation,
    segmentation_classes,
)
from vitlens_widgets.charts.over_states import entropy, kl_to_final, probability, rank
from vitlens_widgets.charts.probes import linear_probes
from vitlens_widgets.charts.relevance import perturbation_test, removal_curves

__all__ = [
    "agreement_of_answers",
    "attention_perturbation",
    "boxes",
    "building",
    "class_and_context",
    "class_value_agreement",
    "closeness",
    "composition",
    "converged",
    "entropy",
    "heads",
    "identifiability",
    "in_notebook",
    "infill_score",
    "infill_study",
    "key_value_agreement",
    "kl_to_final",
    "linear_probes",
    "perturbation_test",
    "probability",
    "rank",
    "removal_curves",
    "segmentation",
    "segmentation_classes",
]

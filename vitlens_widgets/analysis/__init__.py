"""What the papers measure, one part per idea: `heads` is about attention heads."""

from vitlens_widgets.analysis import heads
from vitlens_widgets.analysis.class_space import Identifiability, identifiability
from vitlens_widgets.analysis.closeness import Closeness, closeness
from vitlens_widgets.analysis.maps import Maps
from vitlens_widgets.analysis.segmentation import Segmentation, segmentation

__all__ = [
    "Closeness",
    "Identifiability",
    "Maps",
    "Segmentation",
    "closeness",
    "heads",
    "identifiability",
    "segmentation",
]

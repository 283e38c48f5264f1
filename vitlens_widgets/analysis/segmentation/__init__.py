"""Whether patches answer what they show: their overlap with true masks, state by state."""

from vitlens_widgets.analysis.segmentation.measure import segmentation
from vitlens_widgets.analysis.segmentation.result import MEANINGS, Segmentation
from vitlens_widgets.analysis.segmentation.several import LensSegmentation, lens_segmentation

__all__ = ["MEANINGS", "LensSegmentation", "Segmentation", "lens_segmentation", "segmentation"]

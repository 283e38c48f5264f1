"""Whether what moves a lens moves the model, and in the same direction."""

from vitlens_widgets.analysis.lens_causality.measure import lens_causality
from vitlens_widgets.analysis.lens_causality.result import LensCausality

__all__ = ["LensCausality", "lens_causality"]

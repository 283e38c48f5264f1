"""What the papers measure, one part per idea: `heads` is about attention heads."""

from vitlens_widgets.analysis import heads
from vitlens_widgets.analysis.closeness import Closeness, closeness
from vitlens_widgets.analysis.maps import Maps

__all__ = ["Closeness", "Maps", "closeness", "heads"]

"""Linear probes: what of the class a linear map can be taught to read at each place."""

from vitlens_widgets.analysis.probes.linear import linear_probes
from vitlens_widgets.analysis.probes.result import LinearProbes

__all__ = ["LinearProbes", "linear_probes"]

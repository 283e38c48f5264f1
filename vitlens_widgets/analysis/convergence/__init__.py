"""How near each state's answer is to the model's final one, and to the truth."""

from vitlens_widgets.analysis.convergence.measure import convergence
from vitlens_widgets.analysis.convergence.result import MEASURES, Convergence

__all__ = ["MEASURES", "Convergence", "convergence"]

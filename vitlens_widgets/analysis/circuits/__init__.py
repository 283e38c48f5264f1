"""Which edges between heads and MLPs carry an answer: estimates, exact runs, circuits.

>>> found = vl.analysis.edge_attribution_patching(clean, corrupted, ("cat", "dog"))
>>> found.table(20)
>>> vl.analysis.circuit(clean, corrupted, ("cat", "dog"), scores=found).summary()
>>> vl.analysis.faithfulness(clean, corrupted, ("cat", "dog"), [("embedding", "logits")]).share
"""

from vitlens_widgets.analysis.circuits.circuit import Circuit, circuit
from vitlens_widgets.analysis.circuits.edge_effects import EdgeEffects
from vitlens_widgets.analysis.circuits.edges import (
    edge_attribution_patching,
    edge_patching,
)
from vitlens_widgets.analysis.circuits.faithfulness import Faithfulness, faithfulness
from vitlens_widgets.analysis.circuits.nodes import attribution_patching

__all__ = [
    "Circuit",
    "EdgeEffects",
    "Faithfulness",
    "attribution_patching",
    "circuit",
    "edge_attribution_patching",
    "edge_patching",
    "faithfulness",
]

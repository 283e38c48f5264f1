"""Attention heads: what each of them looks at, in numbers.

>>> heads = vl.analysis.heads
>>> heads.statistics(trace)                  # entropy, distance, mass on CLS, corner, row, ...
>>> heads.rollout(trace)                     # [layer, query, key]
"""

from typing import TYPE_CHECKING

from vitlens_widgets._lazy import refusal
from vitlens_widgets.analysis.heads.agreement import agreement
from vitlens_widgets.analysis.heads.chance import AgainstChance
from vitlens_widgets.analysis.heads.geometry import geometry
from vitlens_widgets.analysis.heads.meaning import read_keys
from vitlens_widgets.analysis.heads.neighbourhood import Neighbourhood, neighbourhood
from vitlens_widgets.analysis.heads.neurons import Neurons, neurons
from vitlens_widgets.analysis.heads.places import Places
from vitlens_widgets.analysis.heads.prefix_matching import prefix_matching
from vitlens_widgets.analysis.heads.result import HeadStatistics
from vitlens_widgets.analysis.heads.rollout import readout_row, rollout, rollouts
from vitlens_widgets.analysis.heads.same_object import same_object
from vitlens_widgets.analysis.heads.spread import entropy, largest_weight, received, sink
from vitlens_widgets.analysis.heads.statistics import statistics

__all__ = [
    "AgainstChance",
    "HeadStatistics",
    "Neighbourhood",
    "Neurons",
    "Places",
    "agreement",
    "entropy",
    "geometry",
    "largest_weight",
    "neighbourhood",
    "neurons",
    "prefix_matching",
    "read_keys",
    "readout_row",
    "received",
    "rollout",
    "rollouts",
    "same_object",
    "sink",
    "statistics",
]

if not TYPE_CHECKING:  # to a type checker a name that is not there is a mistake
    __getattr__ = refusal(__name__, __all__, "vl.analysis.heads")

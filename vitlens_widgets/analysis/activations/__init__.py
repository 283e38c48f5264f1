"""What makes features fire: neurons of all blocks, channels of another site, or SAE latents."""

from vitlens_widgets.analysis.activations.measure import activations
from vitlens_widgets.analysis.activations.neighbours import Neighbours, neighbours
from vitlens_widgets.analysis.activations.partners import partners
from vitlens_widgets.analysis.activations.partners_result import Partners
from vitlens_widgets.analysis.activations.result import Activations
from vitlens_widgets.analysis.activations.selectivity import Selectivity
from vitlens_widgets.analysis.activations.strongest import StrongestImages
from vitlens_widgets.analysis.activations.tenths import TenthPatches

__all__ = [
    "Activations",
    "Neighbours",
    "Partners",
    "Selectivity",
    "StrongestImages",
    "TenthPatches",
    "activations",
    "neighbours",
    "partners",
]

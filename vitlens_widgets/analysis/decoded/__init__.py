"""Is it true what pictures decoded from states and heads seem to say?"""

from vitlens_widgets.analysis.decoded.ablation import ablation_effects
from vitlens_widgets.analysis.decoded.cumulative import cumulative_ablation
from vitlens_widgets.analysis.decoded.cumulative_result import CumulativeAblation
from vitlens_widgets.analysis.decoded.heads import decoded_heads
from vitlens_widgets.analysis.decoded.heads_result import DecodedHeads
from vitlens_widgets.analysis.decoded.overlay import overlay_study
from vitlens_widgets.analysis.decoded.overlay_result import OverlayStudy
from vitlens_widgets.analysis.decoded.reported import steering_claims
from vitlens_widgets.analysis.decoded.similarity import DecodedSimilarity, decoded_similarity
from vitlens_widgets.analysis.decoded.states import DecodedStates, decoded_states

__all__ = [
    "CumulativeAblation",
    "DecodedHeads",
    "DecodedSimilarity",
    "DecodedStates",
    "OverlayStudy",
    "ablation_effects",
    "cumulative_ablation",
    "decoded_heads",
    "decoded_similarity",
    "decoded_states",
    "overlay_study",
    "steering_claims",
]

"""What the papers measure, one part per idea: `heads` is about attention heads."""

from vitlens_widgets.analysis import heads
from vitlens_widgets.analysis.class_space import (
    AttentionPerturbation,
    Building,
    ClassAndContext,
    Identifiability,
    attention_perturbation,
    building,
    class_and_context,
    identifiability,
)
from vitlens_widgets.analysis.closeness import Closeness, closeness
from vitlens_widgets.analysis.maps import Maps
from vitlens_widgets.analysis.memories import (
    ClassValueAgreement,
    KeyValueAgreement,
    Memories,
    class_value_agreement,
    key_value_agreement,
    memories,
)
from vitlens_widgets.analysis.probes import LinearProbes, linear_probes
from vitlens_widgets.analysis.relevance import (
    ClassEmbedding,
    PerturbationTest,
    Relevance,
    RemovalCurves,
    perturbation_test,
    relevance,
    removal_curves,
)
from vitlens_widgets.analysis.segmentation import Segmentation, segmentation

__all__ = [
    "AttentionPerturbation",
    "Building",
    "ClassAndContext",
    "ClassEmbedding",
    "ClassValueAgreement",
    "Closeness",
    "Identifiability",
    "KeyValueAgreement",
    "LinearProbes",
    "Maps",
    "Memories",
    "PerturbationTest",
    "Relevance",
    "RemovalCurves",
    "Segmentation",
    "attention_perturbation",
    "building",
    "class_and_context",
    "class_value_agreement",
    "closeness",
    "heads",
    "identifiability",
    "key_value_agreement",
    "linear_probes",
    "memories",
    "perturbation_test",
    "relevance",
    "removal_curves",
    "segmentation",
]

"""What the papers measure, one part per idea: `heads` is about attention heads.

What an experiment gives (a `Result`) has a `table()`, a `figure(name)` and a `summary()`; `compare`
draws several of one experiment together. `experiments` has all of them by name, with what each
takes and whether it needs a classifier. A new one is a file with a function under
`experiment.over_data`, or under `experiment.experiment` where it does not run over a data set, and
its name here.
"""

from typing import TYPE_CHECKING

from vitlens_widgets._lazy import refusal
from vitlens_widgets.analysis import features, heads, infilling, metrics, over_states
from vitlens_widgets.analysis.activations import (
    Activations,
    Neighbours,
    Partners,
    Selectivity,
    activations,
    neighbours,
    partners,
)
from vitlens_widgets.analysis.attribution import (
    Attribution,
    MeanAttribution,
    attribution,
    mean_attribution,
)
from vitlens_widgets.analysis.best_features import BestFeatures, best_features
from vitlens_widgets.analysis.circuits import (
    Circuit,
    EdgeEffects,
    Faithfulness,
    attribution_patching,
    circuit,
    edge_attribution_patching,
    edge_patching,
    faithfulness,
)
from vitlens_widgets.analysis.claims import Claims, Estimate, estimate
from vitlens_widgets.analysis.class_space import (
    AttentionPerturbation,
    ClassAndContext,
    ClassSimilarityChange,
    Identifiability,
    attention_perturbation,
    class_and_context,
    class_similarity_change,
    identifiability,
)
from vitlens_widgets.analysis.compare import compare
from vitlens_widgets.analysis.convergence import Convergence, convergence
from vitlens_widgets.analysis.corruptions import MeanValues, mean_values, noised
from vitlens_widgets.analysis.deciding_heads import DecidingHeads, deciding_heads
from vitlens_widgets.analysis.decoded import (
    CumulativeAblation,
    DecodedHeads,
    DecodedSimilarity,
    DecodedStates,
    OverlayStudy,
    ablation_effects,
    cumulative_ablation,
    decoded_heads,
    decoded_similarity,
    decoded_states,
    overlay_study,
    steering_claims,
)
from vitlens_widgets.analysis.experiment import experiments
from vitlens_widgets.analysis.features import FeatureEffects, feature_effects
from vitlens_widgets.analysis.given_maps import GivenMaps
from vitlens_widgets.analysis.lens_agreement import (
    LensAgreement,
    lens_agreement,
    lens_stability,
)
from vitlens_widgets.analysis.lens_causality import LensCausality, lens_causality
from vitlens_widgets.analysis.maps import Maps
from vitlens_widgets.analysis.over_models import over_models
from vitlens_widgets.analysis.patching import (
    ActivationPatching,
    Exchange,
    Patching,
    Place,
    activation_patching,
)
from vitlens_widgets.analysis.probes import LinearProbes, linear_probes
from vitlens_widgets.analysis.relevance import (
    ClassEmbedding,
    LocalJacobian,
    PerturbationTest,
    Relevance,
    RemovalCurves,
    perturbation_test,
    relevance,
    removal_curves,
)
from vitlens_widgets.analysis.result import Result
from vitlens_widgets.analysis.segmentation import (
    LensSegmentation,
    Segmentation,
    lens_segmentation,
    segmentation,
)
from vitlens_widgets.analysis.text_span import TextSpan, text_span
from vitlens_widgets.analysis.value_vectors import (
    ClassValueAgreement,
    KeyValueAgreement,
    ValueVectors,
    class_value_agreement,
    key_value_agreement,
    value_vectors,
)

__all__ = [
    "ActivationPatching",
    "Activations",
    "AttentionPerturbation",
    "Attribution",
    "BestFeatures",
    "Circuit",
    "Claims",
    "ClassAndContext",
    "ClassEmbedding",
    "ClassSimilarityChange",
    "ClassValueAgreement",
    "Convergence",
    "CumulativeAblation",
    "DecidingHeads",
    "DecodedHeads",
    "DecodedSimilarity",
    "DecodedStates",
    "EdgeEffects",
    "Estimate",
    "Exchange",
    "Faithfulness",
    "FeatureEffects",
    "GivenMaps",
    "Identifiability",
    "KeyValueAgreement",
    "LensAgreement",
    "LensCausality",
    "LensSegmentation",
    "LinearProbes",
    "LocalJacobian",
    "Maps",
    "MeanAttribution",
    "MeanValues",
    "Neighbours",
    "OverlayStudy",
    "Partners",
    "Patching",
    "PerturbationTest",
    "Place",
    "Relevance",
    "RemovalCurves",
    "Result",
    "Segmentation",
    "Selectivity",
    "TextSpan",
    "ValueVectors",
    "ablation_effects",
    "activation_patching",
    "activations",
    "attention_perturbation",
    "attribution",
    "attribution_patching",
    "best_features",
    "circuit",
    "class_and_context",
    "class_similarity_change",
    "class_value_agreement",
    "compare",
    "convergence",
    "cumulative_ablation",
    "deciding_heads",
    "decoded_heads",
    "decoded_similarity",
    "decoded_states",
    "edge_attribution_patching",
    "edge_patching",
    "estimate",
    "experiments",
    "faithfulness",
    "feature_effects",
    "features",
    "heads",
    "identifiability",
    "infilling",
    "key_value_agreement",
    "lens_agreement",
    "lens_causality",
    "lens_segmentation",
    "lens_stability",
    "linear_probes",
    "mean_attribution",
    "mean_values",
    "metrics",
    "neighbours",
    "noised",
    "over_models",
    "over_states",
    "overlay_study",
    "partners",
    "perturbation_test",
    "relevance",
    "removal_curves",
    "segmentation",
    "steering_claims",
    "text_span",
    "value_vectors",
]

if not TYPE_CHECKING:  # to a type checker a name that is not there is a mistake
    __getattr__ = refusal(__name__, __all__, "vl.analysis")

"""Which tokens an answer rests on: relevance by several methods, and the test that compares them.

Every method has the same interface: of a trace and a class for each image it finds the relevance of
each token, `[image, token]`, and of each token in each head, `[image, layer, head, token]`.
"""

from vitlens_widgets.analysis.relevance.attention_flow import Chefer, GradientRollout, Rollout
from vitlens_widgets.analysis.relevance.class_embedding import ClassEmbedding
from vitlens_widgets.analysis.relevance.local_jacobian import LocalJacobian
from vitlens_widgets.analysis.relevance.methods import METHODS, Method, Parts
from vitlens_widgets.analysis.relevance.perturbation_test import (
    PerturbationTest,
    perturbation_test,
)
from vitlens_widgets.analysis.relevance.relevance import Relevance, relevance
from vitlens_widgets.analysis.relevance.removal_curves import (
    RemovalCurves,
    growing_removal_curves,
    removal_curves,
    removal_shares,
)

__all__ = [
    "METHODS",
    "Chefer",
    "ClassEmbedding",
    "GradientRollout",
    "LocalJacobian",
    "Method",
    "Parts",
    "PerturbationTest",
    "Relevance",
    "RemovalCurves",
    "Rollout",
    "growing_removal_curves",
    "perturbation_test",
    "relevance",
    "removal_curves",
    "removal_shares",
]

"""Vision transformers in class embedding space: what Vilas et al. (2023) measured, on any of them.

Where the authors' code and their paper differ, the code is the default (`rule="released"`) and
the paper an option (`rule="text"`).
"""

from vitlens_widgets.analysis.class_space.attention_perturbation import (
    AttentionPerturbation,
    attention_perturbation,
)
from vitlens_widgets.analysis.class_space.class_and_context import class_and_context
from vitlens_widgets.analysis.class_space.class_and_context_result import ClassAndContext
from vitlens_widgets.analysis.class_space.class_similarity_change import class_similarity_change
from vitlens_widgets.analysis.class_space.class_similarity_change_result import (
    ClassSimilarityChange,
)
from vitlens_widgets.analysis.class_space.identifiability import identifiability
from vitlens_widgets.analysis.class_space.identifiability_result import Identifiability

__all__ = [
    "AttentionPerturbation",
    "ClassAndContext",
    "ClassSimilarityChange",
    "Identifiability",
    "attention_perturbation",
    "class_and_context",
    "class_similarity_change",
    "identifiability",
]

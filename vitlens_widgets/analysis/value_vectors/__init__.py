"""Attention and MLPs as key-value memories: which classes the vectors they store promote.

What a sub-block adds to the stream is a sum of *value vectors*, the columns of its output
projection, each times a coefficient that says how well the token fits the memory's *key*. In an MLP
the coefficients are its neurons, in attention all heads' `z`, one head after the other. Weights are
read as they are: without norms, biases and layer scales.

Source:
    Geva et al. (2021), "Transformer Feed-Forward Layers Are Key-Value Memories"; Vilas et al.
    (2023), section 6, for ViTs, and their code.
"""

from vitlens_widgets.analysis.value_vectors.class_value import (
    ClassValueAgreement,
    class_value_agreement,
)
from vitlens_widgets.analysis.value_vectors.key_value import key_value_agreement
from vitlens_widgets.analysis.value_vectors.key_value_result import KeyValueAgreement
from vitlens_widgets.analysis.value_vectors.promoted import ValueVectors, value_vectors

__all__ = [
    "ClassValueAgreement",
    "KeyValueAgreement",
    "ValueVectors",
    "class_value_agreement",
    "key_value_agreement",
    "value_vectors",
]

"""What single features write, who reads it, and what the model answers without them.

A feature is a neuron of an MLP, or a latent of a sparse autoencoder (`sae=`).

>>> features = vl.analysis.features
>>> features.vectors(vit, 4)                 # what 1 of each neuron of a block adds to the stream
>>> features.writes(vit, 4, 17)              # its classes, from the weights alone
>>> features.readers(vit, 4, 17)             # later heads that read it
>>> features.direct_effect(trace, 4, 17)     # what it adds to an answer by itself
>>> features.turned(trace, 4, 17)            # answers with it off, as it is, and turned up
"""

from typing import TYPE_CHECKING

from vitlens_widgets._lazy import refusal
from vitlens_widgets.analysis.features.direct import DirectEffect, direct_effect
from vitlens_widgets.analysis.features.effects import FeatureEffects, feature_effects
from vitlens_widgets.analysis.features.feature import vectors
from vitlens_widgets.analysis.features.readers import Readers, readers
from vitlens_widgets.analysis.features.turned import Turned, turned
from vitlens_widgets.analysis.features.writes import FeatureWrites, writes

__all__ = [
    "DirectEffect",
    "FeatureEffects",
    "FeatureWrites",
    "Readers",
    "Turned",
    "direct_effect",
    "feature_effects",
    "readers",
    "turned",
    "vectors",
    "writes",
]

if not TYPE_CHECKING:  # to a type checker a name that is not there is a mistake
    __getattr__ = refusal(__name__, __all__, "vl.analysis.features")

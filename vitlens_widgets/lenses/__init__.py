"""From a hidden state to the model's output space."""

from vitlens_widgets.lenses.difference import divergence
from vitlens_widgets.lenses.features import FeatureReading, read_features
from vitlens_widgets.lenses.fitted import AffineLens, ProbeLens, TunedLens
from vitlens_widgets.lenses.frozen import FrozenNormLens
from vitlens_widgets.lenses.given import GivenReading
from vitlens_widgets.lenses.infill import Infilling, InfillLens, TunedInfillLens
from vitlens_widgets.lenses.jacobian import JacobianLens
from vitlens_widgets.lenses.lens import Lens
from vitlens_widgets.lenses.logit import LogitLens
from vitlens_widgets.lenses.pictures import (
    DecodedPictures,
    DiffusionLens,
    PatchDecoderLens,
    SteeringLens,
)
from vitlens_widgets.lenses.reading import Reading, Top
from vitlens_widgets.lenses.taught import PatchClassifier, Teaching

__all__ = [
    "AffineLens",
    "DecodedPictures",
    "DiffusionLens",
    "FeatureReading",
    "FrozenNormLens",
    "GivenReading",
    "InfillLens",
    "Infilling",
    "JacobianLens",
    "Lens",
    "LogitLens",
    "PatchClassifier",
    "PatchDecoderLens",
    "ProbeLens",
    "Reading",
    "SteeringLens",
    "Teaching",
    "Top",
    "TunedInfillLens",
    "TunedLens",
    "divergence",
    "read_features",
]

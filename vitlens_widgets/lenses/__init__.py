"""From a hidden state to the model's output space."""

from vitlens_widgets.lenses.difference import divergence
from vitlens_widgets.lenses.features import FeatureReading, read_features
from vitlens_widgets.lenses.frozen import FrozenNormLens
from vitlens_widgets.lenses.given import GivenReading
from vitlens_widgets.lenses.infill import Infilling, InfillLens
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
    "DecodedPictures",
    "DiffusionLens",
    "FeatureReading",
    "FrozenNormLens",
    "GivenReading",
    "InfillLens",
    "Infilling",
    "Lens",
    "LogitLens",
    "PatchClassifier",
    "PatchDecoderLens",
    "Reading",
    "SteeringLens",
    "Teaching",
    "Top",
    "divergence",
    "read_features",
]

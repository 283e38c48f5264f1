"""What a model without a classifier shows: its patches' features, compared with one another."""

from vitlens_widgets.lenses.features.found import PatchSimilarity, StateFeatures
from vitlens_widgets.lenses.features.reading import FeatureReading, read_features

__all__ = ["FeatureReading", "PatchSimilarity", "StateFeatures", "read_features"]

"""Which latent, neuron or channel tells best what is true of a patch."""

from vitlens_widgets.analysis.best_features.measure import best_features
from vitlens_widgets.analysis.best_features.result import BestFeatures

__all__ = ["BestFeatures", "best_features"]

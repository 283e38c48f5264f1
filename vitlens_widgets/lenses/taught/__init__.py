"""Classes that a user teaches a model by examples: patches, named."""

from vitlens_widgets.lenses.taught.classifier import PatchClassifier
from vitlens_widgets.lenses.taught.held_out import HeldOut
from vitlens_widgets.lenses.taught.teaching import Film, TaughtClass, Teaching

__all__ = ["Film", "HeldOut", "PatchClassifier", "TaughtClass", "Teaching"]

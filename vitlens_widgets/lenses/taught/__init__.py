"""Classes that a user teaches a model by examples: patches, named."""

from vitlens_widgets.lenses.taught.classifier import PatchClassifier
from vitlens_widgets.lenses.taught.film import Film
from vitlens_widgets.lenses.taught.held_out import HeldOut
from vitlens_widgets.lenses.taught.taught_class import TaughtClass
from vitlens_widgets.lenses.taught.teaching import Teaching

__all__ = ["Film", "HeldOut", "PatchClassifier", "TaughtClass", "Teaching"]

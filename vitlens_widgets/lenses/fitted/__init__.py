"""Lenses whose translators are fitted to a data set: an affine map of each state, by kind of token.

A fitted lens says in a class method `fit` how its translators are found; reading and files come
with `AffineLens`.
"""

from vitlens_widgets.lenses.fitted.affine import AffineLens
from vitlens_widgets.lenses.fitted.probe import ProbeLens
from vitlens_widgets.lenses.fitted.tuned import TunedLens

__all__ = ["AffineLens", "ProbeLens", "TunedLens"]

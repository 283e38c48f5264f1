"""Activation patching: values of one run put into another, to see what made the answer.

`places` says where, `exchange` puts values in and asks for answers, `patching` measures them (what
a widget needs), `activation` sweeps, `gap` says what effects are measured by.
"""

from vitlens_widgets.analysis.patching.activation import activation_patching
from vitlens_widgets.analysis.patching.exchange import Exchange
from vitlens_widgets.analysis.patching.patching import Patching
from vitlens_widgets.analysis.patching.places import Place
from vitlens_widgets.analysis.patching.result import ActivationPatching

__all__ = ["ActivationPatching", "Exchange", "Patching", "Place", "activation_patching"]

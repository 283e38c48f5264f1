"""The infill lens: what a masked autoencoder would paint from each state of its encoder."""

from vitlens_widgets.lenses.infill.infilling import Infilling
from vitlens_widgets.lenses.infill.lens import InfillLens
from vitlens_widgets.lenses.infill.tuned import TunedInfillLens

__all__ = ["InfillLens", "Infilling", "TunedInfillLens"]

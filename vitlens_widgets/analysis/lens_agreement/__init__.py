"""Does a lens read the model, or does it compute: how its answers stand to the model's own."""

from vitlens_widgets.analysis.lens_agreement.measure import lens_agreement
from vitlens_widgets.analysis.lens_agreement.result import LensAgreement
from vitlens_widgets.analysis.lens_agreement.stability import lens_stability

__all__ = ["LensAgreement", "lens_agreement", "lens_stability"]

"""Direct logit attribution: what each component adds to the answer."""

from vitlens_widgets.analysis.attribution.attribute import attribution, mean_attribution
from vitlens_widgets.analysis.attribution.mean import MeanAttribution
from vitlens_widgets.analysis.attribution.result import Attribution

__all__ = ["Attribution", "MeanAttribution", "attribution", "mean_attribution"]

"""TextSpan: what an attention head writes to the readout, said in a few texts."""

from vitlens_widgets.analysis.text_span.measure import text_span
from vitlens_widgets.analysis.text_span.result import TextSpan

__all__ = ["TextSpan", "text_span"]

"""One forward pass, captured or edited: `ViT.trace`, `Trace`, edits, sites."""

from vitlens_widgets.trace.check import check_adapter
from vitlens_widgets.trace.trace import Trace
from vitlens_widgets.trace.vit import ViT

__all__ = ["Trace", "ViT", "check_adapter"]

"""The interactive widgets: one anywidget class a file, their built front end in `static/`."""

from vitlens_widgets.widgets.attention_maps import AttentionMaps
from vitlens_widgets.widgets.explorer import Explorer, explore
from vitlens_widgets.widgets.infill_strip import InfillStrip
from vitlens_widgets.widgets.links import Link, link
from vitlens_widgets.widgets.patch_grid import PatchGrid
from vitlens_widgets.widgets.relevance_maps import RelevanceMaps

__all__ = [
    "AttentionMaps",
    "Explorer",
    "InfillStrip",
    "Link",
    "PatchGrid",
    "RelevanceMaps",
    "explore",
    "link",
]

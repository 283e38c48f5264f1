"""The interactive widgets: a folder each, mirrored by js/; their built front end in `static/`."""

from vitlens_widgets.widgets.attention_maps.widget import AttentionMaps
from vitlens_widgets.widgets.causes.widget import Causes
from vitlens_widgets.widgets.decoded_images.widget import DecodedImages
from vitlens_widgets.widgets.explorer.widget import Explorer, explore
from vitlens_widgets.widgets.features.widget import Features
from vitlens_widgets.widgets.infill_strip.widget import InfillStrip
from vitlens_widgets.widgets.patch_features.widget import PatchFeatures, teach
from vitlens_widgets.widgets.patch_grid.widget import PatchGrid
from vitlens_widgets.widgets.relevance_maps.widget import RelevanceMaps
from vitlens_widgets.widgets.shared.links import Link, link

__all__ = [
    "AttentionMaps",
    "Causes",
    "DecodedImages",
    "Explorer",
    "Features",
    "InfillStrip",
    "Link",
    "PatchFeatures",
    "PatchGrid",
    "RelevanceMaps",
    "explore",
    "link",
    "teach",
]

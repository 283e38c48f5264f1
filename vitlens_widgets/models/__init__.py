"""A ViT, seen one way, whichever library it is of."""

from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.plain import PlainViT
from vitlens_widgets.models.registry import register
from vitlens_widgets.models.vit import BaseViT

__all__ = ["BaseViT", "PlainViT", "TokenLayout", "register"]

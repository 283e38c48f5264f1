"""A ViT from anywhere, seen one way."""

from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.load import load
from vitlens_widgets.models.paper import PaperModel, PaperModels, paper_models
from vitlens_widgets.models.untrained import untrained
from vitlens_widgets.models.vit import ViT

__all__ = [
    "PaperModel",
    "PaperModels",
    "TokenLayout",
    "ViT",
    "load",
    "paper_models",
    "untrained",
]

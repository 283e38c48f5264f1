"""A ViT from anywhere: from a name, a folder, a hub, a file or a module."""

from vitlens_widgets.zoo.decoders import load_decoder
from vitlens_widgets.zoo.load import load
from vitlens_widgets.zoo.paper import PaperModel, PaperModels, paper_models
from vitlens_widgets.zoo.saes import load_sae
from vitlens_widgets.zoo.untrained import untrained

__all__ = [
    "PaperModel",
    "PaperModels",
    "load",
    "load_decoder",
    "load_sae",
    "paper_models",
    "untrained",
]

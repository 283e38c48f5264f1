"""From hidden states to pictures: states, what components write, all tokens of a state."""

from vitlens_widgets.lenses.pictures.decoded_pictures import DecodedPictures
from vitlens_widgets.lenses.pictures.diffusion import DiffusionLens
from vitlens_widgets.lenses.pictures.patches import PatchDecoderLens
from vitlens_widgets.lenses.pictures.steering import SteeringLens

__all__ = ["DecodedPictures", "DiffusionLens", "PatchDecoderLens", "SteeringLens"]

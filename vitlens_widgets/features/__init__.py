"""Features beyond neurons: latents of sparse autoencoders, and the files that keep them."""

from vitlens_widgets.features.activation import Activation
from vitlens_widgets.features.sae import SAE
from vitlens_widgets.features.scaling import Scaling
from vitlens_widgets.features.training import train_sae

__all__ = ["SAE", "Activation", "Scaling", "train_sae"]

"""Training sparse autoencoders on a model's own activations."""

from vitlens_widgets.features.training.train import train_sae

__all__ = ["train_sae"]

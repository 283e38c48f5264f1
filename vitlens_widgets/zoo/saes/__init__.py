"""Sparse autoencoders that others have trained, whatever format they are kept in."""

from vitlens_widgets.zoo.saes.load import load_sae

__all__ = ["load_sae"]

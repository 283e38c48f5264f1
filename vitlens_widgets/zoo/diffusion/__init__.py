"""Decoders of diffusers, an optional extra: pip install vitlens_widgets[diffusion]."""

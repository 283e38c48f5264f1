"""What activation patching must find: each place by a run of its own, with the edits of traces."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch

import vitlens_widgets as vl
from vitlens_widgets.analysis import Place
from vitlens_widgets.trace.selection import indices

SITES = ("z", "q", "k", "v", "pattern", "attn_out", "mlp_out", "mlp_pre", "mlp_post")
STATES = ("resid_pre", "resid_mid", "resid_post")


def edit_of(place: Place, base: vl.Trace, source: vl.Trace) -> vl.edits.Replace:
    """The edit that puts the source's values at a place; of neurons into the base's others."""
    choices = {name: one for name, one in place.choices.items() if one is not None}
    neuron = choices.pop("neuron", None)
    if neuron is None:
        return vl.edits.Replace(place.site, place.layer, source, **choices)
    own, other = (run[place.site, place.layer] for run in (base, source))
    chosen = torch.zeros(own.shape[-1], dtype=torch.bool)
    chosen[indices("neuron", neuron, own.shape[-1])] = True
    mixed = torch.where(chosen, other, own)
    tokens = choices.get("token")
    if tokens is not None:
        mixed = mixed[:, indices("token", tokens, base.layout.n_tokens)]
    return vl.edits.Replace(place.site, place.layer, mixed, **choices)


def one_by_one(
    base: vl.Trace, source: vl.Trace, exchanges: Sequence[Place | Sequence[Place]]
) -> torch.Tensor:
    """Logits `[exchange, image, class]`; places that are exchanged together have other layers."""
    found = []
    for places in exchanges:
        several = [places] if isinstance(places, Place) else places
        edits = [edit_of(place, base, source) for place in several]
        found.append(base.rerun(edits).logits)
    return torch.stack(found)


def places_at(site: str, vit: vl.ViT) -> list[Place]:
    """Some of every kind: by head, by token, by neuron, by query and key; two that overlap none."""
    layers, last = range(vit.n_layers), vit.n_layers - 1
    few = sorted({0, vit.layout.n_prefix, vit.layout.n_tokens - 1})
    heads = [Place(site, layer, head=h) for layer, h in product(layers, (0, vit.n_heads - 1))]
    if site == "pattern":
        return [*heads, Place(site, 0, query=0), Place(site, last, key=few)]
    if site in "qkvz":
        return [*heads, Place(site, last, head=[0, 1], token=few), Place(site, 0, token=few[-1])]
    own = [Place(site, layer, token=t) for layer, t in product(layers, few)]
    if site in ("mlp_pre", "mlp_post"):
        own = [Place(site, layer, neuron=[3, 5]) for layer in layers]
        own.append(Place(site, last, token=few, neuron=[0, 7, 2]))
    return [*own, Place(site, last)]


def off(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, relative to the largest logit."""
    return float((found - expected).abs().max() / expected.abs().max())

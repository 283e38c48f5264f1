"""`run`: one forward pass, captured. Reached as `vit.trace(images)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError, UsageError
from vitlens_widgets.models import TokenLayout, ViT
from vitlens_widgets.models.sites import TAPPED_SITES
from vitlens_widgets.trace.batch import as_batch
from vitlens_widgets.trace.capture import kept_copy, watching
from vitlens_widgets.trace.sites import STATE_SITES, check_site
from vitlens_widgets.trace.trace import Trace

# How far, relative to the largest logit, the captured final state may be from the model's answer
# before the capture is called wrong. Not the promise (the tests hold 1e-5 in float32), but what
# tells a broken assumption from rounding.
_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4}
_TOLERANCE_HALF = 5e-2


def run(vit: ViT, images: Any, *, keep: str | Sequence[str], preprocessed: bool) -> Trace:
    """See `ViT.trace`."""
    sites = _kept_sites(keep)
    if vit.model.training:
        raise UsageError(
            "The model is in train mode, where dropout makes every run different; call "
            "model.eval() first."
        )
    pixels, pictures = as_batch(vit, images, preprocessed)
    layout = vit.adapter.layout(tuple(pixels.shape[2:]))
    with torch.no_grad():
        states, kept, answer = _captured_forward(vit, pixels, sites)
        logits = answer if vit.adapter.has_classifier else None
        _check(vit, layout, states, logits)
    return Trace(vit=vit, layout=layout, states=states, logits=logits, pictures=pictures, kept=kept)


def _kept_sites(keep: str | Sequence[str]) -> list[str]:
    """The sites to store beside the states; a derived site is stored as what it derives from."""
    names = [keep] if isinstance(keep, str) else list(keep)
    sites = TAPPED_SITES if names == ["all"] else [check_site(name) for name in names]
    needed = [part for site in sites for part in _PARTS_OF.get(site, (site,))]
    return [site for site in dict.fromkeys(needed) if site not in STATE_SITES]


_PARTS_OF = {"attn_scores": ("q", "k"), "pattern": ("q", "k")}


def _captured_forward(
    vit: ViT, pixels: Tensor, sites: Sequence[str]
) -> tuple[Tensor, dict[tuple[str, int], Tensor], Tensor]:
    """(states `[state, image, token, d]`, kept sites, the model's answer)."""
    last = vit.n_layers - 1
    taps = {}
    for layer in range(vit.n_layers):
        found = vit.adapter.taps(layer)
        taps |= {(site, layer): found[site] for site in ("resid_pre", *sites)}
    taps["resid_post", last] = vit.adapter.taps(last)["resid_post"]

    states: list[Tensor] = []
    kept: dict[tuple[str, int], Tensor] = {}

    def see(key: tuple[str, int], value: Tensor) -> None:
        site, layer = key
        if site in STATE_SITES:
            if not states:  # one block of memory, filled as the states come
                states.append(value.new_empty(vit.n_layers + 1, *value.shape))
            states[0][layer + STATE_SITES[site]] = value.detach()
        else:
            kept[key] = kept_copy(value)

    with watching(taps, see):
        answer = vit.adapter.forward(pixels)
    return states[0], kept, answer


def _check(vit: ViT, layout: TokenLayout, states: Tensor, logits: Tensor | None) -> None:
    """Refuse a model in which the captured states do not lead to the model's own answer."""
    if states.shape[2] != layout.n_tokens:
        raise UnsupportedModelError(
            f"{vit.name} cannot be read exactly: its blocks see {states.shape[2]} tokens where "
            f"{layout} makes {layout.n_tokens}."
        )
    if logits is None:
        return
    again = vit.adapter.readout_logits(states[-1])
    off = (again - logits).abs().max().item()
    allowed = _TOLERANCE.get(states.dtype, _TOLERANCE_HALF) * logits.abs().max().item()
    if off > allowed:
        raise UnsupportedModelError(
            f"{vit.name} cannot be read exactly: its logits must be its classifier on the state "
            f"after the last block, but they differ by {off:.3g} (logits up to "
            f"{logits.abs().max().item():.3g}); its forward does something beyond its blocks, "
            "final norm and classifier."
        )

"""Whether an SAE can be of a model, and which of the model's tokens it is of.

A model is known again by what stands at the SAE's site for one fixed image: what comes after the
site, such as a classifier that was taught later, does not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
import torch

from vitlens_widgets.errors import UsageError, counted
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.vit import check_vit

_NEURONS = ("mlp_pre", "mlp_post")
"""Sites that are not as wide as the stream."""

_checked: WeakKeyDictionary[Any, WeakSet[ViT]] = WeakKeyDictionary()
"""Which models an SAE was found to be of: edits ask at every run, and each answer costs one."""

_TOLERANCE = 0.02
"""Of the length of the mean; half precision and another processor move it by less."""


@clean
@torch.no_grad()
def seen_by(vit: ViT, site: str, layer: int) -> dict[str, Any]:
    """The mean over tokens of a site, for random pixels, in JSON's types.

    Args:
        vit: The model.
        site: A site that has one vector a token.
        layer: Of which block.

    Returns:
        `image_size`, which the pixels depend on, and `mean`, `[d]` to five digits.
    """
    shape = (1, vit.adapter.n_channels, *vit.image_size)
    pixels = torch.tensor(np.random.RandomState(0).uniform(-1, 1, shape))
    trace = vit.trace(pixels.to(vit.device, vit.dtype), preprocessed=True)
    mean = cast("list[float]", trace[site, layer][0].double().mean(0).tolist())
    return {"image_size": list(vit.image_size), "mean": [float(f"{v:.5g}") for v in mean]}


def same_model(known: Mapping[str, Any], seen: Mapping[str, Any]) -> bool:
    """Whether two of them may be of one model: at other image sizes that cannot be told."""
    if not known or known["image_size"] != seen["image_size"]:
        return True
    ours, theirs = (np.asarray(one["mean"], dtype=float) for one in (known, seen))
    if ours.shape != theirs.shape:
        return False
    return bool(np.linalg.norm(ours - theirs) <= _TOLERANCE * np.linalg.norm(ours))


def check_model(sae: Any, vit: ViT) -> None:
    """Refuse a model that an SAE cannot be of; see `SAE.check`."""
    models = _checked.setdefault(sae, WeakSet())
    if check_vit(vit, "check") in models:
        return
    if sae.layer >= vit.n_layers:
        raise UsageError(
            f"This SAE is of block {sae.layer}, and {vit.name} has "
            f"{counted(vit.n_layers, 'block')}, 0 to {vit.n_layers - 1}."
        )
    sae.where(vit)
    width, seen = vit.width, None
    if sae.site in _NEURONS or sae.seen:
        seen = seen_by(vit, sae.site, sae.layer)
        width = len(seen["mean"])
    if sae.width != width:
        raise UsageError(
            f"This SAE is of {sae.site} with d = {sae.width}, and {vit.name} has d = {width} there."
        )
    if seen is not None and not same_model(sae.seen, seen):
        raise UsageError(
            f"This SAE was trained on {sae.model or 'another model'}, and {vit.name} is another "
            f"model up to block {sae.layer}: load the one it was trained on."
        )
    models.add(vit)

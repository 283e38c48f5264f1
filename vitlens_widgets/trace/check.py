"""`check_adapter`: whether what a model is said to compute is what it computes, as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.batch import as_batch
from vitlens_widgets.trace.trace import Trace
from vitlens_widgets.trace.vit import ViT, check_vit

if TYPE_CHECKING:
    from pandas import DataFrame

Check = Callable[[Trace, int], float]
"""How far a block of a trace is from what it is said to compute, relative to the largest value."""


def check_adapter(vit: ViT, images: Any = None) -> DataFrame:
    """Hold what an adapter says of a model against what the model computes.

    Args:
        vit: The model, as `vl.load` gives it.
        images: As `ViT.trace` takes them; by default two images of noise.

    Returns:
        A row for each claim: `claim`, the largest `difference` over all blocks relative to the
        largest value (NaN where it could not be asked for), whether that is `exact` (1e-5 in
        float32, less fine in shorter types), and the sentence of a refusal in `refused`.

    Raises:
        UsageError: As `ViT.trace`.

    Example:
        >>> table = check_adapter(vit)
        >>> bool(table.exact.all())
        True
    """
    from pandas import DataFrame

    check_vit(vit, "check_adapter")
    pixels = _noise(vit) if images is None else as_batch(vit, images, preprocessed=False)[0]
    claims = ["the last state, read out, is the model's own answer", *BLOCKS]
    try:
        trace = _traced(vit, pixels)
    except UnsupportedModelError as refusal:
        found = [(float("nan"), str(refusal))] * len(claims)
    else:
        found = [(_readout(trace, pixels), "")]
        layers = range(vit.n_layers)
        found += [_asked(check, trace, layers) for check in BLOCKS.values()]
    finest = max(1e-5, 16 * torch.finfo(vit.dtype).eps)
    rows = [
        (claim, difference, difference <= finest, refused)
        for claim, (difference, refused) in zip(claims, found, strict=True)
    ]
    return DataFrame(rows, columns=["claim", "difference", "exact", "refused"])


def _traced(vit: ViT, pixels: Tensor) -> Trace:
    """With every site as it ran; where one is refused, with states, and sites as they are asked."""
    try:
        return vit.trace(pixels, preprocessed=True, keep="all")
    except UnsupportedModelError:
        return vit.trace(pixels, preprocessed=True)


def off(found: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest value."""
    return ((found - expected).abs().max() / expected.abs().max()).item()


def _noise(vit: ViT) -> Tensor:
    """Two images of normalised noise, as the model takes them."""
    shape = (2, vit.adapter.n_channels, *vit.image_size)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    return noise.to(device=vit.device, dtype=vit.dtype)


def _asked(check: Check, trace: Trace, layers: Any) -> tuple[float, str]:
    """The largest difference over blocks, and "" or the sentence of a refusal."""
    try:
        return max(check(trace, layer) for layer in layers), ""
    except UnsupportedModelError as refusal:
        return float("nan"), str(refusal)


@clean
def _readout(trace: Trace, pixels: Tensor) -> float:
    adapter = trace.vit.adapter
    read = adapter.readout_logits if adapter.has_classifier else adapter.readout_features
    with torch.no_grad():
        return off(read(trace.states[-1]), adapter.forward(pixels))


def _next_state(trace: Trace, layer: int) -> float:
    return off(trace["resid_post", layer], trace.states[layer + 1])


def residual_sum(trace: Trace, layer: int) -> float:
    """How far state, attention and MLP are from adding up to the next state."""
    sites = trace.vit.adapter.hook_points(layer)
    added = sum(trace[site, layer] for site in ("attn_out", "mlp_out") if site in sites)
    return off(trace.states[layer] + added, trace.states[layer + 1])


def _middle(trace: Trace, layer: int) -> float:
    if "resid_mid" not in trace.vit.adapter.hook_points(layer):
        return 0.0
    return off(trace.states[layer] + trace["attn_out", layer], trace["resid_mid", layer])


def weighted_values(trace: Trace, layer: int) -> float:
    """How far pattern times values is from z, and rows of the pattern from a sum of 1."""
    pattern = trace["pattern", layer]
    z = torch.einsum("ihqk,ikhd->iqhd", pattern, trace["v", layer])
    sums = pattern.sum(-1)
    return max(off(z, trace["z", layer]), off(sums, torch.ones_like(sums)))


@clean
def run_again(trace: Trace, layer: int) -> float:
    """How far a block run alone is from the same block in the model's run."""
    with torch.no_grad():
        again = trace.vit.adapter.run_block(layer, trace.states[layer])
    return off(again, trace.states[layer + 1])


BLOCKS: dict[str, Check] = {
    "a block's resid_post is the next block's resid_pre": _next_state,
    "resid_pre + attn_out + mlp_out = resid_post": residual_sum,
    "resid_pre + attn_out = resid_mid": _middle,
    "rows of pattern sum to 1, and pattern @ v = z": weighted_values,
    "a block run alone gives the same state": run_again,
}
"""What is claimed of every block, and how far it is from true."""

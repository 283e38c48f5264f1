"""How near paintings are to a picture, on the hidden patches alone; all are `[state, image]`.

Paintings are those of each state in turn, float32 `[image, height, width, colour]`: visible patches
pasted, brightness clipped to 0 .. 1. The picture, or what is painted from the last state, is the
`reference`, of the same shape; `hidden` is bool `[image, height, width]`.

- `mse`: mean squared difference of brightness (0 to 1) over hidden pixels and colours.
- `psnr`: `10 log10(1 / mse)` in dB; infinite where nothing differs.
- `ssim`: structural similarity (Wang et al. 2004: Gaussian windows of deviation 1.5, computed by
  scikit-image) of the whole pasted picture, averaged over hidden pixels and colours.
- `perceptual`: distance in the model's own eyes. Both pictures go whole through the encoder; at
  each state after a block, every token is brought to length 1, and the squared distance of the
  two is averaged over hidden patches and over the L states: 0 is equal, 2 unrelated, 4 opposite.
  After equation 1 of LPIPS (Zhang et al. 2018), with this encoder as the network, no learned
  weights, the mean over layers instead of their sum, and hidden patches alone instead of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, did_you_mean, quoted_list
from vitlens_widgets.lenses.infill.brightness import to_pixels
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.families.mae import MAEEncoder
from vitlens_widgets.trace import ViT

REFERENCES = ("original", "final")
_WINDOW = 11  # pixels, of SSIM's Gaussian windows


Paintings = Iterable[np.ndarray]


def mse(paintings: Paintings, reference: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """See the top of the file."""

    def squared(picture: np.ndarray, i: int) -> np.ndarray:
        return np.square(picture - reference[i], dtype=float)

    return _of_hidden(paintings, hidden, squared)


def psnr(paintings: Paintings, reference: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """See the top of the file."""
    with np.errstate(divide="ignore"):
        return -10 * np.log10(mse(paintings, reference, hidden))


def ssim(paintings: Paintings, reference: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """See the top of the file.

    Raises:
        UsageError: The pictures are smaller than SSIM's windows.
    """
    from skimage import metrics  # which only this needs

    if min(reference.shape[1:3]) < _WINDOW:
        raise UsageError(f"SSIM needs pictures of at least {_WINDOW} x {_WINDOW} pixels.")

    def similarity(picture: np.ndarray, i: int) -> np.ndarray:
        _, similar = cast(
            "tuple[float, np.ndarray]",
            metrics.structural_similarity(
                reference[i],
                picture,
                data_range=1,
                channel_axis=2,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                full=True,
            ),
        )
        return similar

    return _of_hidden(paintings, hidden, similarity)


def perceptual(
    paintings: Paintings, reference: np.ndarray, mask: np.ndarray, vit: ViT
) -> np.ndarray:
    """See the top of the file.

    Args:
        paintings: Of as many images as go through the encoder together.
        reference: What they are compared with.
        mask: The hidden patches, bool `[image, patch]`.
        vit: The model.
    """
    target = _features(vit, reference)
    rows: list[np.ndarray] = []
    for pictures in paintings:
        away = (_features(vit, pictures) - target).square().sum(dim=-1).mean(dim=0)
        rows.append(_means(away.numpy(), mask))  # [image, patch]
    return np.stack(rows)


OF_PIXELS: dict[str, Callable[[Paintings, np.ndarray, np.ndarray], np.ndarray]] = {
    "mse": mse,
    "psnr": psnr,
    "ssim": ssim,
}
METRICS = (*OF_PIXELS, "perceptual")


def check_metric(name: str) -> None:
    """Refuse what is none of `METRICS`.

    Raises:
        UsageError: It is none.
    """
    if not isinstance(name, str) or name not in METRICS:
        hint = did_you_mean(str(name), METRICS)
        raise UsageError(f"{name!r} is no metric; there are {quoted_list(METRICS)}.{hint}")


def first_near(distance: np.ndarray, share: float) -> np.ndarray:
    """The first state from which on a distance stays within a share of its largest value.

    Args:
        distance: `[state, image]`, zero at the last state.
        share: Of the largest value.

    Returns:
        int64 `[image]`.
    """
    far = distance > share * distance.max(axis=0)
    states = np.arange(1, len(distance) + 1)[:, None]
    return (far * states).max(axis=0)


def _of_hidden(
    paintings: Paintings, hidden: np.ndarray, measure: Callable[[np.ndarray, int], np.ndarray]
) -> np.ndarray:
    """The mean over hidden pixels and colours of `measure(picture, image)`, `[state, image]`."""
    rows: list[np.ndarray] = []
    for pictures in paintings:
        maps = np.stack([measure(picture, i) for i, picture in enumerate(pictures)])
        rows.append(_means(maps.mean(axis=-1), hidden))
    return np.stack(rows)


def _means(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The mean of each image's values at chosen places, float64 `[image]`; NaN without any."""
    return np.array(
        [
            value[chosen].mean(dtype=float) if chosen.any() else np.nan
            for value, chosen in zip(values, where, strict=True)
        ]
    )


@clean
@torch.no_grad()
def _features(vit: ViT, brightness: np.ndarray) -> Tensor:
    """Patches of whole pictures after each block, of length 1, `[state, image, patch, d]`."""
    encoder = cast(MAEEncoder, vit.adapter)  # what paints is nothing else
    tokens = encoder.embed(to_pixels(brightness, vit))
    states = torch.stack(encoder.encode(tokens)[1:])
    patches = states[:, :, vit.layout.patches].float().cpu()
    return torch.nn.functional.normalize(patches, dim=-1)

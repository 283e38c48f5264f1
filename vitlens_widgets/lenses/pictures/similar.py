"""How alike pictures are: to a model, and in their structure."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.batch import as_batch

_AT_ONCE = 32
_SIDE, _DEVIATION = 11, 1.5  # of the window of SSIM
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


@clean
@torch.no_grad()
def embedded(vit: ViT, pictures: np.ndarray) -> np.ndarray:
    """What a model pools of pictures, of length 1, float64 `[..., feature]`.

    Args:
        vit: The model, which prepares them as any image.
        pictures: uint8 `[..., height, width, 3]`.
    """
    flat = pictures.reshape(-1, *pictures.shape[-3:])
    found = [
        vit.adapter.pooled(as_batch(vit, list(flat[i : i + _AT_ONCE]), False)[0])
        for i in range(0, len(flat), _AT_ONCE)
    ]
    units = functional.normalize(torch.cat(found).double(), dim=-1).cpu().numpy()
    return units.reshape(*pictures.shape[:-3], -1)


def ssim(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The structural similarity of pictures, mean over the windows inside and the three colours.

    Args:
        first: uint8 `[..., height, width, 3]`, at least 11 pixels high and wide.
        second: The same, or what broadcasts to it.

    Returns:
        Float64 `[...]`, 1 for equal pictures.

    Source:
        Wang, Bovik, Sheikh & Simoncelli (2004), equation 13: Gaussian windows of 11 x 11 pixels
        with a deviation of 1.5, K1 = .01, K2 = .03, sums weighted to 1.
    """
    first, second = np.broadcast_arrays(first, second)
    shape = first.shape[:-3]
    flat = [one.reshape(-1, *one.shape[-3:]) for one in (first, second)]
    found = [
        _ssim(*(_channels(one[i : i + _AT_ONCE]) for one in flat))
        for i in range(0, len(flat[0]), _AT_ONCE)
    ]
    return torch.cat(found).numpy().reshape(shape)


def _ssim(x: Tensor, y: Tensor) -> Tensor:
    """Of `[picture, 3, height, width]`."""
    mean_x, mean_y = _windowed(x), _windowed(y)
    var_x = _windowed(x * x) - mean_x**2
    var_y = _windowed(y * y) - mean_y**2
    both = _windowed(x * y) - mean_x * mean_y
    alike = (2 * mean_x * mean_y + _C1) * (2 * both + _C2)
    index = alike / ((mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2))
    return index.mean((1, 2, 3))


def resized(pictures: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Pictures uint8 `[..., height, width, 3]` at another (height, width)."""
    if pictures.shape[-3:-1] == size:
        return pictures
    height, width = size
    way = Image.Resampling.BICUBIC
    flat = pictures.reshape(-1, *pictures.shape[-3:])
    made = [np.asarray(Image.fromarray(one).resize((width, height), way)) for one in flat]
    return np.stack(made).reshape(*pictures.shape[:-3], height, width, 3)


def _channels(pictures: np.ndarray) -> Tensor:
    """Float64 `[picture, 3, height, width]`."""
    return torch.from_numpy(pictures.astype(np.float64)).permute(0, 3, 1, 2)


def _windowed(values: Tensor) -> Tensor:
    """The weighted mean over each window, of which all lies inside."""
    at = torch.arange(_SIDE, dtype=torch.float64) - _SIDE // 2
    line = torch.exp(-(at**2) / (2 * _DEVIATION**2))
    line = (line / line.sum()).expand(values.shape[1], 1, 1, -1)
    across = functional.conv2d(values, line, groups=values.shape[1])
    return functional.conv2d(across, line.mT, groups=values.shape[1])

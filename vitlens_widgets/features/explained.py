"""What an SAE is worth on a few images, beside what its card says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from vitlens_widgets.errors import check_count, counted
from vitlens_widgets.features.base import BaseSAE
from vitlens_widgets.features.measured import SAEWorth, measured
from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.batch import as_batch

if TYPE_CHECKING:
    from pandas import DataFrame

_SAID_AS = {
    "explained variance": ("explained", "explained_variance", "variance_explained"),
    "L0": ("l0", "mean_l0"),
    "dead share": ("dead", "dead_share", "frac_dead"),
    "KL": ("kl",),
    "KL of the mean token": ("kl_mean",),
    "recovered": ("recovered", "loss_recovered", "kl_div_score"),
}
"""What the measures are called in cards."""


def worth(sae: BaseSAE, vit: ViT, images: Any, batch_size: int = 8) -> SAEWorth:
    """What it is worth on images as `vit.trace` takes them.

    Raises:
        UsageError: The SAE is not of this model, or an image cannot be read.
    """
    size = check_count("batch_size", batch_size, least=1)
    sae.check(vit)
    pixels = as_batch(vit, images, preprocessed=False)[0]

    def batches() -> Iterator[Tensor]:
        yield from pixels.split(size)

    return measured(sae, vit, batches)


def measures(found: SAEWorth) -> dict[str, float]:
    """The measures of `SAE.explained` by name."""
    kl, kl_mean = (
        math.nan if one is None else float(one.mean()) for one in (found.kl, found.kl_mean)
    )
    return {
        "explained variance": found.explained,
        "L0": found.l0,
        "dead share": found.dead,
        "KL": kl,
        "KL of the mean token": kl_mean,
        "recovered": math.nan if found.recovered is None else found.recovered,
    }


def intervals(found: SAEWorth) -> dict[str, tuple[float, float]]:
    """95 % intervals over images of the measures that are means or ratios; the jackknife's.

    One image after the other is left out; around the mean token of all, as it is.

    Source:
        Efron (1982), "The Jackknife, the Bootstrap and Other Resampling Plans", section 3.1.
    """
    n, whole = found.n_images, measures(found)
    if n < 2:
        return {}
    tokens = found.n_tokens * (n - 1) / n
    left = {
        "explained variance": 1 - _without(found.errors) / _without(found.spreads),
        "L0": _without(found.on) / tokens,
    }
    if found.kl is not None and found.kl_mean is not None:
        kl, kl_mean = _without(found.kl.double()), _without(found.kl_mean.double())
        means = {"KL": kl / (n - 1), "KL of the mean token": kl_mean / (n - 1)}
        left |= {**means, "recovered": 1 - kl / kl_mean}
    halves = {name: _half_width(one) for name, one in left.items()}
    return {name: (whole[name] - half, whole[name] + half) for name, half in halves.items()}


def _without(of_images: Tensor) -> Tensor:
    """The sum of all but each, `[image]`."""
    return of_images.sum() - of_images


def _half_width(left: Tensor) -> float:
    """Half a 95 % interval, of what is found without each image, `[image]`."""
    from scipy.stats import t  # a second to import

    n = len(left)
    error = ((n - 1) / n * (left - left.mean()).square().sum()).sqrt()
    return float(t.ppf(0.975, n - 1) * error)


def explained_table(sae: BaseSAE, vit: ViT, images: Any, batch_size: int) -> DataFrame:
    """See `SAE.explained`."""
    import pandas as pd

    found = worth(sae, vit, images, batch_size)
    said = _numbers(sae.card)
    table = pd.DataFrame({"measured": measures(found)})
    ends = intervals(found)
    for at, end in enumerate(("low", "high")):
        table[end] = [ends[name][at] if name in ends else math.nan for name in table.index]
    table["card"] = [
        next((said[word] for word in _SAID_AS[name] if word in said), math.nan)
        for name in table.index
    ]
    table.attrs["title"] = (
        f"{sae.name} on {vit.name}, {sae.site} of block {sae.layer}, "
        f"{counted(found.n_images, 'image')}, {counted(found.n_tokens, 'token')}"
    )
    return table


def _numbers(card: Mapping[str, object], deep: int = 3) -> dict[str, float]:
    """The numbers of a card by their names in small letters; outer ones go before inner ones."""
    inner: dict[str, float] = {}
    for value in card.values():
        if is_mapping(value) and deep:
            inner.update(_numbers(value, deep - 1))
    own = {
        name.lower(): float(value)
        for name, value in card.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    return {**inner, **own}

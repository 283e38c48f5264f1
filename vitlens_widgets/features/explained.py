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


def explained_table(sae: BaseSAE, vit: ViT, images: Any, batch_size: int) -> DataFrame:
    """See `SAE.explained`."""
    import pandas as pd

    found = worth(sae, vit, images, batch_size)
    said = _numbers(sae.card)
    table = pd.DataFrame({"measured": measures(found)})
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

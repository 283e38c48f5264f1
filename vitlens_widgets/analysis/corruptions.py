"""Runs and values to compare with: noise on the embedding, and the mean over a data set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import check_trace
from vitlens_widgets.analysis.stream import BatchMeasure, ExampleBatch, run
from vitlens_widgets.data import Dataset
from vitlens_widgets.errors import UsageError, as_list, check_number, check_seed
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.edits import Add
from vitlens_widgets.trace.selection import Choice, tokens
from vitlens_widgets.trace.sites import check_index, check_site
from vitlens_widgets.trace.vit import check_vit


def noised(trace: Trace, times: float = 3.0, token: Choice = None, seed: int = 0) -> Trace:
    """The same images with noise on their embedding: a corrupted run.

    Gaussian, of `times` the standard deviation of all entries of the patches' state 0, over the
    images of the trace; each image and token has its own.

    Args:
        trace: The clean run.
        times: How many standard deviations.
        token: Which tokens, as for edits, such as a `[row, col]` mask; None for all patches.
        seed: Of the noise; the same one gives the same noise on every device.

    Raises:
        UsageError: No trace, no such tokens, or numbers that make no noise.

    Source:
        Meng et al. (2022), "Locating and editing factual associations in GPT", section 2.1.

    Example:
        >>> corrupted = vl.analysis.noised(clean, token=cat_mask)
        >>> vl.analysis.activation_patching(clean, corrupted, "cat")
    """
    layout, state = check_trace(trace).layout, trace.states[0].detach()
    patches = layout.patches if token is None else token
    chosen = tokens("token", patches, layout)
    of_patches = state[:, trace.tokens >= layout.n_prefix].float()
    deviation = check_number("times=", times, above=0) * of_patches.std()
    generator = torch.Generator().manual_seed(check_seed(seed))
    noise = torch.zeros(trace.n_images, layout.n_tokens, state.shape[-1])
    some = (trace.n_images, len(chosen), state.shape[-1])
    noise[:, chosen] = deviation.cpu() * torch.randn(some, generator=generator)
    return trace.rerun([Add("resid_pre", 0, noise[:, trace.tokens.cpu()].to(state))])


@dataclass(frozen=True, repr=False)
class MeanValues:
    """Means of sites over a data set, to be put in place of an image's own (mean ablation).

    Attributes:
        title: Of which model and images.
        n_images: Of how many.
        values: By (site, layer), float32 `[1, token, ...]` as the site is.

    Example:
        >>> means = vl.analysis.mean_values(vit, vl.world.Scenes(), ["z"], n_images=500)
        >>> trace.rerun([vl.edits.Replace("z", 3, means["z", 3][:, :, [1]], head=1)])
    """

    title: str
    n_images: int
    values: dict[tuple[str, int], Tensor] = field(repr=False)

    def __getitem__(self, key: tuple[str, int]) -> Tensor:
        """The mean of a site of one block, `[1, token, ...]`.

        Raises:
            UsageError: A site that was not asked for, or no such block.
        """
        sites = list(dict.fromkeys(site for site, _ in self.values))
        if not (isinstance(key, tuple) and len(key) == 2 and key[0] in sites):
            raise UsageError(
                f"Means are read as means[site, layer], of {', '.join(sites)} here, not by {key!r}."
            )
        return self.values[key[0], check_index("layer", key[1], len(self.values) // len(sites))]

    def __repr__(self) -> str:
        sites = ", ".join(dict.fromkeys(site for site, _ in self.values))
        return f"MeanValues({sites} of {self.title})"


def mean_values(
    vit: ViT,
    data: Dataset,
    sites: str | Sequence[str] = ("z",),
    *,
    n_images: int | None = None,
    batch_size: int = 16,
    executor: Any = None,
    save_to: str | os.PathLike[str] | None = None,
) -> MeanValues:
    """The mean of sites over a data set, token by token.

    Args:
        vit: The model.
        data: The images.
        sites: One or several, such as `"z"` or `["attn_out", "mlp_out"]`.
        n_images: How many images; None for all there are.
        batch_size: How many images the model runs together.
        executor: Whose workers run it, such as `vl.cluster()`; None for this process.
        save_to: A file to save to after every batch, and to go on from.

    Raises:
        UsageError: A site that is not there, or a data set or file that does not fit.
    """
    check_vit(vit, "mean_values")
    listed = [sites] if isinstance(sites, str) else as_list("sites=", sites, '["z", "mlp_out"]')
    measure = _Sums(vit, [check_site(site) for site in listed])
    where = {"executor": executor, "save_to": save_to}
    done = run(measure, vit, data, n_images=n_images, batch_size=batch_size, **where)
    values = {
        (site, layer): torch.from_numpy(done.tallies[site][layer] / done.n_images).float()[None]
        for site in measure.settings["sites"]
        for layer in range(vit.n_layers)
    }
    return MeanValues(done.title, done.n_images, values)


class _Sums(BatchMeasure):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name: ClassVar = "mean values"
    own_labels: ClassVar = True  # whatever the classes: they are not looked at

    def __init__(self, vit: ViT, sites: list[str]) -> None:
        if not sites:
            raise UsageError('sites= takes one site or several, such as ["z"], not none.')
        self._vit, self.settings = vit, {"sites": sites}

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """The sums over the batch, `[layer, token, ...]` by site."""
        trace = self._vit.trace(batch.pixels, keep=self.settings["sites"], preprocessed=True)
        layers = range(self._vit.n_layers)
        return {
            site: np.stack([trace[site, k].double().sum(0).cpu().numpy() for k in layers])
            for site in self.settings["sites"]
        }

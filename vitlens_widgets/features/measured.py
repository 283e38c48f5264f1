"""What an SAE is worth on images: what it explains, and what is answered by it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor

from vitlens_widgets.features.base import BaseSAE
from vitlens_widgets.features.splice import spliced
from vitlens_widgets.lenses import statistics
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.edits import Edit, Replace

Batches = Callable[[], Iterable[Tensor]]
"""Gives the same batches of pixels, as the model takes them, each time it is called."""


@dataclass(frozen=True, eq=False)
class SAEWorth:
    """What an SAE was measured to do.

    Attributes:
        n_images: On how many images.
        n_tokens: And how many tokens of them.
        explained: 1 minus the sum of squared errors over the sum of squares around the mean token.
        l0: How many latents are on, a mean over tokens.
        dead: The share of latents that are on at none of these tokens.
        kl: KL in nats of the model's answer from its answer with the reconstruction in place,
            `[image]`; None of a model without a classifier.
        kl_mean: The same with the mean token in place of each: what there is to lose.
        errors: The sum of squared errors of each image, float64 `[image]`.
        spreads: The sum of its squares around the mean token of all, likewise.
        on: How many latents are on at its tokens together, likewise.
    """

    n_images: int
    n_tokens: int
    explained: float
    l0: float
    dead: float
    kl: Tensor | None
    kl_mean: Tensor | None
    errors: Tensor
    spreads: Tensor
    on: Tensor

    @property
    def recovered(self) -> float | None:
        """The share of the answer that is kept: 1 is all, 0 as little as by the mean token."""
        if self.kl is None or self.kl_mean is None:
            return None
        return share_recovered(self.kl, self.kl_mean)


def share_recovered(kl: Tensor, kl_mean: Tensor) -> float:
    """The share of the answer that is kept, of divergences `[image]`."""
    return 1 - float(kl.mean() / kl_mean.mean())


def measured(sae: BaseSAE, vit: ViT, batches: Batches) -> SAEWorth:
    """Measure an SAE on images, in two passes over them.

    Raises:
        UsageError: The SAE is not of this model.

    Source:
        Explained variance and loss recovered: Gao et al. (2024), "Scaling and evaluating sparse
        autoencoders", section 4; Bricken et al. (2023), "Towards monosemanticity", appendix. In
        place of the loss, which needs labels, stands the divergence from the model's own answer.
    """
    sae, edit = sae.to(vit.device), spliced(sae, vit)
    sums = _TokenSums(sae, vit)
    for pixels in batches():
        sums.add(pixels)
    kl, kl_mean = None, None
    if vit.adapter.has_classifier:
        mean = Replace(edit.site, edit.layer, token=edit.token, by=sums.mean)
        both = [_divergences(vit, pixels, (edit, mean)) for pixels in batches()]
        kl, kl_mean = torch.cat(both, 1)
    return SAEWorth(
        n_images=sums.n_images,
        n_tokens=sums.n,
        explained=1 - float(sums.error / sums.spread),
        l0=float(sums.on.sum() / sums.n),
        dead=float((sums.on == 0).double().mean()),
        kl=kl,
        kl_mean=kl_mean,
        **sums.of_images(),
    )


class _TokenSums:
    """Over the tokens so far, float64."""

    def __init__(self, sae: BaseSAE, vit: ViT) -> None:
        self._sae, self._vit = sae, vit
        self._where = torch.from_numpy(sae.where(vit).nonzero()[0])
        self.n, self.n_images = 0, 0
        zeros = partial(torch.zeros, dtype=torch.float64, device=sae.device)
        self._sum, self._squares = zeros(sae.width), zeros(sae.width)
        self.error, self.on = zeros(()), zeros(sae.n_latents)
        self._images: list[list[Tensor]] = []

    @clean
    @torch.no_grad()
    def add(self, pixels: Tensor) -> None:
        """A batch of images."""
        x = site_tokens(self._vit, pixels, self._sae.site, self._sae.layer, self._where)
        latents = self._sae.encode(x)
        self.n, self.n_images = self.n + len(x), self.n_images + len(pixels)
        self._sum += x.sum(0, dtype=torch.float64)
        self._squares += x.double().square().sum(0)
        errors = (self._sae.decode(latents, x) - x).double().square()
        self.error += errors.sum()
        self.on += (latents > 0).sum(0)
        each = (
            errors.sum(1),
            (latents > 0).sum(1).double(),
            x.double().square().sum(1),
            x.double(),
        )
        of_one = (len(pixels), -1)
        self._images.append([cast("Tensor", one.unflatten(0, of_one)).sum(1) for one in each])

    @property
    def mean(self) -> Tensor:
        """The mean token, `[d]`."""
        return (self._sum / self.n).float()

    @property
    def spread(self) -> Tensor:
        """The sum of squares around it."""
        return (self._squares - self._sum.square() / self.n).sum()

    def of_images(self) -> dict[str, Tensor]:
        """`SAEWorth`'s numbers of each image, on the CPU."""
        errors, on, squares, sums = (torch.cat(one) for one in zip(*self._images, strict=True))
        mean, n = self._sum / self.n, self.n / self.n_images
        spreads = squares - 2 * sums @ mean + n * mean.square().sum()
        return {"errors": errors.cpu(), "spreads": spreads.cpu(), "on": on.cpu()}


@clean
@torch.no_grad()
def site_tokens(vit: ViT, pixels: Tensor, site: str, layer: int, where: Tensor) -> Tensor:
    """A site's values at the chosen tokens of a batch of images, float32 `[token, d]`."""
    seen: list[Tensor] = []

    def watch(block: int, value: Tensor) -> None:
        if block == layer:
            seen.append(value[:, where.to(value.device)].flatten(0, 1).float())

    vit.trace(pixels, preprocessed=True, watch={site: watch})
    return seen[0]


@clean
@torch.no_grad()
def _divergences(vit: ViT, pixels: Tensor, edits: tuple[Edit, ...]) -> Tensor:
    """KL in nats of the model's answer from that under each edit, `[edit, image]`, on the CPU."""

    def answer(*made: Edit) -> Tensor:
        logits = vit.trace(pixels, preprocessed=True, edits=made).logits
        assert logits is not None  # noqa: S101  # it has a classifier
        return logits.float()

    whole, kind = answer(), vit.probabilities
    found = [statistics.kl_divergence(whole, answer(edit), kind) for edit in edits]
    return torch.stack(found).cpu()

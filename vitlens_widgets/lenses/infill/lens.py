"""`InfillLens`: each state of the encoder painted as if it were the last."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError, UsageError
from vitlens_widgets.lenses.infill.brightness import Statistics, check_statistics
from vitlens_widgets.lenses.infill.infilling import Infilling
from vitlens_widgets.lenses.infill.masks import given_mask, order_of, random_mask
from vitlens_widgets.lenses.infill.shown import Shown, batch_size_for
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.families.mae import MaskedAutoencoder
from vitlens_widgets.models.live import Live, all_of
from vitlens_widgets.progress import progress_bar
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.batch import as_batch
from vitlens_widgets.trace.modules import check_modes, computing, is_untouched
from vitlens_widgets.trace.vit import check_vit

_TOLERANCE = 1e-3  # tells a model that works otherwise from rounding; tests hold 1e-5


class InfillLens(Live):
    """The model's own final norm and decoder, applied to every state of the visible patches.

    A masked autoencoder hides part of an image, runs the rest through its encoder, and has its
    decoder paint all patches. The lens gives the decoder each of the L + 1 states of the encoder
    in turn, the mask being the same for all; at the last state it paints what the model paints.

    Args:
        mae: The masked autoencoder, from `vl.load`.
        norm: Whether the encoder's final norm comes before the decoder at every state, as it does
            at the last one in the model. Without it, no state gives the model's own answer.
        statistics: For models trained on normalised pixels, where the brightness and contrast of a
            hidden patch come from: `"neighbours"` (default), `"visible"`, or `"target"`, which
            leaks the answer (`vitlens_widgets.lenses.infill.brightness`).

    Raises:
        UsageError: No masked autoencoder, or one in train mode.
        UnsupportedModelError: The model's own forward paints something else.

    Source:
        Xu (2023), section 4.2, who leaves open whether the norm comes first.

    Example:
        >>> lens = InfillLens(vl.load("toy/mae"))
        >>> infilling = lens.read(image, mask_ratio=0.75, seed=2)
        >>> infilling.pictures(3)  # uint8 [image, height, width, 3], painted from state 3
    """

    name = "infill lens"
    kept_by = "make it again of the model"

    def __init__(
        self, mae: ViT, norm: bool = True, *, statistics: Statistics | None = None
    ) -> None:
        self.adapter = _checked(mae)
        self.vit = mae
        self._proved: int | None = None
        self._check_painting()
        self.norm = norm
        self.statistics: Statistics | None = check_statistics(
            statistics, self.adapter.normalises_pixels, mae.name
        )

    def _shared(self) -> Iterable[object]:
        """The model."""
        return all_of(self.vit)

    def read(
        self,
        images: Any,
        *,
        mask_ratio: float | None = None,
        seed: int = 2,
        mask: Any = None,
        preprocessed: bool = False,
    ) -> Infilling:
        """Hide patches and paint them from every state.

        Args:
            images: As `vit.trace` takes them.
            mask_ratio: Share of the patches to hide at random, above 0 and below 1; the model's
                own share of training by default. Exactly the patches are hidden that transformers
                hides after `torch.manual_seed(seed)` on the CPU, but always at least one, and
                never all.
            seed: For the mask.
            mask: Instead of a ratio, what to hide: booleans (True is hidden) of shape `[patch]` or
                `[row, column]`, for all images or with the image axis in front. Any number of
                patches may be hidden, all and none included.
            preprocessed: The images are pixels as the model takes them.

        Raises:
            UsageError: An image that cannot be read, a ratio outside (0, 1), a mask that does not
                fit, or a model in train mode.
        """
        shown = self.shown(images, preprocessed=preprocessed)
        return self.paint(shown, self.mask(len(shown.pixels), mask_ratio, seed, mask))

    def shown(self, images: Any, *, preprocessed: bool = False) -> Shown:
        """The images as `paint` takes them; arguments and errors as for `read`."""
        self._check_painting()
        pixels, pictures = as_batch(self.vit, images, preprocessed)
        return Shown(pixels.detach().clone(), pictures())  # the caller may change his pixels

    def mask(
        self, n_images: int, mask_ratio: float | None = None, seed: int = 2, mask: Any = None
    ) -> Tensor:
        """The mask that `read` would use, bool `[image, patch]`; True is hidden.

        Raises:
            UsageError: A ratio outside (0, 1), no such seed, or a mask that does not fit.
        """
        layout = self.vit.layout
        if mask is None:
            ratio = self.adapter.config.mask_ratio if mask_ratio is None else mask_ratio
            return random_mask(ratio, seed, n_images, layout.n_patches)
        if mask_ratio is not None:
            raise UsageError("Give either mask= or mask_ratio=, not both.")
        return given_mask(mask, layout, n_images)

    @clean
    def paint(self, shown: Shown, mask: Tensor) -> Infilling:
        """Paint images that were read before, under another mask, bool `[image, patch]`."""
        self._check_painting()
        adapter = self.adapter
        values = math.prod(self.vit.patch_size) * int(adapter.config.num_channels)
        shape = (self.vit.n_layers + 1, *mask.shape, values)
        painted = torch.empty(shape)
        passes = _passes(mask, shape[0])
        with torch.no_grad(), progress_bar(sum(len(p.states) for p in passes), self.name) as bar:
            for images, pieces in passes:
                encoded, restore = encoded_states(adapter, shown.pixels[images], mask[images])
                encoded = self.transform(encoded)
                for states in pieces:
                    painted[states, images] = self._paintings(encoded[states], restore)
                    bar.update()
        if not painted.isfinite().all():
            raise UnsupportedModelError(
                f"{self.vit.name} paints NaN or infinite values; its weights must lead to finite "
                "ones."
            )
        return Infilling(self, shown, mask, painted)

    def transform(self, states: list[Tensor]) -> list[Tensor]:
        """What final norm and decoder are to read in place of all states, each `[image, token, d]`.

        Tokens are CLS and the visible patches. Here the states as they are.
        """
        return states

    def _check_painting(self) -> None:
        """See `_check_painting`; once, and again whenever somebody may have changed the model."""
        check_modes(self.vit)
        model = self.vit.model
        known = computing(model) if is_untouched(model) else None
        if known is None or known != self._proved:
            _check_painting(self.vit, self.adapter)
            self._proved = known

    def _paintings(self, states: list[Tensor], restore: Tensor) -> Tensor:
        """What some states paint in one pass, float32 `[state, image, patch, value]`."""
        again = restore.repeat(len(states), 1)
        painting = self.adapter.paint(torch.cat(states), again, norm=self.norm).float().cpu()
        return torch.unflatten(painting, 0, (len(states), -1))

    def __repr__(self) -> str:
        norm = "" if self.norm else ", without the final norm"
        statistics = f", statistics {self.statistics}" if self.statistics else ""
        return f"InfillLens({self.vit.name}{norm}{statistics})"


def encoded_states(
    adapter: MaskedAutoencoder, pixels: Tensor, mask: Tensor
) -> tuple[list[Tensor], Tensor]:
    """The states of CLS and the visible patches, and each patch's place behind them.

    Every image has the same number of visible patches.
    """
    order, restore = (ids.to(pixels.device) for ids in order_of(mask))
    visible = order[:, : int((~mask[0]).sum())]
    tokens = adapter.embed(pixels)
    kept = torch.cat([torch.zeros_like(order[:, :1]), visible + 1], dim=1)
    tokens = tokens.gather(1, kept[..., None].expand(-1, -1, tokens.shape[-1]))
    return adapter.encode(tokens), restore


class _Passes(NamedTuple):
    """Images that go through encoder and decoder together, and the states, a pass for each."""

    images: Tensor
    states: list[slice]


def _passes(mask: Tensor, n_states: int) -> list[_Passes]:
    """The passes through the decoder, each of some images and some of their states.

    Images go together that have as many visible patches, and not too many.
    """
    n_masked, n_patches = mask.sum(dim=1), mask.shape[1]
    most = batch_size_for(n_patches)
    numbers = cast("list[int]", n_masked.unique().tolist())
    passes: list[_Passes] = []
    for number in numbers:
        for images in torch.split((n_masked == number).nonzero()[:, 0], most):
            step = max(1, most // len(images))
            states = [slice(k, k + step) for k in range(0, n_states, step)]
            passes.append(_Passes(images, states))
    return passes


def _checked(mae: ViT) -> MaskedAutoencoder:
    """How the model's parts are found, if this lens reads it."""
    check_vit(mae, "InfillLens", "toy/mae")
    if not isinstance(mae.adapter, MaskedAutoencoder):
        raise UsageError(
            f"{mae.name} is no masked autoencoder: it has no decoder that paints pixels. Load one, "
            'such as vl.load("toy/mae") or vl.load("facebook/vit-mae-base").'
        )
    return mae.adapter


@clean
@torch.no_grad()
def _check_painting(mae: ViT, adapter: MaskedAutoencoder) -> None:
    """Refuse a model whose own forward does something beyond encoder, final norm and decoder."""
    if not adapter.runs_whole:
        return
    like = next(mae.model.parameters())
    shape, n_patches = (1, 3, *mae.image_size), mae.layout.n_patches
    pixels = torch.linspace(-1, 1, math.prod(shape)).view(shape).to(like)
    noise = torch.rand(1, n_patches, generator=torch.Generator().manual_seed(0)).to(like.device)
    theirs = mae.model(pixels, noise=noise)
    states, restore = encoded_states(adapter, pixels, theirs.mask.bool().cpu())
    off = (adapter.paint(states[-1], restore) - theirs.logits).abs().max()
    allowed = _TOLERANCE if like.dtype in (torch.float32, torch.float64) else 5e-2
    if off > allowed * theirs.logits.abs().max():
        raise UnsupportedModelError(
            f"{mae.name} cannot be read exactly: it must paint its decoder's answer to the final "
            f"norm of its encoder's last state, but what it paints differs by {off:.3g}."
        )

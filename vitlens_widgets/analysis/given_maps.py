"""`GivenMaps`: attention weights that were computed elsewhere, as `vl.AttentionMaps` shows them."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.heads.measures import HeadMeasures, LayerSums
from vitlens_widgets.analysis.heads.overviews import LayerOverview
from vitlens_widgets.analysis.heads.places import Places
from vitlens_widgets.analysis.heads.result import HeadStatistics
from vitlens_widgets.analysis.heads.rollout import mixing
from vitlens_widgets.analysis.heads.statistics import result_of
from vitlens_widgets.errors import UsageError, check_choice, check_text, counted
from vitlens_widgets.models.given import given_picture, given_tensor, layout_over, pictures_of
from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.trace.rows import Rows
from vitlens_widgets.trace.sites import check_index

SUMS = 2e-2
"""How far rows may be from 1 in sum, as those in half precision are."""

_AXES = "[layer, head, query, key], or [layer, image, head, query, key]"


class GivenMaps:
    """Attention of a model of any kind: weights alone, without the queries and keys they are of.

    Args:
        attention: Weights after the softmax, `[layer, head, query, key]`, or `[layer, image, head,
            query, key]` of several images: an array, a tensor, or a list of one for each layer,
            such as the `attentions` of a model of Hugging Face.
        image: The picture as the model saw it, in any form that `vl.read_image` takes; a list of
            them for several images. Default: grey.
        grid: `(rows, cols)` of the patches. Default: found by the number of tokens.
        prefix: Names of the tokens before the patches, or their number. Default: found so, too.
        name: What the model is called.

    Attributes:
        layout: The token layout.
        tokens: All tokens, int64 `[token]`.

    Raises:
        UsageError: The array has another shape, its rows do not sum to 1, or the layout is not
            clear.

    Example:
        >>> vl.AttentionMaps(attention=model(pixels, output_attentions=True).attentions)
    """

    knows_scores = False

    def __init__(
        self,
        attention: Any,
        *,
        image: Any = None,
        grid: Any = None,
        prefix: Any = None,
        name: str = "given arrays",
    ) -> None:
        self._weights = _checked(attention)
        n_images, n_tokens = self._weights.shape[1], self._weights.shape[-1]
        pictures = pictures_of("attention", image, n_images)
        self.layout: TokenLayout = layout_over(n_tokens, grid, prefix, pictures[0])
        self._pictures = [given_picture(one, self.layout) for one in pictures]
        self.tokens = np.arange(n_tokens)
        self.model_name = check_text("name=", name, "my ViT")
        self._measures = HeadMeasures(Places(self.layout, torch.arange(n_tokens)))
        self._of_layer = cache(self._measure)

    @property
    def n_layers(self) -> int:
        """The number of layers."""
        return self._weights.shape[0]

    @property
    def n_heads(self) -> int:
        """Heads of a layer."""
        return self._weights.shape[2]

    @property
    def n_images(self) -> int:
        """How many images there are."""
        return self._weights.shape[1]

    def picture(self, image: int = 0) -> np.ndarray:
        """The image, uint8 `[height, width, 3]`."""
        return self._pictures[check_index("image", image, self.n_images)]

    def of_layer(self, layer: int, kind: str = "pattern", image: int | None = 0) -> np.ndarray:
        """All heads of a layer, `[head, query, key]`; the mean over all images for None.

        Raises:
            UsageError: Scores were asked for, or a layer or image is out of range.
        """
        if check_choice("kind", kind, ("pattern", "scores")) == "scores":
            raise UsageError(
                "Weights alone were given: what they were before the softmax is not known."
            )
        of_images = self._weights[check_index("layer", layer, self.n_layers)]
        found = of_images.mean(0) if image is None else of_images[self._image(image)]
        return found.numpy()

    def of_head(
        self, layer: int, head: int, kind: str = "pattern", image: int | None = 0
    ) -> np.ndarray:
        """One head, `[query, key]`."""
        return self.of_layer(layer, kind, image)[check_index("head", head, self.n_heads)]

    def mean_of_heads(self, layer: int, kind: str = "pattern", image: int | None = 0) -> np.ndarray:
        """The mean over the heads of a layer, `[query, key]`."""
        return self.of_layer(layer, kind, image).mean(0)

    def rollout(self, layer: int, image: int | None = 0) -> np.ndarray:
        """The attention rollout of layers 0 .. layer, `[query, key]`.

        Source: Abnar & Zuidema (2020), equation 1; see `analysis.heads.rollout`.
        """
        so_far = torch.eye(len(self.tokens), dtype=torch.float64).expand(self.n_images, -1, -1)
        for weights in self._weights[: check_index("layer", layer, self.n_layers) + 1]:
            so_far = mixing(weights.double().mean(1)) @ so_far
        found = so_far.mean(0) if image is None else so_far[self._image(image)]
        return found.float().numpy()

    def statistics(
        self, image: int | None = 0, layers: Collection[int] | None = None
    ) -> HeadStatistics:
        """The statistics of every head; see `analysis.heads.statistics`."""
        which = None if image is None else self._image(image)
        every = [
            self._of_layer(layer, which) if layers is None or layer in layers else None
            for layer in range(self.n_layers)
        ]
        known = next(one for one in every if one is not None)
        nothing = {name: np.full(self.n_heads, np.nan) for name in known}
        said = counted(self.n_images, "image") if which is None else f"image {which}"
        title = f"Attention heads: {self.model_name}, {said}"
        return result_of([one or nothing for one in every], self._measures, title)

    def layer_overview(
        self, layer: int, side: int, image: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Every head's map scaled down, and the ends of its scale; see `Maps.layer_overview`."""
        small = LayerOverview(self.n_heads, len(self.tokens), side)
        small.see(Rows(0, self._weights[layer, self._image(image)], None))
        return small.maps, small.ranges

    def neurons(self, *_place: int, **_image: int) -> NoReturn:
        """Refuse to say what is not known.

        Raises:
            UsageError: Always.
        """
        raise UsageError("Weights alone were given: what each dimension adds to them is not known.")

    def adopt(self, before: Any, layers: Collection[int]) -> None:
        """Nothing: no model is run again."""

    def _image(self, image: int) -> int:
        return check_index("image", image, self.n_images)

    def _measure(self, layer: int, image: int | None) -> dict[str, np.ndarray]:
        images = range(self.n_images) if image is None else [image]
        sums = LayerSums(self._measures, self.n_heads, compared=len(images) > 1)
        for one in images:
            sums.see(self._weights[layer, one])
        return sums.found()

    def __repr__(self) -> str:
        heads = f"{self.n_layers} layers x {self.n_heads} heads, {len(self.tokens)} tokens"
        return f"GivenMaps({self.model_name}: {heads}, {counted(self.n_images, 'image')})"


def _checked(attention: Any) -> Tensor:
    """float32 `[layer, image, head, query, key]`, rows that sum to 1."""
    weights = given_tensor("attention", attention, _AXES, (4, 5))
    weights = weights[:, None] if weights.ndim == 4 else weights
    if weights.shape[-1] != weights.shape[-2]:
        raise UsageError(
            f"attention= is {_AXES}, with as many queries as keys; one of shape "
            f"{list(weights.shape)} was given."
        )
    off = float((weights.sum(-1) - 1).abs().max())
    if weights.min() < 0 or not off < SUMS:
        raise UsageError(
            "attention= holds weights after the softmax, from 0 on, whose rows sum to 1; these are "
            f"from {weights.min():.3g} on, and the sum of a row is off by {off:.2g}: "
            "torch.softmax(scores, -1) makes weights of scores."
        )
    return weights

"""Which features fire with one: correlations over patches, upstream and downstream, in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.activations.partners_join import (
    add_images,
    joined,
    no_sums,
)
from vitlens_widgets.analysis.activations.partners_result import Partners
from vitlens_widgets.analysis.activations.sight import Sight
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.result import Title
from vitlens_widgets.analysis.stream import ExampleBatch, Totals
from vitlens_widgets.data import Dataset
from vitlens_widgets.data.shuffled import shuffled
from vitlens_widgets.errors import UsageError, as_list, check_seed, whole_number
from vitlens_widgets.features import SAE
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.sites import check_index

MOST_ASKED = 16
_AT_ONCE = 2**26
"""Activations of all blocks that are held together."""


@over_data(Partners, needs_classifier=False)
def partners(
    vit: ViT,
    data: Dataset,  # noqa: ARG001 - which the one loop reads
    layer: int,
    feature: int | Sequence[int],
    *,
    site: str | None = None,
    layers: Sequence[int] | None = None,
    sae: SAE | None = None,
    seed: int = 0,
) -> Measures[Partners]:
    """Which neurons fire where a given one does, in its own block, upstream and downstream.

    Pearson's correlation of activations over all patches of all images, of one feature, or of a
    handful of one block, with all features of the chosen blocks: sums of products in one pass, of
    which memory does not grow with the number of images. Its interval is over images, dealt into
    10 groups, of which one after the other is left out (jackknife), on Fisher's scale. As a null
    stands beside it the correlation with the map of the image before, at the same patches: what
    two features share by the place of things in pictures alone.

    Images are read in an order drawn by lot, so that `n_images` of a folder that is sorted by class
    are of all its classes, and the image before is any other one. `Streamed` sets, which can only
    be gone through, are read in their own order: of one that is sorted, the null holds what images
    of a class share, too.

    Args:
        vit: The model.
        data: The images.
        layer: The block of the features that are asked about.
        feature: One of them, or a list of up to 16.
        site: As in `vl.analysis.activations`.
        layers: The blocks whose features they are compared with; None for all.
        sae: As in `vl.analysis.activations`: its latents are compared with one another.
        seed: Of the order in which images are read.

    Raises:
        UsageError: A feature or block that there is not, or as `vl.analysis.activations`.
        UnsupportedModelError: The blocks have no such site.

    Source:
        Neurons that correlate up and downstream: Joseph & Nanda (2024), "Laying the Foundations
        for Vision and Multimodal Mechanistic Interpretability", among its open problems; Efron
        (1982), "The Jackknife, the Bootstrap and Other Resampling Plans", sections 3.1 and 4.3,
        for the interval.

    Example:
        >>> found = vl.analysis.partners(vit, vl.world.Scenes(), layer=4, feature=17, n_images=200)
        >>> found.table(), found.top(6, "later")
    """
    sight = Sight(vit, site, layers, sae)
    layer = check_index("layer", layer, vit.n_layers)
    if sae is not None and layer != sae.layer:
        raise UsageError(f"This SAE is of block {sae.layer}, and its latents are all there.")
    one = whole_number(feature)
    asked = [one] if one is not None else as_list("feature", feature, "[17, 40]")
    if not 0 < len(asked) <= MOST_ASKED:
        raise UsageError(f"feature takes 1 to {MOST_ASKED} features, not {len(asked)}.")
    return _PartnerMeasure(sight, layer, asked, check_seed(seed))


class _PartnerMeasure(Measures[Partners]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "partners"
    own_labels: ClassVar = True  # whatever the classes: they are not looked at
    adds_in_place = True

    def __init__(self, sight: Sight, layer: int, asked: list[int], seed: int) -> None:
        self.settings = {**sight.settings, "layer": layer, "feature": asked}
        self._seed = seed
        self._sight, self._layer, self._asked = sight, layer, asked
        self._step = 1  # images, until it is known how large they are

    def reads(self, data: Dataset) -> Dataset:
        """In an order drawn by lot; its identity has the seed."""
        return shuffled(data, self._seed)

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What is kept of one batch alone."""
        return self.add({}, batch)

    @clean
    @torch.no_grad()
    def add(self, tallies: Mapping[str, np.ndarray], batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What is kept of all batches, changed in place."""
        kept = dict(tallies)
        for first, found in self._runs(batch):
            own, others = found[self._layer], [found[layer] for layer in self._sight.layers]
            every = torch.cat(others, 2)
            if not every.isfinite().all():
                raise UsageError(f"{self._sight.whose} give no finite numbers.")
            if not kept:
                kept = self._nothing(own, every)
            add_images(kept, own[..., self._asked], every, batch.numbers[first])
        return kept

    def join(
        self, tallies: Mapping[str, np.ndarray], more: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """What two passes have kept together."""
        return joined(tallies, more) if tallies else dict(more)

    def _runs(self, batch: ExampleBatch) -> Iterator[tuple[int, dict[int, Tensor]]]:
        """Activations `[image, token, feature]` of all blocks, some images at a time."""
        first = 0
        while first < len(batch):
            found: dict[int, Tensor] = {}
            run = _HeldBlocks(self._sight, self._layer, found)
            pixels = batch.pixels[first : first + self._step]
            self._sight.vit.trace(pixels, preprocessed=True, watch={self._sight.site: run.layer})
            yield first, found
            first += len(pixels)
            self._step = max(1, _AT_ONCE // sum(one[0].numel() for one in found.values()))

    def _nothing(self, own: Tensor, every: Tensor) -> dict[str, np.ndarray]:
        """Before the first image."""
        for feature in self._asked:
            check_index("feature", feature, own.shape[2])
        return no_sums(own[0][:, self._asked], every[0])

    def result(self, done: Totals) -> Partners:
        """What it all says."""
        sight = self._sight
        names = ", ".join(str(one) for one in self._asked)
        what = f"{sight.site} {names} of block {self._layer}"
        if sight.sae is not None:
            what = f"latent {names} of {sight.sae.name}"
        title = Title(f"partners of {what}: {done.title}")
        title.whose = f"{what}, {getattr(done.title, 'whose', done.title)}"
        return Partners.of(
            title,
            self._layer,
            tuple(self._asked),
            tuple(sight.layers),
            done.tallies,
        )


class _HeldBlocks:
    """Activations of the blocks that are asked about, while the model runs."""

    def __init__(self, sight: Sight, own: int, found: dict[int, Tensor]) -> None:
        self._sight, self._wanted, self._found = sight, {own, *sight.layers}, found

    def layer(self, layer: int, value: Tensor) -> None:
        """The site of one block, `[image, token, ...]`."""
        if layer in self._wanted:
            pieces = [values for _, values in self._sight.pieces(value)]
            self._found[layer] = torch.cat([piece.clone() for piece in pieces])

"""The experiment: activations of latents, neurons and channels beside what is true of patches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.activations.bins import bins_of
from vitlens_widgets.analysis.activations.sight import Sight
from vitlens_widgets.analysis.best_features.patches import (
    LEAST,
    LEAST_OF_PARTS,
    PARTS,
    TruthsOfPatches,
)
from vitlens_widgets.analysis.best_features.result import BestFeatures
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.stream import ExampleBatch, Totals
from vitlens_widgets.data import Dataset
from vitlens_widgets.data.truths import truth_names, truths_of
from vitlens_widgets.errors import UsageError, check_count, check_number
from vitlens_widgets.features import SAE
from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.example_batches import check_data
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.vit import check_vit

_MOST = 2**31
"""Bytes of activations that are kept."""


@over_data(BestFeatures, needs_classifier=False)
def best_features(
    vit: ViT,
    data: Dataset,
    *,
    sae: SAE | None = None,
    layer: int | None = None,
    least: Mapping[str, float] | None = None,
    n_shuffles: int = 20,
) -> Measures[BestFeatures]:
    """Which single feature tells best what is true of a patch: latents, neurons and channels.

    For each truth that the data set knows, such as a class, a color, a place or a part (an eye),
    the feature and the threshold with the largest F1 over patches are chosen on one half of the
    images, every other one, and judged on the other. That is done with the latents of an SAE, with
    the neurons of its block's MLP (those that are above a threshold), and with the raw channels of
    its site, up or down: does the SAE untangle what neurons and channels do not? Intervals are of
    the bootstrap over the images judged on. What luck gives is found by the same choosing and
    judging with all labels of an image given to another one, `n_shuffles` times.

    Activations are kept in bins of a quarter of an octave, a byte each, which are the thresholds:
    memory grows with the number of images, by a byte for each patch and feature.

    Args:
        vit: The model.
        data: Images with truths: `vl.world.Scenes()` knows classes, colors, places, sizes and
            parts; of any other the classes that it has masks of are meant, or what its own
            `truths(number)` tells (`vitlens_widgets.data.truths`).
        sae: Of patches; None for neurons and channels alone.
        layer: The block, where there is no SAE; None for the last one.
        least: From which share of a patch's pixels on something is true of the patch, by the kind
            of truth; half of them, and a tenth for parts, if nothing is said.
        n_shuffles: How many times labels are given to other images.

    Raises:
        UsageError: A data set without truths or masks, an SAE that is not of this model or of the
            readout alone, activations that take more than 2 GB, or what `run` refuses.

    Source:
        F1 of the best feature for each known attribute: after Karvonen et al. (2024), "Measuring
        progress in dictionary learning for language model interpretability with board game models",
        section on coverage, there of chess boards and without a null.

    Example:
        >>> sae = vl.load_sae("toy/p32/5")
        >>> scenes = vl.world.Scenes(objects=2)
        >>> found = vl.analysis.best_features(vit, scenes, sae=sae, n_images=600)
        >>> found.table(), found.summary()
    """
    check_data(data, needs_masks=False)
    names = truth_names(data)
    if not names:
        raise UsageError(
            f"{data!r} does not know what is true of pixels: give one with masks, such as "
            "vl.world.Scenes(), or one with truths of its own."
        )
    if sae is not None and layer is not None:
        raise UsageError("Give either sae=, whose block is meant, or layer= without one.")
    shares = {kind: LEAST_OF_PARTS if kind == PARTS else LEAST for kind in names}
    shares |= _checked(least, list(names))
    sights = _sights(check_vit(vit, "best_features"), sae, layer)
    n_shuffles = check_count("n_shuffles", n_shuffles, least=2)
    return _Best(sights, data, names, shares, n_shuffles)


def _checked(least: Mapping[str, float] | None, kinds: list[str]) -> dict[str, float]:
    if least is None:
        return {}
    if not is_mapping(least) or not set(least) <= set(kinds):
        raise UsageError(
            f"least= takes shares of a patch by the kind of truth, such as "
            f'{{"{kinds[0]}": 0.5}}; the kinds are {", ".join(kinds)}.'
        )
    return {kind: check_number(f"least= of {kind}", one, above=0) for kind, one in least.items()}


def _sights(vit: ViT, sae: SAE | None, layer: int | None) -> dict[str, Sight]:
    """What is looked at, by the name of its features."""
    found: dict[str, Sight] = {}
    if sae is not None:
        found["latents"] = Sight(vit, None, None, sae)
        if found["latents"].of_readout:
            raise UsageError("This SAE is of the readout's tokens, and truths are of patches.")
    site = "resid_post" if sae is None else sae.site
    last = vit.n_layers - 1 if layer is None else check_index("layer", layer, vit.n_layers)
    block = last if sae is None else sae.layer
    if "mlp_post" in vit.adapter.hook_points(block) and site != "mlp_post":
        found["neurons"] = Sight(vit, "mlp_post", [block], None)
    return found | {"channels": Sight(vit, site, [block], None)}


class _Best(Measures[BestFeatures]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "best_features"
    usual: ClassVar = {"sae": None, "layer": None, "least": None, "n_shuffles": 20}
    own_labels: ClassVar = True
    save_seconds = 30.0

    def __init__(
        self,
        sights: Mapping[str, Sight],
        data: Dataset,
        names: Mapping[str, Any],
        least: Mapping[str, float],
        n_shuffles: int,
    ) -> None:
        first = next(iter(sights.values()))
        usual = {kind: LEAST_OF_PARTS if kind == PARTS else LEAST for kind in names}
        block, sae = first.layers[0], first.sae
        self.settings = {
            **({"sae": None} if sae is None else first.settings),
            "layer": None if sae or block == first.vit.n_layers - 1 else block,
            "least": None if least == usual else dict(least),
            "n_shuffles": n_shuffles,
        }
        self._sights, self._data, self._names = sights, data, names
        self._vit, self._n_shuffles = first.vit, n_shuffles
        self._patches = TruthsOfPatches(first.vit, names, least)

    @clean
    @torch.no_grad()
    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """Bins of activations, uint8 `[image, patch, feature]`, and truths, bool."""
        found: dict[str, np.ndarray] = {}
        watch = {one.site: partial(self._seen, one.site, found) for one in self._sights.values()}
        self._vit.trace(batch.pixels, preprocessed=True, watch=watch)
        truths = [self._patches.of(truths_of(self._data, number)) for number in batch.numbers]
        return found | {"truths": np.stack(truths)}

    def _seen(self, site: str, found: dict[str, np.ndarray], layer: int, value: Tensor) -> None:
        for name, sight in self._sights.items():
            if (site, layer) == (sight.site, sight.layers[0]):
                found[name] = _binned(sight, value, both=name == "channels")

    def join(
        self, tallies: Mapping[str, np.ndarray], more: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """All images, one after the other."""
        if not tallies:
            return dict(more)
        n, bytes_of_one = len(tallies["truths"]), sum(part[0].nbytes for part in more.values())
        if (n + len(more["truths"])) * bytes_of_one > _MOST:
            raise UsageError(
                f"The activations of {n + len(more['truths'])} images take more than 2 GB; at most "
                f"{_MOST // bytes_of_one} can be kept."
            )
        return {name: np.concatenate([tallies[name], new]) for name, new in more.items()}

    def result(self, done: Totals) -> BestFeatures:
        """What it all says."""
        names = tuple((kind, name) for kind in self._names for name in self._names[kind])
        return BestFeatures(
            title=done.title,
            n_images=done.n_images,
            names=names,
            n_shuffles=self._n_shuffles,
            tallies=done.tallies,
        )


def _binned(sight: Sight, value: Tensor, *, both: bool) -> np.ndarray:
    """The bins of a site's activations; with `both` those of their negatives follow."""
    found: list[Tensor] = []
    for _, values in sight.pieces(value):
        signs = torch.cat([values, -values], -1) if both else values
        found.append(bins_of(signs).to(torch.uint8))
    return torch.cat(found).numpy()

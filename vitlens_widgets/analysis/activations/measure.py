"""What makes each neuron fire: one pass over a data set, for all neurons at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.activations.bins import N_BINS
from vitlens_widgets.analysis.activations.by_class import add_classes, count_tokens, no_classes
from vitlens_widgets.analysis.activations.counting import Counts
from vitlens_widgets.analysis.activations.groups import Groups
from vitlens_widgets.analysis.activations.join import joined
from vitlens_widgets.analysis.activations.result import Activations
from vitlens_widgets.analysis.activations.sampled import Drawn, draw, no_sample, take
from vitlens_widgets.analysis.activations.sight import Sight
from vitlens_widgets.analysis.activations.strongest import keep_strongest, no_images
from vitlens_widgets.analysis.activations.tenths import keep_drawn, no_tokens
from vitlens_widgets.analysis.class_space.token_labels import class_tokens
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, tally
from vitlens_widgets.data import Dataset, LabelSet
from vitlens_widgets.errors import UsageError, as_list, check_count
from vitlens_widgets.features import SAE
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT

MOST_CLASSES = 32
"""How many classes may be counted apart: each takes 800 bytes a feature."""

_MOST_TOKENS = 2**31 - 1


@over_data(Activations, needs_classifier=False)
def activations(
    vit: ViT,
    data: Dataset,
    *,
    site: str | None = None,
    layers: Sequence[int] | None = None,
    sae: SAE | None = None,
    classes: Sequence[str | int] | None = None,
    k: int = 12,
) -> Measures[Activations]:
    """What makes each neuron fire most, and how often it fires, over a data set.

    One pass keeps for every neuron, or every latent of an SAE, at once: the k images with its
    largest activations, each with the patch and the map over all patches; a patch from each tenth
    of the activations above 0; the exact counts of all activations in bins of a quarter of an
    octave, and of each image's largest one, apart for each class, out of which `selectivity` says
    how well a feature tells a class; and, for each class, the mean and the share above 0, on the
    class's thing and on the rest too where the data set has masks.

    Memory does not grow with the number of images: with n features in all chosen blocks, p patches
    and c classes, of which g are counted apart, about `n (2 k p + 28 k + 4000 + 12 c + 800 g)`
    bytes, `n (8 c + 2500)` more with masks: 0.8 GB for all 36,864 neurons of a ViT-B/32 and 17
    classes with masks.

    Patches are what is looked at: a prefix token (CLS, registers) is no place in the picture. An
    SAE of the readout's tokens is the exception: those are what it reads.

    Args:
        vit: The model.
        data: The images.
        site: Whose channels are meant: `"mlp_post"`, an MLP's neurons after the activation, which
            is None, or another site of `vl.SITES` that is not between two tokens, such as
            `"resid_pre"`, or `"z"`, of which the channels of head h are `h d_head` to
            `(h + 1) d_head - 1`.
        layers: Which blocks; None for all.
        sae: A sparse autoencoder, such as `vl.load_sae` gives: the features are its latents, and
            site and block are its own.
        classes: Which classes of the data set are counted apart, 32 at most, by name or number;
            None for all where there are not more, else none.
        k: How many images are kept for each.

    Raises:
        UsageError: An unknown site, block or class, a site between tokens, too many classes, an SAE
            that is not of this model, activations that are not finite, or what `run` refuses.
        UnsupportedModelError: The blocks have no such site.

    Source:
        Images that activate a neuron most: Joseph & Nanda (2024), "Laying the Foundations for
        Vision and Multimodal Mechanistic Interpretability", among its open problems; after Olah
        et al. (2017), "Feature Visualization", which shows images from all over the range, too.

    Example:
        >>> found = vl.analysis.activations(vit, vl.world.Scenes(), n_images=500)
        >>> found.table().sort_values("largest"), found.figure_of(layer=4, feature=17)
        >>> found.images(layer=4, feature=17).image  # numbers in the data set, strongest first
        >>> found.selectivity().auc[4, 17]  # of each class
    """
    sight = Sight(vit, site, layers, sae)
    k = check_count("k", k, least=1)
    return _ActivationMeasure(sight, data, _chosen(classes, data.labels), k)


def _chosen(classes: Sequence[str | int] | None, labels: LabelSet) -> list[int] | None:
    """The classes that are counted apart; None for the usual ones."""
    if classes is None:
        return None
    names = as_list("classes=", classes, '["cat", "dog"]')
    chosen = list(dict.fromkeys(labels.index(name) for name in names))
    if len(chosen) > MOST_CLASSES:
        raise UsageError(
            f"classes= takes at most {MOST_CLASSES} classes, which are counted apart for each "
            f"feature, not {len(chosen)}."
        )
    return chosen


class _ActivationMeasure(Measures[Activations]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "activations"
    usual: ClassVar = {"site": "mlp_post", "layers": None, "sae": None, "classes": None, "k": 12}
    own_labels: ClassVar = True  # whatever the classes: they are counted, not looked up
    adds_in_place = True
    save_seconds = 30.0

    def __init__(self, sight: Sight, data: Dataset, classes: list[int] | None, k: int) -> None:
        self.settings = {**sight.settings, "classes": classes, "k": k}
        self.sight, self._data, self._k = sight, data, k
        few = len(data.labels) <= MOST_CLASSES
        apart = list(range(len(data.labels)))[: None if few else 0] if classes is None else classes
        self.groups = Groups(tuple(apart), data.has_masks and not sight.of_readout)

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What is kept of one batch alone."""
        return self.add({}, batch)

    @clean
    @torch.no_grad()
    def add(self, tallies: Mapping[str, np.ndarray], batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What is kept of all batches, changed in place."""
        if (batch.numbers[-1] + 1) * len(self.sight.tokens) > _MOST_TOKENS:
            raise UsageError(f"At most {_MOST_TOKENS:,} patches are counted; give fewer images.")
        seen = _Seen(self, dict(tallies), batch)
        self.sight.vit.trace(batch.pixels, preprocessed=True, watch={self.sight.site: seen.layer})
        return seen.kept

    def join(
        self, tallies: Mapping[str, np.ndarray], more: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """What two passes have kept together."""
        return joined(tallies, more) if tallies else dict(more)

    def nothing(self, width: int) -> dict[str, np.ndarray]:
        """What is kept before the first image."""
        n, masks = len(self.sight.layers) * width, self.groups.masks
        return {
            "counts": np.zeros((self.groups.n_of_patches, n, N_BINS), np.int32),
            "peaks": np.zeros((self.groups.n_of_images, n, N_BINS), np.int32),
            "sum": np.zeros(n),
            "above": np.zeros((6, len(self.sight.layers))),
            **no_images(n, self._k, len(self.sight.tokens)),
            **no_tokens(n),
            **no_classes(len(self._data.labels), n, masks),
            **(no_sample(n) if masks else {}),
        }

    def parts(self, batch: ExampleBatch) -> np.ndarray:
        """Which patches are the thing and the rest, bool `[image, 2, token]`; else all of them."""
        if not self.groups.masks:
            return np.ones((len(batch), 1, len(self.sight.tokens)), bool)
        on = class_tokens(self.sight.vit, batch.masks, "majority")
        return np.stack([on, ~on], 1)

    def result(self, done: Totals) -> Activations:
        """What it all says."""
        vit = self.sight.vit
        return Activations(
            title=done.title,
            n_images=done.n_images,
            data=self._data,
            site=self.sight.site,
            layers=tuple(self.sight.layers),
            labels=self._data.labels,
            layout=vit.layout,
            preprocessing=vit.preprocessing,
            groups=self.groups,
            grid=self.sight.grid,
            sae=self.sight.sae,
            tallies=done.tallies,
        )


class _Seen:
    """What one batch adds, block after block, while the model runs."""

    def __init__(
        self, of: _ActivationMeasure, kept: dict[str, np.ndarray], batch: ExampleBatch
    ) -> None:
        self._of, self.kept, self._batch = of, kept, batch
        labels, parts = batch.classes.numpy(), of.parts(batch)
        self._whole: np.ndarray = parts
        self._drawn: dict[int, Drawn] = {}
        self._parts = torch.from_numpy(parts).float()  # [image, part, token]
        self._part_groups = torch.from_numpy(of.groups.of_parts(labels))
        self._groups = torch.from_numpy(of.groups.of_images(labels))
        self._sizes = parts.sum(2)

    def layer(self, layer: int, value: Tensor) -> None:
        """The site of one block, `[image, token, ...]`."""
        layers = self._of.sight.layers
        if layer not in layers:
            return
        place = layers.index(layer)
        for images, values in self._of.sight.pieces(value):
            if not self.kept:
                self.kept = self._of.nothing(values.shape[2])
            if self._of.groups.masks:
                self._take(values, place, images)
            if place == 0:
                labels = self._batch.classes.numpy()
                count_tokens(self.kept, labels[images], self._sizes[images])
            self._add(values, place, images)

    def _add(self, values: Tensor, place: int, images: slice) -> None:
        width = values.shape[2]
        features = slice(place * width, (place + 1) * width)
        sums = self._parts[images] @ values
        if not sums.isfinite().all():
            raise UsageError(f"{self._of.sight.whose} give no finite numbers.")
        above = self._count(values, features, images)
        peaks = values.amax(1)
        Counts(self.kept["peaks"], features.start, width).add(peaks, self._groups[images])
        self.kept["sum"][features] += sums.sum((0, 1), dtype=torch.float64).numpy()
        share = above.sum(1).mean(1, dtype=torch.float64).numpy() / values.shape[1]
        self.kept["above"][:, place] += tally(share)
        numbers = self._batch.numbers[images]
        part = {key: value[features] for key, value in self.kept.items() if key[:4] in _OWN}
        strongest = {key: torch.from_numpy(one) for key, one in part.items() if key[0] == "s"}
        keep_strongest(strongest, values, peaks, numbers)
        keep_drawn(part, values, numbers)
        add_classes(self.kept, features, sums, above, self._batch.classes[images])

    def _take(self, values: Tensor, place: int, images: slice) -> None:
        """Keep patches by lot: drawn when the first block shows them, for all blocks alike."""
        if place == 0:
            numbers, groups = self._batch.numbers[images], self._groups[images].numpy()
            self._drawn[images.start] = draw(self.kept, self._whole[images], groups, numbers)
        features = slice(place * values.shape[2], (place + 1) * values.shape[2])
        take(self.kept, self._drawn[images.start], values, features)

    def _count(self, values: Tensor, features: slice, images: slice) -> Tensor:
        """Count all activations; how many are above 0, float32 `[image, part, feature]`."""
        counts = Counts(self.kept["counts"], features.start, values.shape[2])
        parts, groups = self._parts[images], self._part_groups[images]
        above = torch.stack(
            [counts.add_tokens(*of) for of in zip(values, parts, groups, strict=True)]
        )
        silent = parts.sum(2)[..., None] - above
        counts.set_silent(silent.flatten(0, 1), groups.flatten())
        return above


_OWN = ("stro", "draw")
"""How the names of those begin that are `[feature, ...]`, each feature by itself."""

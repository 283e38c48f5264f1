"""`FeatureReading`: what the patches of a trace are like, without a classifier."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import (
    UsageError,
    as_list,
    check_count,
    check_flag,
    check_seed,
    check_type,
)
from vitlens_widgets.lenses.features.found import PatchSimilarity, StateFeatures
from vitlens_widgets.lenses.features.groups import grouped
from vitlens_widgets.lenses.features.places import PatchPlaces
from vitlens_widgets.lenses.features.shown import ShownComponents
from vitlens_widgets.lenses.features.tokens import NormedTokens, checked_vector
from vitlens_widgets.models import TokenLayout
from vitlens_widgets.models.live import Live
from vitlens_widgets.progress import progress_bar
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.sites import check_index, check_state


class FeatureReading(Live):
    """The features of a trace's patches, in every state: main components, figure, likeness.

    A feature is a token after the model's final norm with the token's own statistics, as the
    logit lens norms it; prefix tokens are compared, but take no part in components. Made by
    `read_features(trace)`; what is asked for is computed when it is asked for, and kept.

    Args:
        trace: The trace.
        per_image: Whether each image has components of its own; else one basis for the batch.
        states: Which states, counted from 0; None for all.

    Attributes:
        states: The numbers of the states, in the order of every first axis.
    """

    kept_by = "keep its arrays, such as reading.components"

    def __init__(self, trace: Trace, per_image: bool, states: Sequence[int | str] | None) -> None:
        self.trace = trace
        self.per_image = check_flag("per_image=", per_image)
        self.states = _checked_states(trace, states)
        self._normed = NormedTokens(trace)
        self._places = PatchPlaces(trace.n_images, self.present, per_image)
        read = partial(_features, self._normed, self._places, trace.layout.n_prefix, self.states)
        self._components = ShownComponents(self._places, read, len(self.states))

    @property
    def layout(self) -> TokenLayout:
        """The token layout."""
        return self.trace.layout

    @property
    def state_names(self) -> list[str]:
        """`["0_pre", ..., "final"]`, of the states that are read."""
        return [self.trace.vit.state_names[k] for k in self.states]

    @property
    def n_images(self) -> int:
        """How many images were traced together."""
        return self.trace.n_images

    @cached_property
    def present(self) -> np.ndarray:
        """Which patches were in the sequence, bool `[row, col]`; all, unless some were dropped."""
        there = np.zeros(self.layout.n_tokens, bool)
        there[self.trace.tokens.cpu().numpy()] = True
        return self.layout.to_grid(there[self.layout.patches])

    def state(self, k: int | str) -> StateFeatures:
        """One state's components; those after it are found on the way, since they are followed.

        Args:
            k: Its number in the model, 0 .. L, also from the end, or its name, "final".

        Raises:
            UsageError: It is not among the states that are read.
        """
        return self._components.of(self._place(k))

    @property
    def components(self) -> np.ndarray:
        """The first three principal components, float32 `[state, image, row, col, 3]`, -1 .. 1.

        Each from its 2nd to its 98th percentile, over the batch or per image; NaN where a patch
        was dropped. The last state's first one is darker on the picture's border than inside, the
        others have their longer tail above; each earlier state's are turned so that they are
        nearest to those of the next (orthogonal Procrustes).
        """
        return np.stack([found.components for found in self._every()])

    @property
    def variance(self) -> np.ndarray:
        """The share of all variance along each shown axis, `[state, basis, 3]`.

        A basis is an image, or the batch.
        """
        return np.stack([found.variance for found in self._every()])

    @property
    def foreground(self) -> np.ndarray:
        """Where the first component is above Otsu's threshold, bool `[state, image, row, col]`.

        The threshold is that of the values as shown, of the batch or the image. Source: Otsu
        (1979); the first component as the figure: Oquab et al. (2023), "DINOv2", section 7.4.
        """
        return np.stack([found.foreground for found in self._every()])

    def groups(self, k: int = 6, seed: int = 0) -> np.ndarray:
        """The patches in k groups of like features, int64 `[state, image, row, col]`.

        Each state is grouped by k-means on its unit vectors, over the batch or per image: the last
        one from the best of four k-means++ starts, each earlier one from the means of the groups
        of the next, so its sum of squares is that of one start. The same seed gives the same
        groups. Group 0 of the last state is the largest; in each earlier one a group has the number
        of that of the next with which it shares most patches. -1 where a patch was dropped.

        Args:
            k: How many groups.
            seed: Of the first centres.

        Raises:
            UsageError: k is not from 2 to the number of patches, or the seed is none.
        """
        check_count("k", k, least=2, most=self._places.n_in_basis)
        found = grouped(self._unit_patches(), k, check_seed(seed), len(self.states))
        return np.stack([self._places.joined(of_state, -1) for of_state in found])

    def _unit_patches(self) -> Iterator[list[np.ndarray]]:
        """Of each state, the last first: unit vectors `[patch, d]` of each basis."""
        for units in reversed([*self._normed.checked_units(self.states)]):
            yield self._places.in_bases(units[:, self.layout.n_prefix :])

    def similarity(self, image: int, token: Any, state: int | str | None = None) -> PatchSimilarity:
        """The cosine of every token with one token, in each state with that state's own vector.

        Args:
            image: The image of the token.
            token: Its index, the (row, column) of a patch, or the name of a prefix token, "CLS".
            state: One state alone, whose axis stays; None for all that are read.

        Raises:
            UsageError: No such image, token or state, or the token was dropped.
        """
        check_index("image", image, self.n_images)
        position = self._normed.position(token)
        chosen = self.states if state is None else [self.states[self._place(state)]]
        found = [units @ units[image, position] for units in self._normed.checked_units(chosen)]
        return self._apart(torch.stack(found).clamp(-1, 1))

    def similarity_to(self, vector: Any) -> PatchSimilarity:
        """The cosine of every token in every state with a vector of one's own, `[d]`.

        Raises:
            UsageError: It is no vector as wide as the model's states, or holds what is no number.
        """
        given = checked_vector(vector, self.trace.vit)
        unit = torch.nn.functional.normalize(given, dim=0)
        found = [units @ unit for units in self._normed.checked_units(self.states)]
        return self._apart(torch.stack(found).clamp(-1, 1))

    def vector(self, image: int, token: Any, state: int | str) -> Tensor:
        """A token's feature in a state, float32 `[d]`, on the CPU.

        Raises:
            UsageError: As `similarity`.
        """
        check_index("image", image, self.n_images)
        k = self.states[self._place(state)]
        return self._normed.of(k)[image, self._normed.position(token)].clone()

    def on_basis(self, per_image: bool) -> FeatureReading:
        """The same tokens with components of each image, or of the batch; itself if it has them."""
        if per_image == self.per_image:
            return self
        twin = FeatureReading(self.trace, per_image, self.states)
        twin._normed = self._normed
        return twin

    def units(self, k: int | str) -> Tensor:
        """Every token's feature in state k, divided by its length: float32 `[image, position, d]`.

        Raises:
            UsageError: There is no such state, or the model's weights have changed.
        """
        self.trace.check_weights("read")
        return self.kept_units(k).clone()

    def kept_units(self, k: int | str) -> Tensor:
        """`units` as they are kept, for one who asked for `trace.check_weights` and only reads."""
        return self._normed.units(check_state(k, self.trace.vit.state_names))

    def units_at(self, states: Sequence[int], places: Sequence[tuple[int, int]]) -> np.ndarray:
        """`units` of some tokens in some states, float32 `[state, place, d]`.

        Args:
            states: Their numbers.
            places: (image, token) of each, the token as its index in the whole sequence.

        Raises:
            UsageError: A token that was dropped, or is not there, or the weights have changed.
        """
        self.trace.check_weights("read")
        images = [image for image, _ in places]
        positions = [self._normed.position(token) for _, token in places]
        return torch.stack([self.kept_units(k)[images, positions] for k in states]).numpy()

    def _shared(self) -> Iterable[object]:
        """The trace, which it does not change."""
        return (self.trace,)

    def _every(self) -> list[StateFeatures]:
        with progress_bar(len(self.states), "patch features") as bar:
            for k in reversed(self.states):
                self.state(k)
                bar.update(1)
        return [self._components.of(place) for place in range(len(self.states))]

    def _place(self, k: int | str) -> int:
        k = check_state(k, self.trace.vit.state_names)
        if k not in self.states:
            raise UsageError(
                f"State {k} is not read here; the states that are: {', '.join(self.state_names)}."
            )
        return self.states.index(k)

    def laid_out(self, values: np.ndarray, elsewhere: Any = np.nan) -> np.ndarray:
        """See `PatchPlaces.laid_out`."""
        return self._places.laid_out(values, elsewhere)

    def _apart(self, cosines: Tensor) -> PatchSimilarity:
        """`[state, image, position]`, patches in their places and prefix tokens apart."""
        values, n_prefix = cosines.numpy(), self.layout.n_prefix
        maps = np.stack([self.laid_out(state) for state in values[..., n_prefix:]])
        return PatchSimilarity(maps, values[..., :n_prefix])

    def __repr__(self) -> str:
        basis = "one basis for each image" if self.per_image else "one basis for the batch"
        return (
            f"FeatureReading({self.trace.vit.name}: {len(self.states)} states, {self.n_images} "
            f"image{'s' * (self.n_images > 1)}, {self.layout}, {basis})"
        )


def read_features(
    trace: Trace, *, per_image: bool = False, states: Sequence[int | str] | None = None
) -> FeatureReading:
    """Read the patches of a trace by their features; no classifier is needed.

    Args:
        trace: From `vit.trace(images)`.
        per_image: Whether each image has components of its own, so that its colours say most about
            it; else all images share a basis, so that a colour means the same in each.
        states: Which states, in the model's order, by number or name; None for all.

    Raises:
        UsageError: No trace, or a state that it does not have.

    Example:
        >>> features = vl.read_features(vit.trace(images))
        >>> features.components[-1, 0]  # the last state of the first image, [row, col, 3]
        >>> features.similarity(image=0, token=(5, 7)).patches  # [state, image, row, col]
    """
    check_type("read_features", trace, Trace, "a trace, such as vit.trace(images)")
    return FeatureReading(trace, per_image, states)


def _features(
    normed: NormedTokens, places: PatchPlaces, n_prefix: int, states: Sequence[int], at: int
) -> list[np.ndarray]:
    """The patches' features in one of some states, `[patch, d]` of each basis."""
    return places.in_bases(normed.of(states[at])[:, n_prefix:])


def _checked_states(trace: Trace, states: Sequence[int | str] | None) -> list[int]:
    if states is None:
        return list(range(trace.n_states))
    chosen = [
        check_state(k, trace.vit.state_names) for k in as_list("states=", states, "[0, 6, 12]")
    ]
    if not chosen or sorted(set(chosen)) != chosen:
        raise UsageError(
            f"states= takes some states, each once and from the first to the last, not {chosen}."
        )
    return chosen

"""The pictures and numbers of one image, made in pieces: strongest heads first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from vitlens_widgets.errors import UnsupportedModelError, UsageError
from vitlens_widgets.widgets.decoded_images.ranks import told
from vitlens_widgets.widgets.decoded_images.seam import Contributor, Painted, PaintsLike
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.thumbs import thumbs

AT_ONCE = 4
"""Pictures that a source is asked for together: meanwhile the kernel hears nothing."""

STATES_LIMIT, HEADS_LIMIT = 2_000_000, 2_000_000
"""Bytes that the pictures of all states, and those of all components, should not exceed."""

WHOLE_OF = ("_states", "_heads")
"""The traits with all pictures, which `_news` has one piece of."""

NUMBERS = 4  # similarity, before, the class's index, its probability


class Job(NamedTuple):
    """One piece: some states of a seed, a block's effects, some components."""

    kind: Literal["states", "others", "attention", "effects", "heads", "random"]
    which: Sequence[int] = ()
    seed: int = 0


class PictureWork:
    """What is made of one image so far, and what is still to be made.

    Args:
        source: What is asked.
        image: Which image.

    Attributes:
        no_effects: Why there are no ablation effects; empty where there are.
        is_begun: Whether there is anything to see.
    """

    def __init__(self, source: PaintsLike, image: int) -> None:
        self._source, self.image = source, image
        n_states, seeds = len(source.state_names), len(source.seeds)
        layers, columns = source.n_layers, source.n_heads + 1
        state, head = sides(source)
        self._states = np.zeros((n_states, seeds, *state, 3), np.uint8)
        self._state_numbers = np.full((n_states, seeds, NUMBERS), np.nan)
        self._others = np.full(n_states, np.nan)
        self._attention: np.ndarray | None = None
        self.effects = np.full((layers, source.n_heads), np.nan)
        self._heads = np.zeros((layers, columns, *head, 3), np.uint8)
        self._numbers = np.full((layers, columns, NUMBERS), np.nan)
        self._random = np.full((layers, source.n_heads, 2), np.nan)
        self.no_effects = ""
        self._todo = self._planned()
        self.is_begun = False

    @property
    def n_left(self) -> int:
        """How many pieces are to be made."""
        return len(self._todo)

    def step(self) -> dict[str, Any]:
        """One more piece, and the traits that hold it; nothing has changed where it fails."""
        job = self._todo[0]
        getattr(self, f"_make_{job.kind}")(job)
        self._todo.remove(job)  # the others may be in another order now
        self.is_begun = True
        return self._traits_of(job.kind) | self._news_of(job)

    def traits(self) -> dict[str, Any]:
        """All traits."""
        found: dict[str, Any] = {}
        for kind in ("states", "others", "attention", "effects", "heads", "random"):
            found |= self._traits_of(kind)
        return found

    def component(self, place: int) -> Contributor:
        """By its place, block after block, the MLP after the heads."""
        layer, column = divmod(place, self._source.n_heads + 1)
        return Contributor(layer, None if column == self._source.n_heads else column)

    @property
    def strongest(self) -> Contributor | None:
        """The head whose ablation does most; None while that is not known."""
        known = self.effects.size and np.isfinite(self.effects).all()
        return self.component(self.order[0]) if known else None

    @property
    def order(self) -> list[int]:
        """Places of components as they are made: strongest effects first, then the MLPs."""
        columns, layers = self._source.n_heads + 1, self._source.n_layers
        heads = [place for place in range(columns * layers) if (place + 1) % columns]
        by_effect = np.argsort(-np.nan_to_num(self.effects.ravel()), kind="stable")
        mlps = [layer * columns + columns - 1 for layer in range(layers)]
        return [*(heads[i] for i in by_effect), *mlps]

    def _planned(self) -> list[Job]:
        """First the last state, with which all others are compared."""
        source = self._source
        n_states = len(source.state_names)
        states = [n_states - 1, *range(n_states - 1)]
        jobs = [Job("states", some) for some in _parts(states)]
        if source.n_heads:
            jobs.insert(1, Job("attention"))
            jobs[2:2] = [Job("effects", [layer]) for layer in range(source.n_layers)]
        for seed in range(1, len(source.seeds)):
            jobs += [Job("states", some, seed) for some in _parts(states)]
        if source.n_images > 1:
            jobs += [Job("others", some) for some in _parts(states)]
        return jobs + self._of_heads()

    def _of_heads(self) -> list[Job]:
        """In their order: the heads, the MLPs, a random direction for each head."""
        n_heads = self._source.n_heads * self._source.n_layers
        if not n_heads:
            return []
        heads = [Job("heads", some) for some in _parts(self.order)]
        return heads + [Job("random", some) for some in _parts(self.order[:n_heads])]

    def _make_states(self, job: Job) -> None:
        found = self._source.states(self.image, job.which, job.seed)
        self._states[job.which, job.seed] = _small(found, self._states)
        self._state_numbers[job.which, job.seed] = _numbers(found)

    def _make_others(self, job: Job) -> None:
        found = self._source.states(self.image, job.which, 0, True)
        self._others[job.which] = found.similarity

    def _make_attention(self, _job: Job) -> None:
        source = self._source
        layers = range(source.n_layers)
        try:
            self._attention = np.stack([source.attention(self.image, layer) for layer in layers])
        except UsageError:  # of a readout that weighs tokens in no one way
            self._attention = None

    def _make_effects(self, job: Job) -> None:
        (layer,) = job.which
        if not self.no_effects:
            try:
                self.effects[layer] = self._source.effects(self.image, layer)
            except (UsageError, UnsupportedModelError) as error:
                self.no_effects = str(error)
        if layer == self._source.n_layers - 1:
            self._todo = [one for one in self._todo if one.kind not in ("heads", "random")]
            self._todo += self._of_heads()

    def _make_heads(self, job: Job) -> None:
        source = self._source
        some = [self.component(place) for place in job.which]
        found = source.components(self.image, some, 0, source.strength)
        columns = source.n_heads + 1
        at = np.divmod(np.asarray(job.which), columns)
        self._heads[at] = _small(found, self._heads)
        self._numbers[at] = _numbers(found)

    def _make_random(self, job: Job) -> None:
        source = self._source
        some = [self.component(place) for place in job.which]
        found = source.components(self.image, some, 0, source.strength, "random")
        at = np.divmod(np.asarray(job.which), source.n_heads + 1)
        self._random[at] = np.stack([found.similarity, found.before], -1)

    def _news_of(self, job: Job) -> dict[str, bytes]:
        """The pictures of one piece alone: int32 kind, number, places; and their pixels."""
        if job.kind == "states":
            places = np.asarray(job.which) * len(self._source.seeds) + job.seed
            pictures = self._states[job.which, job.seed]
        elif job.kind == "heads":
            places = np.asarray(job.which)
            pictures = self._heads.reshape(-1, *self._heads.shape[2:])[places]
        else:
            return {}
        head = pack.int32([WHOLE_OF.index(f"_{job.kind}"), len(places), *places])
        return {"_news": head + pack.uint8(pictures)}

    def _traits_of(self, kind: str) -> dict[str, Any]:
        """uint8 and float32, NaN where nothing is made yet; see `widget.py`."""
        if kind == "states":
            numbers = pack.float32(self._state_numbers)
            return {"_states": pack.uint8(self._states), "_state_numbers": numbers}
        if kind == "others":
            return {"_other_numbers": pack.float32(self._others)}
        if kind == "attention":
            return _coded(self._attention)
        if kind == "effects":
            words = {"no_effects": self.no_effects}
            return {"_effects": pack.float32(self.effects), "_order": self.order, "_words": words}
        if kind == "heads":
            similarity = self._numbers[:, :-1, 0]
            return {
                "_heads": pack.uint8(self._heads),
                "_head_numbers": pack.float32(self._numbers),
                "_told": told(similarity.ravel(), self.effects.ravel()),
            }
        return {"_random_numbers": pack.float32(self._random)}


def sides(source: PaintsLike) -> tuple[tuple[int, int], tuple[int, int]]:
    """(height, width) of the pictures of states and of components as they are sent."""
    n_states = len(source.state_names) * len(source.seeds)
    n_heads = source.n_layers * (source.n_heads + 1)
    return _side(source.size, STATES_LIMIT / n_states), _side(source.size, HEADS_LIMIT / n_heads)


def _side(size: tuple[int, int], n_bytes: float) -> tuple[int, int]:
    """As `thumbs` makes them, which is no larger."""
    (height, width), longest = size, max(size)
    fits = int(longest * min(1.0, (n_bytes / (3 * height * width)) ** 0.5))
    return round(height * fits / longest) or 1, round(width * fits / longest) or 1


def _small(found: Painted, like: np.ndarray) -> np.ndarray:
    """Its pictures, at the size of those in an array."""
    return thumbs(found.pictures, max(like.shape[-3:-1]))


def _numbers(found: Painted) -> np.ndarray:
    """`[picture, 4]`."""
    return np.stack([found.similarity, found.before, found.named, found.chance], -1)


def _parts(places: Sequence[int]) -> list[list[int]]:
    return [list(places[i : i + AT_ONCE]) for i in range(0, len(places), AT_ONCE)]


def _coded(attention: np.ndarray | None) -> dict[str, bytes]:
    """A byte a weight, with each map's largest weight; none where there are none."""
    if attention is None:
        return {"_attention": b"", "_attention_top": b""}
    top = np.nanmax(attention, -1, keepdims=True)
    codes = np.nan_to_num(attention / np.where(top > 0, top, 1)) * 255
    return {"_attention": pack.uint8(np.rint(codes)), "_attention_top": pack.float32(top)}

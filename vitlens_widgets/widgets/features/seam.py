"""What Features asks of what it shows: anything with these attributes can be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np

from vitlens_widgets.widgets.shared.seam import LabelsLike, LayoutLike

# ruff: noqa: D102  # what each attribute is, the engine's own class says; here, its axes

Kind = Literal["neuron", "latent", "channel"]


class Strongest(NamedTuple):
    """The images that make one feature fire most, the strongest first; all are `[place, ...]`."""

    image: np.ndarray
    patch: np.ndarray
    value: np.ndarray
    map: np.ndarray  # [place, row, col]


class DataPatches(NamedTuple):
    """Some patches of the data set's images; all are `[one]`."""

    image: np.ndarray
    patch: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class ClassAreas:
    """How well a feature tells images of a class from the others.

    Attributes:
        auc: The area under the curve, `[layer, feature, class]`; NaN where a class has no images.
        null: Below it stay 99 of 100 of the best areas over classes where labels are shuffled.
        words: What a score is, to end a sentence.
    """

    auc: np.ndarray
    null: float
    words: str = ""


class WrittenLogits(NamedTuple):
    """Logits of 1 of activation, classes centred."""

    names: Sequence[str]
    emoji: Sequence[str]
    logits: np.ndarray  # [class]


class Neighbour(NamedTuple):
    """A feature that is like another one."""

    layer: int
    feature: int
    number: float


class TurnedAnswers(NamedTuple):
    """Answers with a feature turned down and up.

    `answers` is `[strength, class]`, at the readout; `named` and `chance` are of each patch, the
    class and its probability, `[strength, patch]`; both None where patches give no answers.
    """

    answers: np.ndarray
    named: np.ndarray | None
    chance: np.ndarray | None


class CatalogueLike(Protocol):
    """Features of a model on a data set; see `ActivationSource`.

    What there is none of is refused with a `UsageError`, whose sentence stands in its place.
    """

    @property
    def model_name(self) -> str: ...
    @property
    def site(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def layers(self) -> Sequence[int]: ...
    @property
    def n_layers(self) -> int: ...  # of the model
    @property
    def width(self) -> int: ...
    @property
    def layout(self) -> LayoutLike: ...
    @property
    def labels(self) -> LabelsLike: ...  # of the data set; none where nobody knows classes
    @property
    def n_data(self) -> int: ...  # images of the data set
    @property
    def edges(self) -> np.ndarray: ...  # [bin + 1]; the first bin is what is not above 0
    @property
    def counts(self) -> np.ndarray: ...  # int64 [layer, feature, bin]
    @property
    def largest(self) -> np.ndarray: ...  # [layer, feature]
    @property
    def mean(self) -> np.ndarray: ...  # [layer, feature]
    @property
    def selectivity(self) -> ClassAreas | None: ...
    def counts_of(self, layer: int, feature: int, /) -> np.ndarray: ...  # [class, bin]
    def counts_of_best(self, best: np.ndarray, /) -> np.ndarray: ...  # [feature, bin]
    def interval(self, layer: int, feature: int, target: int, /) -> tuple[float, float] | None: ...
    def strongest(self, layer: int, feature: int, /) -> Strongest: ...
    def tenths(self, layer: int, feature: int, /) -> DataPatches: ...
    def data_picture(self, number: int, /) -> np.ndarray: ...
    def shown(self, number: int, /) -> np.ndarray: ...  # class of each patch, -1 for none

    def writes(self, layer: int, feature: int, /) -> WrittenLogits: ...
    def readers(self, layer: int, feature: int, /) -> np.ndarray: ...  # [later layer, head, way]
    def neighbours(self, layer: int, feature: int, /) -> dict[str, list[Neighbour]]: ...
    def partners(self, layer: int, feature: int, /) -> dict[str, list[Neighbour]]: ...

    @property
    def n_images(self) -> int: ...  # of the user's own
    @property
    def answers(self) -> LabelsLike: ...  # the model's classes
    @property
    def answers_are(self) -> str: ...  # "softmax", "sigmoid"
    @property
    def readout_name(self) -> str: ...
    def picture(self, image: int, /) -> np.ndarray: ...
    def activations(self, image: int, /) -> np.ndarray: ...  # [layer, token, feature]
    def effects(self, image: int, target: str | None, /) -> tuple[str, np.ndarray]: ...
    def turned(
        self, image: int, layer: int, feature: int, strengths: Sequence[float], /
    ) -> TurnedAnswers: ...

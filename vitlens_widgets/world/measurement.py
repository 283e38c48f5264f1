"""What an evaluation found, as it is written beside the weights. Loads no torch."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

AnyMeasurement = TypeVar("AnyMeasurement", bound="Measurement")


@dataclass(frozen=True, slots=True)
class Measurement(ABC):
    """What a model was measured to do, on scenes it has never seen.

    Attributes:
        architecture: The network in one line.
        images: Scenes seen in training, each once.
        scenes: Held-out scenes measured, for each number of objects.
        states: Names of the states, "0_pre" to "final".
    """

    architecture: str
    images: int
    scenes: int
    states: tuple[str, ...]

    @abstractmethod
    def sentences(self) -> list[str]:
        """The scores at the final state, and marks to compare them with."""

    @abstractmethod
    def by_state(self) -> dict[str, Sequence[float]]:
        """The scores at each state, by heading."""

    def at_the_end(self) -> dict[str, float]:
        """The scores at the final state, by heading."""
        return {heading: scores[-1] for heading, scores in self.by_state().items()}

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls: type[AnyMeasurement], path: Path) -> AnyMeasurement:
        """What `write` has written."""
        return cls(**{name: _frozen(value) for name, value in json.loads(path.read_text()).items()})


def _frozen(value: Any) -> Any:
    """JSON's lists are tuples here, and its keys numbers of objects."""
    if isinstance(value, Mapping):
        return {int(count): _frozen(scores) for count, scores in value.items()}
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class ClassMeasurement(Measurement):
    """How right a classifier is; each score is by number of objects, then by state.

    Attributes:
        accuracy: Share of scenes whose CLS answer is a class in the scene.
        iou: Mean IoU of the patch answers, as `lenses.segmentation` defines it.
        iou_all_background: The IoU of calling everything background.
        iou_exact_shares: The IoU of the exact share of each label in each patch.
    """

    accuracy: dict[int, tuple[float, ...]]
    iou: dict[int, tuple[float, ...]]
    iou_all_background: dict[int, float]
    iou_exact_shares: dict[int, float]

    def sentences(self) -> list[str]:
        """Accuracy and IoU at the final state, and what trivial and perfect answers score."""
        nothing, perfect = self.iou_all_background, self.iou_exact_shares
        return [
            f"On {self.scenes:,} held-out scenes each: accuracy {self.accuracy[1][-1]:.3f} with one"
            f" object and {self.accuracy[2][-1]:.3f} with two (either class counts); mean IoU of"
            f" the patches {self.iou[1][-1]:.3f} and {self.iou[2][-1]:.3f}.",
            f"For comparison: calling everything background has an IoU of {nothing[1]:.3f} and"
            f" {nothing[2]:.3f}; the exact share of each label in each patch {perfect[1]:.3f} and"
            f" {perfect[2]:.3f}.",
        ]

    def by_state(self) -> dict[str, Sequence[float]]:
        """Accuracy and IoU."""
        return {
            "accuracy, 1 object": self.accuracy[1],
            "accuracy, 2 objects": self.accuracy[2],
            "patch IoU, 1 object": self.iou[1],
            "patch IoU, 2 objects": self.iou[2],
        }

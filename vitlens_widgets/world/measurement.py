"""What an evaluation found, as it is written beside the weights. Loads no torch."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from vitlens_widgets.files import write_whole
from vitlens_widgets.kinds import is_mapping, is_several

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
        """Write it as JSON.

        Raises:
            UsageError: It cannot be written there.
        """
        write_whole(path, (json.dumps(asdict(self), indent=1) + "\n").encode())

    @classmethod
    def read(cls: type[AnyMeasurement], path: Path) -> AnyMeasurement:
        """What `write` has written."""
        return cls(**{name: _frozen(value) for name, value in json.loads(path.read_text()).items()})


def _frozen(value: Any) -> Any:
    """JSON's lists are tuples here, and its keys numbers of objects."""
    if is_mapping(value):
        return {int(count): _frozen(scores) for count, scores in value.items()}
    return tuple(value) if is_several(value) else value


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


@dataclass(frozen=True, slots=True)
class TextMeasurement(Measurement):
    """How right a model of images and texts is; what has several states is by state.

    Attributes:
        pool: How many scenes a caption is looked for among, half of them with two things.
        caption_of_image: Share of the images whose caption is the nearest.
        image_of_caption: Share of the captions whose image is the nearest.
        accuracy: By number of things: share of the scenes where the nearest of the sixteen
            captions of a class alone names a class in the scene.
        color: Share of the scenes with one thing where the nearest caption of that class and a
            colour has its colour.
        place: The same of the nine places.
        color_unseen: The share that is right without a look at the image, by the colour that is
            commonest among things of that class in these scenes.
        place_unseen: The same of the places.
    """

    pool: int
    caption_of_image: tuple[float, ...]
    image_of_caption: tuple[float, ...]
    accuracy: dict[int, tuple[float, ...]]
    color: tuple[float, ...]
    place: tuple[float, ...]
    color_unseen: float
    place_unseen: float

    def sentences(self) -> list[str]:
        """The scores at the final state, and those of guessing."""
        return [
            f"Among {self.pool} held-out scenes, the right caption of an image is the nearest for"
            f" {self.caption_of_image[-1]:.3f} of them, the right image of a caption for"
            f" {self.image_of_caption[-1]:.3f} (guessing: {1 / self.pool:.3f}).",
            f"On {self.scenes:,} held-out scenes each: the class named by the captions of the"
            f" classes is right for {self.accuracy[1][-1]:.3f} with one object and"
            f" {self.accuracy[2][-1]:.3f} with two (either class counts); with one object, the"
            f" colour for {self.color[-1]:.3f} and the place for {self.place[-1]:.3f}.",
            "For comparison: without a look at the image, the commonest colour of each class is"
            f" right for {self.color_unseen:.3f}, and its commonest place for"
            f" {self.place_unseen:.3f}.",
        ]

    def by_state(self) -> dict[str, Sequence[float]]:
        """All of them."""
        return {
            "caption of an image": self.caption_of_image,
            "image of a caption": self.image_of_caption,
            "accuracy, 1 object": self.accuracy[1],
            "accuracy, 2 objects": self.accuracy[2],
            "colour, 1 object": self.color,
            "place, 1 object": self.place,
        }


@dataclass(frozen=True, slots=True)
class DecoderMeasurement(Measurement):
    """What toy/p32-taught finds in the pictures of a decoder, of scenes with one thing.

    Attributes:
        named: By state, the share of the pictures in which it names the thing.
        iou: By state, the mean IoU of its patch answers and the exact mask.
        color: By state, the share of the pictures in which most pixels where the thing is have the
            colour that most have in the scene.
        of_scenes: The three, of the scenes themselves, as large as the pictures.
        of_others: The three, of the pictures of the final state as if each were of the scene of
            the next seed: what guessing gives.
    """

    named: tuple[float, ...]
    iou: tuple[float, ...]
    color: tuple[float, ...]
    of_scenes: tuple[float, float, float]
    of_others: tuple[float, float, float]

    def sentences(self) -> list[str]:
        """The scores of the final state, and marks to compare them with."""
        final = (self.named[-1], self.iou[-1], self.color[-1])
        said = [
            f"the thing is named right in {named:.3f}, the patches' mean IoU is {iou:.3f}, the"
            f" colour is right in {color:.3f}"
            for named, iou, color in (final, self.of_scenes, self.of_others)
        ]
        return [
            f"Judged by toy/p32-taught on {self.scenes:,} held-out scenes with one object, of the"
            f" pictures of the final state {said[0]}.",
            f"For comparison: of the scenes themselves {said[1]}; of another scene's pictures"
            f" {said[2]}.",
        ]

    def by_state(self) -> dict[str, Sequence[float]]:
        """All three."""
        return {"named right": self.named, "patch IoU": self.iou, "colour right": self.color}


PIXELS, NORMALISED = "pixels", "normalised pixels"


@dataclass(frozen=True, slots=True)
class InfillMeasurement(Measurement):
    """Mean squared errors on the hidden patches; each is by number of objects.

    Attributes:
        mask_ratio: Share of the patches that were hidden, at random.
        paints: `"pixels"`: the errors are of brightness from 0 to 1; `"normalised pixels"`: of each
            patch minus its mean over its own deviation, so that any patch of one colour errs by
            nearly 1: (n - 1) / n for its n values, the variance being the unbiased one.
        error: Of what the decoder makes of each state of the encoder.
        mean_colour: Of painting the mean colour of the visible patches.
        nearest_patch: Of painting the nearest visible patch.
    """

    mask_ratio: float
    paints: str
    error: dict[int, tuple[float, ...]]
    mean_colour: dict[int, float]
    nearest_patch: dict[int, float]

    def sentences(self) -> list[str]:
        """The error at the final state, and those of two trivial answers."""
        unit = "brightness" if self.paints == PIXELS else "normalised pixels"
        flat = "the mean colour of the visible ones" if self.paints == PIXELS else "any one colour"
        return [
            f"On {self.scenes:,} held-out scenes each, {self.mask_ratio:.0%} of the patches hidden:"
            f" mean squared error of {unit} on the hidden patches {self.error[1][-1]:.4f} with one"
            f" object and {self.error[2][-1]:.4f} with two.",
            f"For comparison: painting hidden patches in {flat} has an error of"
            f" {self.mean_colour[1]:.4f} and {self.mean_colour[2]:.4f}; as the nearest visible"
            f" patch {self.nearest_patch[1]:.4f} and {self.nearest_patch[2]:.4f}.",
        ]

    def by_state(self) -> dict[str, Sequence[float]]:
        """The error; of pixels, whose errors are small, times a thousand."""
        times, scale = ("1000 × ", 1000) if self.paints == PIXELS else ("", 1)
        return {
            f"{times}MSE of {self.paints}, {count} object{'s' if count > 1 else ''}": tuple(
                scale * error for error in self.error[count]
            )
            for count in (1, 2)
        }

"""How right the pictures of the world's decoders are, on scenes that they have never seen.

A picture is judged by another model, `toy/p32-taught`, which names the thing in it and draws it,
and by the colour that most pixels have where the thing is. All is held against the exact truth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

from vitlens_widgets.lenses import LogitLens
from vitlens_widgets.lenses.decoder import Decoder
from vitlens_widgets.lenses.pictures.lens import readout_of
from vitlens_widgets.lenses.segmentation import mean_iou, pixel_labels
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.world.description import COLORS, named_color
from vitlens_widgets.world.labels import CLASSES
from vitlens_widgets.world.measurement import DecoderMeasurement
from vitlens_widgets.world.scene import Scene, scene

_CHUNK = 50  # scenes at a time
_LEVELS = 32  # of a colour, in the table of names


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judge finds in pictures of scenes with one thing, each by picture.

    Attributes:
        named: Whether its CLS names the thing.
        iou: The mean IoU of its patches and the exact mask.
        color: Whether most pixels of the thing have the colour that most have in the scene.
    """

    named: np.ndarray
    iou: np.ndarray
    color: np.ndarray

    def means(self) -> tuple[float, float, float]:
        """Over the pictures."""
        named, iou, color = (
            round(float(of.mean()), 4) for of in (self.named, self.iou, self.color)
        )
        return named, iou, color


def measure_pictures(
    decoder: Decoder, encoder: ViT, judge: ViT, seeds: range, images: int
) -> DecoderMeasurement:
    """The judge's findings in the decoded pictures of each state, and in the scenes themselves.

    Args:
        decoder: Whose pictures are judged.
        encoder: The model that it reads.
        judge: A classifier with the world's labels.
        seeds: Of the scenes, each with one thing.
        images: How many scenes the decoder was trained on, for the record.
    """
    decoder.check_reads(encoder)
    n_states = encoder.n_layers + 1
    parts: list[list[Judged]] = [[] for _ in range(n_states + 2)]
    for start in range(0, len(seeds), _CHUNK):
        some = seeds[start : start + _CHUNK]
        trace = encoder.trace(np.stack([scene(seed, 1, encoder.image_size).image for seed in some]))
        *scenes, beyond = (scene(seed, 1, decoder.size) for seed in (*some, some[-1] + 1))
        pictures = [_decoded(decoder, encoder, trace, state) for state in range(n_states)]
        shown = [(of_state, scenes) for of_state in pictures]
        shown += [(pictures[-1], [*scenes[1:], beyond])]  # each as if it were of the next seed
        shown += [(np.stack([one.image for one in scenes]), scenes)]
        for found, (of_state, truth) in zip(parts, shown, strict=True):
            found.append(judged(judge, of_state, truth))
    *by_state, others, scenes_own = (_joined(found).means() for found in parts)
    named, iou, color = zip(*by_state, strict=True)
    return DecoderMeasurement(
        architecture=_in_words(decoder),
        images=images,
        scenes=len(seeds),
        states=tuple(encoder.state_names),
        named=named,
        iou=iou,
        color=color,
        of_scenes=scenes_own,
        of_others=others,
    )


def _decoded(decoder: Decoder, encoder: ViT, trace: Trace, state: int) -> np.ndarray:
    """The pictures of a state, uint8 `[image, height, width, 3]`."""
    states = trace.states[state]
    if decoder.reads.what == "tokens":
        return np.stack(list(decoder.decode(states, state=state)))
    return np.stack(list(decoder.decode(readout_of(encoder, states))))


def judged(judge: ViT, pictures: np.ndarray, scenes: list[Scene]) -> Judged:
    """What the judge finds in pictures uint8 `[image, height, width, 3]` of these scenes."""
    readout = LogitLens(judge).read(judge.trace(pictures))
    chances = readout.logits(judge.n_layers).softmax(dim=-1)
    labels = pixel_labels(chances[:, judge.layout.patches], judge.layout.grid, pictures.shape[1:3])
    answers = chances[:, 0].argmax(dim=-1).numpy()
    pairs = list(zip(pictures, scenes, strict=True))
    truth = np.array([CLASSES.index(one.names[0]) for one in scenes])
    return Judged(
        named=answers == truth,
        iou=np.array(
            [mean_iou(found, one.class_mask) for found, one in zip(labels, scenes, strict=True)]
        ),
        color=np.array([main_color(p, one) == main_color(one.image, one) for p, one in pairs]),
    )


def main_color(picture: np.ndarray, one: Scene) -> str:
    """The name of the colour that most pixels have where the scene has its things.

    Args:
        picture: uint8 `[height, width, 3]`, as large as the scene.
        one: The scene.
    """
    levels = picture[one.instance_mask > 0].astype(int) * _LEVELS // 256
    named = _names_of_levels()[tuple(levels.T)]
    return COLORS[int(np.bincount(named, minlength=len(COLORS)).argmax())]


@cache
def _names_of_levels() -> np.ndarray:
    """For each colour of a coarse cube, red, green, blue, the place of its name in `COLORS`."""
    middle = (np.arange(_LEVELS) + 0.5) * 256 / _LEVELS
    cube = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), axis=-1).reshape(-1, 3)
    colors = [(int(red), int(green), int(blue)) for red, green, blue in cube.tolist()]
    named = [COLORS.index(named_color(color).name) for color in colors]
    return np.array(named).reshape(_LEVELS, _LEVELS, _LEVELS)


def _joined(parts: Iterable[Judged]) -> Judged:
    parts = list(parts)
    return Judged(
        *(np.concatenate([getattr(part, of) for part in parts]) for of in ("named", "iou", "color"))
    )


def _in_words(decoder: Decoder) -> str:
    height, width = decoder.size
    way = "in one pass" if decoder.steps == 1 else f"out of noise, in {decoder.steps} steps"
    return (
        f"Decoder of the {decoder.reads.what} of {decoder.reads.encoder}: pictures of {height} x"
        f" {width} pixels, {way}"
    )

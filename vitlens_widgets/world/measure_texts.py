"""How right the world's model of images and texts is at each state, on scenes it has never seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vitlens_widgets.lenses import LogitLens
from vitlens_widgets.trace import ViT
from vitlens_widgets.world.captions import WORDS, caption, class_prompts, thing_prompt
from vitlens_widgets.world.description import PLACES, THING_COLORS
from vitlens_widgets.world.labels import CLASSES
from vitlens_widgets.world.measurement import TextMeasurement
from vitlens_widgets.world.scene import Scene, scene

POOL = 256  # scenes that a caption is looked for among
COUNTS = (1, 2)  # numbers of objects
_CHUNK = 50  # scenes at a time


def matching(vit: ViT, seeds: range, common: dict[str, Any]) -> TextMeasurement:
    """Retrieval, and the accuracy of classes, colours and places, at each state."""
    pool = range(seeds.start, seeds.start + POOL)
    caption_of_image, image_of_caption = _retrieval(vit, pool)
    alone = [scene(seed, 1, vit.image_size) for seed in seeds]
    return TextMeasurement(
        architecture=_in_words(vit),
        **common,
        pool=POOL,
        caption_of_image=caption_of_image,
        image_of_caption=image_of_caption,
        accuracy={count: _accuracy(vit, count, seeds) for count in COUNTS},
        color=_told(vit, alone, "color", THING_COLORS),
        place=_told(vit, alone, "place", PLACES),
        color_unseen=_unseen(alone, "color"),
        place_unseen=_unseen(alone, "place"),
    )


def _retrieval(vit: ViT, seeds: range) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Of images their captions, and of captions their images; the same caption is as good."""
    scenes = [scene(seed, 1 + seed % 2, vit.image_size) for seed in seeds]
    texts = np.array([caption(one) for one in scenes])
    logits = _logits(vit, scenes, dict(enumerate(texts)))
    found = (texts[logits.argmax(axis=2)], texts[logits.argmax(axis=1)])
    forth, back = (_shares(answers == texts) for answers in found)
    return forth, back


def _accuracy(vit: ViT, count: int, seeds: range) -> tuple[float, ...]:
    """Whether the class that is named is in the scene."""
    scenes = [scene(seed, count, vit.image_size) for seed in seeds]
    named = _logits(vit, scenes, class_prompts()).argmax(axis=2)
    there = np.array([[name in one.names for name in CLASSES] for one in scenes])
    return _shares(np.take_along_axis(there.T, named, axis=0))


def _told(vit: ViT, scenes: list[Scene], what: str, choices: Sequence[str]) -> tuple[float, ...]:
    """Whether, among captions of its thing that differ in one detail, the true one is nearest."""
    prompts = {
        (name, choice): thing_prompt(name, **{what: choice})
        for name in CLASSES
        for choice in choices
    }
    of_thing = np.array([CLASSES.index(one.names[0]) for one in scenes])
    by_class = _logits(vit, scenes, prompts).reshape(-1, len(scenes), len(CLASSES), len(choices))
    told = by_class[:, np.arange(len(scenes)), of_thing].argmax(axis=2)
    truth = [choices.index(_fact(one, what)) for one in scenes]
    return _shares(told == truth)


def _unseen(scenes: list[Scene], what: str) -> float:
    """What the class alone is worth, which those captions give away: its commonest fact."""
    found = Counter((one.names[0], _fact(one, what)) for one in scenes)
    commonest: Counter[str] = Counter()
    for (name, _), count in found.items():
        commonest[name] = max(commonest[name], count)
    return round(commonest.total() / len(scenes), 4)


def _fact(one: Scene, what: str) -> str:
    thing = one.description.things[0]
    return thing.place if what == "place" else thing.color.name


def _logits(vit: ViT, scenes: list[Scene], texts: Mapping[Any, str]) -> np.ndarray:
    """Of each state's readout, compared with each text, `[state, scene, text]`."""
    twin = vit.prompted({str(key): text for key, text in texts.items()})
    lens = LogitLens(twin)
    found: list[np.ndarray] = []
    for start in range(0, len(scenes), _CHUNK):
        readout = lens.read(
            twin.trace(np.stack([one.image for one in scenes[start : start + _CHUNK]]))
        ).readout
        found.append(np.stack([readout.logits(k).numpy() for k in range(vit.n_layers + 1)]))
    return np.concatenate(found, axis=1)


def _shares(right: np.ndarray) -> tuple[float, ...]:
    """Of what is right at each state, `[state, scene]`, the share."""
    return tuple(round(float(share), 4) for share in right.mean(axis=1))


def _in_words(vit: ViT) -> str:
    images, texts = vit.model.config.vision_config, vit.model.config.text_config
    millions = sum(p.numel() for p in vit.model.parameters()) / 1e6
    rows, cols = vit.layout.grid
    return (
        f"Two towers (CLIP): images, {vit.n_layers} blocks, {vit.width} wide, {vit.n_heads} heads,"
        f" with a CLS token on {rows} x {cols} patches of {images.patch_size} pixels; texts,"
        f" {texts.num_hidden_layers} blocks, {texts.hidden_size} wide, {texts.num_attention_heads}"
        f" heads, {len(WORDS)} words; {vit.model.config.projection_dim} numbers are compared;"
        f" {millions:.1f} million parameters"
    )

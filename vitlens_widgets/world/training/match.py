"""The task of the world's model of images and texts: which caption belongs to which picture.

Sources: Radford et al. (2021), "Learning Transferable Visual Models From Natural Language
Supervision", section 2.3, figure 3: the symmetric cross-entropy of all pairs of a batch;
Yuksekgonul et al. (2023), "When and why vision-language models behave like bags-of-words", section
4: beside each caption stands a foil. Without one, colours and what is behind told scenes apart, and
next to nothing was learnt of what things are and where.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import CLIPModel, CLIPTokenizer

from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.world.captions import WORDS, foil_of, in_words, told_of
from vitlens_widgets.world.clip import CLIP, LONGEST, CLIPDesign, make_clip
from vitlens_widgets.world.decoders.canvas import positions
from vitlens_widgets.world.description import holds
from vitlens_widgets.world.network import GRID, TRAINED_PATCH, normalized
from vitlens_widgets.world.training.task import Task, fresh_scenes, stacked_images
from vitlens_widgets.world.words import make_tokenizer

SHARPEST = math.log(100)  # of the logit scale, as in the paper


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Scenes, a caption of each, and then a foil of each: the caption with one fact that is wrong.

    Attributes:
        images: uint8 `[image, H, W, 3]`.
        ids: Tokens of captions and foils, int64 `[text, token]`, filled up by the end's.
        attended: 1 for each token that is not filled up.
        true: Which text is true of which image, bool `[text, image]`: a caption of its own, and
            each of what it happens to describe, too.
    """

    images: torch.Tensor
    ids: torch.Tensor
    attended: torch.Tensor
    true: torch.Tensor


@cache
def _tokenizer() -> CLIPTokenizer:
    """One a process, made when it is first needed."""
    return make_tokenizer(WORDS, LONGEST)


def matching(logits: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Symmetric cross-entropy: of a caption its own image is right, of an image its own caption.

    What is true as well is not compared: taken for wrong, as in the paper, "a cat" of another cat
    would be as wrong as "a dog".

    Args:
        logits: Text against image, `[text, image]`: the captions in the order of the images, then
            foils, which are asked of no image.
        true: See `PairBatch.true`.
    """
    own = torch.arange(logits.shape[1])
    compared = logits.masked_fill(true & ~torch.eye(*logits.shape, dtype=torch.bool), -torch.inf)
    by_caption = functional.cross_entropy(compared[: len(own)], own)
    return 0.5 * (by_caption + functional.cross_entropy(compared.T, own))


@dataclass(frozen=True, slots=True)
class Match(Task[CLIPModel, PairBatch]):
    """A CLIP of the world's scenes and captions.

    Attributes:
        design: Its network.
    """

    design: CLIPDesign = CLIP

    @clean
    def make_model(self) -> CLIPModel:
        """The network for pictures of 112 pixels; plain attention, whose gradients are faster.

        Its positions begin as waves of row and column. From noise, as CLIP's, nothing of where
        things are was learnt: as long as pictures do not tell it, texts need not, and the reverse.
        """
        model = make_clip(self.design, _tokenizer(), TRAINED_PATCH, attention="eager")
        places = model.vision_model.embeddings.position_embedding.weight
        with torch.no_grad():
            places[1:] = positions(GRID, self.design.width)
        return model

    def draw(self, index: int, batch_size: int) -> PairBatch:
        """Fresh scenes, each with a caption in any wording, and with its foil in the same."""
        scenes = fresh_scenes(index, batch_size, GRID * TRAINED_PATCH)
        shown = [scene.description for scene in scenes]
        told = [told_of(scene, 0) for scene in scenes]
        rng = np.random.default_rng(scenes[0].seed)
        told += [foil_of(one, all_of_it, rng) for one, all_of_it in zip(told, shown, strict=True)]
        texts = [
            in_words(one, (0, scene.seed))
            for one, scene in zip(told, [*scenes, *scenes], strict=True)
        ]
        words = _tokenizer()(texts, padding=True, return_tensors="pt")
        images = torch.from_numpy(stacked_images(scenes))
        true = torch.tensor([[holds(one, other) for other in shown] for one in told])
        return PairBatch(images, words["input_ids"], words["attention_mask"], true)

    @clean
    def learn(self, model: CLIPModel, batch: PairBatch) -> torch.Tensor:
        """The loss of all pairs of the batch."""
        with torch.autocast("cpu", torch.bfloat16):
            out = model(batch.ids, normalized(batch.images), batch.attended)
        scale = model.logit_scale.clamp(max=SHARPEST).exp()
        cosines = out.text_embeds.float() @ out.image_embeds.float().T
        return matching(scale * cosines, batch.true)

    def facts(self) -> dict[str, Any]:
        """The design, and the words of its texts."""
        noted = {"kind": "texts", "goal": "captions", "words": list(WORDS)}
        return {**noted, **asdict(self.design)}

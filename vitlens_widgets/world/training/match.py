"""The task of the world's model of images and texts: which caption belongs to which picture.

Source: Radford et al. (2021), "Learning Transferable Visual Models From Natural Language
Supervision", section 2.3, figure 3: the symmetric cross-entropy of all pairs of a batch.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import torch
from torch.nn import functional
from transformers import CLIPModel, CLIPTokenizer

from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.world.captions import BRIEF, WORDS, worded
from vitlens_widgets.world.clip import CLIP, LONGEST, CLIPDesign, make_clip
from vitlens_widgets.world.network import GRID, TRAINED_PATCH, normalized
from vitlens_widgets.world.training.task import Task, fresh_scenes, stacked_images
from vitlens_widgets.world.words import make_tokenizer

BRIEFER_FROM, LATER_BRIEF = 384, 0.6
"""From which batch on how many captions are brief. With many details, colours and what is behind
tell scenes apart, and next to nothing is learnt of what things are and where: after 82,000 scenes,
the class by its caption alone was right for .65, when .86 of the full captions were found."""

SHARPEST = math.log(100)  # of the logit scale, as in the paper


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Scenes, and a caption of each.

    Attributes:
        images: uint8 `[image, H, W, 3]`.
        ids: Tokens of the captions, int64 `[image, token]`, filled up by the end's.
        attended: 1 for each token that is not filled up.
    """

    images: torch.Tensor
    ids: torch.Tensor
    attended: torch.Tensor


@cache
def _tokenizer() -> CLIPTokenizer:
    """One a process, made when it is first needed."""
    return make_tokenizer(WORDS, LONGEST)


def matching(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Symmetric cross-entropy of `[caption, image]`; where captions are the same, each is right.

    Args:
        logits: Caption against image.
        ids: Tokens of the captions.
    """
    same = (ids[:, None] == ids).all(dim=-1).float()
    target = same / same.sum(dim=1, keepdim=True)
    by_caption = functional.cross_entropy(logits, target)
    return 0.5 * (by_caption + functional.cross_entropy(logits.T, target))


@dataclass(frozen=True, slots=True)
class Match(Task[CLIPModel, PairBatch]):
    """A CLIP of the world's scenes and captions.

    Attributes:
        design: Its network.
    """

    design: CLIPDesign = CLIP

    def make_model(self) -> CLIPModel:
        """The network for pictures of 112 pixels; plain attention, whose gradients are faster."""
        return make_clip(self.design, _tokenizer(), TRAINED_PATCH, attention="eager")

    def draw(self, index: int, batch_size: int) -> PairBatch:
        """Fresh scenes, each with a caption in any wording."""
        scenes = fresh_scenes(index, batch_size, GRID * TRAINED_PATCH)
        brief = BRIEF if index < BRIEFER_FROM else LATER_BRIEF
        captions = [worded(scene, 0, brief) for scene in scenes]
        words = _tokenizer()(captions, padding=True, return_tensors="pt")
        images = torch.from_numpy(stacked_images(scenes))
        return PairBatch(images, words["input_ids"], words["attention_mask"])

    @clean
    def learn(self, model: CLIPModel, batch: PairBatch) -> torch.Tensor:
        """The loss of all pairs of the batch."""
        with torch.autocast("cpu", torch.bfloat16):
            out = model(batch.ids, normalized(batch.images), batch.attended)
        scale = model.logit_scale.clamp(max=SHARPEST).exp()
        cosines = out.text_embeds.float() @ out.image_embeds.float().T
        return matching(scale * cosines, batch.ids)

    def facts(self) -> dict[str, Any]:
        """The design, and the words of its texts."""
        noted = {"kind": "texts", "goal": "captions", "words": list(WORDS)}
        return {**noted, **asdict(self.design)}

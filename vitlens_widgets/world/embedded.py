"""The embedded classifiers, ready to use: small vision transformers that need no network.

    toy/p32         patch answers that emerged from image labels only; the default
    toy/p32-taught  patch answers that were taught from the masks
    toy/p32-cls     the class alone; nothing was asked of the patches

All three are one architecture, trained by this package: see `card(name)` for the recipe, the
measured scores and the command that trains each anew.
"""

from __future__ import annotations

from timm.models.vision_transformer import VisionTransformer

from ..errors import UsageError, did_you_mean, quoted_list
from .cards import ModelCard, read_card, weights_file
from .labels import LABELS
from .network import GRID, MEAN, SERVED_PATCH, STD, load_served

NAMES = ("toy/p32", "toy/p32-taught", "toy/p32-cls")
"""What `build` and `card` know; the first is the default."""


def build(name: str) -> VisionTransformer:
    """The embedded classifier `name`: a timm `VisionTransformer`, float32, in eval mode.

    It takes 224 x 224 pixels, mean .5 and deviation .5 in each colour (its `pretrained_cfg` says
    so), and answers in the order of `world.LABELS`.

    Raises:
        UsageError: There is no such embedded model; the message names the nearest.
    """
    model = load_served(weights_file(_known(name)))
    model.pretrained_cfg = _preprocessing(name)
    return model


def card(name: str) -> ModelCard:
    """The model card of the embedded classifier `name`.

    Raises:
        UsageError: There is no such embedded model; the message names the nearest.
    """
    return read_card(_known(name))


def _known(name: str) -> str:
    if name in NAMES:
        return name
    hint = did_you_mean(str(name), NAMES) or f" Embedded: {quoted_list(NAMES)}."
    raise UsageError(f"There is no embedded model {name!r}.{hint}")


def _preprocessing(name: str) -> dict:
    """What timm notes about a model's weights: how pictures become its input."""
    side = GRID * SERVED_PATCH
    return {
        "architecture": name,
        "num_classes": len(LABELS),
        "label_names": LABELS,
        "input_size": (3, side, side),
        "fixed_input_size": True,
        "interpolation": "bicubic",
        "crop_pct": 1.0,
        "crop_mode": "center",
        "mean": MEAN,
        "std": STD,
        "first_conv": "patch_embed.proj",
        "classifier": "head",
    }

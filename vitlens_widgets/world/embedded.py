"""The embedded models, ready to use: small vision transformers that need no network.

    toy/p32             patch answers that emerged from image labels only; the default
    toy/p32-taught      patch answers that were taught from the masks
    toy/p32-cls         the class alone; nothing was asked of the patches
    toy/attn-only-1l    the class alone, and small: 1 to 4 layers (1l, 2l, 3l, 4l) of attention
    toy/attn-mlp-1l     the same with an MLP in each layer
    toy/mae             a masked autoencoder, which paints the patches it is not shown
    toy/mae-norm        its twin, which paints normalised pixels
    toy/clip            a model of images and texts, which compares a picture with captions

All were trained by this package: see `world.card(name)` for the recipe, the measured scores and the
command that trains each anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from timm.models.vision_transformer import VisionTransformer
from torch import nn

from vitlens_widgets.trace import ViT
from vitlens_widgets.world.cards import weights_file
from vitlens_widgets.world.catalogue import known
from vitlens_widgets.world.labels import LABELS
from vitlens_widgets.world.network import GRID, PREPROCESSING, SERVED_PATCH, load_classifier
from vitlens_widgets.world.weights import MODEL_KINDS, name_of_weights, other_kind, read_facts


def build(name: str) -> nn.Module:
    """The embedded model `name`, float32, in eval mode.

    A classifier is a timm `VisionTransformer`. It takes 224 x 224 pixels, mean .5 and deviation .5
    in each colour (its `pretrained_cfg` says so), and answers in the order of `world.LABELS`. A
    masked autoencoder is transformers' `ViTMAEForPreTraining` for 112 x 112 such pixels, the model
    of images and texts its `CLIPModel` for 224 x 224.

    Raises:
        UsageError: There is no such embedded model; the message names the nearest.
    """
    return build_from(weights_file(known(name)), name)


def embedded_vit(name: str) -> ViT:
    """The embedded model `name`, as `vl.load(name)` gives it."""
    return as_vit(build(name), name)


def as_vit(model: Any, name: str = "") -> ViT:
    """A model of the world, to be traced."""
    return ViT(model, name=name, **getattr(model, "loaded_with", {}))


def build_from(weights: Path, name: str | None = None) -> nn.Module:
    """The model of a weights file that this package has trained; see `build`.

    Raises:
        UsageError: It holds a decoder, or another network than it notes.
    """
    kind = read_facts(weights).get("kind", MODEL_KINDS[0])
    make = _MAKERS.get(kind)
    if make is None:
        raise other_kind(weights, kind)
    return make(weights, name or name_of_weights(weights))


def _classifier(weights: Path, name: str) -> VisionTransformer:
    model: Any = load_classifier(weights)
    model.pretrained_cfg = _preprocessing(name)
    return model


def _autoencoder(weights: Path, name: str) -> nn.Module:  # noqa: ARG001
    # transformers takes a while to import, and only this needs it
    from vitlens_widgets.world.autoencoder import load_autoencoder

    return load_autoencoder(weights)


def _matcher(weights: Path, name: str) -> nn.Module:  # noqa: ARG001
    # as above
    from vitlens_widgets.world.clip import load_clip

    return load_clip(weights)


_MAKERS: dict[str, Callable[[Path, str], nn.Module]] = dict(
    zip(MODEL_KINDS, (_classifier, _autoencoder, _matcher), strict=True)
)
"""By kind of model."""


def _preprocessing(name: str) -> dict[str, Any]:
    """What timm notes about a model's weights: how pictures become its input."""
    side = GRID * SERVED_PATCH
    return {
        "architecture": name,
        "num_classes": len(LABELS),
        "label_names": LABELS,
        "label_set": "world",
        "input_size": (3, side, side),
        "fixed_input_size": True,
        **PREPROCESSING,
        "first_conv": "patch_embed.proj",
        "classifier": "head",
    }

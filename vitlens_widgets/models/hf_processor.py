"""The image processors of transformers: finding a checkpoint's own, and using it both ways."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.hub import hub_offline_where_unreachable
from vitlens_widgets.models.preprocessing import Preprocessing


def from_hf_processor(processor: Any) -> Preprocessing:
    """A transformers image processor, of which resizing and cropping are used as they are.

    Raises:
        UsageError: The processor scales or orders its pixels in a way that has no plain inverse.
    """
    if processor.do_rescale and abs(processor.rescale_factor * 255 - 1) > 1e-6:
        raise UsageError(
            f"{type(processor).__name__} rescales pixels by {processor.rescale_factor}; expected "
            "1/255. Give preprocessing={'mean': ..., 'std': ...} to say what the model expects."
        )
    if not processor.do_resize:
        raise UsageError(
            f"{type(processor).__name__} does not resize, so images of any size would reach the "
            "model; give preprocessing={'mean': ..., 'std': ...} to have them resized."
        )

    def apply(image: Image.Image) -> Image.Image:
        batch = processor(image, do_rescale=False, do_normalize=False, return_tensors="np")
        levels = np.asarray(batch["pixel_values"][0]).round().astype(np.uint8)
        return Image.fromarray(levels.transpose(1, 2, 0))

    height, width = np.asarray(apply(Image.new("RGB", (64, 64)))).shape[:2]
    mean = processor.image_mean if processor.do_normalize else (0.0, 0.0, 0.0)
    std = processor.image_std if processor.do_normalize else (1.0, 1.0, 1.0)
    # without rescaling, the model reads levels 0 .. 255: the same in units of [0, 1] brightness
    unit = 1 if processor.do_rescale else 255
    mean, std = (tuple(value / unit for value in values) for values in (mean, std))
    return Preprocessing(
        (height, width), mean, std, apply, f"transformers: {type(processor).__name__}"
    )


def hf_processor(
    config: Any, published: tuple[str, Mapping[str, Any]], image_size: tuple[int, int]
) -> Any:
    """The processor saved with a checkpoint, made to give images of (height, width) `image_size`.

    Args:
        config: The model's configuration, which knows where the model was loaded from.
        published: The processor class that the family was published with, and what it was told
            beside its defaults; used, with a warning, where none was saved with the checkpoint.
        image_size: (height, width) that the model runs at.
    """
    import transformers

    saved_with = getattr(config, "_name_or_path", "")
    try:
        if not saved_with:
            raise OSError("a module that was not loaded from anywhere")
        with hub_offline_where_unreachable():
            processor = transformers.AutoImageProcessor.from_pretrained(saved_with)
    except (OSError, ValueError):
        name, words = published
        processor = getattr(transformers, name)(**words)
        warnings.warn(
            f"No image processor was saved with {saved_with or 'this module'}; assuming "
            f"{name}'s defaults (mean {processor.image_mean}, std {processor.image_std}). "
            "Say preprocessing= to vl.load if the model was trained otherwise.",
            stacklevel=2,
        )
    return _at_size(processor, image_size)


def _at_size(processor: Any, image_size: tuple[int, int]) -> Any:
    """The processor with its resizing and cropping scaled so that `image_size` comes out."""
    cropped = getattr(processor, "do_center_crop", None)
    target = dict(processor.crop_size if cropped else processor.size)
    own: Any = (target.get("height"), target.get("width"))
    if own == image_size:
        return processor
    words = processor.to_dict()
    exact = {"height": image_size[0], "width": image_size[1]}
    if cropped and None not in own and "height" in words["size"]:
        ratio = {side: image_size[i] / own[i] for i, side in enumerate(("height", "width"))}
        words["size"] = {side: round(words["size"][side] * ratio[side]) for side in exact}
        words["crop_size"] = exact
    else:
        words |= {"size": exact, "do_center_crop": False}
    return type(processor).from_dict(words)

"""open_clip's preprocessing, used as it is."""

from __future__ import annotations

from typing import Any

from PIL import Image

from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.preprocessing import Preprocessing


def open_clip_preprocessing(tower: Foreign, image_size: tuple[int, int]) -> Preprocessing:
    """The evaluation transform that open_clip wrote into the tower; its defaults without one."""
    from open_clip.transform import PreprocessCfg, image_transform_v2

    words: dict[str, Any] = {**(getattr(tower, "preprocess_cfg", None) or {}), "size": image_size}
    config = PreprocessCfg(**words)
    transform: Any = image_transform_v2(config, is_train=False)
    *geometry, _to_tensor, _normalise = transform.transforms

    def apply(image: Any) -> Image.Image:
        for step in geometry:
            image = step(image)
        return image

    how = f"open_clip: {config.resize_mode}, {config.interpolation}"
    return Preprocessing(image_size, tuple(config.mean), tuple(config.std), apply, how)

"""The image processors of transformers: finding a checkpoint's own, and using it both ways."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from operator import index
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image

from vitlens_widgets.errors import UsageError, warn
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.grey import of_one
from vitlens_widgets.models.hub import ask_hub
from vitlens_widgets.models.preprocessing import Preprocessing
from vitlens_widgets.models.saved_json import read_json


def from_hf_processor(processor: Any) -> Preprocessing:
    """A transformers image processor, used as it is.

    Its resizing and cropping give the picture, its mean and std the pixels; what comes out is held
    against its own output, once. Where that keeps more than whole levels of brightness (DINOv3's
    resizes after rescaling), its own output is the pixels.

    Raises:
        UsageError: The processor does not resize, or scales or orders its pixels in a way that has
            no plain inverse.
    """
    with _usable(processor):
        return _preprocessing(processor)


@contextmanager
def _usable(processor: Any) -> Generator[None]:
    """What a library raises of words that it was saved with, said in a sentence."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            f"This {type(processor).__name__} cannot be used as it was saved "
            f"({type(error).__name__}: {error}): mend its preprocessor_config.json, or say "
            "preprocessing={'mean': ..., 'std': ...} to vl.load."
        ) from error


def _preprocessing(processor: Any) -> Preprocessing:
    _check(processor)
    picture, own = _pictures(processor), _pixels(processor)
    height, width = np.asarray(picture(_proof())).shape[:2]
    mean = processor.image_mean if processor.do_normalize else (0.0, 0.0, 0.0)
    std = processor.image_std if processor.do_normalize else (1.0, 1.0, 1.0)
    # without rescaling, the model reads levels 0 .. 255: the same in units of [0, 1] brightness
    unit = 1 if processor.do_rescale else 255
    mean, std = (tuple(value / unit for value in values) for values in (mean, std))
    said = f"transformers: {type(processor).__name__}, {_geometry(processor)}"
    plain = Preprocessing((height, width), mean, std, picture, said)
    if _differ(plain, own(_proof())) <= 1e-3:
        return plain
    finer = Preprocessing((height, width), mean, std, picture, said, own)
    if _differ(finer, plain.of(_proof())) <= 1:  # resampling rounded once, or not at all
        return finer
    raise UsageError(
        f"{type(processor).__name__} does more than to resize, crop, rescale and normalise, so "
        "that its pixels could not be shown; give preprocessing={'mean': ..., 'std': ...} to say "
        "what the model expects."
    )


def _check(processor: Any) -> None:
    name = type(processor).__name__
    if processor.do_rescale and abs(processor.rescale_factor * 255 - 1) > 1e-6:
        raise UsageError(
            f"{name} rescales pixels by {processor.rescale_factor}; expected "
            "1/255. Give preprocessing={'mean': ..., 'std': ...} to say what the model expects."
        )
    if not processor.do_resize:
        raise UsageError(
            f"{name} does not resize, so images of any size would reach the "
            "model; give preprocessing={'mean': ..., 'std': ...} to have them resized."
        )


def _pictures(processor: Any) -> Callable[[Image.Image], Image.Image]:
    def apply(image: Image.Image) -> Image.Image:
        batch = processor(image, do_rescale=False, do_normalize=False, return_tensors="np")
        levels = np.asarray(batch["pixel_values"][0]).round().astype(np.uint8)
        return Image.fromarray(levels.transpose(1, 2, 0))

    return apply


def _pixels(processor: Any) -> Callable[[Image.Image], torch.Tensor]:
    def apply(image: Image.Image) -> torch.Tensor:
        batch = processor(image, return_tensors="np")
        return torch.from_numpy(np.asarray(batch["pixel_values"][0], dtype=np.float32))

    return apply


def _proof() -> Image.Image:
    """A picture that is neither square nor even, in any channel."""
    y, x = np.mgrid[:61, :83]
    levels = np.stack([3 * x, 4 * y, (7 * x * y) % 251], -1)
    return Image.fromarray(levels.astype(np.uint8))


def _differ(made: Preprocessing, pixels: torch.Tensor) -> float:
    """The largest difference of the proof's pixels, in levels of brightness; infinite by shape."""
    found = made.of(_proof())
    if found.shape != pixels.shape:
        return float("inf")
    std = torch.tensor(made.std).view(-1, 1, 1)
    return float(((found - pixels) * std).abs().max()) * 255


def _geometry(processor: Any) -> str:
    """What becomes of the form of an image, in words."""
    size = dict(processor.size)
    edge = size.get("shortest_edge")
    first = f"shorter edge to {edge}" if edge else f"squashed to {_by(size)}"
    cropped = getattr(processor, "do_center_crop", None)
    return f"{first}, centre of {_by(dict(processor.crop_size))}" if cropped else first


def _by(size: Mapping[str, Any]) -> str:
    return " x ".join(str(size[side]) for side in ("height", "width") if size.get(side))


def saved_processor(config: Any) -> Any:
    """The processor saved with a checkpoint; None where there is none.

    Args:
        config: The model's configuration, which knows where the model was loaded from.

    Raises:
        UsageError: The one in a folder cannot be read.
    """
    import transformers

    saved_with = getattr(config, "_name_or_path", "")
    if not saved_with:
        return None
    if Path(saved_with).is_dir():
        _saved_words(saved_with)
    try:
        read = cast("Foreign", transformers.AutoImageProcessor).from_pretrained
        return ask_hub(lambda: read(saved_with, trust_remote_code=False))
    except Exception as error:  # whatever a library makes of a damaged file
        if file := _saved_words(saved_with):
            raise UsageError(_unreadable(file, error)) from error
        if isinstance(error, (OSError, ValueError, TypeError)):
            return None
        raise


def _saved_words(saved_with: str) -> Path | None:
    """The file that a processor was saved in; None where there is none.

    Raises:
        UsageError: It is damaged.
    """
    import huggingface_hub

    for name in ("preprocessor_config.json", "processor_config.json"):
        path = Path(saved_with) / name
        if not path.parent.is_dir():
            with suppress(ValueError):  # neither a folder nor an id
                path = Path(str(huggingface_hub.try_to_load_from_cache(saved_with, name)))
        if path.is_file() and (name.startswith("pre") or "image_processor" in read_json(path)):
            read_json(path)
            return path
    return None


def _unreadable(file: Path, error: Exception) -> str:
    line = next(iter(str(error).splitlines()), type(error).__name__)
    reason = line.split(". ")[0].strip()
    return (
        f"{file} cannot be read as an image processor ({reason}); save it anew, or move it away "
        "and say preprocessing={'mean': ..., 'std': ...} to vl.load."
    )


def output_size(processor: Any) -> tuple[int, int] | None:
    """(height, width) of whatever it gives; None where that goes by the image."""
    if processor is None:
        return None
    cropped = getattr(processor, "do_center_crop", None)
    with _usable(processor):
        size = dict(processor.crop_size if cropped else processor.size)
        height, width = size.get("height"), size.get("width")
        return None if height is None or width is None else (index(height), index(width))


def published_processor(config: Any, published: tuple[str, Mapping[str, Any]]) -> Any:
    """The processor that a family was published with, and a warning that it is assumed.

    Args:
        config: The model's configuration.
        published: The processor's class, and what it was told beside its defaults.
    """
    import transformers

    name, words = published
    processor = getattr(transformers, name)(**words)
    saved_with = getattr(config, "_name_or_path", "")
    warn(
        f"No image processor was saved with {saved_with or 'this module'}; assuming "
        f"{name}'s defaults (mean {processor.image_mean}, std {processor.image_std}). "
        "Say preprocessing= to vl.load if the model was trained otherwise."
    )
    return processor


def of_one_channel(processor: Any) -> Any:
    """The processor with the mean and std of its one channel for three alike."""
    with _usable(processor):
        words = of_one(processor.to_dict(), ("image_mean", "image_std"))
        return cast("Foreign", type(processor).from_dict(words))


def at_size(processor: Any, image_size: tuple[int, int]) -> Any:
    """The processor with its resizing and cropping scaled so that `image_size` comes out.

    The geometry stays: what is squashed is squashed, what keeps its aspect keeps it, and of what is
    cropped the same share is cropped.
    """
    own = output_size(processor)
    if own == image_size:
        return processor
    with _usable(processor):
        return _at_size(processor, own, image_size)


def _at_size(processor: Any, own: tuple[int, int] | None, image_size: tuple[int, int]) -> Any:
    words = processor.to_dict()
    size, exact = dict(words["size"]), {"height": image_size[0], "width": image_size[1]}
    edge = size.get("shortest_edge")
    if edge is None and own is not None and getattr(processor, "do_center_crop", None):
        shares = zip(exact, image_size, own, strict=True)
        size = {side: round(size[side] * new / old) for side, new, old in shares}
        words |= {"size": size, "crop_size": exact}
    elif edge is not None:  # without a crop of its own, what is beyond the grid is cut off
        before = own or (edge, edge)
        scale = max(new / old for new, old in zip(image_size, before, strict=True))
        size = {"shortest_edge": round(edge * scale)}
        words |= {"size": size, "do_center_crop": True, "crop_size": exact}
    else:
        words |= {"size": exact, "do_center_crop": False}
    return cast("Foreign", type(processor).from_dict(words))

"""What `world.train` accepts; everything else is refused with one sentence."""

from __future__ import annotations

import math
import os
from pathlib import Path

from ..errors import UsageError, did_you_mean, quoted_list
from .catalogue import GOALS
from .checks import checked_seed as any_seed
from .checks import whole
from .design import Design
from .weights import STEM

MOST_LAYERS, MOST_WIDTH, FEWEST_IMAGES, LARGEST_SEED = 24, 1024, 64, 2**63 - 1


def checked_folder(folder: str | os.PathLike[str]) -> Path:
    """A folder that is new, or that a training has written to."""
    if not isinstance(folder, (str, os.PathLike)):
        raise UsageError(f"folder is {folder!r}; give the path of a folder for what is written.")
    path = Path(folder).expanduser()
    if path.parts[:1] == ("toy",):
        raise UsageError(
            f'"{folder}" would be taken for an embedded model; give a folder that does not begin'
            ' with "toy/".'
        )
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file; give a folder for what is written.")
    if (path / "config.json").exists() or _is_anothers(path):
        raise UsageError(f"{path} holds another model; give a folder of its own.")
    if _is_in_use(path):
        raise UsageError(f"{path.resolve()} holds other files; give a folder of its own.")
    return path


def _is_anothers(path: Path) -> bool:
    """Whether there are weights that no training here has left a checkpoint of."""
    stem = path / STEM
    weights, checkpoint = (stem.with_suffix(end) for end in (".safetensors", ".checkpoint"))
    return weights.exists() and not checkpoint.exists()


def _is_in_use(path: Path) -> bool:
    """Whether there are files, hidden ones aside, and no training has begun among them."""
    if not path.is_dir() or (path / STEM).with_suffix(".checkpoint").exists():
        return False
    return any(not file.name.startswith(".") for file in path.iterdir())


def checked_goal(goal: object) -> str:
    """The name of a goal of classifiers."""
    names = [name for name, known in GOALS.items() if known.kind == "classes"]
    if goal not in names:
        near = did_you_mean(str(goal), names)
        raise UsageError(f"goal is {goal!r}; it is one of {quoted_list(names)}.{near}")
    return str(goal)


def checked_design(layers: object, width: object, heads: object, attention_only: object) -> Design:
    """A network of reasonable size whose heads share its width evenly."""
    layers = _within("layers", layers, MOST_LAYERS)
    width = _within("width", width, MOST_WIDTH)
    heads = _within("heads", heads, width)
    if width % heads:
        raise UsageError(
            f"width is {width} and heads is {heads}; each head takes an equal share, so width must"
            f" be a multiple of heads."
        )
    if not isinstance(attention_only, bool):
        raise UsageError(f"attention_only is {attention_only!r}; it is True or False.")
    return Design(layers, width, heads, mlp=not attention_only)


def checked_images(images: object, minutes: object) -> int | None:
    """How many images, if that was said; what was said instead is a time."""
    if images is not None and minutes is not None:
        raise UsageError("Give either images= or minutes=, not both.")
    if minutes is not None:
        is_number = isinstance(minutes, (int, float)) and not isinstance(minutes, bool)
        if not (is_number and math.isfinite(minutes) and minutes > 0):
            raise UsageError(f"minutes is {minutes!r}; it must be a number above 0.")
    if images is None:
        return None
    number = whole("images", images)
    if number < FEWEST_IMAGES:
        raise UsageError(f"images is {number}; it must be at least {FEWEST_IMAGES}, one batch.")
    return number


def checked_seed(seed: object) -> int:
    """A whole number from 0 on that torch takes."""
    number = any_seed(seed)
    if number > LARGEST_SEED:
        raise UsageError(f"seed is {number}; it must be below 2 to the 63.")
    return number


def _within(what: str, value: object, most: int) -> int:
    number = whole(what, value)
    if not 1 <= number <= most:
        raise UsageError(f"{what} is {number}; it must be 1 to {most}.")
    return number

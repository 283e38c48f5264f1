"""`train`: a small ViT of one's own, in minutes."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitlens_widgets.errors import (
    UsageError,
    check_count,
    check_flag,
    check_seed,
    did_you_mean,
    quoted_list,
)
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.world.cards import ModelCard, own_card
from vitlens_widgets.world.catalogue import GOALS
from vitlens_widgets.world.measure import COUNTS, measure_file
from vitlens_widgets.world.training.classify import Classify
from vitlens_widgets.world.training.loop import noted_facts, one_core_left, own_random_numbers
from vitlens_widgets.world.training.loop import train as run_to_the_end
from vitlens_widgets.world.training.optimizer import Optimizer
from vitlens_widgets.world.training.task import Recipe
from vitlens_widgets.world.weights import STEM, Design, trained_weights

IMAGES = 64_000
SCENES = 200  # for each number of objects: shares are right to within a few hundredths


@dataclass(frozen=True, slots=True, repr=False)
class Trained(os.PathLike[str]):
    """What `train` made: `vl.load(trained)` loads it, and so does its folder, at any later time.

    Attributes:
        path: The weights file.
        card: What the model is, and what it was measured to do.
    """

    path: Path
    card: ModelCard

    def __fspath__(self) -> str:
        return str(self.path.parent)

    def __repr__(self) -> str:
        return f"{self.card!r}\n\nLoad it: {self._load}"

    def _repr_markdown_(self) -> str:
        """The card as Jupyter shows it."""
        card = self.card._repr_markdown_()  # pyright: ignore[reportPrivateUsage]  # IPython's name
        return f"{card}\n\nLoad it: `{self._load}`"

    @property
    def _load(self) -> str:
        return f'vl.load("{self.path.parent.as_posix()}")'


def train(
    folder: str | os.PathLike[str] = "my-vit",
    *,
    goal: str = "class",
    layers: int = 2,
    width: int = 128,
    heads: int = 4,
    attention_only: bool = False,
    images: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Trained:
    """Train a ViT of your own on the image world, ready for `vl.load`.

    It may be interrupted at any moment: the same call goes on from the last whole step, and gives
    the same weights as if nothing had happened. When all is done, the same call gives the same
    model again; give another folder for another model.

    Args:
        folder: For what is written; made if it is not there. It can be loaded by its name.
        goal: What the model is asked: `"class"`: the classes of the image, of CLS alone;
            `"multiple-instance"`: these, and that patches together find each class and no other;
            `"patches"`: these, and which share of it each label covers, of every patch.
        layers: Transformer blocks.
        width: Of the residual stream; a multiple of `heads`.
        heads: Attention heads per block.
        attention_only: Blocks without an MLP.
        images: How many scenes it learns from, each seen once; 64,000 unless `minutes` is given.
        minutes: Instead of `images`: as many scenes as this machine learns from in about this
            time, tried out at the start.
        seed: Of the initial weights.
        progress: Whether to show a progress bar.

    Returns:
        The path to load, and the model's card, with its accuracy on held-out scenes. Printed, it
        shows both.

    Raises:
        UsageError: An argument that cannot be used, a folder that holds something else, or a torch
            older than 2.9. Nothing is written then.

    Example:
        >>> mine = vl.world.train("my-vit", layers=2, minutes=3)
        >>> vit = vl.load(mine)  # in another session: vl.load("my-vit")
    """
    folder = checked_folder(folder)
    task = Classify(checked_goal(goal), checked_design(layers, width, heads, attention_only))
    seed, images = check_seed(seed), checked_images(images, minutes)
    if images is None:
        images = IMAGES if minutes is None else _images_for(minutes, task, folder)
    recipe = Recipe(task, images, seed=seed)
    if progress and minutes is not None and trained_weights(folder):
        print(f"{folder} was trained already; for another model, give another folder.")
    try:
        weights = run_to_the_end(recipe, folder, STEM, title=folder.name, progress=progress)
        if progress:
            print(f"Measuring it on {len(COUNTS) * SCENES} scenes that it has not seen ...")
        measure_file(weights, SCENES)
    except KeyboardInterrupt:
        sentence = "Stopped; the same call goes on from the last whole step."
        raise KeyboardInterrupt(sentence) from None
    return Trained(weights, own_card(weights))


def _images_for(minutes: float, task: Classify, folder: Path) -> int:
    """How many images are learnt in about this time; what was begun keeps its number."""
    begun = noted_facts(folder / f"{STEM}.checkpoint")
    if begun is not None:
        return begun["images"]
    size = Recipe(task, 1).batch_size
    return max(size, int(60 * minutes / _seconds_per_batch(task, size)) * size)


@clean
def _seconds_per_batch(task: Classify, size: int) -> float:
    """Tried out on a model that is thrown away; drawing goes on beside learning."""
    with own_random_numbers(), one_core_left():
        model, batch = task.make_model().train(), task.draw(0, size)
        optimizer = Optimizer(model, steps=10)
        times: list[float] = []
        for step in range(6):
            times.append(time.perf_counter())
            task.learn(model, batch).backward()
            optimizer.step(step)
    drawing = time.perf_counter()
    task.draw(1, size)
    now = time.perf_counter()
    learning = (drawing - times[2]) / len(times[2:])  # the first steps are slower
    return max(learning, now - drawing)


MOST_LAYERS, MOST_WIDTH, FEWEST_IMAGES = 24, 1024, 64


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
    layers = check_count("layers", layers, 1, MOST_LAYERS)
    width = check_count("width", width, 1, MOST_WIDTH)
    heads = check_count("heads", heads, 1, width)
    if width % heads:
        raise UsageError(
            f"width is {width} and heads is {heads}; each head takes an equal share, so width must"
            f" be a multiple of heads."
        )
    return Design(layers, width, heads, mlp=not check_flag("attention_only", attention_only))


def checked_images(images: object, minutes: object) -> int | None:
    """How many images, if that was said; what was said instead is a time."""
    if images is not None and minutes is not None:
        raise UsageError("Give either images= or minutes=, not both.")
    if minutes is not None:
        is_number = isinstance(minutes, (int, float)) and not isinstance(minutes, bool)
        number: Any = minutes
        if not (is_number and math.isfinite(number) and number > 0):
            raise UsageError(f"minutes is {minutes!r}; it must be a number above 0.")
    if images is None:
        return None
    return check_count("images, one batch or more,", images, least=FEWEST_IMAGES)

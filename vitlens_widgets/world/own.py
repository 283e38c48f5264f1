"""`train`: a small ViT of one's own, in minutes."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from .cards import ModelCard, own_card
from .measure import COUNTS, measure
from .network import load_served
from .own_checks import checked_design, checked_folder, checked_goal, checked_images, checked_seed
from .training.checkpoint import noted_facts
from .training.classify import Classify
from .training.loop import one_core_left
from .training.loop import train as run_to_the_end
from .training.optimizer import Optimizer
from .training.task import Recipe
from .weights import STEM, trained_weights

IMAGES = 64_000
SCENES = 200  # for each number of objects: shares are right to within a few hundredths


@dataclass(frozen=True, slots=True, repr=False)
class Trained(os.PathLike):
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
        return f"{self.card._repr_markdown_()}\n\nLoad it: `{self._load}`"

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
    seed, images = checked_seed(seed), checked_images(images, minutes)
    if images is None:
        images = IMAGES if minutes is None else _images_for(minutes, task, folder)
    recipe = Recipe(task, images, seed=seed)
    if progress and minutes is not None and trained_weights(folder):
        print(f"{folder} was trained already; for another model, give another folder.")
    try:
        weights = run_to_the_end(recipe, folder, STEM, title=folder.name, progress=progress)
        if progress:
            print(f"Measuring it on {len(COUNTS) * SCENES} scenes that it has not seen ...")
        measure(load_served(weights), SCENES, images=recipe.facts()["images"]).write(
            weights.with_suffix(".json")
        )
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


def _seconds_per_batch(task: Classify, size: int) -> float:
    """Tried out on a model that is thrown away; drawing goes on beside learning."""
    with torch.random.fork_rng(devices=[]), one_core_left():
        model, batch = task.make_model().train(), task.draw(0, size)
        optimizer = Optimizer(model, steps=10)
        times = []
        for step in range(6):
            times.append(time.perf_counter())
            task.learn(model, batch).backward()
            optimizer.step(step)
    drawing = time.perf_counter()
    task.draw(1, size)
    now = time.perf_counter()
    learning = (drawing - times[2]) / len(times[2:])  # the first steps are slower
    return max(learning, now - drawing)

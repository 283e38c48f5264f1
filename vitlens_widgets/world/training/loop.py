"""The training loop: resumes where it stopped, saves as it goes, ends with a weights file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from ..weights import save_weights
from .batches import stream
from .checkpoint import Checkpoint, unbroken
from .optimizer import Optimizer
from .task import Recipe


def train(
    recipe: Recipe,
    folder: Path,
    stem: str,
    *,
    title: str | None = None,
    save_every: int = 200,
    progress: bool = True,
) -> Path:
    """Train to the recipe's end, or go on where an interrupted training in `folder` stopped.

    Args:
        recipe: What to do.
        folder: Where the checkpoint and the finished weights are written.
        stem: Of the names of both files.
        title: Shown beside the progress bar, if not the stem.
        save_every: Steps between checkpoints; Ctrl-C leaves one of the last whole step. However
            often a training was interrupted, it ends with the very weights of one that was not.
        progress: Whether to show the progress bar.

    Returns:
        The file with the finished weights, in half precision.

    Raises:
        UsageError: The checkpoint in `folder` is of another training, or torch is too old.
    """
    checkpoint = Checkpoint(folder / f"{stem}.checkpoint", recipe.facts())
    with torch.random.fork_rng(devices=[]), one_core_left():
        torch.manual_seed(recipe.seed)
        model = recipe.task.make_model().train()
        optimizer = Optimizer(model, recipe.steps, recipe.rate)
        done = checkpoint.load(model, optimizer)
        title = title or stem
        bar = tqdm(initial=done, total=recipe.steps, desc=title, unit="step", disable=not progress)
        with bar:
            _learn_all(recipe, model, optimizer, checkpoint, done, save_every, bar)
    return save_weights(model, folder / f"{stem}.safetensors", recipe.facts())


def _learn_all(
    recipe: Recipe,
    model: nn.Module,
    optimizer: Optimizer,
    checkpoint: Checkpoint,
    done: int,
    save_every: int,
    bar: tqdm,
) -> None:
    """The steps from `done` on."""
    try:
        for batch in stream(recipe.task.draw, done, recipe.steps, recipe.batch_size):
            _seed_step(recipe.seed, done)
            loss = recipe.task.learn(model, batch)
            loss.backward()
            with unbroken():
                optimizer.step(done)
                done += 1
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
            bar.update()
            if done % save_every == 0 or done == recipe.steps:
                checkpoint.save(model, optimizer, done)
    except KeyboardInterrupt:
        checkpoint.save(model, optimizer, done)
        raise


@contextmanager
def one_core_left() -> Iterator[None]:
    """While this lasts, torch leaves a core to the worker that draws.

    Threads wait for one another: on two busy cores, a step with two threads took several times as
    long as with one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, min(before, (os.cpu_count() or 1) - 1)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _seed_step(seed: int, step: int) -> None:
    """Make what a step leaves to chance depend on nothing before it."""
    torch.manual_seed(int(np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0]))

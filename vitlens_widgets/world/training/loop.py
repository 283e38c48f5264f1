"""The training loop: resumes where it stopped, saves as it goes, ends with a weights file."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from vitlens_widgets.errors import UsageError
from vitlens_widgets.files import made_folder, try_out, write_whole
from vitlens_widgets.models.cleanup import Cleanup, clean
from vitlens_widgets.world.cards import weights_file
from vitlens_widgets.world.training.optimizer import Optimizer
from vitlens_widgets.world.training.task import Recipe, stream
from vitlens_widgets.world.weights import read_weights, save_weights

SCHEMA = 1
"""Of checkpoints. A reader refuses any other number."""


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds a model, its optimiser and the number of steps done.

    Attributes:
        path: The file.
        facts: What the training is, by name; a file of any other is refused.
    """

    path: Path
    facts: Mapping[str, Any]

    def save(self, model: nn.Module, optimizer: Optimizer, done: int) -> None:
        """Replace the file by what there is now, at once.

        Raises:
            UsageError: It cannot be written; the last one is still there.
        """
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        facts = {"schema": SCHEMA, "done": done, "facts": dict(self.facts)}
        buffer = io.BytesIO()  # torch says in words of its own that a disk is full
        torch.save({**state, **facts}, buffer)
        write_whole(self.path, buffer.getvalue())

    def load(self, model: nn.Module, optimizer: Optimizer) -> int:
        """Take up where the file left off; returns the steps done, 0 without a file.

        Raises:
            UsageError: The file is of another training, or damaged.
        """
        state = self._read()
        if state is None:
            return 0
        try:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError):
            raise _damaged(self.path) from None
        if not all(value.isfinite().all() for value in model.state_dict().values()):
            raise _damaged(self.path)
        return state["done"]

    def _read(self) -> dict[str, Any] | None:
        state = _loaded(self.path)
        if state is None:
            return None
        theirs = state["facts"]
        differ = [name for name in self.facts if theirs.get(name) != self.facts[name]]
        if differ:
            found = ", ".join(f"{name} {theirs.get(name)}" for name in differ)
            asked = ", ".join(f"{name} {self.facts[name]}" for name in differ)
            raise UsageError(
                f"{self.path} is of another training, with {found}, not {asked}; choose another"
                " folder or delete that file."
            )
        return state


def noted_facts(path: Path) -> dict[str, Any] | None:
    """What the training of a checkpoint is; None where there is no file."""
    state = _loaded(path)
    return None if state is None else state["facts"]


def _loaded(path: Path) -> dict[str, Any] | None:
    """What a checkpoint holds; None where there is no file.

    Raises:
        UsageError: It is damaged, or of another version.
    """
    if not path.exists():
        return None
    try:
        state = dict(torch.load(path, weights_only=True))
    except Exception as error:  # torch says in many ways that a file is none of its own
        raise _damaged(path) from error
    if (schema := state.get("schema")) != SCHEMA:
        raise UsageError(
            f"{path} was written by another version of vitlens_widgets (schema {schema}; this one "
            f"reads {SCHEMA}); choose another folder or delete that file."
        )
    done, facts = state.get("done"), state.get("facts")
    if type(done) is not int or done < 0 or not isinstance(facts, dict):
        raise _damaged(path)
    return state


def _damaged(path: Path) -> UsageError:
    return UsageError(
        f"{path} is damaged: it holds no training that can go on; delete it to begin anew."
    )


@contextmanager
def unbroken() -> Generator[None]:
    """While this lasts, Ctrl-C waits; it comes at the end.

    Only the main thread is ever interrupted, so elsewhere there is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[bool] = []
    with Cleanup(partial(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))):
        signal.signal(signal.SIGINT, lambda _number, _frame: waiting.append(True))
        yield
    if waiting:
        raise KeyboardInterrupt


@clean
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
        UsageError: The checkpoint in `folder` is of another training or damaged, torch is too old,
            or a file cannot be written; what was saved before is still there.
    """
    checkpoint = Checkpoint(made_folder(folder) / f"{stem}.checkpoint", recipe.facts())
    try_out(checkpoint.path)
    with own_random_numbers(), one_core_left():
        torch.manual_seed(recipe.seed)
        model = recipe.task.make_model().train()
        _begin(recipe, model)
        optimizer = Optimizer(model, recipe.steps, recipe.rate)
        done = checkpoint.load(model, optimizer)
        title = title or stem
        bar = tqdm(initial=done, total=recipe.steps, desc=title, unit="step", disable=not progress)
        with bar:
            _learn_all(recipe, model, optimizer, checkpoint, done, save_every, bar)
    return save_weights(recipe.task.finished(model), folder / f"{stem}.safetensors", recipe.facts())


def _begin(recipe: Recipe, model: nn.Module) -> None:
    """Load the weights that the recipe begins with.

    Raises:
        UsageError: They are of another network.
    """
    if recipe.begin_with is None:
        return
    try:
        recipe.task.begin(model, read_weights(weights_file(recipe.begin_with)))
    except RuntimeError:
        raise UsageError(
            f"{recipe.begin_with} is another network than the one that is trained: it cannot begin"
            " with those weights."
        ) from None


@clean
def _learn_all(
    recipe: Recipe,
    model: nn.Module,
    optimizer: Optimizer,
    checkpoint: Checkpoint,
    done: int,
    save_every: int,
    bar: tqdm[Any],
) -> None:
    """The steps from `done` on; neither scenes nor chance are those of the first weights."""
    saved, before = done, recipe.images_before // recipe.batch_size

    def save() -> None:
        nonlocal saved
        try:
            checkpoint.save(model, optimizer, done)
        except UsageError as error:
            sentence = f"{error} It holds {saved} of {recipe.steps} steps; the same call goes on."
            raise UsageError(sentence) from None
        saved = done

    try:
        first, end = before + done, before + recipe.steps
        drawn = stream(recipe.task.draw, first, end, recipe.batch_size)
        while (batch := _received(drawn)) is not None:
            _seed_step(recipe.seed, before + done)
            loss = recipe.task.learn(model, batch)
            loss.backward()
            with unbroken():
                optimizer.step(done)
                done += 1
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
            bar.update()
            if done % save_every == 0 or done == recipe.steps:
                save()
    except KeyboardInterrupt:
        save()
        raise


@clean
def _received(batches: Iterator[Any]) -> Any:
    """The next batch, as a whole: cut off, its worker would complain; None when all are drawn."""
    with unbroken():
        return next(batches, None)


@contextmanager
def one_core_left() -> Generator[None]:
    """While this lasts, torch leaves a core to the worker that draws.

    Threads wait for one another: on two busy cores, a step with two threads took several times as
    long as with one.
    """
    before = torch.get_num_threads()
    with Cleanup(partial(torch.set_num_threads, before)):
        torch.set_num_threads(max(1, min(before, (os.cpu_count() or 1) - 1)))
        yield


@contextmanager
def own_random_numbers() -> Generator[None]:
    """While this lasts, torch may be seeded and drawn from; then it goes on where it was."""
    with Cleanup(partial(torch.set_rng_state, torch.get_rng_state())):
        yield


def _seed_step(seed: int, step: int) -> None:
    """Make what a step leaves to chance depend on nothing before it."""
    torch.manual_seed(int(np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0]))

"""Measure a model on scenes it has never seen: `python -m vitlens_widgets.world.evaluate`.

Without a name it measures every embedded model. It writes what it finds beside the weights, where
the model card reads it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from ..errors import quoted_list
from .cards import WEIGHTS, read_card, weights_file
from .measure import SCENES
from .measurement import Measurement
from .training.recipes import RECIPES
from .training.task import Task


def evaluate(task: Task, name: str, folder: Path = WEIGHTS, scenes: int = SCENES) -> Measurement:
    """Measure the weights of `name` in `folder` as its task does; write the result beside them."""
    weights = weights_file(name, folder)
    found = task.measure(weights, scenes)
    found.write(weights.with_suffix(".json"))
    return found


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m vitlens_widgets.world.evaluate")
    parser.add_argument("names", nargs="*", help="embedded models; all without any")
    parser.add_argument("--folder", type=Path, default=WEIGHTS, help="where the weights lie")
    parser.add_argument("--scenes", type=int, default=SCENES, help="for each number of objects")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in RECIPES]:
        parser.error(f"no embedded model {quoted_list(unknown)}; there are {quoted_list(RECIPES)}")
    for name in tqdm(given.names or RECIPES, desc="models"):
        evaluate(RECIPES[name].task, name, given.folder, given.scenes)
        print(read_card(name, given.folder))


if __name__ == "__main__":
    main()

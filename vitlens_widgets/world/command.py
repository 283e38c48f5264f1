"""The command line of `python -m vitlens_widgets.world.train`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ..errors import UsageError
from .cards import read_card, weights_file
from .evaluate import evaluate
from .measure import SCENES
from .training.loop import train
from .training.recipes import RECIPES


def main(arguments: list[str] | None = None) -> None:
    """Train the models that are named, one after the other, and print their cards."""
    given = _parser().parse_args(arguments)
    try:
        for name in given.names:
            _train(name, given)
    except UsageError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        sentence = "Interrupted; the same command goes on where it stopped."
        raise SystemExit(sentence) from None


def _train(name: str, given: argparse.Namespace) -> None:
    recipe = RECIPES[name]
    if given.images is not None:
        recipe = replace(recipe, images=given.images)
    stem = weights_file(name).stem
    weights = train(recipe, given.folder, stem, save_every=given.save_every)
    evaluate(recipe.task, name, given.folder, given.scenes)
    print(read_card(name, given.folder))
    print(f"Written: {weights} and {weights.with_suffix('.json').name}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vitlens_widgets.world.train")
    add = parser.add_argument
    add("names", nargs="+", choices=sorted(RECIPES), metavar="name", help=", ".join(RECIPES))
    add("--folder", type=Path, default=Path("world-training"), help="for what is written")
    add("--images", type=_positive, help="scenes to learn from, if not as many as in the recipe")
    add("--save-every", type=_positive, default=200, help="steps between checkpoints")
    add("--scenes", type=_positive, default=SCENES, help="held-out scenes per number of objects")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not 1 or more")
    return number

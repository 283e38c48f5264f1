"""Train and measure the embedded models: `python -m vitlens_widgets.world`.

    python -m vitlens_widgets.world train toy/p32     train it anew, measure it, print its card
    python -m vitlens_widgets.world measure toy/p32   measure what is there; all without a name

A training may be interrupted at any moment: the same command goes on where it stopped. What is
measured is written beside the weights, where the model card reads it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from vitlens_widgets.errors import UsageError, quoted_list
from vitlens_widgets.world.cards import WEIGHTS, read_card, weights_file
from vitlens_widgets.world.catalogue import DECODERS, NAMES, SAES
from vitlens_widgets.world.measure import SCENES, measure_file
from vitlens_widgets.world.saes.train import train_embedded_sae
from vitlens_widgets.world.training.loop import train
from vitlens_widgets.world.training.recipes import RECIPES


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except UsageError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        sentence = "Interrupted; the same command goes on where it stopped."
        raise SystemExit(sentence) from None


def _train_all(options: argparse.Namespace) -> None:
    """Train the models and SAEs that are named, one after the other, and print models' cards."""
    for name in options.names:
        if name in SAES:
            print(f"Written: {train_embedded_sae(name, options.folder, options.images)}")
            continue
        recipe = RECIPES[name]
        if options.images is not None:
            recipe = replace(recipe, images=options.images)
        if options.begin_with is not None:
            recipe = replace(recipe, begin_with=options.begin_with)
        stem = weights_file(name).stem
        weights = train(recipe, options.folder, stem, save_every=options.save_every)
        measure_file(weights, options.scenes)
        print(read_card(name, options.folder))
        print(f"Written: {weights} and {weights.with_suffix('.json').name}")


def _measure_all(options: argparse.Namespace) -> None:
    """Measure the models that are named, or all, and print their cards."""
    for name in tqdm(options.names or (*NAMES, *DECODERS), desc="models"):
        measure_file(weights_file(name, options.folder), options.scenes)
        print(read_card(name, options.folder))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vitlens_widgets.world")
    commands = parser.add_subparsers(required=True, metavar="train | measure")
    trained = (*RECIPES, *SAES)
    add = _command(commands, "train", _train_all, "+", Path("world-training"), trained)
    add("--images", type=_positive, help="scenes to learn from, if not as many as in the recipe")
    begin = "embedded model whose weights it begins with, such as the same one, to train it further"
    add("--begin-with", type=_known, metavar="NAME", help=begin)
    add("--save-every", type=_positive, default=200, help="steps between checkpoints")
    _command(commands, "measure", _measure_all, "*", WEIGHTS)
    return parser


def _command(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], None],
    count: str,
    folder: Path,
    names: tuple[str, ...] = tuple(RECIPES),
) -> Callable[..., Any]:
    """A command with the words that both take; gives what adds others."""
    command = commands.add_parser(name, help=run.__doc__)
    command.set_defaults(run=run)
    add = command.add_argument
    known = partial(_known, names=names)
    add("names", nargs=count, type=known, metavar="name", help=", ".join(names))
    add("--folder", type=Path, default=folder, help="where weights and measurements lie")
    add("--scenes", type=_positive, default=SCENES, help="held-out scenes per number of objects")
    return add


def _known(name: str, names: tuple[str, ...] = tuple(RECIPES)) -> str:
    if name not in names:
        known = quoted_list(names)
        raise argparse.ArgumentTypeError(f"no embedded model {name!r}; there are {known}")
    return name


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not 1 or more")
    return number


if __name__ == "__main__":
    main()

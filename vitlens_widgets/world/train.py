"""Train an embedded classifier anew: `python -m vitlens_widgets.world.train toy/p32`.

It may be interrupted at any moment: the same command goes on from the last checkpoint, which is
at most a minute or two old.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from .training.loop import train
from .training.recipes import RECIPES


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    given = _parser().parse_args(arguments)
    recipe = RECIPES[given.name]
    if given.images is not None:
        recipe = replace(recipe, images=given.images)
    try:
        weights = train(recipe, given.folder, given.name.replace("/", "-"))
    except KeyboardInterrupt:
        raise SystemExit(
            "Interrupted; the same command goes on from the last checkpoint."
        ) from None
    print(f"Finished: {weights}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vitlens_widgets.world.train")
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument(
        "--folder", type=Path, default=Path("world-training"), help="for checkpoint and weights"
    )
    parser.add_argument("--images", type=int, help="scenes to learn from, if not the recipe's")
    return parser


if __name__ == "__main__":
    main()

"""Make `nouns.tsv` from WordNet 3.0: `python -m vitlens_widgets.data.wordnet.build FOLDER`.

FOLDER holds WordNet's `data.noun` (Debian's package wordnet-base puts it into /usr/share/wordnet).
ImageNet names its classes by WordNet 3.0's offsets, in the order that timm lists them.

The things of the world are taken in the first sense that WordNet gives for their noun, with one
exception: the heart is not "the locus of feelings" but the plane figure. The background is no
thing, and has no sense.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from vitlens_widgets.data.wordnet.nouns import FILE, Noun, written

_KIND, _INSTANCE = "@", "@i"  # WordNet's signs for hypernym and instance hypernym (wndb(5WN))

_WORLD = {
    "cat": "02121620",
    "dog": "02084071",
    "heart": "13865904",
    "star": "09444100",
    "moon": "09358358",
    "flower": "11669921",
    "tree": "13104059",
    "house": "03544360",
    "fish": "02512053",
    "mushroom": "13001041",
    "apple": "07739125",
    "sun": "09450163",
    "umbrella": "04507155",
    "car": "02958343",
    "boat": "02858304",
    "key": "03613294",
}

_REMARKS = """\
# Nouns of WordNet 3.0, Copyright 2006 by Princeton University; see LICENSE beside this file.
# offset, first word, offsets of what it is a kind or an instance of, classes of label sets"""


def read_nouns(lines: Iterable[str]) -> dict[str, Noun]:
    """Every noun of WordNet's `data.noun`, by offset."""
    return dict(_noun(line) for line in lines if not line.startswith(" "))  # " ": the licence


def _noun(line: str) -> tuple[str, Noun]:
    """A line of `data.noun`, as wndb(5WN) describes it.

    `offset file type w_cnt [word lex_id ...] p_cnt [symbol offset type target ...] | ...`
    """
    fields = line.partition(" | ")[0].split()
    pointers = fields[4 + 2 * int(fields[3], 16) + 1 :]
    pairs = zip(pointers[::4], pointers[1::4], strict=False)
    kinds = tuple(offset for symbol, offset in pairs if symbol in (_KIND, _INSTANCE))
    return fields[0], Noun(fields[4].replace("_", " "), kinds)


def needed(every: dict[str, Noun], classes: dict[str, list[tuple[str, int]]]) -> dict[str, Noun]:
    """The nouns of the classes, and all that is above them."""
    found: dict[str, Noun] = {}
    waiting = list(classes)
    while waiting:
        offset = waiting.pop()
        if offset not in found:
            found[offset] = every[offset]._replace(classes=tuple(classes.get(offset, ())))
            waiting += every[offset].kinds
    return found


def _classes() -> Iterator[tuple[str, tuple[str, int]]]:
    """(offset, (label set, index)) of every class."""
    from timm.data import ImageNetInfo

    for index, name in enumerate(ImageNetInfo("imagenet-1k").label_names()):
        yield name.removeprefix("n"), ("imagenet-1k", index)
    for index, offset in enumerate(_WORLD.values()):
        yield offset, ("world", index)


def main(folder: str) -> None:
    """Write `nouns.tsv` beside this file."""
    lines = (Path(folder) / "data.noun").read_text(encoding="utf-8").splitlines()
    classes: dict[str, list[tuple[str, int]]] = {}
    for offset, place in _classes():
        classes.setdefault(offset, []).append(place)
    kept = written(needed(read_nouns(lines), classes))
    Path(__file__).with_name(FILE).write_text("\n".join([_REMARKS, *kept, ""]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

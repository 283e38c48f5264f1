"""The class names of well-known data sets, in the order of their indices.

ImageNet's come with timm, as WordNet's synonyms and definition of each class; CIFAR's and the
world's stand here.

Source:
    CIFAR-10 and CIFAR-100: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
"""

from __future__ import annotations

import re
from functools import cache

from vitlens_widgets.errors import UsageError, did_you_mean, quoted_list

_CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"

_CIFAR100 = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle
bowl boy bridge bus butterfly camel can castle caterpillar cattle
chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur
dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard
lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree
plain plate poppy porcupine possum rabbit raccoon ray road rocket
rose sea seal shark shrew skunk skyscraper snail snake spider
squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""

_WORLD = """
cat dog heart star moon flower tree house fish mushroom apple sun umbrella car boat key background
"""

_BUILT_IN = {"cifar10": _CIFAR10, "cifar100": _CIFAR100, "world": _WORLD}
_IMAGENET = (
    "imagenet-1k",
    "imagenet-12k",
    "imagenet-21k",  # the 21,843 classes of Google's checkpoints
    "imagenet-21k-goog",
    "imagenet-21k-miil",
    "imagenet-22k",
    "imagenet-22k-ms",
)
NAMES = (*_IMAGENET, *_BUILT_IN)


def known_set(name: str) -> tuple[str, list[str], list[str]]:
    """A well-known set's proper name, its classes, and a definition of each class ("" for none).

    ImageNet's classes are given with all their synonyms: "tench, Tinca tinca".

    Raises:
        UsageError: the name is not among `NAMES` (case, "-" and "_" do not count).
    """
    proper = {_bare(known): known for known in NAMES}.get(_bare(name))
    if proper is None:
        raise UsageError(
            f'"{name}" is not a label set that is built in: choose one of {quoted_list(NAMES)}, or '
            f"give the names to LabelSet.of.{did_you_mean(name, NAMES)}"
        )
    if proper in _BUILT_IN:
        classes = [word.replace("_", " ") for word in _BUILT_IN[proper].split()]
        return proper, classes, [""] * len(classes)
    return (proper, *_from_timm(proper))


@cache
def imagenet_synsets() -> dict[str, int]:
    """The index of each of ImageNet-1k's thousand synsets: `{"n01440764": 0, ...}`."""
    from timm.data import ImageNetInfo  # loads torch

    return {synset: i for i, synset in enumerate(ImageNetInfo("imagenet-1k").label_names())}


def _bare(name: str) -> str:
    return re.sub(r"[-_\s]", "", name.casefold())


def _from_timm(name: str) -> tuple[list[str], list[str]]:
    from timm.data import ImageNetInfo  # loads torch

    info = ImageNetInfo(name)
    lemmas = list(info.label_descriptions())
    detailed = list(info.label_descriptions(detailed=True))  # "lemmas: definition"
    definitions = [text[len(lemma) + 2 :] for lemma, text in zip(lemmas, detailed, strict=True)]
    return lemmas, definitions

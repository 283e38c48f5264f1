"""Images in, and what classes are called: the part that knows no model and no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitlens_widgets._lazy import refusal
from vitlens_widgets.data.cifar100 import CIFAR100
from vitlens_widgets.data.covers import covered
from vitlens_widgets.data.emoji import emoji_for
from vitlens_widgets.data.examples import Dataset, Example, Examples
from vitlens_widgets.data.frames import frame
from vitlens_widgets.data.image_folder import ImageFolder
from vitlens_widgets.data.imagenet_s import ImageNetS
from vitlens_widgets.data.images import read_image
from vitlens_widgets.data.labels import LabelSet
from vitlens_widgets.data.streamed import Streamed
from vitlens_widgets.data.wordnet import Kinship

__all__ = [
    "CIFAR100",
    "Dataset",
    "Example",
    "Examples",
    "ImageFolder",
    "ImageNetS",
    "Kinship",
    "LabelSet",
    "Streamed",
    "covered",
    "emoji_for",
    "frame",
    "read_image",
]

if not TYPE_CHECKING:  # to a type checker a name that is not there is a mistake
    __getattr__ = refusal(__name__, __all__, "vl.data")

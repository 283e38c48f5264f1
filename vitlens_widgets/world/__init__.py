"""The procedural image world, and the small models that were trained on it.

>>> from vitlens_widgets import world
>>> world.scene(seed=7, objects=2).names
('star', 'apple')

Sixteen things that each have an emoji, random in colour, size, pose and background, with exact
masks. Drawing needs NumPy and Pillow alone; what needs torch is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

from vitlens_widgets.world.labels import BACKGROUND, CLASSES, LABELS
from vitlens_widgets.world.scene import Scene, Scenes, scene

_LATER = {
    "NAMES": "vitlens_widgets.world.catalogue",
    "ModelCard": "vitlens_widgets.world.cards",
    "build": "vitlens_widgets.world.embedded",
    "card": "vitlens_widgets.world.cards",
    "toy_models": "vitlens_widgets.world.cards",
    "train": "vitlens_widgets.world.own",
}

__all__ = [
    "BACKGROUND",
    "CLASSES",
    "LABELS",
    "NAMES",
    "ModelCard",
    "Scene",
    "Scenes",
    "build",
    "card",
    "scene",
    "toy_models",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module 'vitlens_widgets.world' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

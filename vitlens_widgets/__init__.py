"""See inside vision transformers, in a notebook.

>>> import vitlens_widgets as vl
>>> vit = vl.load("toy/p32")                 # or any timm / Hugging Face ViT, or your own module
>>> scene = vl.world.scene(seed=7, objects=2)
>>> trace = vit.trace(scene.image)           # or a path, a URL, a PIL image, a list of them
>>> reading = vl.LogitLens(vit).read(trace)  # what each token means at each layer
>>> vl.PatchGrid(reading)                    # the emoji logit lens, interactive

Importing this package loads no torch: each public name loads its own part when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "load": "vitlens_widgets.zoo",
    "ViT": "vitlens_widgets.trace",
    "paper_models": "vitlens_widgets.zoo",
    "untrained": "vitlens_widgets.zoo",
    "TokenLayout": "vitlens_widgets.models",
    "Trace": "vitlens_widgets.trace",
    "FrozenNormLens": "vitlens_widgets.lenses",
    "InfillLens": "vitlens_widgets.lenses",
    "Infilling": "vitlens_widgets.lenses",
    "LogitLens": "vitlens_widgets.lenses",
    "Reading": "vitlens_widgets.lenses",
    "AttentionMaps": "vitlens_widgets.widgets",
    "Explorer": "vitlens_widgets.widgets",
    "explore": "vitlens_widgets.widgets",
    "link": "vitlens_widgets.widgets",
    "InfillStrip": "vitlens_widgets.widgets",
    "PatchGrid": "vitlens_widgets.widgets",
    "RelevanceMaps": "vitlens_widgets.widgets",
    "toy_models": "vitlens_widgets.world",
    "LabelSet": "vitlens_widgets.data",
    "read_image": "vitlens_widgets.data",
    "save_html": "vitlens_widgets.export",
    "UsageError": "vitlens_widgets.errors",
    "UnsupportedModelError": "vitlens_widgets.errors",
}
_PARTS = {
    part: part
    for part in (
        "analysis",
        "charts",
        "data",
        "export",
        "lenses",
        "models",
        "trace",
        "widgets",
        "world",
    )
}
_PARTS["edits"] = "trace.edits"

__all__ = [
    "AttentionMaps",
    "Explorer",
    "FrozenNormLens",
    "InfillLens",
    "InfillStrip",
    "Infilling",
    "LabelSet",
    "LogitLens",
    "PatchGrid",
    "Reading",
    "RelevanceMaps",
    "TokenLayout",
    "Trace",
    "UnsupportedModelError",
    "UsageError",
    "ViT",
    "analysis",
    "charts",
    "data",
    "edits",
    "explore",
    "export",
    "lenses",
    "link",
    "load",
    "models",
    "paper_models",
    "read_image",
    "save_html",
    "toy_models",
    "trace",
    "untrained",
    "widgets",
    "world",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _PARTS:
        return importlib.import_module(f"vitlens_widgets.{_PARTS[name]}")
    raise AttributeError(_unknown(name), name=name)


def _unknown(name: str) -> str:
    from vitlens_widgets.errors import nearest

    found = [] if name.startswith("_") else nearest(name, __all__)
    close = f" Nearest: {', '.join(f'vl.{one}' for one in found)}." if found else ""
    return f"module 'vitlens_widgets' has no attribute {name!r}.{close}"


def __dir__() -> list[str]:
    return __all__

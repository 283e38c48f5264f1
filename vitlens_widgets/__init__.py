"""See inside vision transformers, in a notebook.

>>> import vitlens_widgets as vl
>>> vit = vl.load("toy/p32")                 # or any timm / Hugging Face ViT, or your own module
>>> scene = vl.world.scene(seed=7, objects=2)
>>> trace = vit.trace(scene.image)           # or a path, a URL, a PIL image, a list of them
>>> reading = vl.LogitLens(vit).read(trace)  # what each token means at each layer
>>> vl.PatchGrid(reading)                    # the emoji logit lens, interactive

Importing this package loads no torch: each public name loads its own part when it is first used.
The names stand in `__init__.pyi`.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

from vitlens_widgets._version import __version__ as __version__

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name in __all__:
        return _load(name)
    raise AttributeError(_unknown(name), name=name)


def _unknown(name: str) -> str:
    from vitlens_widgets.errors import nearest

    found = [] if name.startswith("_") else nearest(name, __all__)
    close = f" Nearest: {', '.join(f'vl.{one}' for one in found)}." if found else ""
    return f"module 'vitlens_widgets' has no attribute {name!r}.{close}"

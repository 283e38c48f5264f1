"""See inside vision transformers, in a notebook.

>>> import vitlens_widgets as vl
>>> vit = vl.load("toy/p32")                 # or any timm / Hugging Face ViT, or your own module
>>> scene = vl.world.scene(seed=7, objects=2)
>>> trace = vit.trace(scene.image)           # or a path, a URL, a PIL image, a list of them
>>> reading = vl.LogitLens(vit).read(trace)  # what each token means at each state
>>> vl.PatchGrid(reading)                    # the emoji logit lens, interactive

Importing this package loads no torch: each public name loads its own part when it is first used.
The names stand in `__init__.pyi`.
"""

from __future__ import annotations

from vitlens_widgets._lazy import public_names
from vitlens_widgets._version import __version__ as __version__

__getattr__, __dir__, __all__ = public_names(__name__, __file__, "vl")

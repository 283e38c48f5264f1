"""The procedural image world, and the small models that were trained on it.

>>> from vitlens_widgets import world
>>> world.scene(seed=7, objects=2).names
('star', 'apple')

Sixteen things that each have an emoji, random in colour, size, pose and background, with exact
masks. Drawing needs NumPy and Pillow alone; what needs torch is loaded when it is first used.
"""

from __future__ import annotations

from vitlens_widgets._lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__, "vl.world")

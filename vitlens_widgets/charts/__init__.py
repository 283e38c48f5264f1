"""Bokeh figures from plain numbers: curves, boxes, bars, dots, heat maps, and marks beside them.

Importing this loads no Bokeh; the first figure does. What an experiment draws with them is its
result's own `figure()`.
"""

from vitlens_widgets._lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__, "vl.charts")

"""Bokeh figures from plain numbers: curves, boxes, bars, dots, heat maps, and marks beside them.

Importing this loads no Bokeh; the first figure does. What an experiment draws with them is its
result's own `figure()`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

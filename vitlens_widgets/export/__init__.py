"""Widgets outside the notebook: one offline page, a still picture, and figures for papers."""

from vitlens_widgets.export.figures.save import save_figure
from vitlens_widgets.export.save import save_html

__all__ = ["save_figure", "save_html"]

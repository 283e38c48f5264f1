"""Widgets outside the notebook: one offline page, and a still picture."""

from vitlens_widgets.export.save import save_html

__all__ = ["save_html"]

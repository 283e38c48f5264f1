"""Widgets outside the notebook: one offline page, a still picture, a gallery of pages."""

from vitlens_widgets.export.save import save_html

__all__ = ["save_html"]

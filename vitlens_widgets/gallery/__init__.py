"""A folder of pages with an index: `python -m vitlens_widgets.gallery FOLDER`.

Each page holds the widget of a tutorial, on the same scenes and with the same embedded models. All
of it opens offline; nothing is downloaded.
"""

from vitlens_widgets.gallery.pages import Exhibit, gallery
from vitlens_widgets.gallery.tutorials import tutorials

__all__ = ["Exhibit", "gallery", "tutorials"]

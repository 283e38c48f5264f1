"""Bokeh figures under the cells of a notebook, without a network.

>>> from bokeh.io import show
>>> vl.charts.in_notebook()
>>> show(vl.analysis.over_states.entropy(reading))
"""

from __future__ import annotations

import sys
from typing import Any, cast

from bokeh.io import output_notebook
from bokeh.io.notebook import install_notebook_hook, load_notebook, show_app, show_doc
from bokeh.resources import Resources
from IPython import display as of_ipython

from vitlens_widgets.charts.theme import REPAINT

_COLAB = "vitlens_widgets_in_colab"


def in_notebook() -> None:
    """From here on, `bokeh.io.show` draws under the cell that calls it.

    Bokeh's own `output_notebook` takes its script from the web; here it is that of the installed
    package, some 1.3 MB that a saved notebook keeps. In Colab, where each cell's output is a page
    of its own, each figure brings it along.
    """
    script = Resources(mode="inline", components=["bokeh"])  # all that curves need
    if "google.colab" not in sys.modules:
        output_notebook(script, hide_banner=True)
        shows: Any = of_ipython  # its own types are not all known
        shows.display(shows.Javascript(REPAINT))
        return

    def show_with_script(figure: Any, *arguments: Any) -> Any:
        load_notebook(script, hide_banner=True)
        return cast("object", show_doc(figure, *arguments))

    kind: Any = _COLAB  # Bokeh takes any name, and types say its own three
    show: Any = show_with_script
    install_notebook_hook(kind, load_notebook, show, show_app, overwrite=True)
    output_notebook(script, hide_banner=True, notebook_type=kind)

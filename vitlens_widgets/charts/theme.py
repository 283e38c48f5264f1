"""Figures in the colours of the page they stand on, light or dark, also when these change.

Bokeh reads the colours of what is not data from CSS variables, by the names of its properties; here
they are those that JupyterLab, Notebook and VS Code give to text. Data keep their colours, which
are told apart on both.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from bokeh.models import ColorBar, InlineStyleSheet, Legend, LegendItem

TEXT = "var(--jp-ui-font-color1, var(--vscode-editor-foreground, #1b1b1b))"
_QUIET = "var(--jp-ui-font-color2, var(--vscode-descriptionForeground, #565656))"
_LINE = "rgba(128, 128, 128, 0.28)"  # a hairline on white and on black
ON_BOTH = "#7a7a7a"
"""A grey that is read on white as on black, for what no variable reaches."""

_CLEAR = "rgba(0, 0, 0, 0)"

_COLOURS = {
    "text-color": TEXT,  # of the title
    "axis-label-text-color": TEXT,
    "label-text-color": TEXT,  # of a legend
    "title-text-color": TEXT,  # of a colour bar
    "major-label-text-color": _QUIET,
    "axis-line-color": _QUIET,
    "major-tick-line-color": _QUIET,
    "minor-tick-line-color": _LINE,
    "grid-line-color": _LINE,
    "outline-line-color": _LINE,
    "background-fill-color": _CLEAR,
    "border-fill-color": _CLEAR,
}

_BOX = f"""
--color: {TEXT};
--background-color: var(--jp-layout-color1, var(--vscode-editor-background, #fff));
--divider-color: {ON_BOTH};
--tooltip-arrow-color: {ON_BOTH};
"""  # by Bokeh's own names, of what is said of the point under the pointer

REPAINT = """
(() => {
  if (window.vitlensRepaints) return;
  window.vitlensRepaints = true;
  const isPlot = (view) => typeof view.request_repaint === "function";
  const paint = () => setTimeout(() => {
    for (const plot of window.Bokeh?.index.query(isPlot) ?? []) plot.request_repaint();
  }, 100);
  new MutationObserver(paint).observe(document.body, { attributes: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  const boxes = new CSSStyleSheet();
  boxes.replaceSync(`.bk-Tooltip { BOX }`);
  document.adoptedStyleSheets.push(boxes);
})();
""".replace("BOX", _BOX)
"""A script: figures are painted anew when the page has changed its theme.

Hover boxes hang at the end of the page, outside of their figures, so a rule of the page colours
them, those of other figures by Bokeh too.
"""


def of_page() -> InlineStyleSheet:
    """The colours of a figure."""
    lines = "".join(f"--bk-{name}: {value};" for name, value in _COLOURS.items())
    return InlineStyleSheet(css=f":host {{ {lines} }}")


def of_itself() -> InlineStyleSheet:
    """How wide a figure is where nothing says so: in a `bokeh.layouts.column` of fixed size.

    What takes the width of its content gets this one; without it, that of a legend.
    """
    return InlineStyleSheet(css=":host { contain: inline-size; contain-intrinsic-width: 560px; }")


def legend_of(items: Sequence[LegendItem]) -> Legend:
    """What curves are called, on the ground of the page and in the colour of its words.

    A legend is drawn before it stands on the page, when no variable has a value: it asks by rules
    of its own, which the page answers live.
    """
    ground = ":host { background-color: transparent !important; }"
    sheet = InlineStyleSheet(css=f"{ground} .bk-label {{ color: {TEXT} !important; }}")
    small: Any = {"label_text_font_size": "12px", "margin": 5}  # what it takes, the figure lacks
    return Legend(items=list(items), border_line_color=None, stylesheets=[sheet], **small)


def scale_of(transform: Any, quantity: str) -> ColorBar:
    """The numbers of colours. Those who draw its words stand on no page, so these are grey."""
    return ColorBar(
        color_mapper=transform,
        title=fill(quantity, 24),
        title_text_color=ON_BOTH,
        major_label_text_color=ON_BOTH,
        background_fill_color=None,
    )

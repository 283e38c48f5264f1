"""Figures in the colours of the page they stand on, light or dark, also when these change.

Bokeh reads the colours of what is not data from CSS variables, by the names of its properties; here
they are those that JupyterLab, Notebook and VS Code give to text. Data keep their colours, which
are told apart on both.
"""

from __future__ import annotations

from bokeh.models import InlineStyleSheet

TEXT = "var(--jp-ui-font-color1, var(--vscode-editor-foreground, #1b1b1b))"
_QUIET = "var(--jp-ui-font-color2, var(--vscode-descriptionForeground, #565656))"
_LINE = "rgba(128, 128, 128, 0.28)"  # a hairline on white and on black
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
})();
"""
"""A script: figures are painted anew when the page has changed its theme."""


def of_page() -> InlineStyleSheet:
    """The colours of a figure."""
    lines = "".join(f"--bk-{name}: {value};" for name, value in _COLOURS.items())
    return InlineStyleSheet(css=f":host {{ {lines} }}")

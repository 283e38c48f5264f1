"""RelevanceMaps on a bare page: where its parts are, and what it must show, in NumPy."""

from __future__ import annotations

import numpy as np

import vitlens_widgets as vl
from tests.browser.attention_pages import MAGMA, TEXT
from tests.browser.kernel_page import KernelPage
from tests.browser.widget_page import WidgetPage
from vitlens_widgets.export.stills import colors

BLUE_ORANGE = colors.table("blue_orange").astype(float)
STEM = "relevance_maps"


def shown(page, source, *given, scheme="light", **choices):
    """A widget without a kernel that answers; gives the host and the root."""
    hosted = WidgetPage(page, scheme=scheme)
    hosted.kernel = lambda *_: ({"is_over": False}, [])
    page.evaluate("window.withoutKernel = true")
    return hosted, hosted.add(vl.RelevanceMaps(source, *given, **choices), STEM)


def with_kernel(page, source, *given, **choices):
    """A widget with its kernel; gives the host, the root and the widget."""
    hosted = KernelPage(page)
    widget = vl.RelevanceMaps(source, *given, **choices)
    return hosted, hosted.add(widget, STEM), widget


def place(values, end, *, diverges, scale="linear"):
    """Places 0..1 on the colour map."""
    share = np.abs(values.astype(np.float64)) / end
    bent = np.sqrt(share) if scale == "sqrt" else share
    return np.clip(0.5 + np.sign(values) * bent / 2 if diverges else bent, 0, 1)


def coloured(where, *, diverges):
    """`[row, col]` to `[row, col, 3]`."""
    return (BLUE_ORANGE if diverges else MAGMA)[np.floor(255 * where + 0.5).astype(int)]


def panel(root, whose):
    """The panel of class 0, of class 1 or of the difference."""
    return root.locator(f".vl-panel[data-of='{whose}']")


def heat(root, whose=0):
    """The heat laid over the image, RGBA, one pixel a patch."""
    found = (
        panel(root, whose)
        .locator(".vl-heat")
        .evaluate(
            """canvas => [canvas.height, canvas.width, Array.from(canvas.getContext("2d")
             .getImageData(0, 0, canvas.width, canvas.height).data)]"""
        )
    )
    rows, cols, data = found
    return np.array(data).reshape(rows, cols, 4)


def tile(root, layer, head):
    """A head's thumbnail; the column after the last head is the layer's sum."""
    return root.locator(f".vl-head-tile[data-layer='{layer}'][data-head='{head}']")


def cell(root, row, col, cols, whose=0):
    """A patch."""
    return panel(root, whose).locator(".vl-cell").nth(row * cols + col)


def curve(root, of=0):
    """A class's removal curve."""
    return root.locator(f".vl-removal[data-of='{of}']")


def text(locator):
    """What is written, on one line."""
    return locator.evaluate(TEXT)


def read_out(root):
    """The read-out line."""
    return text(root.locator(".vl-pair-line"))

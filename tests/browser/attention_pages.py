"""What an AttentionMaps must show, computed in NumPy, and where on the page it must show it."""

from __future__ import annotations

import numpy as np
from bokeh.palettes import Magma256

from tests.browser.painted import canvas_pixels, rgb
from vitlens_widgets.widgets.attention_maps.codes import coded

MAGMA = np.stack([rgb(c) for c in Magma256])
GAP = 2  # px between prefix tokens and patches
TEXT = """node => node.innerText.replace(/\\s+/g, " ")"""


def shades(values, kind, scale, shared=None):
    """Places 0..1 on the colour map of a map's exact numbers, float64 `[query, key]`.

    `shared`: the maps on the same scale, `[..., query, key]`; its own without.
    """
    n = values.shape[-1]
    codes, (lo, hi, _) = coded(values, kind)
    among = (values if shared is None else shared).reshape(-1, n, n)
    ranges = coded(among, kind)[1].astype(np.float64)
    lo, hi, top = float(lo), float(hi), ranges[:, 2].max()
    place = codes / 253
    if kind == "scores":
        return np.clip(0.5 + (lo + (hi - lo) * place) / top / 2, 0, 1)
    number = hi * place**4
    if scale == "log":
        lowest = 10.0 ** np.round(np.log10(0.05 / n))
        with np.errstate(divide="ignore"):
            end = max(ranges[:, 1].max(), min(1, 20 / n))
            return np.clip(np.log(number / lowest) / np.log(end / lowest), 0, 1)
    end = max(top, min(1, 8 / n))
    return np.clip(number / end, 0, 1) ** (0.5 if scale == "sqrt" else 1)


def colors(place, table=MAGMA):
    return table[np.floor(255 * place + 0.5).astype(int)]


def map_pixels(widget):
    """The large map, one pixel a cell, put together from its panes."""
    panes = widget.locator(".vl-pane")
    parts = {}
    for i in range(panes.count()):
        pane = panes.nth(i)
        key = pane.get_attribute("data-rows"), pane.get_attribute("data-cols")
        width, height = pane.locator("canvas").evaluate("c => [c.width, c.height]")
        if width and height:
            parts[key] = canvas_pixels(pane.locator("canvas"))
    rows = [r for r in ("before", "patches") if (r, "patches") in parts]
    lines = [
        np.concatenate([parts[r, c] for c in ("before", "patches") if (r, c) in parts], axis=1)
        for r in rows
    ]
    return np.concatenate(lines)


def heat_pixels(widget):
    """The heat on the image, RGBA, one pixel a patch."""
    found = widget.locator(".vl-heat").evaluate(
        """canvas => [canvas.height, canvas.width, Array.from(canvas.getContext("2d")
             .getImageData(0, 0, canvas.width, canvas.height).data)]"""
    )
    rows, cols, data = found
    return np.array(data).reshape(rows, cols, 4)


class Places:
    """Where cells and patches are on the page, from the layout of the tokens alone."""

    def __init__(self, widget, maps):
        self.widget, self.layout, self.tokens = widget, maps.layout, list(maps.tokens)
        self.before = sum(token < maps.layout.n_prefix for token in self.tokens)
        self.sheet = widget.locator(".vl-sheet").bounding_box()
        self.picture = widget.locator(".vl-picture").bounding_box()
        gap = GAP if self.before else 0
        self.cell = (self.sheet["width"] - gap) / len(self.tokens)
        self.patch = self.picture["width"] / self.layout.cols

    def along(self, position):
        """Px from the map's edge to where a position begins."""
        gap = GAP if self.before and position >= self.before else 0
        return position * self.cell + gap

    def point_at_cell(self, query, key):
        """Moves the mouse to the middle of a cell; positions."""
        x = self.sheet["x"] + self.along(key) + self.cell / 2
        y = self.sheet["y"] + self.along(query) + self.cell / 2
        self.widget.page.mouse.move(x, y)

    def point_at_patch(self, row, col):
        """Moves the mouse to the middle of a patch."""
        x = self.picture["x"] + (col + 0.5) * self.patch
        y = self.picture["y"] + (row + 0.5) * self.patch
        self.widget.page.mouse.move(x, y)

    def ringed(self, role):
        """(row, col) of the patch that has the ring of a role; None without a ring."""
        ring = self.widget.locator(f".vl-role-{role}")
        if ring.is_hidden():
            return None
        box = ring.bounding_box()
        row = (box["y"] - self.picture["y"]) / self.patch
        col = (box["x"] - self.picture["x"]) / self.patch
        assert row == int(row)
        assert col == int(col)
        assert box["width"] == self.patch
        return int(row), int(col)

    def crossed(self):
        """(query, key) positions of the crosshair, None where there is no line."""
        found = []
        for name, edge in (("row", "y"), ("column", "x")):
            line = self.widget.locator(f".vl-cross-{name}")
            if line.is_hidden():
                found.append(None)
                continue
            offset = line.bounding_box()[edge] - self.sheet[edge]
            all_edges = [self.along(p) for p in range(len(self.tokens))]
            found.append(int(np.argmin(np.abs(np.array(all_edges) - offset))))
            assert abs(all_edges[found[-1]] - offset) < 0.02
        return tuple(found)


def read_out(widget):
    """The read-out line as one line of text."""
    return widget.locator(".vl-pair-line").evaluate(TEXT)

"""InfillStrip on a bare page, with its own kernel behind it."""

from __future__ import annotations

import numpy as np

from tests.browser.kernel_page import KernelPage


class InfillPage(KernelPage):
    """A page whose strips have a kernel."""

    always = ("_answered",)

    def add(self, widget, stem="infill_strip"):
        """Shows a widget, wired to itself in Python."""
        return super().add(widget, stem)

    def settled(self, index=0):
        """Waits until the kernel has answered all there is, numbers included."""
        self.page.wait_for_function(
            """index => {
              const { model } = window.hosted[index];
              return !window.queued && model.get('_asked') === model.get('_answered')
                && model.get('_numbers_of') === model.get('_painting');
            }""",
            arg=index,
        )

    def mask(self, index=0):
        """The mask as the browser's model has it, bool `[patch]`."""
        listed = self.page.evaluate(
            """index => {
              const view = window.hosted[index].model.get('mask');
              return Array.from(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
            }""",
            index,
        )
        return np.array(listed, bool)


def patch(widget, row, col, cols, where=".vl-still-masked"):
    """A patch of the grid that one paints on."""
    return widget.locator(f"{where} .vl-cell").nth(row * cols + col)


def stroke(page, *cells, steps=8):
    """A drag of the mouse from the middle of the first cell to those of the others."""
    places = [cell.bounding_box() for cell in cells]
    middles = [(p["x"] + p["width"] / 2, p["y"] + p["height"] / 2) for p in places]
    page.mouse.move(*middles[0])
    page.mouse.down()
    for middle in middles[1:]:
        page.mouse.move(*middle, steps=steps)
    page.mouse.up()

"""InfillStrip on a bare page, with its own kernel behind it."""

from __future__ import annotations

import base64

import numpy as np
from widget_page import WidgetPage, encoded

# Each save goes to Python, and what changed there comes back, as comms do it; `kernelDelay` (ms)
# makes the kernel slow, one that is `kernelHeld` waits for that promise, and one that is
# `kernelGone` never answers.
WIRE = """
(index) => {
  const { model } = window.hosted[index];
  const record = model.save_changes.bind(model);
  const text = (view) => {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    return { $bytes: btoa(String.fromCharCode(...bytes)) };
  };
  let queue = Promise.resolve();
  model.save_changes = () => {
    const state = Object.fromEntries(Object.entries(model.pending).map(
      ([name, value]) => [name, value instanceof DataView ? text(value) : value]));
    record();
    if (window.kernelGone) return;
    window.queued = (window.queued ?? 0) + 1;
    window.mostQueued = Math.max(window.mostQueued ?? 0, window.queued);
    queue = queue.then(async () => {
      if (window.kernelDelay) await new Promise((done) => setTimeout(done, window.kernelDelay));
      await window.kernelHeld;
      const answer = await window.saveToKernel(index, state);
      window.queued--;
      window.receive(index, answer);
    });
  };
}
"""


class InfillPage(WidgetPage):
    """A page whose widgets have a kernel."""

    def __init__(self, page, **words):
        super().__init__(page, **words)
        page.expose_function("saveToKernel", self._take)

    def add(self, widget, stem="infill_strip"):
        """Shows a widget, wired to itself in Python."""
        root = super().add(widget, stem)
        self.page.evaluate(WIRE, len(self.widgets) - 1)
        return root

    def _take(self, index, state):
        widget = self.widgets[index]
        sent = {name: decoded(value) for name, value in state.items()}
        before = widget.get_state() | sent
        widget.set_state(sent)
        after = widget.get_state()
        return encoded({k: v for k, v in after.items() if v != before[k] or k == "_answered"})

    def hold(self):
        """From now on the kernel answers nothing until it is let go."""
        self.page.evaluate("void (window.kernelHeld = new Promise((go) => { window.letGo = go; }))")

    def let_go(self):
        """The kernel answers, what it was asked meanwhile included."""
        self.page.evaluate("void window.letGo(); window.kernelHeld = undefined")

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


def decoded(value):
    """Bytes out of the page's JSON, as a comm hands them over."""
    if isinstance(value, dict) and "$bytes" in value:
        return memoryview(base64.b64decode(value["$bytes"]))
    return value


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

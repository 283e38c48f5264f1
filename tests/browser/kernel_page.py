"""Widgets on a bare page, each with its own kernel behind it."""

from __future__ import annotations

import base64

from tests.browser.widget_page import WidgetPage, encoded

# Each save goes to Python, and what changed there comes back, as comms do it; so does what has
# changed when a question is answered. `kernelDelay` (ms) makes the kernel slow, one that is
# `kernelHeld` waits for that promise, and one that is `kernelGone` never answers.
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
  const hear = model.hear.bind(model);
  model.hear = async (...words) => {
    window.receive(index, await window.changedInKernel(index));
    hear(...words);
  };
}
"""


class KernelPage(WidgetPage):
    """A page whose widgets have a kernel.

    Attributes:
        always: Traits that come back with each answer, changed or not.
    """

    always: tuple[str, ...] = ()

    def __init__(self, page, **words):
        super().__init__(page, **words)
        self.known = []
        page.expose_function("saveToKernel", self._take)
        page.expose_function("changedInKernel", self._changed)

    def add(self, widget, stem, *, streams=False):
        """Shows a widget, wired to itself in Python."""
        if not streams:
            getattr(widget, "_finish", lambda: None)()
        self.known.append(widget.get_state())
        root = super().add(widget, stem, streams=True)
        self.page.evaluate(WIRE, len(self.widgets) - 1)
        return root

    def _take(self, index, state):
        sent = {name: decoded(value) for name, value in state.items()}
        self.known[index] |= sent
        self.widgets[index].set_state(sent)
        return self._changed(index)

    def _changed(self, index):
        """What the kernel has that the browser has not."""
        before, after = self.known[index], self.widgets[index].get_state()
        self.known[index] = after
        return encoded({k: v for k, v in after.items() if v != before[k] or k in self.always})

    def hold(self):
        """From now on the kernel answers nothing until it is let go."""
        self.page.evaluate("void (window.kernelHeld = new Promise((go) => { window.letGo = go; }))")

    def let_go(self):
        """The kernel answers, what it was asked meanwhile included."""
        self.page.evaluate("void window.letGo(); window.kernelHeld = undefined")


def decoded(value):
    """Bytes out of the page's JSON, as a comm hands them over."""
    if isinstance(value, dict) and "$bytes" in value:
        return memoryview(base64.b64decode(value["$bytes"]))
    return value

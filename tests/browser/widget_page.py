"""A widget in a bare page, without Jupyter: its built module on a small stand-in for the model."""

from __future__ import annotations

import base64
import json

from vitlens_widgets.widgets.shared.base import STATIC
from vitlens_widgets.widgets.shared.wire import hearing

HOST = """
<!doctype html><meta charset="utf-8"><title>widgets</title>
<style>html{color-scheme:%(scheme)s}body{margin:0;background:light-dark(#fff,#111);
font-family:Inter,system-ui,sans-serif}main>div{width:%(width)s}</style><main></main>
"""

# `get`, `set`, `on`, `off` and `save_changes` as anywidget's model has them; what the front end
# saves is recorded, `receive` plays the kernel, and what is sent is answered by `askKernel`.
MODEL = """
() => {
  window.hosted = [];
  class Model {
    handlers = {};
    pending = {};
    saved = [];
    constructor(state) { this.state = state; }
    get(name) { return this.state[name]; }
    on(event, callback) { (this.handlers[event] ??= new Set()).add(callback); }
    off(event, callback) { this.handlers[event]?.delete(callback); }
    listeners() { return Object.values(this.handlers).reduce((n, set) => n + set.size, 0); }
    change(state) {
      const changed = Object.keys(state).filter((name) => this.state[name] !== state[name]);
      Object.assign(this.state, state);
      for (const name of changed) {
        for (const callback of [...(this.handlers[`change:${name}`] ?? [])]) callback();
      }
    }
    set(name, value) { this.pending[name] = value; this.change({ [name]: value }); }
    save_changes() { this.saved.push(this.pending); this.pending = {}; }
    hear(...words) {
      for (const callback of [...(this.handlers["msg:custom"] ?? [])]) callback(...words);
    }
  }
  const decoded = ({ $bytes }) => {
    const text = atob($bytes);
    // An odd offset, as messages have: the front end must not assume alignment.
    const bytes = new Uint8Array(text.length + 3);
    for (let i = 0; i < text.length; i++) bytes[i + 3] = text.charCodeAt(i);
    return new DataView(bytes.buffer, 3);
  };
  const isObject = (value) => value?.constructor === Object;
  const revived = (state) => Object.fromEntries(Object.entries(state).map(
    ([name, value]) => [name, value?.$bytes !== undefined ? decoded(value)
      : isObject(value) ? revived(value) : value]));
  window.receive = (index, state) => window.hosted[index].model.change(revived(state));
  window.host = async (code, state) => {
    const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    const { default: widget } = await import(url);
    const model = new Model(revived(state));
    const el = document.createElement("div");
    document.querySelector("main").append(el);
    if (!window.withoutKernel) model.send = sending(window.hosted.length, model);
    const dispose = await widget.render({ model, el });
    window.hosted.push({ widget, model, el, dispose });
  };
  const asBase64 = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""));
  const sending = (index, model) => async ({ ask, id: answer, message }, callbacks, sent = []) => {
    try {
      const asked = [index, ask, message, sent.map(asBase64)];
      const [response, buffers] = await window.askKernel(...asked);
      model.hear({ answer, response }, buffers.map(decoded));
    } catch (error) {
      model.hear({ answer, response: { error: error.message } }, []);
    }
  };
  window.showAgain = (index) => {
    const el = document.createElement("div");
    document.querySelector("main").append(el);
    const { widget, model } = window.hosted[index];
    return void widget.render({ model, el });
  };
}
"""


HIDDEN_UNTIL_ADDED = """
() => {
  const main = document.querySelector("main");
  const roots = document.querySelectorAll(".vitlens").length;
  let frames = 0;
  main.style.display = "none";
  const look = () => {
    if (document.querySelectorAll(".vitlens").length > roots) frames += 1;
    window.drawnWhileHidden = main.querySelector("[data-vitlens-drawn]") !== null;
    if (frames < 6) requestAnimationFrame(look);
    else main.style.display = "";
  };
  look();
}
"""
FRAME = 16  # ms


class WidgetPage:
    """Widgets on one page; `index` counts them in the order in which they were added.

    Attributes:
        asked: The commands that the front end has sent, `(index, name, message)`.
        kernel: Answers them, `(widget, name, message, buffers)`; a test may put something else in
            its place.
    """

    def __init__(self, page, *, width="100%", scheme="light"):
        self.page = page
        self.is_stopped = False
        self.widgets = []
        self.asked = []
        self.kernel = asked_by_a_page
        if not hasattr(page, "host"):  # a page can be used for one host after the other
            page.expose_function("askKernel", self._answer_of_the_present)
        page.host = self
        page.set_content(HOST % {"width": width, "scheme": scheme})
        page.evaluate(MODEL)

    def _answer_of_the_present(self, *asked):
        return self.page.host._answer(*asked)

    def add(self, widget, stem="patch_grid", *, streams=False):
        """Shows a widget and waits until it has drawn itself; gives its root as a locator.

        Unless it `streams`, all of its data are there before.
        """
        if not streams:
            getattr(widget, "_finish", lambda: None)()
        code = (STATIC / f"{stem}.js").read_text(encoding="utf-8")
        self.page.add_style_tag(content=(STATIC / f"{stem}.css").read_text(encoding="utf-8"))
        self.widgets.append(widget)
        self.page.evaluate(
            "([code, state]) => window.host(code, state)", [code, encoded(widget.get_state())]
        )
        return self._drawn()

    def _answer(self, index, name, message, sent):
        if name == "_here":  # asked of itself, while the reader does something
            return {}, []
        self.asked.append((index, name, message))
        sent = [memoryview(base64.b64decode(one)) for one in sent]
        response, buffers = self.kernel(self.widgets[index], name, message, sent)
        return response, [encoded_bytes(buffer) for buffer in buffers]

    def show_again(self, index=0):
        """A second view of a widget, of the same model; gives its root."""
        self.page.evaluate("index => window.showAgain(index)", index)
        return self._drawn()

    def _drawn(self):
        """The root added last, for good: more may come after it."""
        roots = self.page.locator(".vitlens")
        root = roots.nth(roots.count() - 1)
        root.and_(self.page.locator("[data-vitlens-drawn]")).wait_for(state="attached")
        return root

    def stop_clock(self):
        """From now on time passes only by `page.clock.run_for`; call it before adding widgets."""
        self.page.clock.install(time=0)
        self.page.clock.pause_at(1000)
        self.is_stopped = True

    def own_clock(self):
        """Time goes on as it does, and `page.clock.run_for` adds to it; before adding widgets."""
        self.page.clock.install()

    def hide_until_added(self):
        """As in a hidden tab, shown six frames after the next widget has been put there.

        `window.drawnWhileHidden` says whether one was drawn by then.
        """
        self.page.evaluate(HIDDEN_UNTIL_ADDED)

    def wait_two_frames(self):
        """Until what was asked for has been drawn, and what that asked for, too."""
        self.page.evaluate(
            "() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"
        )

    def receive(self, index=0, **state):
        """A change of traits that comes from the kernel, and is drawn."""
        self.page.evaluate("([i, s]) => window.receive(i, s)", [index, encoded(state)])
        if self.is_stopped:
            self.page.clock.run_for(FRAME)
        else:
            self.wait_two_frames()

    def get(self, name, index=0):
        """A trait as the browser has it."""
        return self.page.evaluate(f"window.hosted[{index}].model.get({json.dumps(name)})")

    def saved(self, index=0):
        """What the front end sent to the kernel, one dictionary a message."""
        return self.page.evaluate(f"window.hosted[{index}].model.saved")


def asked_by_a_page(widget, name, message, buffers):
    """What the widget answers, as a kernel calls it for a page."""
    with hearing():
        return getattr(widget, name)(message, buffers)


def eventually(page, holds):
    """Waits for something that the page or the kernel does of itself, at most ten seconds."""
    for _ in range(200):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("what was waited for has not come")


def encoded(state):
    """A widget's state as JSON, with bytes marked as such and the code left out."""
    kept = {n: value for n, value in state.items() if n not in ("_esm", "_css", "layout")}
    return {name: _encoded_value(value) for name, value in kept.items()}


def _encoded_value(value):
    if isinstance(value, dict):
        return {name: _encoded_value(one) for name, one in value.items()}
    return encoded_bytes(value) if isinstance(value, bytes) else value


def encoded_bytes(value):
    """Bytes as JSON; the page makes a DataView of them."""
    return {"$bytes": base64.b64encode(value).decode()}

"""How soon Features opens with very many features, and what hovering over them costs.

    python -m tests.benchmarks.bench_features_widget

Invented numbers of 36,864 neurons (12 blocks, 17 classes) and of 49,152 latents (no classes), in
Chromium without Jupyter: bytes that are sent, seconds in Python, milliseconds from the call of
`render` to the first drawing, and milliseconds of script for each of 200 moves of the pointer over
the scatter and over the list, for a sort, and for a search of a class.
"""

from __future__ import annotations

import shutil
import time

from playwright.sync_api import sync_playwright

import vitlens_widgets as vl
from tests.benchmarks.measure import machine, table
from tests.browser.conftest import CHROMIUM_ARGS, CHROMIUM_NAMES
from tests.browser.widget_page import WidgetPage
from tests.widgets.fake_activations import random_activations

CASES = {
    "36,864 neurons": {"width": 3072, "layers": range(12), "rows": 7, "cols": 7, "classes": 17},
    "49,152 latents": {
        "width": 49152, "layers": (9,), "rows": 16, "cols": 16, "classes": 0, "kind": "latent",
    },
}  # fmt: skip

MOVES = """
([selector, count]) => {
  const area = document.querySelector(selector);
  const box = area.getBoundingClientRect();
  const times = [];
  for (let i = 0; i < count; i++) {
    const x = box.left + 40 + ((i * 37) % (box.width - 60));
    const y = box.top + 10 + ((i * 23) % (box.height - 40));
    const target = document.elementFromPoint(x, y) ?? area;
    const words = { bubbles: true, clientX: x, clientY: y };
    const before = performance.now();
    target.dispatchEvent(new PointerEvent("pointerover", words));
    target.dispatchEvent(new PointerEvent("pointermove", words));
    times.push(performance.now() - before);
  }
  times.sort((a, b) => a - b);
  return [times[Math.floor(count / 2)], times[Math.floor(0.95 * count)], times.at(-1)];
}
"""
TIMED_HOST = """
([code, state]) => {
  const began = performance.now();
  return window.host(code, state).then(() => new Promise((done) => {
    const look = () => document.querySelector("[data-vitlens-drawn]")
      ? done(performance.now() - began) : requestAnimationFrame(look);
    look();
  }));
}
"""
CHOICE = """
(change) => {
  const { model } = window.hosted[0];
  const before = performance.now();
  model.change(change);
  return new Promise((done) => requestAnimationFrame(() =>
    requestAnimationFrame(() => done(performance.now() - before))));
}
"""


class TimedPage(WidgetPage):
    """Says how long the first drawing took, with the module's own loading."""

    took = 0.0

    def add(self, widget, stem="features"):
        """As `WidgetPage.add`."""
        plain = self.page.evaluate

        def evaluate(expression, *words):
            if "window.host(code, state)" not in expression:
                return plain(expression, *words)
            self.took = plain(TIMED_HOST, *words)
            return None

        self.page.evaluate = evaluate
        root = super().add(widget, stem)
        self.page.evaluate = plain
        return root


def measured(page, name, how) -> dict[str, object]:
    """One row."""
    source = random_activations(1, n_data=600, **how)
    began = time.perf_counter()
    widget = vl.Features(source)
    seconds = time.perf_counter() - began
    hosted = TimedPage(page)
    hosted.add(widget)
    page.wait_for_timeout(1000)
    scatter, rows = (
        page.evaluate(MOVES, [selector, 200])
        for selector in (".vl-scatter-area", ".vl-list-window")
    )
    sort = page.evaluate(CHOICE, {"sort": "density"})
    found = page.evaluate(CHOICE, {"target": 2}) if how["classes"] else float("nan")
    return {
        "features": name,
        "MB sent": round(widget.nbytes / 1e6, 2),
        "s in Python": round(seconds, 2),
        "ms to the first drawing": round(hosted.took),
        "hover over scatter, ms (median, 95 %, most)": [round(one, 1) for one in scatter],
        "over list": [round(one, 1) for one in rows],
        "sort, ms": round(sort),
        "class, ms": round(found) if found == found else "-",
    }


def main() -> None:
    """Print the table."""
    print(machine())
    path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        rows = []
        for name, how in CASES.items():
            page = browser.new_page(viewport={"width": 1200, "height": 1400})
            rows.append(measured(page, name, how))
            page.close()
        browser.close()
    print(table(rows))


if __name__ == "__main__":
    main()

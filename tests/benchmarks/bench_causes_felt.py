"""What pointing and clicking in Causes cost, at the sizes of real models.

    python -m tests.benchmarks.bench_causes_felt

A bare page whose maps are full: every part, and every token of every state, was exchanged, between
two runs that are invented. An event is dispatched in a frame; "script" is until that returns and
the layout it asks for is there, "painted" until after the next frame was handed over, which waits
for the frame: median and 95th percentile of the events of each kind, in milliseconds. "Processor"
is the time that the page's own thread ran for an event, all in all, which other work on the machine
does not lengthen: the mean. The first ten events of each kind warm up and are in none of these.
"Opens" is from the widget's state in the page to its drawing.
"""

from __future__ import annotations

import argparse
import os
import random
import time

import numpy as np

import vitlens_widgets as vl
from tests.benchmarks.in_lab import chromium
from tests.benchmarks.measure import machine, table
from tests.browser.kernel_page import KernelPage
from tests.widgets.fake_causes import random_pair

SIZES = {
    "12 x 12 heads, 197 tokens": {"layers": 12, "heads": 12, "rows": 14, "cols": 14},
    "24 x 16 heads, 197 tokens": {"layers": 24, "heads": 16, "rows": 14, "cols": 14},
    "24 x 16 heads, 577 tokens": {"layers": 24, "heads": 16, "rows": 24, "cols": 24},
}
PARTS, PATCHES = ".vl-effect", ".vl-tokens .vl-cell"
WARM_UP = 10  # events of each kind that are not counted
EVENTS = {
    "point at a part": (PARTS, "pointerover"),
    "point at a patch": (PATCHES, "pointerover"),
    "choose a part": (PARTS, "click"),
    "pin a patch": (PATCHES, "click"),
}
FELT = """
async ([selector, kind, events]) => {
  const root = document.querySelector(".vitlens");
  const painted = () => new Promise((go) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = go;
    channel.port2.postMessage(0);
  });
  const frame = () => new Promise(requestAnimationFrame);
  const all = root.querySelectorAll(selector);
  const spent = [];
  for (const at of events) {
    await frame();
    const start = performance.now();
    all[at].dispatchEvent(new PointerEvent(kind, { bubbles: true, button: 0 }));
    root.getBoundingClientRect();
    const script = performance.now() - start;
    await frame();
    await painted();
    spent.push([script, performance.now() - start]);
  }
  return spent;
}
"""


def full(sizes: dict[str, int]) -> vl.Causes:
    """A widget of which every part and every token of every state was exchanged."""
    widget = vl.Causes(random_pair(**sizes), layer=1, head=0)
    for layer in range(sizes["layers"]):
        widget._work.finish(widget._now(), layer, [])
    widget._send_numbers()
    return widget


def busy_ms(session) -> float:
    """How long the page's thread has run, whatever else ran meanwhile."""
    found = session.send("Performance.getMetrics")["metrics"]
    return 1000 * next(one["value"] for one in found if one["name"] == "TaskDuration")


def pointing(browser, name: str, n_events: int) -> list[dict[str, object]]:
    """One size's rows."""
    page = browser.new_page(viewport={"width": 1400, "height": 1200})
    widget = full(SIZES[name])
    hosted, before = KernelPage(page), time.perf_counter()
    root = hosted.add(widget, "causes")
    opened = 1000 * (time.perf_counter() - before)
    known = root.locator(f"{PARTS}.vl-known").count()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    about = {"": name, "parts exchanged": known, "opens, ms": round(opened)}
    rows = []
    for what, (selector, kind) in EVENTS.items():
        n_places = root.locator(selector).count()
        places = random.Random(0).sample(range(n_places), WARM_UP + n_events)
        page.evaluate(FELT, [selector, kind, places[:WARM_UP]])
        before = busy_ms(session)
        spent = np.array(page.evaluate(FELT, [selector, kind, places[WARM_UP:]]))
        busy = (busy_ms(session) - before) / n_events
        row = {**about, "what": what, "processor": f"{busy:.1f}"}
        for of, ms in zip(("script", "painted"), spent.T, strict=True):
            row[of] = "{:.1f} / {:.1f}".format(*np.percentile(ms, [50, 95]))
        rows.append(row)
    page.close()
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="*", default=list(SIZES), choices=SIZES)
    parser.add_argument("--events", type=int, default=120)
    args = parser.parse_args()
    with chromium() as browser:
        rows = [row for name in args.sizes for row in pointing(browser, name, args.events)]
    print(machine(), f"load {os.getloadavg()[0]:.1f}")
    print(table(rows))


if __name__ == "__main__":
    main()

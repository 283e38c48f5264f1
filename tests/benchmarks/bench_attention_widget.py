"""What AttentionMaps sends, how soon it is drawn, what pointing costs; and two other viewers.

    python -m tests.benchmarks.bench_attention_widget
    pip install --no-deps --target PEERS bertviz circuitsvis importlib_metadata zipp
    npm install --prefix PEERS requirejs@2.3.6 d3@5.7.0 jquery@2.1.4
    python -m tests.benchmarks.bench_attention_widget --peers PEERS

Random weights. Each viewer is one HTML page with all that it needs, opened from disk in the same
browser; "drawn" is two animation frames after the last change of the document, from the moment the
page was opened, its reading from disk included. BertViz loads three scripts from a CDN, which are
answered from PEERS. Script of one pointing is the time that a `pointermove` takes to return; with
layout, that and the layout it asks for. Pointed at for the first time, a cell has the kernel
compute its exact row, on the browser's own cores; pointed at again, it has not. Memory is the peak
of a fresh process.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import timm
import torch
from playwright.sync_api import Error, sync_playwright

import vitlens_widgets as vl
from tests.benchmarks.measure import machine, peak_mib, table
from tests.browser.conftest import CHROMIUM_ARGS, CHROMIUM_NAMES
from tests.browser.widget_page import WidgetPage, encoded
from vitlens_widgets.widgets.shared.base import STATIC

MODELS = {
    "vit_base_patch32_224": "144 heads, 50 tokens",
    "vit_base_patch16_224": "144 heads, 197 tokens",
    "vit_large_patch16_384": "384 heads, 577 tokens",
}
BESIDE_PEERS = list(MODELS)[:2]  # beyond, theirs are larger than a browser takes
SECONDS = 180
MOST_GIB = 5
QUIET_SECONDS = 2

WATCH = """
window.lastDrawn = null;
new MutationObserver(() => requestAnimationFrame(() => requestAnimationFrame(
  () => { window.lastDrawn = performance.now(); }
))).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
"""
FROM_DATA = "AttentionMaps, once its data is there"
PAGE = """<!doctype html><meta charset="utf-8"><style>%(css)s</style><body>
<script type="application/json" id="state">%(state)s</script>
<script type="module">
const decoded = ({ $bytes }) => {
  const text = atob($bytes);
  return new DataView(Uint8Array.from(text, (c) => c.charCodeAt(0)).buffer);
};
const state = Object.fromEntries(
  Object.entries(JSON.parse(document.getElementById("state").textContent)).map(
    ([name, value]) => [name, value?.$bytes === undefined ? value : decoded(value)]));
const model = { get: (name) => state[name], set: () => {}, save_changes() {}, on() {}, off() {} };
const code = %(code)s;
const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
const { default: widget } = await import(url);
window.dataThere = performance.now();
widget.render({ model, el: document.body });
</script>"""
POINT = """
async ([selector, events]) => {
  const [root, target] = [document.querySelector(".vitlens"), document.querySelector(selector)];
  const { left, top } = target.getBoundingClientRect();
  const spent = [];
  for (const { x, y, cell } of events) {
    await new Promise(requestAnimationFrame);
    const on = cell === undefined ? target : target.children[cell[0]].children[cell[1]];
    const type = cell === undefined ? "pointermove" : "pointerover";
    const event = new PointerEvent(type, { bubbles: true, clientX: left + x, clientY: top + y });
    const start = performance.now();
    on.dispatchEvent(event);
    const script = performance.now() - start;
    root.getBoundingClientRect();
    spent.push([script, performance.now() - start]);
  }
  return spent;
}
"""


@cache
def trace_of(name: str) -> vl.Trace:
    """One image through the model, whose attention is made to differ from token to token."""
    torch.manual_seed(0)
    model = timm.create_model(name).eval()
    with torch.no_grad():
        for block in model.blocks:
            block.attn.qkv.weight.mul_(4)
    return vl.load(model).trace(vl.world.scene(7, objects=2).image)


def sent(name: str) -> dict[str, object]:
    """Bytes and seconds of the kernel."""
    trace = trace_of(name)
    start = time.perf_counter()
    widget = vl.AttentionMaps(trace)
    seconds = time.perf_counter() - start
    weights = trace.vit.n_layers * trace.vit.n_heads * len(trace.tokens) ** 2
    parts = ("_codes", "_ranges", "_thumb_ranges", "_first_codes", "_first_exact")
    maps = sum(len(getattr(widget, part)) for part in parts)
    return {
        "": MODELS[name],
        "weights": f"{weights:,}",
        "bytes of maps": f"{maps:,}",
        "a weight": f"{maps / weights:.3f}",
        "bytes in all": f"{widget.nbytes:,}",
        "kernel, s": f"{seconds:.1f}",
    }


def memory(name: str) -> dict[str, object]:
    """Peak memory that the widget adds to a trace, beside what q and k of all layers take."""
    before = peak_mib(partial(trace_of, name))
    with_widget = peak_mib(partial(shown_fully, name))
    trace = trace_of(name)
    q_and_k = 2 * trace.vit.n_layers * trace.states[0].numel() * 4 / 2**20
    return {
        "": MODELS[name],
        "trace, MiB": round(before),
        "trace and widget, MiB": round(with_widget),
        "more": round(with_widget - before),
        "q and k, MiB": round(q_and_k),
    }


def shown_fully(name: str) -> None:
    """A widget, asked for scores, a rollout and exact numbers too."""
    widget = vl.AttentionMaps(trace_of(name))
    widget.kind = "scores"
    what = {"kind": "pattern", "layer": widget.layer, "head": 1, "image": 0, "query": 3, "key": 4}
    for show in ("head", "mean", "rollout"):
        widget._map(what | {"show": show}, [])
        widget._exact(what | {"show": show}, [])


def pointing(page, name: str) -> dict[str, object]:
    """Milliseconds of pointing at cells of the map and at patches of the image."""
    widget = vl.AttentionMaps(trace_of(name))
    hosted = WidgetPage(page)
    root = hosted.add(widget, "attention_maps")
    side = root.locator(".vl-sheet").bounding_box()["width"]
    chance = random.Random(0)
    cells = [{"x": chance.uniform(0, side), "y": chance.uniform(0, side)} for _ in range(300)]
    rows, cols = widget._meta["rows"], widget._meta["cols"]
    patches = [
        {"x": 0, "y": 0, "cell": (chance.randrange(rows), chance.randrange(cols))}
        for _ in range(300)
    ]
    row: dict[str, object] = {"": MODELS[name]}
    for what, selector, events in (
        ("cell", ".vl-sheet", cells),
        ("cell again", ".vl-sheet", cells),
        ("patch", ".vl-picture .vl-cells", patches),
    ):
        spent = np.array(page.evaluate(POINT, [selector, events]))[20:]
        for kind, ms in zip(("script", "with layout"), spent.T, strict=True):
            median, most = np.percentile(ms, [50, 95])
            row[f"{what}, {kind}"] = f"{median:.2f} / {most:.2f}"
    return row


def own_page(name: str) -> str:
    """AttentionMaps as one HTML page."""
    widget = vl.AttentionMaps(trace_of(name))
    state = json.dumps(encoded(widget.get_state())).replace("<", "\\u003c")
    code = json.dumps((STATIC / "attention_maps.js").read_text("utf-8")).replace("<", "\\u003c")
    css = (STATIC / "attention_maps.css").read_text("utf-8")
    return PAGE % {"css": css, "state": state, "code": code}


def bertviz_page(name: str) -> str:
    """BertViz' model view: every head of every layer."""
    from bertviz import model_view

    trace = trace_of(name)
    attention = [trace.attention(layer) for layer in range(trace.vit.n_layers)]
    found = model_view(attention, token_names(trace), html_action="return")
    return f"<!doctype html><meta charset='utf-8'><body>{found.data}"


def circuitsvis_page(name: str, layers: slice) -> str:
    """CircuitsVis' attention heads of some layers."""
    import circuitsvis

    trace = trace_of(name)
    every = [trace.attention(layer)[0] for layer in range(trace.vit.n_layers)[layers]]
    shown = circuitsvis.attention.attention_heads(torch.cat(every), token_names(trace))
    return f"<!doctype html><meta charset='utf-8'><body>{shown.local_src}"


def token_names(trace: vl.Trace) -> list[str]:
    """`"CLS"`, `"0,0"`, ..."""
    layout = trace.layout
    return [layout.describe(int(t)).replace("row ", "").replace(" col ", "") for t in trace.tokens]


def viewers(peers: Path | None) -> dict[str, Callable[[str], str]]:
    """What is compared: each makes a page."""
    if peers is None:
        return {"AttentionMaps": own_page, FROM_DATA: own_page}
    return {
        "AttentionMaps": own_page,
        FROM_DATA: own_page,
        "BertViz model view": bertviz_page,
        "CircuitsVis, all heads": partial(circuitsvis_page, layers=slice(None)),
        "CircuitsVis, one layer": partial(circuitsvis_page, layers=slice(0, 1)),
    }


def drawn(browser, path: Path, peers: Path | None, since: str = "0") -> float | str:
    """Seconds from opening a page, or from a later moment, to its last drawing, or why not."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.add_init_script(WATCH)
    watch = Watch()
    if peers is not None:
        page.route("https://cdnjs.cloudflare.com/**", partial(from_disk, peers))
    try:
        page.goto(path.as_uri(), timeout=1000 * SECONDS, wait_until="load")
        until = time.monotonic() + SECONDS
        last, quiet = None, time.monotonic()
        while time.monotonic() < until:
            found = page.evaluate(f"window.lastDrawn && window.lastDrawn - {since}")
            if found is not None and found == last and time.monotonic() - quiet > QUIET_SECONDS:
                return found / 1000
            if found != last:
                last, quiet = found, time.monotonic()
            page.wait_for_timeout(100)
        return f"not in {SECONDS} s"
    except Error as error:
        return watch.stopped or str(error).splitlines()[0][:60]
    finally:
        watch.end()
        context.close()


class Watch:
    """Stops a page of this process' browser that takes more memory than it should (Linux only)."""

    def __init__(self) -> None:
        self.stopped = ""
        self._over = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def end(self) -> None:
        """Looks no longer."""
        self._over.set()

    def _look(self) -> None:
        while not self._over.wait(0.5):
            for process in renderers_of(os.getpid()):
                if resident_gib(process) > MOST_GIB:
                    self.stopped = f"more than {MOST_GIB} GiB, stopped"
                    os.kill(process, signal.SIGKILL)


def renderers_of(process: int) -> list[int]:
    """The page processes among all descendants of a process."""
    children = Path(f"/proc/{process}/task").glob("*/children")
    found = []
    for child in [int(word) for path in children for word in path.read_text().split()]:
        command = Path(f"/proc/{child}/cmdline")
        if command.exists() and "--type=renderer" in command.read_text():
            found.append(child)
        found += renderers_of(child)
    return found


def resident_gib(process: int) -> float:
    """Memory that a process has now."""
    status = Path(f"/proc/{process}/statm")
    return int(status.read_text().split()[1]) * 4096 / 2**30 if status.exists() else 0.0


def from_disk(peers: Path, route) -> None:
    """The script that a page wants from the CDN."""
    modules = peers / "node_modules"
    for word, file in (
        ("require", modules / "requirejs" / "require.js"),
        ("d3", modules / "d3" / "dist" / "d3.min.js"),
        ("jquery", modules / "jquery" / "dist" / "jquery.min.js"),
    ):
        if f"/{word}" in route.request.url:
            return route.fulfill(path=file, content_type="text/javascript")
    return route.abort()


def beside(browser, name: str, peers: Path | None, repeats: int, folder: Path) -> list[dict]:
    """Every viewer's page of one model, opened in turns."""
    pages = {}
    for viewer, make in viewers(peers if name in BESIDE_PEERS else None).items():
        pages[viewer] = folder / f"{viewer.replace(' ', '_')}.html"
        pages[viewer].write_text(make(name), encoding="utf-8")
    times: dict[str, list] = {viewer: [] for viewer in pages}
    for _ in range(repeats):
        for viewer, path in pages.items():
            if not times[viewer] or isinstance(times[viewer][-1], float):
                since = "window.dataThere" if viewer == FROM_DATA else "0"
                times[viewer].append(drawn(browser, path, peers, since))
    return [
        {
            "": MODELS[name],
            "viewer": viewer,
            "bytes of the page": f"{path.stat().st_size:,}",
            "drawn after, s": said(times[viewer]),
        }
        for viewer, path in pages.items()
    ]


def said(times: list) -> str:
    """The median, or the reason why there is none."""
    failed = [one for one in times if not isinstance(one, float)]
    return failed[0] if failed else f"{statistics.median(times):.2f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--peers", type=Path, help="where bertviz, circuitsvis and npm's are")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--skip-memory", action="store_true")
    args = parser.parse_args()
    if args.peers:
        sys.path.append(str(args.peers))
    chromium = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
    print(machine(), f"load {os.getloadavg()[0]:.1f}")
    print(table([sent(name) for name in args.model]))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        rows = []
        for name in args.model:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            rows.append(pointing(page, name))
            page.close()
        print(table(rows), "\n(ms, median / 95th percentile)")
        of_viewers = [
            beside(browser, name, args.peers, args.repeats, Path(folder)) for name in args.model
        ]
        print(table([row for rows in of_viewers for row in rows]))
        browser.close()
    if not args.skip_memory:
        print(table([memory(name) for name in args.model]))
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

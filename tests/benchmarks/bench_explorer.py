"""From `vl.explore` to its views, and from a head's click to the run without it, in JupyterLab.

    python -m tests.benchmarks.bench_explorer

"Drawn" is from the moment before `vl.explore` in the kernel to the second animation frame after the
widget has drawn itself in the browser, which has the same clock; the model is loaded before, and
the first explorer of a notebook is not counted. A knock-out is timed in the browser alone, from the
click on a head of layer 0 (so that the whole model runs again) to the frame in which the edited
answers are shown, and to that in which the edited attention is. "Kernel" is what the kernel takes
for the same when nobody looks. Medians of single events, each when everything has come to rest, and
the load of the machine beside them. Random weights cost what trained ones cost.
"""

from __future__ import annotations

import os
import statistics
from pathlib import Path

from tests.benchmarks.in_lab import print_rows
from tests.browser.hosts import written

MODELS = {
    "toy/p32": 'vl.load("toy/p32"), scene',
    "toy/p32 and toy/mae": 'vl.load("toy/p32"), scene, vl.load("toy/mae")',
    "ViT-B/16, random": 'vl.load(timm.create_model("vit_base_patch16_224").eval()), scene',
}
SETUP = """
import statistics, time
import timm
import vitlens_widgets as vl
scene = vl.world.scene(45, objects=2)
given = ({given},)
"""
EXPLORE = """
before = time.time()
explorer = vl.explore(*given, state=0)
explorer
"""
ALONE = """
def seconds(act):
    start = time.perf_counter()
    act()
    return time.perf_counter() - start

def answers():
    explorer._runs.without(((0, 0),)).edited_answers(explorer.target)

def knock_out(head):
    explorer.knocked_out = []
    return seconds(lambda: setattr(explorer, "knocked_out", [(0, head)]))

def median(times):
    return round(1000 * statistics.median(times))

found = {
    "explore": median(seconds(lambda: vl.explore(*given, state=0)) for _ in range(REPEATS)),
    "answers": median(seconds(answers) for _ in range(REPEATS)),
    "knock-out": median(knock_out(i % 3) for i in range(REPEATS)),
    "bytes": explorer.nbytes,
    "bytes of a run": sum(
        len(value) for name, bundle in explorer.get_state().items() if name.startswith("_edited_")
        for value in bundle.values() if isinstance(value, bytes)
    ),
}
explorer.knocked_out = []
"""
WATCH = """
window.drawnAt = new Map();
new MutationObserver(() => {
  for (const root of document.querySelectorAll("[data-vitlens-drawn]")) {
    if (window.drawnAt.has(root)) continue;
    window.drawnAt.set(root, NaN);
    const now = () => window.drawnAt.set(root, performance.timeOrigin + performance.now());
    requestAnimationFrame(() => requestAnimationFrame(now));
  }
}).observe(document, { subtree: true, childList: true, attributeFilter: ["data-vitlens-drawn"] });
"""
LAST_DRAWN = "() => Array.from(window.drawnAt.values()).at(-1) / 1000"
CLICK = """
async (root) => {
  const result = root.querySelector(".vl-off-result");
  const heads = root.querySelector(".vl-heads-side .vl-head");
  const until = async (isSo) => {
    while (!isSo()) await new Promise(requestAnimationFrame);
    return performance.now() - start;
  };
  const start = performance.now();
  root.querySelector(".vl-off-button").click();
  const answers = await until(() => result.textContent.startsWith("prediction"));
  return [answers, await until(() => heads.textContent.endsWith("edited run"))];
}
"""


def measured(lab, browser, name: str, repeats: int, folder: Path) -> dict[str, object]:
    """One model's row."""
    path = folder / f"{name.split(',')[0].replace('/', '_').replace(' ', '_')}.ipynb"
    written(path, SETUP.format(given=MODELS[name]), EXPLORE)
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    context.add_init_script(f"addEventListener('DOMContentLoaded', () => {{ {WATCH} }})")
    notebook = lab.open(context.new_page(), path)
    drawn = times_to_drawn(notebook, repeats)
    clicks = times_of_clicks(notebook, repeats)
    notebook.kernel(f"REPEATS = {repeats}\n{ALONE}")
    alone = notebook.value("found")
    row = {
        "model": name,
        "explore to drawn, ms": spread(drawn),
        "kernel": alone["explore"],
        "click to answers, ms": spread([one for one, _ in clicks]),
        "kernel ": alone["answers"],
        "click to attention, ms": spread([other for _, other in clicks]),
        "kernel  ": alone["knock-out"],
        "bytes": f"{alone['bytes']:,}",
        "bytes of a run": f"{alone['bytes of a run']:,}",
        "load": round(os.getloadavg()[0], 1),
    }
    context.close()
    return row


def times_to_drawn(notebook, repeats: int) -> list[float]:
    """Milliseconds, of one cell that is run again and again."""
    times = []
    run = "void jupyterapp.commands.execute('notebook:run-cell')"
    notebook.page.evaluate(run.replace("run-cell", "run-cell-and-select-next"))
    notebook.wait_for_value("'given' in globals()", True)
    for turn in range(repeats + 1):
        notebook.page.wait_for_timeout(500)
        notebook.page.evaluate(run)
        notebook.page.wait_for_function(f"() => window.drawnAt.size > {turn}", timeout=300_000)
        notebook.page.wait_for_timeout(500)
        drawn_at = notebook.page.evaluate(LAST_DRAWN)
        times.append(1000 * (drawn_at - notebook.value("before")))
    return times[1:]


def times_of_clicks(notebook, repeats: int) -> list[list[float]]:
    """Milliseconds to the answers and to the attention of the edited run, click by click."""
    root = notebook.drawn.last.element_handle()
    times = []
    for turn in range(repeats + 1):
        notebook.kernel(f"explorer.knocked_out = []; explorer.head = {turn % 3}")
        notebook.page.wait_for_timeout(700)
        times.append(notebook.page.evaluate(CLICK, root))
        notebook.wait_for_value("explorer.knocked_out", [[0, turn % 3]])
    return times[1:]


def spread(times: list[float]) -> str:
    """The median, and between what it lies."""
    return f"{statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f})"


if __name__ == "__main__":
    print_rows(__doc__, MODELS, measured, repeats=9)

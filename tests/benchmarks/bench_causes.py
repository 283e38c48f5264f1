"""From running a cell to the first heat map of Causes, in JupyterLab.

    python -m tests.benchmarks.bench_causes

From the first line of the cell in the kernel (two traces and `vl.Causes`) to the second animation
frame after the widget has drawn itself in the browser, which has the same clock; the map of parts
then shows an estimate of every part. The model is loaded before, and the first cell of a notebook
is not counted. "Kernel" is the cell when nobody looks, wall time and that of all processors, and
beside it a bare forward pass of the model. Medians of single events, and the load of the machine.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.benchmarks.bench_explorer import WATCH, spread, times_to_drawn
from tests.benchmarks.in_lab import print_rows
from tests.browser.hosts import written

MODELS = {
    "toy/p32": 'vl.load("toy/p32")',
    "ViT-B/16, random": 'vl.load(timm.create_model("vit_base_patch16_224").eval())',
}
SETUP = """
import statistics, time
import timm, torch
import vitlens_widgets as vl
scene, other = (vl.world.scene(seed, objects=2) for seed in (45, 46))
torch.manual_seed(0)
given = {model}
apart = given.trace(scene.image).logits[0] - given.trace(other.image).logits[0]
two = int(apart.argmax()), int(apart.argmin())  # so that there is a gap to divide by
"""
CELL = """
before = time.time()
causes = vl.Causes(given.trace(scene.image), given.trace(other.image), *two)
causes
"""
ALONE = """
def spent(act):
    start = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - start[0], time.process_time() - start[1]

def shown():
    vl.Causes(given.trace(scene.image), given.trace(other.image), *two)

pixels = torch.zeros(1, 3, *given.image_size)
def bare():
    with torch.no_grad():
        given.model(pixels)

def medians(act):
    act()
    times = zip(*[spent(act) for _ in range(REPEATS)], strict=True)
    return [round(1000 * statistics.median(one)) for one in times]

found = {"shown": medians(shown), "bare": medians(bare)}
"""


def measured(lab, browser, name: str, repeats: int, folder: Path) -> dict[str, object]:
    """One model's row."""
    path = folder / f"causes_{list(MODELS).index(name)}.ipynb"
    written(path, SETUP.format(model=MODELS[name]), CELL)
    context = browser.new_context(viewport={"width": 1500, "height": 1200})
    context.add_init_script(f"addEventListener('DOMContentLoaded', () => {{ {WATCH} }})")
    notebook = lab.open(context.new_page(), path)
    drawn = times_to_drawn(notebook, repeats)
    load = os.getloadavg()[0]
    notebook.kernel(f"assert causes._of['has_gap']; causes.close(); REPEATS = {repeats}\n{ALONE}")
    alone = notebook.value("found")
    context.close()
    return {
        "model": name,
        "cell to first heat map, ms": spread(drawn),
        "kernel alone, ms": alone["shown"][0],
        "of processors": alone["shown"][1],
        "bare forward, ms": alone["bare"][0],
        "of processors ": alone["bare"][1],
        "load": round(load, 1),
    }


if __name__ == "__main__":
    print_rows(__doc__, MODELS, measured, repeats=5)

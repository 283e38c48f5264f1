"""From a patch that is turned over to the new picture, in a real JupyterLab with a real kernel.

    python -m tests.benchmarks.bench_infill_widget

Time runs in the browser, from the key press to the animation frame in which the last panel's pixels
are others; the kernel's share is its own `rerun` of the same infilling. Medians of single changes,
each made when everything has come to rest, and the load of the machine beside them. The base-size
model has random weights: what it costs does not depend on them.
"""

from __future__ import annotations

import os
import statistics
from pathlib import Path

from tests.benchmarks.in_lab import print_rows
from tests.browser.hosts import written

MODELS = {
    "toy/mae": 'vl.load("toy/mae")',
    "vit-mae-base, random": "vl.load(ViTMAEForPreTraining(ViTMAEConfig()).eval())",
}
CODE = """
import statistics, time
import numpy as np
import vitlens_widgets as vl
from transformers import ViTMAEConfig, ViTMAEForPreTraining
scene = vl.world.scene(45, objects=2)
infilling = vl.InfillLens({model}).read(scene.image, mask_ratio=0.75, seed=2)
strip = vl.InfillStrip(infilling)
strip
"""
TURN_OVER = """
async ([root, patch]) => {
  const canvas = Array.from(root.querySelectorAll('.vl-panel canvas.vl-canvas')).at(-1);
  const pixels = () => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.reduce((sum, value, i) => (sum * 31 + value * (i % 7 + 1)) % 2147483647, 0);
  };
  const before = pixels();
  const start = performance.now();
  const cell = root.querySelectorAll('.vl-still-masked .vl-cell')[patch];
  cell.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
  while (pixels() === before) await new Promise(requestAnimationFrame);
  return performance.now() - start;
}
"""
AT_REST = "strip._numbers_of == strip._painting and strip._answered == strip._asked"
RERUN = """
def once():
    start = time.perf_counter()
    infilling.rerun(mask=strip.mask)
    return 1000 * (time.perf_counter() - start)
"""
PICTURES = "len(strip._original) + len(strip._painted) + len(strip._painted_mask)"
NUMBERS = "len(strip._scores) + len(strip._patch_errors)"


def measured(lab, browser, name: str, repeats: int, folder: Path) -> dict[str, object]:
    """One model's row."""
    path = written(folder / "bench.ipynb", CODE.format(model=MODELS[name]))
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    notebook = lab.open(context.new_page(), path)
    notebook.run_all(widgets=1)
    root = notebook.drawn.first.element_handle()
    waits = []
    for turn in range(repeats + 1):
        notebook.wait_for_value(AT_REST, True)
        notebook.page.wait_for_timeout(300)
        waits.append(notebook.page.evaluate(TURN_OVER, [root, (41 * turn) % 196]))
    notebook.wait_for_value(AT_REST, True)
    notebook.kernel(RERUN)
    row = {
        "model": name,
        "paint to picture, ms": round(statistics.median(waits[1:])),
        "from, to": f"{min(waits[1:]):.0f}, {max(waits[1:]):.0f}",
        "rerun alone, ms": round(notebook.value("statistics.median(once() for _ in range(7))")),
        "bytes of pictures": notebook.value(PICTURES),
        "bytes of numbers": notebook.value(NUMBERS),
        "load": round(os.getloadavg()[0], 1),
    }
    context.close()
    return row


if __name__ == "__main__":
    print_rows(__doc__, MODELS, measured, repeats=15)

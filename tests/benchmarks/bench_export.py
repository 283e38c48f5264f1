"""Bytes and time of each widget's still picture and saved page.

    python -m tests.benchmarks.bench_export

The picture is drawn whenever a notebook displays the widget. The base-size model has random
weights: what it costs does not depend on them.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any

import timm
import torch

import vitlens_widgets as vl
from tests.benchmarks.measure import interleaved, machine, table

REPEATS = 5


def widgets() -> dict[str, Any]:
    """Those of the embedded models, and those of ViT-B/16 at 384 pixels."""
    scene = vl.world.scene(seed=7, objects=2)
    toy, mae = vl.load("toy/p32"), vl.load("toy/mae")
    torch.manual_seed(0)
    base = vl.load(timm.create_model("vit_base_patch16_384").eval())
    traces = {"toy/p32": toy.trace(scene.image), "ViT-B/16, 577 tokens": base.trace(scene.image)}
    readings = {"toy/p32": vl.LogitLens(toy), "ViT-B/16, 577 tokens": vl.LogitLens(base)}
    found: dict[str, Any] = {}
    for name, trace in traces.items():
        found[f"PatchGrid, {name}"] = vl.PatchGrid(readings[name].read(trace))
        found[f"AttentionMaps, {name}"] = vl.AttentionMaps(trace)
    found["InfillStrip, toy/mae"] = vl.InfillStrip(vl.InfillLens(mae).read(scene.image))
    found["Explorer, toy/p32 and toy/mae"] = vl.explore(toy, scene, mae=mae)
    return found


def row(name: str, widget: Any, folder: Path) -> dict[str, object]:
    """What one widget costs."""
    page = folder / "page.html"
    with contextlib.redirect_stdout(io.StringIO()):
        seconds = interleaved(
            {"picture": widget.still, "page": lambda: widget.save_html(page)}, REPEATS
        )
    return {
        "widget": name,
        "picture, kB": round(len(widget.still()) / 1e3),
        "drawn in, ms": round(1e3 * seconds["picture"]),
        "page, kB": round(page.stat().st_size / 1e3),
        "written in, ms": round(1e3 * seconds["page"]),
    }


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        print(table([row(name, widget, Path(folder)) for name, widget in widgets().items()]))
    print(machine())


if __name__ == "__main__":
    main()

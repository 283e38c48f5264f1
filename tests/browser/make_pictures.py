"""Takes the README's pictures of the running widgets.

python -m tests.browser.make_pictures            # all
python -m tests.browser.make_pictures explorer   # some
python -m tests.browser.make_pictures photograph photograph_attention  # with DINOv2, from the hub

DINOV2=folder in the environment says where DINOv2 is saved, if not on the hub.
"""

from __future__ import annotations

import functools
import io
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from bokeh.embed import file_html
from bokeh.resources import INLINE
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from skimage import data

import vitlens_widgets as vl
from tests.browser.conftest import CHROMIUM_ARGS, CHROMIUM_NAMES
from tests.browser.widget_page import WidgetPage
from vitlens_widgets.gallery import exhibits

FOLDER = Path(__file__).parents[2] / "notebooks" / "pictures"
WIDTH = 1200  # pixels; a README shows them at some 830, so text stays sharp
SEED, CLASSES = 45, ("cat", "umbrella")
PINNED = (2, 4)
STEMS = {
    "taught": "patch_features",
    "photograph": "patch_features",
    "photograph_attention": "attention_maps",
}
"""Of pictures that are not named after their widget."""


def patch_grid() -> vl.PatchGrid:
    """The widget as the quick start shows it, on a scene that shows well."""
    vit = vl.load("toy/p32")
    reading = vl.LogitLens(vit).read(vit.trace(_scene().image))
    return vl.PatchGrid(reading, token=vit.layout.token(*PINNED), target=CLASSES[0])


def attention_maps() -> vl.AttentionMaps:
    """A head that looks at the things, joined to a lens."""
    vit = vl.load("toy/p32")
    trace = vit.trace(_scene().image)
    query, key = vit.layout.token(*PINNED), vit.layout.token(4, 2)
    reading = vl.LogitLens(vit).read(trace)
    return vl.AttentionMaps(trace, reading=reading, layer=5, head=1, token=query, key=key)


def infill_strip() -> vl.InfillStrip:
    """A masked autoencoder in the middle of its work."""
    mae = vl.load("toy/mae")
    scene = vl.world.scene(SEED, objects=len(CLASSES), classes=CLASSES, size=112)
    return vl.InfillStrip(vl.InfillLens(mae).read(scene.image, seed=2), state=2)


def relevance_maps() -> vl.RelevanceMaps:
    """What two answers rest on, and what is left of them as patches are removed."""
    trace = vl.load("toy/p32").trace(_scene().image)
    maps = vl.RelevanceMaps(trace, CLASSES, token=trace.layout.token(*PINNED))
    maps.saved()  # its curves are computed then
    return maps


def causes() -> vl.Causes:
    """A scene with and without its cat, three places exchanged, and the circuit."""
    widget = exhibits.causes()
    widget.find_circuit("greedy")
    widget.saved()  # what is missing is exchanged then
    return widget


def patch_features() -> vl.PatchFeatures:
    """A model without a classifier: its patches by their components, and like a pinned one."""
    return exhibits.features()


def decoded_images() -> vl.DecodedImages:
    """States and heads of a scene, painted."""
    vit, scenes = vl.load("toy/clip"), [vl.world.scene(seed, objects=2) for seed in (7, 8)]
    lens = vl.SteeringLens(vit, vl.load_decoder("toy/unclip"))
    trace = vit.trace([scene.image for scene in scenes])
    widget = vl.DecodedImages(lens, trace, judge=vl.load("toy/p32-taught"))
    state = widget.saved().state  # all is painted then, also what stands beside the chosen head
    widget._saved, widget._saved_pixels = state["_saved"], state["_saved_pixels"]
    return widget


def features() -> vl.Features:
    """All neurons of a model; one of an apple on a scene with an apple and a mushroom."""
    vit, scenes = vl.load("toy/p32"), vl.world.Scenes(objects=2)
    found = vl.analysis.activations(vit, scenes, n_images=600)
    scene = vl.world.scene(11, objects=2, classes=("apple", "mushroom"))
    areas = found.selectivity().auc[:5, :, vl.world.CLASSES.index("apple")]
    layer, feature = map(int, np.unravel_index(areas.argmax(), areas.shape))
    choices = {"layer": layer, "feature": feature, "target": "apple", "strength": 4}
    widget = vl.Features(found, vit, scene.image, **choices)
    widget._look({"asked": [["partners", layer, feature, -1, -1, -1]]}, [])
    state = widget.saved().state  # all that a page would ask for
    widget._saved, widget._saved_bytes = state["_saved"], state["_saved_bytes"]
    return widget


def taught() -> vl.PatchFeatures:
    """The same model, taught three classes by nine clicks."""
    return exhibits.taught()


def explorer() -> vl.Explorer:
    """All views at once, with two heads off."""
    choices = {"target": CLASSES[0], "state": 5, "head": 1, "knocked_out": [(3, 0), (4, 2)]}
    vit = vl.load("toy/p32")
    query, key = vit.layout.token(*PINNED), vit.layout.token(4, 2)
    return vl.explore(vit, _scene(), mae=vl.load("toy/mae"), token=query, key=key, **choices)


@functools.cache
def _photographs() -> vl.Trace:
    """DINOv2 on three photographs of scikit-image, which are free."""
    vit = vl.load(os.environ.get("DINOV2", "facebook/dinov2-small"), image_size=448)
    return vit.trace([data.astronaut(), data.chelsea(), data.coffee()])


def photograph() -> vl.PatchFeatures:
    """What patches of photographs are like, and which are like a face."""
    return vl.PatchFeatures(_photographs(), token=_photographs().layout.token(7, 13))


def photograph_attention() -> vl.AttentionMaps:
    """Every head of the same model, one that looks at what the query is a part of large."""
    token = _photographs().layout.token(7, 13)
    return vl.AttentionMaps(_photographs(), layer=10, head=0, token=token)


def measured() -> str:
    """Figures of two experiments; they are a page of their own."""
    vit, scenes = vl.load("toy/p32"), vl.world.Scenes()
    found = (
        vl.analysis.identifiability(vit, scenes, n_images=200),
        vl.analysis.class_similarity_change(vit, scenes, n_images=50),
    )
    return file_html(vl.charts.beside([one.figure() for one in found]), INLINE, "figures")


MAKERS = (
    patch_grid,
    attention_maps,
    infill_strip,
    relevance_maps,
    causes,
    patch_features,
    taught,
    decoded_images,
    features,
    explorer,
    measured,
)
COLOURS = {"light": ("#1b1b1b", "#565656", "#fff"), "dark": ("#eee", "#bbb", "#111")}
"""Of a figure's words, of its quieter ones, and of the page."""

OF_A_REAL_MODEL = (photograph, photograph_attention)
"""Made when they are asked for by name."""


def main(names: Sequence[str]) -> None:
    """Writes the pictures of widgets, light and dark."""
    FOLDER.mkdir(exist_ok=True)
    browser_path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
    every = (*MAKERS, *OF_A_REAL_MODEL)
    widgets = {make.__name__: make() for make in every if make.__name__ in names}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=CHROMIUM_ARGS)
        for scheme in ("light", "dark"):
            for name, widget in widgets.items():
                size = {"width": WIDTH, "height": 900}
                page = browser.new_page(viewport=size, color_scheme=scheme)
                taken = _figures if isinstance(widget, str) else _widget
                shot = Image.open(io.BytesIO(taken(page, scheme, widget, name))).convert("RGB")
                shot.save(FOLDER / f"{name}_{scheme}.png", optimize=True)
        browser.close()


def _widget(page: Page, scheme: str, widget: object, name: str) -> bytes:
    shown = WidgetPage(page, scheme=scheme).add(widget, stem=STEMS.get(name, name))
    return shown.screenshot()


def _figures(page: Page, scheme: str, html: str, _name: str) -> bytes:
    """Taken when all is drawn, as Bokeh says."""
    text, quiet, ground = COLOURS[scheme]
    style = f"body {{ background: {ground}; "
    style += f"--jp-ui-font-color1: {text}; --jp-ui-font-color2: {quiet} }}"
    page.set_content(html.replace("</head>", f"<style>{style}</style></head>"))
    page.wait_for_function("window.Bokeh?.documents[0]?.is_idle")
    page.wait_for_timeout(1000)  # its last painting
    return page.locator(".bk-Row").screenshot(animations="disabled")


def _scene() -> vl.world.Scene:
    return vl.world.scene(SEED, objects=len(CLASSES), classes=CLASSES)


if __name__ == "__main__":
    main(sys.argv[1:] or [make.__name__ for make in MAKERS])

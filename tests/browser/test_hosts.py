"""One notebook in JupyterLab, Notebook 7 and marimo: the same clicks, keys, values and themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.attention_pages import Places
from tests.browser.hosts import written
from tests.browser.infill_page import patch
from tests.widgets.fake_maps import random_maps

PICTURES = Path(__file__).parent / "screenshots"
SETUP = """
import vitlens_widgets as vl

vit, mae = vl.load("toy/p32"), vl.load("toy/mae")
scene = vl.world.scene(seed=45, objects=2, classes=("cat", "umbrella"))
trace = vit.trace(scene.image)
reading = vl.LogitLens(vit).read(trace)
infilling = vl.InfillLens(mae).read(scene.image, mask_ratio=0.75, seed=2)
"""
WIDGETS = {
    "grid": "vl.PatchGrid(reading)",
    "maps": "vl.AttentionMaps(trace, reading=reading)",
    "strip": "vl.InfillStrip(infilling, truth=scene)",
    "explorer": "vl.explore(vit, scene, mae=mae)",
    "relevance": "vl.RelevanceMaps(trace, n_points=8, n_random=2)",
    "features": "vl.PatchFeatures(mae.trace(scene.image))",
}
FACE = random_maps(layers=6, heads=3, rows=7, cols=7)  # of toy/p32: only its layout counts
MAE_SIDE = 14
HERE = ("http://127.0.0.1:", "ws://127.0.0.1:", "blob:", "data:")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A notebook that shows every widget."""
    shown = [f"{name} = {made}\n{name}" for name, made in WIDGETS.items()]
    return written(tmp_path_factory.mktemp("hosts") / "widgets.ipynb", SETUP, *shown)


@pytest.fixture(scope="module", params=["JupyterLab", "Notebook", "marimo"])
def notebook(request, path, browser):
    """That notebook in one host, all of it run."""
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    if request.param == "marimo":
        notebook = request.getfixturevalue("marimo").open(page, path)
    else:
        notebook = request.getfixturevalue("lab").open(page, path, request.param)
    notebook.host, notebook.asked = request.param, asked
    notebook.errors = []  # those after the host's own start
    page.on("pageerror", lambda error: notebook.errors.append(str(error)))
    notebook.run_all(widgets=len(WIDGETS))
    yield notebook
    notebook.close()
    context.close()


def shown(notebook, name):
    """The widget of that name, scrolled into view."""
    widget = notebook.drawn.nth(list(WIDGETS).index(name))
    widget.scroll_into_view_if_needed()
    return widget


def waits_for(widget, name, value):
    """Waits until the widget's root has an attribute's value."""
    widget.and_(widget.page.locator(f"[{name}='{value}']")).wait_for(state="attached")


def test_every_cell_runs_without_a_complaint(notebook):
    assert notebook.drawn.count() == len(WIDGETS)
    assert notebook.complaints == []
    assert notebook.errors == []


def test_what_is_chosen_in_a_patch_grid_is_known_in_the_kernel(notebook):
    grid = shown(notebook, "grid")
    slider = grid.get_by_role("slider", name="State")
    slider.press("Home")
    slider.press("ArrowRight")
    notebook.wait_for_value("grid.state", 1)
    waits_for(grid, "data-vitlens-drawn", "1_pre")
    grid.locator("[data-state='3']").click()
    notebook.wait_for_value("grid.state", 3)
    cell = grid.get_by_role("gridcell").nth(2 * 7 + 5)
    cell.click()
    notebook.wait_for_value("vit.layout.row_col(grid.token)", [2, 5])
    assert cell.get_attribute("aria-selected") == "true"
    search = grid.get_by_role("combobox", name="Target class")
    search.fill("umbr")
    search.press("Enter")
    notebook.wait_for_value("vit.labels[grid.target]", "umbrella")


def test_what_the_kernel_sets_is_shown_by_a_patch_grid(notebook):
    grid = shown(notebook, "grid")
    notebook.kernel("grid.state, grid.token, grid.target = 2, vit.layout.token(1, 6), 'moon'")
    waits_for(grid, "data-vitlens-drawn", "2_pre")
    selected = grid.locator("[role=gridcell][aria-selected=true]")
    selected.and_(grid.locator(f"[data-token='{1 + 1 * 7 + 6}']")).wait_for(state="attached")
    assert grid.get_by_role("slider", name="State").get_attribute("aria-valuenow") == "2"
    assert "moon" in grid.get_by_role("combobox", name="Target class").input_value()


def test_keys_in_a_patch_grid_do_not_reach_the_notebook(notebook):
    grid, cells = shown(notebook, "grid"), notebook.cells
    notebook.kernel("grid.token = None")
    grid.get_by_role("gridcell").nth(0).click()
    for key in ("a", "b", "d", "d", "ArrowDown", "ArrowRight", "Enter"):
        notebook.page.keyboard.press(key)
    notebook.wait_for_value("vit.layout.row_col(grid.token)", [1, 1])
    assert notebook.cells == cells
    assert grid.is_visible()


def test_attention_maps_ask_the_kernel_for_exact_numbers(notebook):
    maps = shown(notebook, "maps")
    maps.locator(".vl-head-tile[data-layer='2'][data-head='1']").click()
    notebook.wait_for_value("[maps.layer, maps.head]", [2, 1])
    waits_for(maps, "data-vitlens-drawn", "head 1 of 2, pattern, image 0")
    exact = notebook.value("float(trace.attention(2, 1)[0, 33, 12])")
    maps.locator(".vl-sheet").scroll_into_view_if_needed()
    Places(maps, FACE).point_at_cell(33, 12)
    maps.locator(".vl-pair-line").get_by_text(f"{exact:.4f}").first.wait_for()


def test_relevance_maps_ask_the_kernel_for_another_class_and_for_their_curves(notebook):
    relevance = shown(notebook, "relevance")
    relevance.locator(".vl-removal-key").first.locator("b").wait_for()  # the curve is whole
    relevance.get_by_role("button", name="Compare with another class").click()
    search = relevance.get_by_role("combobox", name="Second class")
    search.fill("moon")
    search.press("Enter")
    notebook.wait_for_value("vit.labels[relevance.against or 0]", "moon")
    relevance.locator(".vl-panel[data-of='1']").get_by_text("moon", exact=True).wait_for()
    relevance.locator(".vl-removal[data-of='1'] .vl-removal-key b").first.wait_for()
    exact = notebook.value("float(relevance.relevance[1].patches()[2, 4])")
    cell = relevance.locator(".vl-panel[data-of='1'] .vl-cell").nth(2 * 7 + 4)
    cell.click()
    notebook.wait_for_value("vit.layout.row_col(relevance.token)", [2, 4])
    written = f"{exact:#.3g}".rstrip(".").replace("-", "−")
    assert written in relevance.locator(".vl-pair-line").inner_text()
    notebook.kernel("relevance.method, relevance.against = 'chefer', None")
    target = notebook.value("relevance.target")
    waits_for(relevance, "data-vitlens-drawn", f"chefer: {target}, image 0")


def test_a_patch_is_compared_and_then_taught_by_the_kernel(notebook):
    features = shown(notebook, "features")
    features.locator(".vl-components .vl-cell").nth(3 * 14 + 6).click()
    notebook.wait_for_value("mae.layout.row_col(features.token)", [3, 6])
    features.locator(".vl-ring-pinned:visible").nth(2).wait_for()  # in all three views
    features.get_by_role("radio", name="Teach").click()
    for (row, col), name in (((3, 6), "cat"), ((0, 0), "wall")):
        field = features.get_by_role("textbox", name="Name of a new class")
        field.fill(name)
        field.press("Enter")
        features.locator(".vl-class-map .vl-cell").nth(row * 14 + col).click()
        notebook.wait_for_value("[one.name for one in features._teaching.classes][-1:]", [name])
    features.locator("[data-number='2']").wait_for(state="attached")
    answers = notebook.value("features.classifier.labels[0]")
    assert answers == "cat"


def test_a_mask_painted_on_an_infill_strip_is_infilled_by_the_kernel(notebook):
    notebook.kernel("import numpy as np; strip.mask = np.zeros(196, bool)")
    strip = shown(notebook, "strip")
    strip.locator(".vl-still-masked [aria-selected=true]").first.wait_for(state="detached")
    patch(strip, 3, 2, MAE_SIDE).click()
    patch(strip, 9, 11, MAE_SIDE).click()
    painted = [3 * MAE_SIDE + 2, 9 * MAE_SIDE + 11]
    notebook.wait_for_value("np.flatnonzero(strip.mask).tolist()", painted)
    notebook.wait_for_value("np.flatnonzero(strip.infilling.mask[0]).tolist()", painted)
    strip.locator(".vl-foot").get_by_text("on 2 masked patches").wait_for()
    assert notebook.value("strip.error") == ""


def test_a_head_is_switched_off_in_an_explorer_and_the_model_runs_without_it(notebook):
    explorer = shown(notebook, "explorer")
    notebook.kernel("explorer.state, explorer.head, explorer.knocked_out = 3, 1, []")
    explorer.get_by_role("button", name="Knock out L3 H1").click()
    explorer.locator(".vl-off-head").wait_for()
    explorer.locator(".vl-off-result").get_by_text("prediction").wait_for()
    notebook.wait_for_value("explorer.knocked_out", [[3, 1]])
    without = "vit.trace(scene.image, edits=[vl.edits.Zero('z', 3, head=1)]).logits"
    apart = notebook.value(f"float((explorer.edited.logits - {without}).abs().max())")
    assert apart < 1e-4
    explorer.get_by_role("button", name="Switch on L3 H1").press("k")
    explorer.locator(".vl-off-head").wait_for(state="detached")
    notebook.wait_for_value("explorer.edited is None", True)


def test_the_theme_is_followed_while_the_widgets_are_open(notebook):
    notebook.kernel("grid.state, maps.layer, maps.head = vit.n_layers, 4, 0")
    strips = []
    PICTURES.mkdir(exist_ok=True)
    for theme in ("light", "dark"):
        notebook.set_theme(theme)
        notebook.page.mouse.move(2, 2)
        notebook.wait_until_at_rest()
        assert (brightness(notebook.ground) > 600) == (theme == "light")
        for name in WIDGETS:
            widget = shown(notebook, name)
            ground = widget.evaluate("node => getComputedStyle(node).backgroundColor")
            assert ground == notebook.ground, name
            picture = PICTURES / f"host_{notebook.host.lower()}_{name}_{theme}.png"
            notebook.page.screenshot(path=picture)
        dots = shown(notebook, "maps").locator(".vl-dots").first
        strips.append(dots.evaluate("canvas => canvas.toDataURL()"))
    notebook.set_theme("light")
    assert strips[0] != strips[1]  # canvases are drawn anew: no style sheet reaches into them
    assert all(len(strip) > 500 for strip in strips)  # and are not empty


def brightness(colour):
    """The sum of red, green and blue in `rgb(...)`."""
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


def test_nothing_is_asked_of_another_machine(notebook):
    assert len(notebook.asked) > 10
    elsewhere = [url for url in notebook.asked if not url.startswith(HERE)]
    assert elsewhere == []


def test_nothing_has_gone_wrong(notebook):
    said = ", ".join(f"{name}.error" for name in WIDGETS)
    assert notebook.value(f"[{said}]") == [""] * len(WIDGETS)
    assert notebook.complaints == []
    assert notebook.errors == []

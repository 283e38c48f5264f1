"""Pages that were saved open from a file, offline, and stay interactive."""

from __future__ import annotations

import re

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.attention_pages import Places, colors, map_pixels, read_out, shades
from tests.browser.relevance_page import cell, curve, panel, text, tile
from tests.widgets.fake_infilling import random_infilling
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_reading import FakeLabels, random_reading
from tests.widgets.fake_relevance import random_relevances


class Saved:
    """A saved page in the browser.

    Args:
        page: The browser page that shows it.
        folder: Where it is written.
    """

    def __init__(self, page, folder):
        self.page, self.folder = page, folder
        self.requests = []
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, widget, **options):
        """Saves a widget, opens the page, and gives the root of what is drawn."""
        path = widget.save_html(self.folder / "saved.html", **options)
        self.page.goto(path.as_uri())
        root = self.page.locator(".vitlens").first
        root.and_(self.page.locator("[data-vitlens-drawn]")).wait_for(state="attached")
        return root

    def drawn(self, root, name):
        """Waits until something is drawn."""
        root.and_(self.page.locator(f"[data-vitlens-drawn^='{name}']")).wait_for(state="attached")


@pytest.fixture
def saved(page, tmp_path):
    """A page whose every request must be its own file or a module it made itself."""
    page.set_viewport_size({"width": 1300, "height": 900})
    found = Saved(page, tmp_path)
    yield found
    own = (f"file://{tmp_path}", "blob:null/")
    assert [url for url in found.requests if not url.startswith(own)] == []
    assert len(found.requests) >= 2


def test_a_patch_grid_is_pinned_played_and_asked_as_in_the_notebook(saved, page):
    reading = random_reading(1, rows=3, cols=5)
    grid = saved.open(vl.PatchGrid(reading, image=1))
    patch = grid.get_by_role("gridcell").nth(1 * 5 + 2)
    patch.click()
    assert patch.get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert grid.get_by_role("gridcell").nth(1 * 5 + 3).get_attribute("aria-selected") == "true"
    grid.get_by_role("slider", name="State").press("Home")
    saved.drawn(grid, "0_pre")
    search = grid.get_by_role("combobox", name="Target class")
    search.fill("thing 4")
    search.press("Enter")
    token = 1 + 1 * 5 + 3
    probability = float(reading.probability(4)[0, 1, token])
    assert f"target thing 4 {probability:.3f}" in grid.locator(
        ".vl-readout"
    ).first.inner_text().replace("\n", " ")


def test_another_class_whose_numbers_are_not_there_is_said_kindly(saved, monkeypatch):
    monkeypatch.setattr("vitlens_widgets.widgets.patch_grid.data.TABLE_LIMIT", 100)
    reading = random_reading(2)
    grid = saved.open(vl.PatchGrid(reading, target=3))
    search = grid.get_by_role("combobox", name="Target class")
    search.fill("thing 5")
    search.press("Enter")
    said = grid.get_by_role("alert").inner_text()
    assert said.startswith("Not on this page. This page has no kernel")
    assert "Error" not in said
    assert search.input_value() == "thing 3"
    assert "vl-waiting" not in grid.get_attribute("class")


def test_small_maps_have_every_head_mean_and_rollout_with_exact_numbers(saved, page):
    maps = random_maps(3, layers=3, heads=2, prefix=("CLS", "register 1"))
    widget = saved.open(vl.AttentionMaps(maps))
    wanted = {"One head": maps.of_layer(0)[1], "Mean": maps.of_layer(0).mean(0)}
    wanted["Rollout"] = maps.rollout(0)
    widget.get_by_role("button", name=re.compile(r"^Layer 0, head 1")).click()
    for name, values in wanted.items():
        widget.get_by_role("radio", name=name, exact=True).click()
        page.wait_for_function(
            "([root, name]) => root.dataset.vitlensDrawn.startsWith(name)",
            arg=[widget.element_handle(), name.lower().replace("one head", "head 1")],
        )
        expected = colors(shades(values, "pattern", "sqrt"))
        assert (np.abs(map_pixels(widget) - expected).max(-1) <= 1).mean() > 0.99
        Places(widget, maps).point_at_cell(5, 9)
        kind = "rollout" if name == "Rollout" else "pattern"
        assert f"{kind} {values[5, 9]:.4f}" in read_out(widget)
    assert widget.get_by_role("radio", name="Scores").is_disabled()
    assert widget.get_by_role("button", name="Neurons").is_disabled()


def test_of_large_maps_the_chosen_are_there_and_the_others_are_said_kindly(saved, monkeypatch):
    data = "vitlens_widgets.widgets.attention_maps.data"
    monkeypatch.setattr(f"{data}.thumbnail_side", lambda *_: 8)
    monkeypatch.setattr(f"{data}.EXACT_LIMIT", 10)
    maps = random_maps(4, layers=3, heads=2)
    widget = saved.open(vl.AttentionMaps(maps), maps=[(0, 1)])
    widget.get_by_role("button", name=re.compile(r"^Layer 0, head 1")).click()
    saved.drawn(widget, "head 1 of 0")
    expected = colors(shades(maps.of_layer(0)[1], "pattern", "sqrt"))
    assert (map_pixels(widget) == expected).mean() > 0.999
    widget.get_by_role("button", name=re.compile(r"^Layer 1, head 0")).click()
    said = widget.get_by_role("alert").inner_text()
    assert said.startswith("Not on this page. This page has no kernel to ask")
    assert "Try again" not in said
    widget.get_by_text("This map is not on this page").wait_for()
    opaque = """node => [...node.querySelectorAll(".vl-pane canvas, .vl-heat")].some((canvas) =>
        canvas.width * canvas.height > 0 && canvas.getContext("2d")
          .getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0))"""
    widget.get_by_role("gridcell").nth(3).click()  # a query is pinned, and no other head answers
    assert not widget.evaluate(opaque)
    widget.get_by_role("button", name=re.compile(r"^Layer 0, head 1")).click()
    saved.drawn(widget, "head 1 of 0")
    widget.get_by_text("This map is not on this page").wait_for(state="hidden")
    assert widget.evaluate(opaque)


@pytest.mark.parametrize("pins", [{"token": 8, "key": 20}, {"token": 8}, {}])
def test_of_large_maps_the_numbers_of_what_is_pinned_are_there(saved, monkeypatch, pins):
    data = "vitlens_widgets.widgets.attention_maps.data"
    monkeypatch.setattr(f"{data}.thumbnail_side", lambda *_: 8)
    monkeypatch.setattr(f"{data}.EXACT_LIMIT", 10)
    maps = random_maps(3, layers=2, heads=2)
    widget = vl.AttentionMaps(maps, layer=0, head=1)
    for name, token in pins.items():  # pinned when the widget is there already
        setattr(widget, name, token)
    root = saved.open(widget)
    whole = saved.page.locator("body").inner_text()
    assert "exact numbers of other tokens than those pinned" in whole
    pattern = maps.of_layer(0)[1]
    query = pattern[pins.get("token", 0)]
    assert f"patches {query[1:].sum():.3f}" in " ".join(root.inner_text().split())
    if "key" in pins:
        score = maps.of_layer(0, "scores")[1, 8, 20]
        assert f"pattern {query[20]:.4f}" in read_out(root)
        assert f"score {score:.2f}".replace("-", "−") in read_out(root)
        assert f"rank {1 + (query > query[20]).sum()} of 25" in read_out(root)


def test_an_infilling_shows_every_state_and_says_that_masks_need_a_kernel(saved):
    strip = saved.open(vl.InfillStrip(random_infilling(5)))
    strip.locator("[data-state='1']").click()
    saved.drawn(strip, "1_pre")
    assert strip.get_by_role("button", name="Invert").is_disabled()
    strip.get_by_role("gridcell").first.click()
    assert strip.get_by_role("alert").inner_text().startswith("Not on this page.")


@pytest.mark.parametrize(("scheme", "bright"), [("light", True), ("dark", False)])
def test_the_page_is_light_or_dark_as_its_reader_prefers(saved, page, scheme, bright):
    page.emulate_media(color_scheme=scheme)
    grid = saved.open(vl.PatchGrid(random_reading(6)))
    for node in (page.locator("html"), grid):
        color = node.evaluate("node => getComputedStyle(node).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", color)[:3])) > 600) == bright


def test_what_labels_and_captions_say_is_shown_and_never_run(saved, page):
    hostile = "</script><img src=x onerror=window.hacked=1>"
    labels = FakeLabels([hostile, *(f"thing {i}" for i in range(6))])
    reading = random_reading(7, labels=labels)
    grid = saved.open(vl.PatchGrid(reading, caption=hostile, target=0), title=hostile)
    assert page.title() == hostile
    assert page.locator("h1").inner_text() == hostile
    assert grid.get_by_role("combobox", name="Target class").input_value() == hostile
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hacked") is None


def test_several_widgets_stand_on_one_page_and_keep_to_themselves(saved, page):
    grids = [vl.PatchGrid(random_reading(8)), vl.PatchGrid(random_reading(9))]
    path = vl.save_html([*grids, vl.AttentionMaps(random_maps(1))], saved.folder / "all.html")
    page.goto(path.as_uri())
    page.locator("[data-vitlens-drawn]").nth(2).wait_for(state="attached")
    first, second = (page.locator(".vitlens").nth(i) for i in range(2))
    first.get_by_role("slider", name="State").press("Home")
    saved.drawn(first, "0_pre")
    assert second.get_attribute("data-vitlens-drawn") == "final"


def test_a_page_that_cannot_be_shown_says_so(page, tmp_path):
    from vitlens_widgets.export.page import SavedWidget
    from vitlens_widgets.export.page import page as page_of

    code = "export default { render() { throw Error('no luck'); } }"
    broken = SavedWidget(code, "", {}, "a title", "", "")
    (tmp_path / "x.html").write_text(page_of([broken]), encoding="utf-8")
    page.goto((tmp_path / "x.html").as_uri())
    assert "could not be shown: no luck" in page.get_by_role("alert").inner_text()


def test_linked_widgets_stay_linked_a_state_with_its_block(saved, page):
    reading = random_reading(8, states=4, rows=4, cols=6)
    grid, maps = vl.PatchGrid(reading), vl.AttentionMaps(random_maps(1, layers=3))
    vl.link(grid, maps, names=["state", "token"])
    path = vl.save_html([grid, maps], saved.folder / "linked.html")
    page.goto(path.as_uri())
    page.locator("[data-vitlens-drawn]").nth(1).wait_for(state="attached")
    first, second = (page.locator(".vitlens").nth(i) for i in range(2))
    slider = first.get_by_role("slider", name="State")
    for key, state, block in [("Home", "0_pre", 0), ("End", "final", 2)]:
        slider.press(key)
        saved.drawn(first, state)
        saved.drawn(second, f"head 0 of {block}")
    second.get_by_role("button", name=re.compile(r"^Layer 2, head 1")).click()
    saved.drawn(first, "final")
    second.get_by_role("button", name=re.compile(r"^Layer 1, head 1")).click()
    saved.drawn(first, "1_pre")
    first.get_by_role("gridcell").nth(7).click()
    assert Places(second, random_maps(1, layers=3)).crossed()[0] == 8


def test_relevance_maps_keep_their_curves_and_say_what_needs_the_model(saved):
    widget = vl.RelevanceMaps(random_relevances(2), [2, 4], n_points=6)
    root = saved.open(widget)
    tile(root, 1, 0).click()
    assert text(root.locator(".vl-stage-head h3")) == "Layer 1, head 0"
    cell(root, 2, 3, 6).click()
    value = widget.relevance[1].patches(0, 1, 0)[2, 3]
    assert f"thing 4 {value:.3g}".replace("-", "−") in text(root.locator(".vl-pair-line"))
    slider = curve(root, 1).get_by_role("slider")
    slider.press("ArrowRight")
    assert panel(root, 1).locator(".vl-hatch").is_visible()
    assert "gone 1 of 24" in slider.get_attribute("aria-valuetext")
    search = root.get_by_role("combobox", name="Target class")
    search.fill("thing 5")
    search.press("Enter")
    assert "Not on this page." in text(root.get_by_role("alert"))
    assert search.input_value() == "thing 2"

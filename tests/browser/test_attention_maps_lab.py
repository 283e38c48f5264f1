"""AttentionMaps in a real JupyterLab: selections and numbers, in the browser and in the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.attention_pages import Places, read_out
from tests.browser.hosts import written
from tests.widgets.fake_maps import random_maps

PICTURES = Path(__file__).parent / "screenshots"
SMALL = """
import timm
import torch
import vitlens_widgets as vl

vit = vl.load("toy/p32")
scenes = [vl.world.scene(seed, objects=2) for seed in (45, 7)]
trace = vit.trace([scene.image for scene in scenes])
maps = vl.AttentionMaps(trace, reading=vl.LogitLens(vit).read(trace), layer=4)
maps
"""
LARGE = """
torch.manual_seed(0)
tiny = vl.load(timm.create_model("vit_tiny_patch16_384", num_classes=3).eval())
large_trace = tiny.trace(scenes[0].image)
large = vl.AttentionMaps(large_trace, image=0)
large
"""
HERE = "[maps.layer, maps.head, maps.token, maps.key]"


@pytest.fixture(scope="module")
def notebook(lab, browser, tmp_path_factory):
    """A notebook with a widget of 50 tokens and one of 577, after "Run All Cells"."""
    path = written(tmp_path_factory.mktemp("attention") / "attention.ipynb", SMALL, LARGE)
    context = browser.new_context(viewport={"width": 1700, "height": 1000})
    notebook = lab.open(context.new_page(), path)
    notebook.run_all(widgets=2)
    yield notebook
    notebook.close()
    context.close()


@pytest.fixture
def widget(notebook):
    """The small one, with nothing pinned and nothing pointed at."""
    notebook.page.evaluate("document.activeElement.blur()")
    notebook.page.mouse.move(2, 2)
    notebook.kernel("maps.token = maps.key = None; maps.kind = 'pattern'")
    widget = notebook.drawn.first
    widget.scroll_into_view_if_needed()
    return widget


@pytest.fixture
def large(notebook):
    """The one whose maps come one by one."""
    widget = notebook.drawn.nth(1)
    widget.scroll_into_view_if_needed()
    return widget


SMALL_FACE = random_maps(layers=6, heads=3, rows=7, cols=7)
LARGE_FACE = random_maps(layers=1, heads=1, rows=24, cols=24, d=1, patch=1)


def test_heads_and_pairs_chosen_in_the_browser_are_known_in_the_kernel(notebook, widget):
    widget.locator(".vl-head-tile[data-layer='2'][data-head='1']").click()
    notebook.wait_for_value(HERE, [2, 1, None, None])
    Places(widget, SMALL_FACE).point_at_cell(33, 12)
    notebook.page.mouse.down()
    notebook.page.mouse.up()
    notebook.wait_for_value(HERE, [2, 1, 33, 12])
    exact = notebook.value("float(trace.attention(2, 1)[0, 33, 12])")
    score = notebook.value("float(trace.attention(2, 1, 'scores')[0, 33, 12])")
    widget.get_by_text(f"{exact:.4f}").first.wait_for()
    assert f"score {score:.2f}".replace("-", "−") in read_out(widget)
    said = notebook.value("vit.labels[int(maps._reading.top(1).index[2, 0, 33, 0])]")
    assert said in read_out(widget)


def test_patches_pinned_on_the_image_are_known_in_the_kernel(notebook, widget):
    patch = widget.locator(".vl-cell[data-token='9']")
    patch.click()
    notebook.wait_for_value("[maps.token, maps.key]", [9, None])
    widget.locator(".vl-cell[data-token='30']").click()
    notebook.wait_for_value("[maps.token, maps.key]", [9, 30])
    widget.get_by_role("button", name="Neurons", exact=True).click()
    score = notebook.value("float(trace.attention(maps.layer, maps.head, 'scores')[0, 9, 30])")
    widget.locator(".vl-neuron-sum").get_by_text(f"{score:.2f}".replace("-", "−")).wait_for()
    widget.get_by_role("button", name="Close the neurons").click()


def test_keys_move_pin_and_let_go_and_do_not_reach_the_notebook(notebook, widget):
    cells = notebook.page.locator(".jp-Cell").count()
    Places(widget, SMALL_FACE).point_at_cell(1, 1)
    notebook.page.mouse.down()
    notebook.page.mouse.up()
    for key in ("a", "b", "d", "d", "ArrowDown", "ArrowRight", "ArrowRight", "Enter", "["):
        notebook.page.keyboard.press(key)
    notebook.wait_for_value("[maps.token, maps.key]", [2, 3])
    notebook.page.keyboard.press("Escape")
    notebook.wait_for_value("[maps.token, maps.key]", [None, None])
    assert notebook.page.locator(".jp-Cell").count() == cells


def test_what_the_kernel_sets_is_shown(notebook, widget):
    code = "maps.layer, maps.head, maps.token, maps.key, maps.sort = 5, 2, 20, 41, 'distance'"
    notebook.kernel(code)
    drawn = "[data-vitlens-drawn='head 2 of 5, pattern, image 0']"
    widget.and_(notebook.page.locator(drawn)).wait_for(state="attached")
    assert Places(widget, SMALL_FACE).crossed() == (20, 41)
    assert widget.get_by_role("combobox", name="Sort by").input_value() == "distance"


def test_the_mean_over_images_and_scores_are_computed_when_they_are_chosen(notebook, widget):
    widget.get_by_role("radio", name="mean of 2 images").click()
    notebook.wait_for_value("maps._overview_of", {"kind": "pattern", "image": None})
    widget.get_by_role("radio", name="Scores").click()
    notebook.wait_for_value("maps._overview_of", {"kind": "scores", "image": None})
    layer, head = notebook.value("[maps.layer, maps.head]")
    drawn = f"[data-vitlens-drawn='head {head} of {layer}, scores, image null']"
    widget.and_(notebook.page.locator(drawn)).wait_for(state="attached")
    Places(widget, SMALL_FACE).point_at_cell(8, 2)
    mean = notebook.value("float(trace.attention(maps.layer, maps.head, 'scores')[:, 8, 2].mean())")
    widget.locator(".vl-pair-line").get_by_text(f"{mean:.2f}".replace("-", "−")).wait_for()
    notebook.kernel("maps.image, maps.kind = 0, 'pattern'")


def test_large_maps_come_by_command_with_exact_numbers(notebook, large):
    assert notebook.value("len(large._codes)") == 36 * 64 * 64
    large.locator(".vl-head-tile[data-layer='3'][data-head='2']").click()
    drawn = "[data-vitlens-drawn='head 2 of 3, pattern, image 0']"
    large.and_(notebook.page.locator(drawn)).wait_for(state="attached")
    Places(large, LARGE_FACE).point_at_cell(300, 17)
    exact = notebook.value("float(large_trace.attention(3, 2)[0, 300, 17])")
    large.locator(".vl-pair-line").get_by_text(f"{exact:.4f}", exact=True).first.wait_for()
    large.get_by_role("radio", name="Rollout").click()
    large.get_by_text("Rollout of layers 0 to 3").wait_for()
    drawn = "[data-vitlens-drawn='rollout of 3, pattern, image 0']"
    large.and_(notebook.page.locator(drawn)).wait_for(state="attached")
    large.get_by_role("radio", name="One head").click()


def test_nothing_has_gone_wrong(notebook):
    assert notebook.complaints == []
    assert notebook.value("[maps.error, large.error]") == ["", ""]


@pytest.mark.parametrize("width", [900, 1300, 1700])
def test_pictures_at_three_sizes_in_both_themes(notebook, widget, large, width):
    PICTURES.mkdir(exist_ok=True)
    notebook.kernel("maps.layer, maps.head, maps.token, maps.key = 4, 0, 25, 18")
    notebook.page.set_viewport_size({"width": width, "height": 2300})  # all of a stack is seen
    dots = [shown.locator(".vl-dots").first for shown in (widget, large)]
    backgrounds, strips = [], []
    for theme in ("light", "dark"):
        notebook.set_theme(theme)
        notebook.page.mouse.move(2, 2)
        notebook.wait_until_at_rest()
        for name, shown in (("small", widget), ("large", large)):
            shown.screenshot(path=PICTURES / f"attention_{name}_{width}_{theme}.png")
        colour = widget.evaluate("node => getComputedStyle(node).backgroundColor")
        backgrounds.append(sum(int(part) for part in colour[4:-1].split(",")[:3]))
        strips.append([strip.evaluate("c => c.toDataURL()") for strip in dots])
    notebook.set_theme("light")
    assert backgrounds[0] > 600
    assert backgrounds[1] < 150
    assert all(light != dark for light, dark in zip(*strips, strict=True))
    scrolled = "node => node.scrollWidth - node.clientWidth"
    assert widget.evaluate(scrolled) <= 0
    assert large.evaluate(scrolled) <= 0

"""PatchFeatures on a page: the right colours, marks in all views, keys, and teaching by clicks."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

import vitlens_widgets as vl
from tests.browser.kernel_page import KernelPage
from tests.browser.painted import CLASS_COLORS, canvas_pixels, opacity, over, rgb, stretched
from tests.browser.widget_page import WidgetPage, eventually
from tests.small_models import timm_model
from tests.widgets.fake_features import random_features
from vitlens_widgets.export.stills import colors
from vitlens_widgets.export.stills.oklab import component_colors

STEM = "patch_features"
BLUE_ORANGE = colors.table("blue_orange").astype(float)
REGISTERS = ("CLS", *(f"register {i}" for i in range(1, 5)))
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHAPES = {
    "32x32, 13 states": {"rows": 32, "cols": 32, "states": 13, "patch": 2},
    "12x3, registers, 25 states": {"rows": 12, "cols": 3, "states": 25, "prefix": REGISTERS},
    "4x16, no prefix, one image": {"rows": 4, "cols": 16, "prefix": (), "images": 1},
    "5x6, 12 images": {"rows": 5, "cols": 6, "images": 12, "prefix": ("CLS",)},
}


def cell(root, row, col, cols, view):
    """A patch in a view: "components", "similarity" or "class-map"."""
    return root.locator(f".vl-{view} .vl-cell").nth(row * cols + col)


def canvas(root, view):
    return root.locator(f".vl-{view} .vl-picture > canvas").first


def taught(source, **choices):
    """Nine classes of a few clicks each, so that the last are hatched and one is alone."""
    widget, n = vl.PatchFeatures(source, mode="teach", **choices), source.layout.n_prefix
    names = ("suit", "helmet", "wall", "flag", "rocket", "hair", "face", "glove", "boot")
    patches = np.random.default_rng(0).permutation(source.layout.n_patches)
    for i, patch in enumerate(patches[:17]):
        widget.add(names[i // 2], 0, int(n + patch))
    return widget


@pytest.fixture
def wide(page):
    """A page on which a patch of 3 x 5 is 89 pixels, so that pictures are not scaled."""
    page.set_viewport_size({"width": 1200, "height": 900})
    return WidgetPage(page)


SIDE = 89


@pytest.mark.parametrize("state", [0, 3])
def test_components_and_similarity_are_painted_as_numpy_paints_them(wide, state):
    source = random_features(5, rows=3, cols=5, patch=SIDE)
    widget = vl.PatchFeatures(source, token=9, image=1, state=state)
    root = wide.add(widget, STEM)
    codes = np.frombuffer(widget._components, "u1").reshape(4, 2, 3, 5, 3)[state, 1]
    painted = canvas_pixels(canvas(root, "components"))
    assert np.array_equal(painted, component_colors(codes / 127.5 - 1))
    cosine = np.frombuffer(widget._similarity, "<i2").reshape(4, 2, 3, 5)[state, 1] / 32767
    paint = BLUE_ORANGE[np.floor(255 * (cosine + 1) / 2 + 0.5).astype(int)]
    ground = stretched(source.pictures[1].astype(float), 0.10, 0.44)
    exact = over(ground, paint, opacity(np.abs(cosine)))
    assert np.abs(canvas_pixels(canvas(root, "similarity")) - exact).max() <= 1
    root.get_by_role("radio", name="Flat").click()
    exact = over(ground, paint, np.ones((3, 5)))
    assert np.array_equal(canvas_pixels(canvas(root, "similarity")), exact)
    root.get_by_role("radio", name="Foreground").click()
    faint = ~np.frombuffer(widget._foreground, "u1").reshape(4, 2, 3, 5)[state, 1].astype(bool)
    painted = np.where(faint[..., None], np.rint(255 + 0.14 * (painted - 255)), painted)
    assert np.abs(canvas_pixels(canvas(root, "components")) - painted).max() <= 1


@pytest.mark.parametrize("tint", ["class", "certainty"])
def test_the_class_map_is_painted_as_numpy_paints_it(wide, tint):
    source = random_features(5, rows=3, cols=5, patch=SIDE, images=1)
    widget = vl.PatchFeatures(source, mode="teach", tint=tint, names="none", state=2)
    for name, token in (("suit", 3), ("flag", 9), ("suit", 5), ("wall", 14)):
        widget.add(name, 0, token)
    root = wide.add(widget, STEM)
    classes = np.frombuffer(widget._class_map, "<i2").reshape(4, 3, 5)[2]
    certain = np.frombuffer(widget._certainty, "<u2").reshape(4, 3, 5)[2] / 65535
    if tint == "class":
        paint = np.stack([rgb(color) for color in CLASS_COLORS])[classes]
        alpha, like = np.where(certain < 1 / 3 + 0.1, 0.3, 0.72), (0.60, 0.97, 0.45)
    else:
        paint = colors.table("viridis").astype(float)[np.floor(255 * certain + 0.5).astype(int)]
        alpha, like = opacity(certain), (0.10, 0.44)
    exact = over(stretched(source.pictures[0].astype(float), *like), paint, alpha)
    inside = np.zeros((SIDE, SIDE), bool)
    inside[2:-2, 2:-2] = True  # lines between classes lie on the edges
    off = np.abs(canvas_pixels(canvas(root, "class-map")) - exact).max(-1)
    assert off[np.tile(inside, (3, 5))].max() <= 1
    lines = off[: SIDE // 2, SIDE - 1 :: SIDE].max(0)[:4] > 1
    assert np.array_equal(lines, classes[0, 1:] != classes[0, :-1])


def test_the_patch_pointed_at_and_the_pinned_one_are_marked_in_all_views(page):
    source = random_features(2, images=3)
    root = WidgetPage(page).add(vl.PatchFeatures(source), STEM)
    cell(root, 1, 2, 5, "components").hover()
    passing = root.locator(".vl-ring-passing:visible")
    expect(passing).to_have_count(3)
    expect(root.locator(".vl-look-readout")).to_contain_text("row 1, col 2")


def test_pinning_asks_the_kernel_and_another_picture_keeps_the_pin(page):
    source = random_features(2, images=3)
    hosted = KernelPage(page)
    widget = vl.PatchFeatures(source)
    root = hosted.add(widget, STEM)
    expect(root.locator(".vl-others")).to_be_hidden()
    cell(root, 2, 1, 5, "components").click()
    eventually(page, lambda: widget._similar_of == [0, 12])
    expect(root.locator(".vl-other")).to_have_count(2)
    expect(root.locator(".vl-ring-pinned:visible")).to_have_count(3)
    cell(root, 0, 0, 5, "similarity").hover()
    cosine = source.features(False).similarity(0, 12).patches[-1, 0, 0, 0]
    said = f"{cosine:.3f}".replace("-", "−")
    expect(root.locator(".vl-look-readout")).to_contain_text(f"cosine{said}")
    root.locator(".vl-other[data-image='2']").click()
    eventually(page, lambda: widget._picture_of == 2)
    assert (widget.image, widget.token, widget._similar_of) == (2, 12, [0, 12])
    expect(root.locator(".vl-ring-pinned:visible")).to_have_count(0)
    expect(root.locator(".vl-similarity")).to_contain_text("row 2, col 1 of image 0")
    cell(root, 2, 1, 5, "components").click()  # the same place of this picture
    eventually(page, lambda: widget._similar_of == [2, 12])
    page.keyboard.press("Escape")
    eventually(page, lambda: widget.token is None and widget._similar_of == [])
    root.locator(".vl-prefix .vl-chip").click()
    eventually(page, lambda: widget._similar_of == [2, 0])


def test_groups_are_chosen_painted_counted_and_named(page):
    source = random_features(2, rows=4, cols=6)
    widget = vl.PatchFeatures(source, n_groups=9)
    root = KernelPage(page).add(widget, STEM)
    root.get_by_role("radio", name="Groups").click()
    eventually(page, lambda: widget._groups_of == [9, 0, "batch"])
    root.get_by_role("button", name="One group less").click()
    eventually(page, lambda: widget._groups_of == [8, 0, "batch"])
    groups = np.frombuffer(widget._groups, "u1").reshape(4, 2, 24)[-1, 0]
    rows = root.locator(".vl-group-row")
    expect(rows).to_have_count(8)
    shares = np.bincount(groups, minlength=8) / 24
    expect(rows.locator(".vl-number")).to_have_text([f"{100 * one + 1e-9:.0f}%" for one in shares])
    cell(root, 1, 2, 6, "components").hover()
    of, count = groups[8] + 1, (groups == groups[8]).sum()
    said = f"group{of} of 8, {count} patch"
    expect(root.locator(".vl-look-readout")).to_contain_text(said)
    painted = canvas_pixels(canvas(root, "components"))
    side = painted.shape[0] // 4
    middles = painted[side // 2 :: side, side // 2 :: side].reshape(24, 3).astype(float)
    plain = [patch for patch in range(24) if groups[patch] < 7]  # the eighth is hatched
    paint = np.stack([rgb(CLASS_COLORS[groups[patch]]) for patch in plain])
    ground = (middles[plain] - 0.72 * paint) / 0.28
    assert ((ground > 0.4 * 255) & (ground < 256 + 4)).all()  # a light picture lies under them
    field = root.get_by_role("spinbutton", name="Seed of the groups")
    field.fill("3")
    field.press("Enter")
    eventually(page, lambda: widget._groups_of == [8, 3, "batch"])


def test_keys_move_pin_and_change_the_state(page):
    source = random_features(2)
    hosted = KernelPage(page)
    widget = vl.PatchFeatures(source)
    root = hosted.add(widget, STEM)
    cell(root, 0, 0, 5, "components").focus()
    for key in ("ArrowDown", "ArrowRight", "Enter", "[", "["):
        page.keyboard.press(key)
    eventually(page, lambda: (widget.token, widget.state) == (7, 1))
    page.keyboard.press("]")
    page.keyboard.press("t")
    eventually(page, lambda: (widget.mode, widget.state) == ("teach", 2))
    expect(root.get_by_role("textbox", name="Name of a new class")).to_be_focused()
    page.keyboard.type("flag")
    page.keyboard.press("Enter")
    eventually(page, lambda: len(widget._lessons["classes"]) == 1)
    assert widget._lessons["classes"][0]["examples"] == [[0, 7]]


def test_classes_are_taught_renamed_undone_and_removed_by_hand(page):
    source = random_features(2, rows=4, cols=6)
    hosted = KernelPage(page)
    widget = vl.PatchFeatures(source, mode="teach")
    root = hosted.add(widget, STEM)
    classes = lambda: [(c["name"], len(c["examples"])) for c in widget._lessons["classes"]]  # noqa: E731
    cell(root, 1, 1, 6, "class-map").click()  # a click first, then its name
    page.keyboard.type("suit")
    page.keyboard.press("Enter")
    eventually(page, lambda: classes() == [("suit", 1)])
    cell(root, 3, 5, 6, "class-map").click()
    eventually(page, lambda: classes() == [("suit", 2)])
    expect(root.locator(".vl-similar-legend:visible")).to_contain_text("cosine similarity to suit")
    field = root.get_by_role("textbox", name="Name of a new class")
    field.fill("flag")
    field.press("Enter")
    cell(root, 0, 4, 6, "class-map").click()
    eventually(page, lambda: classes() == [("suit", 2), ("flag", 1)])
    expect(root.locator(".vl-row.vl-active")).to_contain_text("flag")
    expect(root.locator("[data-number]")).to_have_count(3)
    page.keyboard.press("1")
    expect(root.locator(".vl-row.vl-active")).to_contain_text("suit")
    cell(root, 0, 4, 6, "class-map").click()  # on its flag: taken away
    eventually(page, lambda: classes() == [("suit", 2), ("flag", 0)])
    page.keyboard.press("u")
    eventually(page, lambda: classes() == [("suit", 2), ("flag", 1)])
    expect(root.locator("[data-number]")).to_have_count(3)
    page.keyboard.press("F2")
    hosted.receive(tint="certainty")  # what the kernel sends meanwhile takes no letter away
    page.keyboard.type("rocket")
    page.keyboard.press("Enter")
    eventually(page, lambda: classes() == [("rocket", 2), ("flag", 1)])
    expect(root.locator(".vl-row.vl-active")).to_contain_text("rocket")
    root.get_by_role("button", name="Remove flag").click()
    eventually(page, lambda: classes() == [("rocket", 2)])
    root.get_by_role("button", name="Undo").click()
    eventually(page, lambda: classes() == [("rocket", 2), ("flag", 1)])
    expect(root.locator(".vl-held-total")).to_contain_text("of 2")


def test_clicks_while_the_kernel_is_busy_are_all_taught(page):
    source = random_features(2, rows=4, cols=6)
    hosted = KernelPage(page)
    widget = vl.PatchFeatures(source, mode="teach")
    widget.add("suit", 0, 1)
    held, plain = [], hosted.kernel
    root = hosted.add(widget, STEM)
    cell(root, 1, 1, 6, "class-map").click()
    eventually(page, lambda: len(widget._lessons["classes"][0]["examples"]) == 2)

    def counted(*asked):
        held.append(len(asked[2]["lessons"]))
        return plain(*asked)

    hosted.kernel = counted
    js = "(cells) => [3, 9, 14, 20].forEach((i) => cells[i].click())"
    root.locator(".vl-class-map .vl-cell").evaluate_all(js)
    eventually(page, lambda: len(widget._lessons["classes"][0]["examples"]) == 6)
    assert held in ([1, 3], [4])  # what came meanwhile is fitted once; also during the click before


def test_an_error_of_the_kernel_is_said_and_nothing_changes(page):
    hosted = KernelPage(page)
    widget = taught(random_features(2, rows=4, cols=6))
    root = hosted.add(widget, STEM)
    before = widget._lessons
    hosted.kernel = lambda *_asked: ({"error": "The fit failed."}, [])
    root.get_by_role("button", name="Undo").click()
    expect(root.get_by_role("alert")).to_contain_text("The fit failed.")
    assert widget._lessons == before


def test_a_saved_page_shows_the_pinned_film_and_the_classes_and_says_what_needs_a_kernel(
    page, tmp_path
):
    widget = taught(random_features(2, rows=4, cols=6))
    widget.token, widget.mode = 9, "look"
    page.goto(widget.save_html(tmp_path / "saved.html").as_uri())
    root = page.locator(".vitlens").first
    expect(root.locator(".vl-other")).to_have_count(1)
    cell(root, 0, 0, 6, "similarity").click()
    expect(root.get_by_role("alert")).to_contain_text("no kernel to compare another patch")
    root.locator(".vl-other").click()  # small, but there
    expect(root.locator(".vl-image")).to_contain_text("image 1")
    root.get_by_role("radio", name="Teach").click()
    expect(root.locator(".vl-row")).to_have_count(9)
    cell(root, 0, 0, 6, "class-map").click()
    expect(root.get_by_role("alert")).to_contain_text("no kernel to teach")


@pytest.mark.parametrize("mode", ["look", "teach"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_fits_at_every_width(page, shape, mode):
    source = random_features(1, **SHAPES[shape])
    widget = taught(source)
    widget.token, widget.mode = source.layout.n_prefix + 7, mode
    root = WidgetPage(page).add(widget, STEM)
    for width in (400, 650, 700, 1000, 1120, 1400):
        page.set_viewport_size({"width": width, "height": 800})
        root.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        assert page.evaluate(OVERFLOW) <= 0, width
        shown = [*root.locator(".vl-picture:visible").all(), root.locator(".vl-filmstrip")]
        shown += root.locator(".vl-head:visible, .vl-head .vl-segments:visible").all()
        for box in (one.bounding_box() for one in shown):
            assert box["x"] >= 0, width
            assert box["x"] + box["width"] <= width + 0.5, width


def test_a_photograph_of_ones_own_joins_the_others_and_the_classes_stay(page):
    vit = vl.load(timm_model("CLS", num_classes=0))
    size = (48, 80, 3)
    first, second = (np.random.default_rng(i).integers(0, 256, size, np.uint8) for i in (1, 2))
    hosted = KernelPage(page)
    widget = vl.PatchFeatures(vit.trace(first), mode="teach")
    widget.add("suit", (0, 1))
    widget.add("flag", (2, 3))
    root = hosted.add(widget, STEM)
    expect(root.locator(".vl-pick")).to_have_count(0)
    root.get_by_role("button", name="flag", exact=True).click()
    content = io.BytesIO()
    Image.fromarray(second).save(content, "PNG")
    file = {"name": "mine.png", "mimeType": "image/png", "buffer": content.getvalue()}
    root.locator("input[type=file]").set_input_files(file)
    expect(root.locator(".vl-pick")).to_have_count(2)
    expect(root.locator(".vl-pick[aria-checked=true]")).to_have_attribute("data-image", "1")
    expect(root.locator(".vl-row")).to_have_count(2)
    expect(root.locator(".vl-row.vl-active")).to_contain_text("flag")
    assert page.locator(".vitlens").count() == 1
    cell(root, 1, 1, 5, "class-map").click()  # taught on the new one
    eventually(page, lambda: widget._lessons["classes"][1]["examples"][-1] == [1, 7])
    root.locator("input[type=file]").set_input_files({**file, "buffer": b"no image"})
    expect(root.get_by_role("alert")).to_contain_text("mine.png")
    expect(root.locator(".vl-pick")).to_have_count(2)


def test_a_regression_is_left_out_in_every_state_when_it_is_asked_for(page):
    vit = vl.load(timm_model("CLS", num_classes=0))
    pixels = np.random.default_rng(1).integers(0, 256, (48, 80, 3), np.uint8)
    widget = vl.PatchFeatures(vit.trace(pixels), mode="teach", method="logistic")
    for name, token in (("suit", (0, 1)), ("flag", (2, 3)), ("suit", (1, 1)), ("flag", (0, 4))):
        widget.add(name, token)
    root = KernelPage(page).add(widget, STEM)
    lines = root.locator(".vl-agreement polyline")
    expect(lines).to_have_count(1)  # by the final state's examples
    root.get_by_role("button", name="Leave out in every state").click()
    expect(lines).to_have_count(2)
    expect(root.get_by_role("button", name="Leave out in every state")).to_be_hidden()
    right = (widget.classifier.held_out().by_state == [0, 0, 1, 1]).mean(1)
    said = root.locator(".vl-agreement .vl-curve-number").all_text_contents()
    assert said == [f"{share:.2f}" for share in right]
    cell(root, 2, 0, 5, "class-map").click()  # one more is left out in the final state alone
    expect(lines).to_have_count(1)

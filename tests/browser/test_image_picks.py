"""The pictures of a batch in every widget: small pictures of a few, a slider over many."""

from __future__ import annotations

import numpy as np

import vitlens_widgets as vl
from tests.browser.kernel_page import KernelPage
from tests.browser.painted import canvas_pixels
from tests.browser.widget_page import WidgetPage, eventually
from tests.widgets.fake_features import random_features
from tests.widgets.fake_infilling import random_infilling
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_reading import random_reading
from tests.widgets.fake_relevance import random_relevances

SIZE = {"rows": 2, "cols": 4, "patch": 7}  # pictures of 14 x 28 pixels, as the small ones are
MAKE = {
    "patch_grid": (random_reading, vl.PatchGrid),
    "attention_maps": (random_maps, vl.AttentionMaps),
    "relevance_maps": (random_relevances, lambda source: vl.RelevanceMaps(source, 2)),
    "infill_strip": (random_infilling, vl.InfillStrip),
    "patch_features": (random_features, vl.PatchFeatures),
}


def made(stem, images):
    """A widget of images of its own, and the pictures of these."""
    source_of, widget_of = MAKE[stem]
    source = source_of(1, images=images, **SIZE)
    every = next(
        getattr(source, name) for name in ("original", "pictures") if hasattr(source, name)
    )
    return widget_of(source), every


def test_a_small_picture_is_each_images_own_and_chooses_it_in_every_widget(page):
    hosted = KernelPage(page)
    for stem in MAKE:
        widget, pictures = made(stem, 3)
        root = hosted.add(widget, stem)
        picks = root.get_by_role("radiogroup", name="Image").get_by_role("radio")
        for image, own in enumerate(pictures):
            drawn = canvas_pixels(picks.nth(image).locator("canvas"))
            np.testing.assert_array_equal(drawn, own, err_msg=stem)
        state = [picks.nth(i).get_attribute("aria-checked") for i in range(3)]
        assert state == ["true", "false", "false"], stem
        picks.nth(2).click()
        eventually(page, lambda: widget.image == 2)  # noqa: B023
        assert picks.nth(2).get_attribute("aria-checked") == "true", stem
        page.keyboard.press("ArrowLeft")
        eventually(page, lambda: widget.image == 1)  # noqa: B023
    assert page.evaluate("document.documentElement.scrollWidth") <= 1100


def test_many_images_have_a_slider_and_send_no_pictures_and_one_has_neither(page):
    hosted = WidgetPage(page)
    for index, stem in enumerate(MAKE):
        root = hosted.add(made(stem, 13)[0], stem)
        slider = root.get_by_role("slider", name="Image")
        slider.focus()
        page.keyboard.press("End")
        assert hosted.get("image", index) == 12, stem
        assert slider.get_attribute("aria-valuetext") == "image 12", stem
        assert root.locator(".vl-pick").count() == 0
    for stem in MAKE:
        root = hosted.add(made(stem, 1)[0], stem)
        assert root.locator(".vl-image-control").count() == 0, stem


def test_a_patch_grid_shows_another_image_with_all_that_is_its_own(page):
    hosted = KernelPage(page)
    reading = random_reading(1, images=3, **SIZE)
    root = hosted.add(vl.PatchGrid(reading, tint="none", glyph="none"), "patch_grid")
    other = hosted.add(vl.PatchGrid(reading, image=2, tint="none", glyph="none"), "patch_grid")
    same = [".vl-picture .vl-canvas", ".vl-thumb .vl-canvas"]
    read = [".vl-chips", ".vl-answers", ".vl-thumb-name", ".vl-classes"]
    root.get_by_role("radio", name="image 2").click()
    eventually(page, lambda: root.locator(".vl-thumb-name").first.inner_text() == "image 2")
    for part in same:
        drawn = canvas_pixels(root.locator(part).first)
        np.testing.assert_array_equal(drawn, canvas_pixels(other.locator(part).first))
    for part in read:
        texts = [one.locator(part).first.inner_text() for one in (root, other)]
        assert texts[0] == texts[1], part
    films = [one.locator(".vl-filmstrip .vl-panel .vl-canvas") for one in (root, other)]
    for state in range(reading.n_states):
        np.testing.assert_array_equal(*(canvas_pixels(film.nth(state)) for film in films))

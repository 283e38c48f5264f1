"""The pictures of a batch beside their menu: small pictures of a few, a slider over many."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.painted import canvas_pixels
from tests.browser.widget_page import WidgetPage
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_relevance import random_relevances

WIDGETS = {
    "attention_maps": lambda n: vl.AttentionMaps(random_maps(1, images=n, rows=2, cols=4, patch=7)),
    "relevance_maps": lambda n: vl.RelevanceMaps(
        random_relevances(1, images=n, rows=2, cols=4, patch=7), 2
    ),
}


@pytest.mark.parametrize("stem", WIDGETS)
def test_a_small_picture_is_each_images_own_and_chooses_it(page, stem):
    widget = WIDGETS[stem](3)
    hosted = WidgetPage(page)
    root = hosted.add(widget, stem)
    picks = root.get_by_role("radiogroup", name="Image").get_by_role("radio")
    assert picks.count() == 3
    for image in range(3):  # 14 x 28 pixels, as the pictures are: nothing is scaled
        own = widget._source.picture(image)
        np.testing.assert_array_equal(canvas_pixels(picks.nth(image).locator("canvas")), own)
    assert [picks.nth(i).get_attribute("aria-checked") for i in range(3)] == ["true"] + [
        "false"
    ] * 2
    picks.nth(2).click()
    assert hosted.saved()[-1] == {"image": 2}
    assert picks.nth(2).get_attribute("aria-checked") == "true"
    page.keyboard.press("ArrowLeft")
    assert hosted.saved()[-1] == {"image": 1}
    root.get_by_role("combobox", name="Image").select_option("0")
    assert picks.nth(0).get_attribute("aria-checked") == "true"
    assert page.evaluate("document.documentElement.scrollWidth") <= 1100


@pytest.mark.parametrize("stem", WIDGETS)
def test_many_images_have_a_slider_and_send_no_pictures_and_one_has_neither(page, stem):
    widget = WIDGETS[stem](13)
    assert widget._thumbs == b""
    hosted = WidgetPage(page)
    root = hosted.add(widget, stem)
    slider = root.get_by_role("slider", name="Image")
    slider.focus()
    page.keyboard.press("End")
    assert hosted.saved()[-1] == {"image": 12}
    assert slider.get_attribute("aria-valuetext") == "image 12"
    assert root.locator(".vl-pick").count() == 0
    alone = hosted.add(WIDGETS[stem](1), stem)
    assert alone.get_by_role("combobox", name="Image").count() == 0

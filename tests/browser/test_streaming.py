"""What a page shows while maps stream in."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.browser.kernel_page import KernelPage
from tests.widgets.fake_maps import random_maps
from vitlens_widgets.widgets.attention_maps import data

NOTE = ".vl-overview-note .vl-hint"


@pytest.fixture
def hosted(page):
    page.set_viewport_size({"width": 1300, "height": 900})
    return KernelPage(page)


def test_a_page_draws_the_first_layer_and_asks_for_the_rest(hosted, monkeypatch):
    monkeypatch.setattr(data, "thumbnail_side", lambda *_: 8)
    maps = random_maps(8, layers=4, heads=2, rows=4, cols=6)
    kernel, held = hosted.kernel, []

    def later(widget, name, message, sent):
        if name == "_more" and not held:
            held.append(name)
            return {"error": "The kernel was interrupted."}, []
        return kernel(widget, name, message, sent)

    hosted.kernel = later
    widget = hosted.add(vl.AttentionMaps(maps, sort="entropy"), "attention_maps", streams=True)
    tiles = widget.locator(".vl-head-tile")
    hosted.page.wait_for_function("() => document.querySelector('.vl-error')?.checkVisibility()")
    assert widget.locator(".vl-head-tile.vl-is-coming").count() == 6
    assert "1 of 4 layers" in widget.locator(NOTE).inner_text()
    assert "NaN" not in widget.inner_text()
    widget.get_by_role("button", name="Try again").click()
    hosted.page.wait_for_function("() => !document.querySelector('.vl-is-coming')")
    assert "layers" not in widget.locator(NOTE).inner_text()
    assert tiles.count() == 8
    assert len([name for _, name, _ in hosted.asked if name == "_more"]) == 4
    entropies = maps.statistics(0).values["entropy"].ravel()
    places = [tiles.nth(i).get_attribute("data-place") for i in range(8)]
    assert [int(place) for place in places] == (-entropies).argsort().argsort().tolist()

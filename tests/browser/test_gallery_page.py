"""The gallery in a browser that has no network: every picture is there, every page draws itself."""

from __future__ import annotations

import pytest

from vitlens_widgets.gallery import gallery, tutorials


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return gallery(tmp_path_factory.mktemp("gallery"), tutorials())


def test_every_picture_is_a_link_to_a_page_that_draws_itself(page, index):
    page.context.set_offline(True)
    page.goto(index.as_uri())
    pictures = page.locator("li img")
    assert pictures.count() == len(tutorials())
    widths = pictures.evaluate_all("all => all.map((image) => image.naturalWidth)")
    assert set(widths) == {1000}
    for one in tutorials():
        page.get_by_role("link", name=one.title, exact=True).click()
        page.locator("[data-vitlens-drawn]").first.wait_for(state="attached")
        assert page.title() == one.title
        assert page.locator("main > [role=alert]").count() == 0
        page.go_back()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 700, 1400])
def test_the_index_fits_any_window(page, index, width, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(index.as_uri())
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    background = page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(17, 17, 17)")

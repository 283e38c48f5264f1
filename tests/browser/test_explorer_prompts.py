"""Prompts typed in an Explorer of a CLIP that lies in a folder: all its views answer anew."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.browser.kernel_page import KernelPage
from tests.browser.prompts import (
    CAR,
    CAT,
    DOG,
    field,
    named,
    pixels_of,
    shown,
    typed_on,
    what_the_model_cannot_read_is_said,
)
from tests.browser.widget_page import WidgetPage, eventually
from tests.widgets.test_explorer_prompts import OFF, picture
from tests.zoo_sweep import texts

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip to explore")
    texts.saved("CLIP", folder)
    return vl.load(folder)


def drawn(page):
    """The pixels of the answers, of every state and large."""
    return pixels_of(page, ".vl-answers-side canvas, .vl-answers-row canvas")


def test_prompts_are_typed_and_every_view_answers_anew(page, vit):
    hosted = KernelPage(page)
    explorer = vl.explore(vit, picture(), prompts=[CAT, DOG], tint="class", glyph="label")
    hosted.add(explorer, "explorer")
    explorer.knocked_out = OFF
    hosted.receive(0, **{k: v for k, v in explorer.get_state().items() if k in EDITED})
    tile = page.locator('.vl-head-tile[data-layer="0"][data-head="2"]')
    tile.click()
    before = drawn(page)
    typed_on(page, hosted, explorer, CAR)
    assert drawn(page) != before
    top = explorer.edited_reading.top(1).index[-1, 0, 1:, 0]
    assert named(page) == {(CAT, DOG, CAR)[index] for index in top.tolist()}
    assert explorer.head == 2  # what was chosen stays
    assert "of 3" in page.locator(".vl-token-answers").inner_text()
    # the views made anew are alive
    page.locator(".vl-prompt-remove").first.click()
    eventually(page, lambda: explorer.prompts == (DOG, CAR) and shown(page) == [DOG, CAR])
    page.locator('.vl-head-tile[data-layer="1"][data-head="3"]').click()
    eventually(page, lambda: explorer.head == 3)
    what_the_model_cannot_read_is_said(page)


EDITED = {"_edited_answers", "_edited_target", "_edited_maps", "knocked_out", "_version"}


def test_a_page_without_a_kernel_offers_no_prompts(page, vit):
    hosted = WidgetPage(page)
    page.evaluate("window.withoutKernel = true")
    hosted.add(vl.explore(vit, picture(), prompts=[CAT, DOG]), "explorer")
    assert field(page).count() == 0

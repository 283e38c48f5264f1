"""Prompts typed in a PatchGrid of a CLIP that lies in a folder, as its user types them."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.browser.kernel_page import KernelPage
from tests.browser.prompts import (
    CAR,
    CAT,
    DOG,
    entered,
    field,
    named,
    pixels_of,
    shown,
    typed_on,
    what_the_model_cannot_read_is_said,
)
from tests.browser.widget_page import WidgetPage, eventually
from tests.small_models import pixels_for
from tests.zoo_sweep import texts

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip of prompts")
    texts.saved("CLIP", folder)
    vit = vl.load(folder)
    return vit.trace(pixels_for(vit.image_size), preprocessed=True)


def film(page):
    """The pixels of every state's panel."""
    return pixels_of(page, ".vl-filmstrip .vl-stop canvas")


def test_prompts_are_typed_answered_and_taken_away(page, trace):
    hosted = KernelPage(page)
    grid = vl.PatchGrid(trace, prompts=[CAT, DOG], glyph="label", tint="class")
    hosted.add(grid, "patch_grid")
    before = film(page)
    typed_on(page, hosted, grid, CAR)
    assert film(page) != before
    final = vl.LogitLens(trace.vit.prompted([CAT, DOG, CAR])).read(trace).top(1).index[-1, 0, 1:, 0]
    assert named(page) == {(CAT, DOG, CAR)[index] for index in final.tolist()}
    what_the_model_cannot_read_is_said(page)
    for typed, said in (("  ", "at least one letter"), (DOG, "there already")):
        entered(page, typed)
        assert said in page.locator(".vl-prompts .vl-hint").inner_text()
    # one after the other is taken away, but for the last
    for left in ([DOG, CAR], [CAR]):
        page.locator(".vl-prompt-remove").first.click()
        eventually(page, lambda left=left: grid.prompts == tuple(left) and shown(page) == left)
    assert page.locator(".vl-prompt-remove").first.is_disabled()
    assert page.get_by_role("alert").count() == 0
    grid.prompts = [DOG, CAT]  # by Python
    hosted.receive(0, **{k: v for k, v in grid.get_state().items() if k in DATA})
    assert shown(page) == [DOG, CAT]


DATA = {
    *("_meta", "_labels", "_emoji", "_picture", "_top_index", "_top_probability", "_entropy")
} | {*("_kl", "_logsumexp", "_logits", "prompts", "target")}


def test_a_page_without_a_kernel_offers_no_prompts(page, trace):
    hosted = WidgetPage(page)
    page.evaluate("window.withoutKernel = true")
    hosted.add(vl.PatchGrid(trace, prompts=[CAT, DOG]))
    assert field(page).count() == 0
    assert page.locator(".vl-prompts").count() == 0

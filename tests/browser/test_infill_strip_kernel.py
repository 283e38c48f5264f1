"""A kernel that is slow, silent or gone: what is shown meanwhile, and that no queue builds up."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.infill_page import InfillPage, patch
from tests.browser.painted import canvas_pixels
from tests.widgets.fake_infilling import random_infilling

ROWS, COLS = 4, 6


@pytest.fixture
def infilling():
    return random_infilling(seed=8, rows=ROWS, cols=COLS)


@pytest.fixture
def strip(infilling):
    return vl.InfillStrip(infilling, mask=np.zeros(ROWS * COLS, bool))


# Turns a patch over every 40 ms, without waiting for anything: 50 changes in 2 s.
RUSH = """
async (patches) => {
  const grid = document.querySelector('.vl-still-masked .vl-cells');
  for (const patch of patches) {
    const cell = grid.querySelectorAll('.vl-cell')[patch];
    cell.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
    await new Promise((done) => setTimeout(done, 40));
  }
}
"""


def test_fifty_changes_in_two_seconds_end_in_the_last_and_leave_no_queue(page, infilling, strip):
    hosted = InfillPage(page)
    hosted.own_clock()
    widget = hosted.add(strip)
    page.evaluate("window.kernelDelay = 90")
    infilling.counted["reruns"] = 0
    patches = np.random.default_rng(3).integers(0, ROWS * COLS, 50).tolist()
    page.evaluate(RUSH, patches)
    hosted.settled()
    expected = np.bincount(patches, minlength=ROWS * COLS) % 2 == 1
    np.testing.assert_array_equal(strip.mask, expected)
    np.testing.assert_array_equal(hosted.mask(), expected)
    assert 1 < infilling.counted["reruns"] < 50
    assert page.evaluate("window.mostQueued") == 1
    last = infilling.rerun(mask=expected)
    panels = widget.locator(".vl-panel .vl-canvas")
    for state in range(infilling.n_states):
        np.testing.assert_array_equal(canvas_pixels(panels.nth(state)), last.pictures(state)[0])
    sent = len(hosted.saved())
    page.clock.run_for(400)
    hosted.wait_two_frames()
    assert len(hosted.saved()) == sent
    assert np.array_equal(strip.infilling.mask[0], expected)


def opacity(widget, selector):
    return float(widget.locator(selector).first.evaluate("n => getComputedStyle(n).opacity"))


def test_while_the_kernel_paints_the_hatch_is_new_and_the_strip_is_old_and_pale(page, strip):
    hosted = InfillPage(page)
    hosted.stop_clock()
    widget = hosted.add(strip)
    page.evaluate("window.kernelGone = true")
    before = canvas_pixels(widget.locator(".vl-panel .vl-canvas").first)
    cell = patch(widget, 1, 2, COLS)
    cell.click()
    assert cell.get_attribute("aria-selected") == "true"
    hatch = widget.locator(".vl-still-masked .vl-hatch").evaluate(
        "c => Math.max(...c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
    )
    assert hatch > 0
    page.clock.run_for(100)
    assert opacity(widget, ".vl-panel .vl-canvas") == 1
    page.clock.run_for(100)
    assert opacity(widget, ".vl-panel .vl-canvas") == 0.45
    assert opacity(widget, ".vl-still-masked .vl-canvas") == 1
    np.testing.assert_array_equal(
        canvas_pixels(widget.locator(".vl-panel .vl-canvas").first), before
    )


def test_a_silent_kernel_is_told_of_in_a_sentence_until_it_answers(page, strip):
    hosted = InfillPage(page)
    hosted.stop_clock()
    widget = hosted.add(strip)
    page.evaluate("window.kernelGone = true")
    patch(widget, 1, 2, COLS).click()
    alert = widget.get_by_role("alert")
    page.clock.run_for(19_000)
    assert alert.is_hidden()
    page.clock.run_for(2000)
    assert "has not answered for 20 seconds" in alert.inner_text()
    hosted.receive(_answered=1)
    assert alert.is_hidden()


def test_what_failed_in_the_kernel_is_said_and_the_mask_goes_back(page, strip):
    hosted = InfillPage(page)
    widget = hosted.add(strip)

    def failing(**_):
        raise RuntimeError("out of memory")

    strip.infilling.rerun = failing
    before = canvas_pixels(widget.locator(".vl-panel .vl-canvas").first)
    cell = patch(widget, 1, 2, COLS)
    cell.click()
    alert = widget.get_by_role("alert")
    alert.wait_for()
    assert "The picture could not be infilled: out of memory" in alert.inner_text()
    assert cell.get_attribute("aria-selected") is None
    after = canvas_pixels(widget.locator(".vl-panel .vl-canvas").first)
    np.testing.assert_array_equal(after, before)
    alert.get_by_role("button", name="Dismiss").click()
    assert alert.is_hidden()


def test_without_a_kernel_nothing_can_be_painted_and_this_is_said(page, infilling):
    page.add_init_script("window.withoutKernel = true")
    hosted = InfillPage(page)
    page.evaluate("window.withoutKernel = true")
    widget = hosted.add(vl.InfillStrip(infilling))
    assert widget.get_by_role("button", name="Invert").is_disabled()
    assert "no kernel" in widget.locator("fieldset").get_attribute("title")
    assert "click" not in widget.inner_text()
    patch(widget, 2, 3, COLS).click()
    assert "no kernel" in widget.get_by_role("alert").inner_text()
    np.testing.assert_array_equal(hosted.mask(), infilling.mask[0])
    widget.locator("[data-state='1']").click()
    assert hosted.get("state") == 1


def test_two_views_of_one_widget_show_the_same(page, strip):
    hosted = InfillPage(page)
    widget = hosted.add(strip)
    other = hosted.show_again()
    patch(widget, 2, 3, COLS).click()
    masked = page.locator("[aria-selected='true']")
    patch(other, 2, 3, COLS).and_(masked).wait_for()
    hosted.settled()
    patch(other, 0, 0, COLS).click()
    patch(widget, 0, 0, COLS).and_(masked).wait_for()
    hosted.settled()
    assert strip.mask.sum() == 2


def test_a_removed_view_listens_to_nothing(page, strip):
    hosted = InfillPage(page)
    hosted.add(strip)
    assert page.evaluate("window.hosted[0].model.listeners()") > 0
    page.evaluate("window.hosted[0].dispose()")
    assert page.evaluate("window.hosted[0].model.listeners()") == 0
    assert page.locator(".vitlens").count() == 0


@pytest.fixture
def batch():
    return vl.InfillStrip(random_infilling(seed=8, rows=ROWS, cols=COLS, images=3))


def test_what_is_painted_before_another_image_has_come_is_not_its_mask(page, batch):
    own = [batch._infiller.given.mask[image] for image in range(3)]
    hosted = InfillPage(page)
    hosted.own_clock()
    widget = hosted.add(batch)
    hosted.hold()
    widget.get_by_role("radio", name="image 1").click()
    patch(widget, 1, 2, COLS).click()
    page.clock.run_for(120)  # longer than the pause between two masks
    patch(widget, 2, 2, COLS).click()
    hosted.let_go()
    hosted.settled()
    assert batch.image == 1
    np.testing.assert_array_equal(batch.mask, own[1])
    np.testing.assert_array_equal(hosted.mask(), own[1])
    patch(widget, 1, 2, COLS).click()
    hosted.settled()
    assert (batch.mask != own[1]).nonzero()[0].tolist() == [COLS + 2]
    np.testing.assert_array_equal(batch._infiller.infillings[0].mask[0], own[0])


def test_what_was_painted_before_another_image_was_chosen_is_kept(page, batch):
    own = [batch._infiller.given.mask[image] for image in range(3)]
    hosted = InfillPage(page)
    hosted.own_clock()
    widget = hosted.add(batch)
    hosted.hold()
    patch(widget, 0, 1, COLS).click()
    page.clock.run_for(120)  # longer than the pause between two masks
    patch(widget, 3, 4, COLS).click()  # pending: the kernel is at the first
    widget.get_by_role("radio", name="image 1").click()
    hosted.let_go()
    hosted.settled()
    assert batch.image == 1
    np.testing.assert_array_equal(batch.mask, own[1])
    changed = (batch._infiller.infillings[0].mask[0] != own[0]).nonzero()[0]
    assert changed.tolist() == [1, 3 * COLS + 4]
    assert not any({"mask", "image"} <= set(message) for message in hosted.saved())
    widget.get_by_role("radio", name="image 0").click()
    hosted.settled()
    np.testing.assert_array_equal(batch.mask, batch._infiller.infillings[0].mask[0])


def test_a_share_chosen_while_another_image_comes_is_drawn_for_that_one(page, batch):
    lens = batch._infiller.given.lens
    hosted = InfillPage(page)
    widget = hosted.add(batch)
    hosted.hold()
    widget.get_by_role("radio", name="image 2").click()
    widget.get_by_role("slider", name="Share of patches").fill("30")
    hosted.let_go()
    page.wait_for_function("hosted[0].model.get('_asked') === 2")  # the image, then the share
    hosted.settled()
    assert (batch.image, batch.mask_ratio) == (2, 0.3)
    np.testing.assert_array_equal(batch.mask, lens.mask(3, 0.3, 2)[2])
    np.testing.assert_array_equal(hosted.mask(), batch.mask)
    assert (
        0 not in batch._infiller.infillings
        or (batch._infiller.infillings[0].mask == batch._infiller.given.mask[0]).all()
    )
    shown = widget.locator(".vl-still-masked .vl-cell[aria-selected='true']").count()
    assert shown == batch.mask.sum()

"""The pixels of infilled pictures and of error maps against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.infill_page import InfillPage
from tests.browser.painted import CIVIDIS, canvas_pixels
from tests.widgets.fake_infilling import random_infilling

CASES = {
    "4x6": {"rows": 4, "cols": 6, "patch": 8, "states": 4},
    "14x14": {"rows": 14, "cols": 14, "patch": 4, "states": 6},
    "7x3, many states": {"rows": 7, "cols": 3, "patch": 5, "states": 13},
}
NOT_SCORED = {"light": (236, 236, 236), "dark": (44, 44, 44)}


@pytest.fixture(params=CASES, ids=str)
def infilling(request):
    return random_infilling(seed=3, images=2, **CASES[request.param])


def expected_error(infilling, state, reference, grey):
    """Cividis from 0 to 0.5 over the 8-bit pictures; grey where nothing is hidden."""
    pictures = [infilling.pictures(k)[1].astype(int) for k in range(infilling.n_states)]
    other = infilling.original[1].astype(int) if reference == "original" else pictures[-1]
    share = np.abs(pictures[state] - other).sum(axis=-1) / (3 * 255 * 0.5)
    colors = CIVIDIS[np.floor(255 * np.minimum(1, share) + 0.5).astype(int)]
    return np.where(infilling.hidden[1][..., None], colors, grey)


def test_every_panel_shows_its_state_pasted_or_raw(page, infilling):
    hosted = InfillPage(page)
    widget = hosted.add(vl.InfillStrip(infilling, image=1))
    panels = widget.locator(".vl-panel .vl-canvas")
    assert panels.count() == infilling.n_states
    for paste in (True, False):
        hosted.receive(paste=paste)
        for state in range(infilling.n_states):
            drawn = canvas_pixels(panels.nth(state))
            np.testing.assert_array_equal(drawn, infilling.pictures(state, paste=paste)[1])


def test_the_large_view_shows_what_is_chosen(page, infilling):
    hosted = InfillPage(page)
    widget = hosted.add(vl.InfillStrip(infilling, image=1))
    canvas = widget.locator(".vl-picture > .vl-canvas").first
    for state in range(infilling.n_states):
        hosted.receive(state=state, view="picture", paste=state % 2 == 0)
        expected = infilling.pictures(state, paste=state % 2 == 0)[1]
        np.testing.assert_array_equal(canvas_pixels(canvas), expected)
    hosted.receive(view="original")
    np.testing.assert_array_equal(canvas_pixels(canvas), infilling.original[1])
    still = widget.locator(".vl-still-original .vl-canvas")
    np.testing.assert_array_equal(canvas_pixels(still), infilling.original[1])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_errors_are_cividis_up_to_a_half_and_visible_patches_grey(browser, infilling, scheme):
    page = browser.new_page(viewport={"width": 1100, "height": 900}, color_scheme=scheme)
    hosted = InfillPage(page, scheme=scheme)
    widget = hosted.add(vl.InfillStrip(infilling, image=1, view="error", state=0))
    canvas = widget.locator(".vl-error-map")
    for state, reference in ((0, "original"), (1, "final"), (0, "final"), (1, "original")):
        hosted.receive(state=state, reference=reference)
        expected = expected_error(infilling, state, reference, NOT_SCORED[scheme])
        np.testing.assert_array_equal(canvas_pixels(canvas), expected)
    hosted.receive(view="wipe")
    assert canvas.is_visible()
    hosted.receive(view="picture")
    assert canvas.is_hidden()
    page.close()


def test_hatch_covers_masked_patches_and_nothing_else(page, infilling):
    widget = InfillPage(page).add(vl.InfillStrip(infilling, image=1, view="masked"))
    rows, cols = infilling.layout.rows, infilling.layout.cols
    mask = infilling.mask[1].reshape(rows, cols)
    for place in (".vl-still-masked", ".vl-picture"):
        alpha = widget.locator(f"{place} .vl-hatch").evaluate(
            """canvas => Array.from(canvas.getContext("2d").getImageData(
                 0, 0, canvas.width, canvas.height).data.filter((_, i) => i % 4 === 3))"""
        )
        size = widget.locator(f"{place} .vl-hatch").evaluate("c => [c.height, c.width]")
        covered = np.array(alpha).reshape(size)
        cells = (size[0] // rows, size[1] // cols)
        np.testing.assert_array_equal(covered, 255 * np.kron(mask, np.ones(cells)))


def test_a_new_painting_is_shown_with_its_own_mask(page, infilling):
    hosted = InfillPage(page)
    strip = vl.InfillStrip(infilling, image=1)
    widget = hosted.add(strip)
    widget.get_by_role("button", name="Invert").click()
    hosted.settled()
    after = infilling.only(1).rerun(mask=~infilling.mask[1])
    panels = widget.locator(".vl-panel .vl-canvas")
    for state in range(infilling.n_states):
        np.testing.assert_array_equal(canvas_pixels(panels.nth(state)), after.pictures(state)[0])

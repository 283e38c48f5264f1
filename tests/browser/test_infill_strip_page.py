"""Numbers, sentences and room: what stands on the page at every width and in both themes."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.infill_page import InfillPage, patch
from tests.widgets.fake_infilling import random_infilling

ROWS, COLS = 4, 6
WIDTHS = (1400, 1000, 700, 460)


@pytest.fixture
def infilling():
    return random_infilling(seed=8, rows=ROWS, cols=COLS)


@pytest.fixture
def hosted(page):
    return InfillPage(page)


def test_pointing_at_a_masked_patch_reads_its_exact_errors_out(hosted, infilling):
    widget = hosted.add(vl.InfillStrip(infilling, state=1))
    p = int(np.flatnonzero(infilling.mask[0])[3])
    row, col = divmod(p, COLS)
    patch(widget, row, col, COLS).hover()
    text = widget.locator(".vl-pair-line").inner_text().replace("\n", " ")
    size = slice(8 * row, 8 * row + 8), slice(8 * col, 8 * col + 8)
    for reference in ("original", "final"):
        exact = infilling.error(1, reference)[0][size].mean(dtype=float)
        assert f"{exact:.3f}" in text
    assert f"row {row}, col {col}, masked" in text
    assert "1_pre" in text
    rings = widget.locator(".vl-ring-passing:visible")
    assert rings.count() == 2 + infilling.n_states + 1  # on every picture


def test_pointing_at_a_panel_reads_that_state_and_marks_it_in_the_curves(hosted, infilling):
    widget = hosted.add(vl.InfillStrip(infilling, state=3))
    p = int(np.flatnonzero(infilling.mask[0])[0])
    box = widget.locator("[data-state='0'] .vl-panel").bounding_box()
    row, col = divmod(p, COLS)
    hosted.page.mouse.move(
        box["x"] + box["width"] * (col + 0.5) / COLS, box["y"] + box["height"] * (row + 0.5) / ROWS
    )
    text = widget.locator(".vl-pair-line").inner_text()
    exact = infilling.error(0)[0][8 * row : 8 * row + 8, 8 * col : 8 * col + 8].mean(dtype=float)
    assert "0_pre" in text
    assert f"{exact:.3f}" in text
    assert widget.locator(".vl-band-passing").is_visible()
    hosted.page.mouse.move(0, 0)
    assert widget.locator(".vl-band-passing").is_hidden()
    assert hosted.saved() == []


def test_pointing_at_the_curves_marks_the_panel_and_a_click_chooses_it(hosted, infilling):
    widget = hosted.add(vl.InfillStrip(infilling, state=3))
    dot = widget.locator(".vl-dot-original").nth(1)
    dot.hover()
    assert "vl-passing" in widget.locator("[data-state='1'] .vl-panel").get_attribute("class")
    dot.click()
    assert hosted.saved() == [{"state": 1}]


def test_a_visible_patch_has_no_error(hosted, infilling):
    widget = hosted.add(vl.InfillStrip(infilling))
    row, col = divmod(int(np.flatnonzero(~infilling.mask[0])[0]), COLS)
    patch(widget, row, col, COLS).hover()
    text = widget.locator(".vl-pair-line").inner_text()
    assert "visible" in text
    assert "no error is taken" in text


def test_the_curves_say_every_score(hosted, infilling):
    widget = hosted.add(vl.InfillStrip(infilling))
    labels = [p.get_attribute("aria-label") for p in widget.locator(".vl-plot").all()]
    for label, metric, digits in zip(labels, ("mse", "psnr", "ssim"), (4, 1, 3), strict=True):
        for reference in ("original", "final"):
            for value in infilling.score(metric, reference)[:, 0]:
                text = "∞ (itself)" if np.isinf(value) else f"{value:.{digits}f}".replace("-", "−")
                assert (text if value else "0") in label
    drawn = widget.locator(".vl-plots").inner_text()
    assert "lower is better" in drawn
    assert "∞ (itself)" in drawn
    assert f"on {infilling.mask.sum()} masked patches" in widget.locator(".vl-foot").inner_text()


def test_with_nothing_masked_there_are_no_scores_but_a_sentence(hosted, infilling):
    widget = hosted.add(vl.InfillStrip(infilling))
    widget.get_by_role("button", name="None").click()
    hosted.settled()
    note = widget.locator(".vl-note")
    assert "Nothing is masked" in note.inner_text()
    assert widget.locator(".vl-plots").is_hidden()
    assert "NaN" not in widget.inner_text()
    widget.get_by_role("button", name="All", exact=True).click()
    hosted.settled()
    assert "Every patch is masked" in note.inner_text()
    assert widget.locator(".vl-plots").is_visible()


STATISTICS = {
    "neighbours": "visible patches around it",
    "visible": "all visible patches",
    "target": "leaks the answer",
}


@pytest.mark.parametrize("name", STATISTICS)
def test_a_model_of_normalised_pixels_says_whose_brightness_is_used(hosted, name):
    infilling = random_infilling(seed=1, statistics=name)
    widget = hosted.add(vl.InfillStrip(infilling))
    assert STATISTICS[name] in widget.locator(".vl-statistics").inner_text()


def test_names_are_text_and_never_markup(hosted):
    infilling = random_infilling(seed=1)
    infilling.model_name = "<img src=x onerror=alert(1)>"
    widget = hosted.add(vl.InfillStrip(infilling, caption="<b>bold</b>"))
    assert widget.locator("img").count() == 0
    assert "<b>bold</b>" in widget.inner_text()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("shape", [(14, 14, 6), (14, 14, 13), (6, 10, 25), (12, 5, 4)], ids=str)
def test_everything_has_room_at_every_width(page, width, shape):
    rows, cols, states = shape
    page.set_viewport_size({"width": width, "height": 900})
    infilling = random_infilling(seed=2, rows=rows, cols=cols, patch=4, states=states)
    widget = InfillPage(page).add(vl.InfillStrip(infilling, view="error", state=1))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = widget.evaluate(
        """root => Array.from(root.querySelectorAll("canvas, button, .vl-panel, .vl-plot"))
             .filter(n => n.getBoundingClientRect().right > root.clientWidth + 1)
             .map(n => n.className.baseVal ?? n.className)"""
    )
    assert beyond == []
    boxes = [p.bounding_box() for p in widget.locator(".vl-panel").all()]
    assert len(boxes) == states
    for i, a in enumerate(boxes):
        assert all(
            a["x"] + a["width"] <= b["x"] or a["y"] + a["height"] <= b["y"] for b in boxes[i + 1 :]
            if b["y"] == a["y"] or b["y"] > a["y"]
        )  # fmt: skip
    ratio = boxes[0]["width"] / boxes[0]["height"]
    assert ratio == pytest.approx(cols / rows)


def test_nothing_moves_while_one_points_paints_or_changes_the_view(hosted, infilling):
    widget = hosted.add(vl.InfillStrip(infilling))

    def places():
        return widget.evaluate(
            """root => Array.from(root.querySelectorAll(
                 ".vl-still, .vl-picture, .vl-strip, .vl-curves, .vl-plots"),
                 n => n.getBoundingClientRect().toJSON())"""
        )

    before = places()
    patch(widget, 2, 2, COLS).hover()
    assert places() == before
    for view in ("Error", "Wipe", "Picture"):
        widget.get_by_role("radio", name=view, exact=True).click()
        assert places() == before
    patch(widget, 2, 2, COLS).click()
    hosted.settled()
    assert places() == before


def test_roles_and_names_are_there(hosted, infilling):
    widget = hosted.add(vl.InfillStrip(infilling))
    grid = widget.get_by_role("grid", name="Mask: patches")
    assert grid.get_attribute("aria-multiselectable") == "true"
    assert grid.get_by_role("row").count() == ROWS
    assert grid.get_by_role("gridcell").count() == ROWS * COLS
    assert widget.get_by_role("slider", name="State").count() == 1
    assert widget.get_by_role("radiogroup", name="Large view").count() == 1
    for name in ("Random", "All", "None", "Invert", "original", "masked"):
        assert widget.get_by_role("button", name=name, exact=True).count() == 1
    selected = grid.locator("[aria-selected=true]").count()
    assert selected == infilling.mask.sum()

"""The pixels of tinted pictures against NumPy's, on grids that betray a swapped axis."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.painted import (
    CIVIDIS,
    CLASS_COLORS,
    MISSING,
    VIRIDIS,
    canvas_pixels,
    mapped,
    on_scale,
    over,
    patches,
    rgb,
    stretched,
)
from tests.browser.widget_page import WidgetPage
from tests.widgets.fake_reading import FakeLabels, random_reading

REGISTERS = ("CLS", "register 1", "register 2", "register 3", "register 4")
# Pictures as large as they are drawn in a window of 1100 px, so that nothing is scaled.
CASES = {
    "7x7": {"rows": 7, "cols": 7, "patch": 58, "states": 5},
    "14x14": {"rows": 14, "cols": 14, "patch": 29, "states": 13, "classes": 100},
    "20x30, registers": {"rows": 20, "cols": 30, "patch": 13, "states": 13, "prefix": REGISTERS},
    "30x20, no prefix": {
        "rows": 30, "cols": 20, "patch": 13, "prefix": (), "readout_name": "mean of patches"
    },
    "24x24": {"rows": 24, "cols": 24, "patch": 17, "states": 25},
    "37x37": {"rows": 37, "cols": 37, "patch": 11, "states": 2},
}  # fmt: skip


@pytest.fixture(params=CASES, ids=str)
def reading(request):
    return random_reading(seed=3, **CASES[request.param])


def shown(page, reading, **choices):
    """The large picture as it is drawn, without glyphs."""
    widget = WidgetPage(page).add(vl.PatchGrid(reading, image=1, glyph="none", **choices))
    return canvas_pixels(widget.locator(".vl-picture > .vl-canvas"))


def expected(reading, tint, target, state):
    """The tinted picture after NumPy."""
    n, picture = len(reading.labels), reading.picture(1)
    match tint:
        case "probability":
            value = on_scale(reading, np.exp(reading.logit(target) - reading.logsumexp()), 1)
        case "rank":
            value = 1 - np.log(reading.rank(target)) / np.log(n)
        case "entropy":
            value = reading.entropy() / np.float64(np.log(n))
        case "kl":
            both = (reading.kl_to_final(), reading.readout.kl_to_final())
            value = both[0] / np.float64(max(column[:, 1].max() for column in both))
        case "none":
            return picture
    table = CIVIDIS if tint in ("entropy", "kl") else VIRIDIS
    return mapped(picture, table, patches(reading, value, state, 1))


def test_every_ordered_tint_is_drawn_as_numpy_draws_it(page, reading):
    hosted = WidgetPage(page)
    widget = hosted.add(vl.PatchGrid(reading, image=1, glyph="none"))
    canvas = widget.locator(".vl-picture > .vl-canvas")
    for i, tint in enumerate(["probability", "rank", "entropy", "kl", "none"]):
        state, target = i % (reading.n_states - 1), i + 1
        hosted.receive(state=state, target=target, tint=tint)
        drawn = canvas_pixels(canvas)
        np.testing.assert_array_equal(drawn, expected(reading, tint, target, state), tint)


def test_logits_are_blue_below_zero_and_orange_above(page):
    reading = random_reading(seed=3, **CASES["7x7"])
    logits = patches(reading, reading.logit(2), 1, 1)
    drawn = shown(page, reading, state=1, target=2, tint="logit")
    ground = stretched(reading.picture(1), 0.10, 0.44)
    excess = (drawn - ground).reshape(7, 58, 7, 58, 3).mean(axis=(1, 3))
    orange = excess[..., 0] - excess[..., 2]
    strong = np.abs(logits) > 0.15 * np.abs(reading.logit(2)[:, 1]).max()
    np.testing.assert_array_equal(np.sign(orange)[strong], np.sign(logits)[strong])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_classes_have_their_colours_by_patch_count(page, scheme):
    names = ["cat", "dog", "tree", "house", "background"]
    case = {"rows": 5, "cols": 7, "patch": 58, "classes": 5, "labels": FakeLabels(names)}
    reading = random_reading(seed=8, **case)
    tops = np.stack([np.argmax(patch_logits(reading, state), -1) for state in range(4)])
    counts = [np.bincount(tops[-1].ravel(), minlength=5), np.bincount(tops.ravel(), minlength=5)]
    ranked = sorted(range(4), key=lambda c: (-counts[0][c], c))
    assert counts[0][:4].min() > 0  # so the final state alone decides the order
    veil = np.full(3, 255.0) if scheme == "light" else np.full(3, 17.0)
    colors = np.stack([rgb(CLASS_COLORS[ranked.index(c)]) if c < 4 else veil for c in range(5)])
    opacity = np.array([0.72] * 4 + [0.30])
    light = (0.60, 0.97) if scheme == "light" else (0.10, 0.44)
    ground = stretched(reading.picture(1), *light, color=0.45)
    widget = WidgetPage(page, scheme=scheme).add(
        vl.PatchGrid(reading, image=1, glyph="none", tint="class", state=1)
    )
    drawn = canvas_pixels(widget.locator(".vl-picture > .vl-canvas"))
    expected = over(ground, colors[tops[1]], opacity[tops[1]])
    inside = np.kron(np.ones((5, 7)), np.pad(np.ones((50, 50)), 4)).astype(bool)  # no outlines
    np.testing.assert_array_equal(drawn[inside], expected[inside])


def patch_logits(reading, state):
    grid = reading.layout
    logits = reading.logits(state)[1, grid.n_prefix :]
    return logits.reshape(grid.rows, grid.cols, -1)


def test_each_panel_of_the_filmstrip_is_its_own_state(page):
    reading = random_reading(seed=6, states=5, rows=7, cols=7, patch=14)
    widget = WidgetPage(page).add(vl.PatchGrid(reading, glyph="none", target=3, state=2))
    panels = widget.locator(".vl-panel > .vl-canvas")
    probability = on_scale(reading, np.exp(reading.logit(3) - reading.logsumexp()))
    assert panels.count() == 5
    for state in range(5):
        expected = mapped(reading.picture(0), VIRIDIS, patches(reading, probability, state))
        np.testing.assert_array_equal(canvas_pixels(panels.nth(state)), expected)


def test_a_token_without_numbers_is_flat_grey_and_says_so(page):
    reading = random_reading(seed=3, **CASES["7x7"])
    reading._logits[3, 1, 1 + 2 * 7 + 5] = np.nan
    widget = WidgetPage(page).add(vl.PatchGrid(reading, image=1, state=3, token=1 + 2 * 7 + 5))
    drawn = canvas_pixels(widget.locator(".vl-picture > .vl-canvas"))
    cell = drawn[2 * 58 : 3 * 58, 5 * 58 : 6 * 58]
    assert (cell[:20] == MISSING).all()
    red = (cell[..., 0] - cell[..., 1]) > 60
    assert red.sum() > 30
    assert "NaN" in widget.get_by_role("status").inner_text()
    assert "NaN" in widget.get_by_role("row").filter(has_text="3_pre").inner_text()


def test_an_emoji_is_fainter_the_less_probable_it_is(page):
    labels = FakeLabels(["cat", "dog"], ["🐱", "🐶"])
    reading = random_reading(seed=1, rows=2, cols=2, patch=205, classes=2, labels=labels)
    reading._logits[:] = 0
    reading._logits[..., 0] = 0.2
    reading._logits[:, :, 1, 0] = 9.0
    reading.pictures[:] = 60
    drawn = shown_glyphs(page, reading)
    plain = np.abs(drawn - drawn[0, 0]).sum(-1)
    sure, unsure = plain[:205, :205].max(), plain[:205, 205:].max()
    assert 0.3 * sure < unsure < 0.8 * sure


def shown_glyphs(page, reading):
    widget = WidgetPage(page).add(vl.PatchGrid(reading, tint="none"))
    return canvas_pixels(widget.locator(".vl-picture > .vl-canvas"))

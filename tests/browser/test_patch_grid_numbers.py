"""Legend, filmstrip, chip, read-out line and emoji say what the reading says, state by state."""

from __future__ import annotations

import re

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.painted import CIVIDIS, LEGEND_GREY, VIRIDIS, canvas_pixels, opacity
from tests.browser.widget_page import WidgetPage
from tests.widgets.fake_reading import FakeLabels, random_reading

NAMES = ["cat", "dog", "tree", "house", "boat", "car", "background"]
EMOJI = ["🐱", "🐶", "🌲", "🏠", "⛵", "🚗", ""]


@pytest.fixture
def reading():
    return random_reading(2, labels=FakeLabels(NAMES, EMOJI))


def hosted(page, reading, **choices):
    return WidgetPage(page).add(vl.PatchGrid(reading, **choices))


@pytest.mark.parametrize(
    ("tint", "table"), [("probability", VIRIDIS), ("rank", VIRIDIS), ("entropy", CIVIDIS)]
)
def test_the_legends_ramp_is_the_tint_over_grey_from_low_to_high(page, reading, tint, table):
    ramp = canvas_pixels(hosted(page, reading, tint=tint).locator(".vl-ramp"))[0]
    place = np.linspace(0, 1, len(ramp))
    alpha = opacity(place)[:, None]
    expected = LEGEND_GREY * (1 - alpha) + table[np.floor(255 * place + 0.5).astype(int)] * alpha
    assert np.abs(ramp - expected).max() <= 1.0


def ticks(widget):
    """The legend's ticks as (number, place in 0..1)."""
    found = widget.locator(".vl-ticks > span").evaluate_all(
        "nodes => nodes.map(node => [node.textContent, parseFloat(node.style.left) / 100])"
    )
    return [(float(re.sub("[^0-9.]", "", text)), place) for text, place in found]


def test_the_legends_ticks_stand_where_their_values_do(page, reading):
    places = {
        "probability": lambda value: value,
        "rank": lambda value: 1 - np.log(value) / np.log(7),
        "entropy": lambda value: value / np.log(7),
    }
    for tint, place in places.items():
        found = ticks(hosted(page, reading, tint=tint))
        assert len(found) >= 2
        for value, at in found:
            assert place(value) == pytest.approx(at, abs=0.01), tint


def test_the_legends_marker_stands_at_the_pinned_value(page, reading):
    widget = hosted(page, reading, tint="probability", target="dog", state=1, token=7)
    left = widget.locator(".vl-marker").evaluate("node => parseFloat(node.style.left) / 100")
    assert left == pytest.approx(float(reading.probability(1)[1, 0, 7]), abs=1e-3)


def test_every_panel_and_the_chip_show_the_readout_of_their_own_state(page, reading):
    top = reading.readout.top(1)
    for chosen in (0, 2):
        widget = hosted(page, reading, state=chosen)
        for state in range(reading.n_states):
            answer = widget.locator(f".vl-stop[data-state='{state}'] .vl-panel-answer")
            text = answer.inner_text()
            assert EMOJI[top.index[state, 0, 0]] in text
            assert f"{top.probability[state, 0, 0]:.2f}" in text
        chip = widget.get_by_role("button", name=re.compile("CLS readout")).first.inner_text()
        assert NAMES[top.index[chosen, 0, 0]] in chip
        assert f"{top.probability[chosen, 0, 0]:.2f}" in chip


def test_the_read_out_line_gives_entropy_and_divergence_apart(page, reading):
    widget = hosted(page, reading, state=1)
    widget.locator(".vl-cell[data-token='12']").hover()
    text = " ".join(widget.get_by_role("status").inner_text().split())
    assert f"entropy {reading.entropy()[1, 0, 12]:.2f}" in text
    assert f"KL {reading.kl_to_final()[1, 0, 12]:.2f}" in text


@pytest.mark.parametrize(("row", "col"), [(1, 3), (2, 0), (0, 4)])
def test_an_emoji_stands_on_its_own_patch(page, row, col):
    reading = random_reading(2, labels=FakeLabels(NAMES, EMOJI), patch=60)
    reading._logits[:] = 0
    reading._logits[..., 6] = 20  # background everywhere ...
    reading._logits[:, :, 1 + 5 * row + col, 0] = 60  # ... but for one cat
    pictures = [
        canvas_pixels(
            hosted(page, reading, tint="none", glyph=glyph).locator(".vl-picture > .vl-canvas")
        ).astype(float)
        for glyph in ("emoji", "none")
    ]
    changed = np.abs(pictures[0] - pictures[1]).sum(-1)
    height, width = changed.shape
    by_patch = changed.reshape(3, height // 3, 5, width // 5).sum((1, 3))
    assert np.unravel_index(by_patch.argmax(), by_patch.shape) == (row, col)
    others = np.delete(by_patch.ravel(), row * 5 + col)
    assert others.max() < by_patch.max() / 5

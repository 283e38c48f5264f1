"""Every widget's output carries a small picture, drawn from the same numbers as the widget."""

from __future__ import annotations

import base64
import io
import itertools

import numpy as np
import pytest
from PIL import Image

import vitlens_widgets as vl
from tests.browser.painted import CIVIDIS, VIRIDIS, mapped, patches
from tests.small_models import timm_model
from tests.widgets.fake_infilling import random_infilling
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_reading import FakeLabels, random_reading
from tests.widgets.fake_relevance import random_relevances
from vitlens_widgets import widgets
from vitlens_widgets.export.stills import emoji
from vitlens_widgets.export.stills.sheet import Sheet
from vitlens_widgets.widgets.explorer import still as explorer_still
from vitlens_widgets.widgets.infill_strip import still as infill_still
from vitlens_widgets.widgets.patch_grid import still as grid_still
from vitlens_widgets.widgets.patch_grid.answers import Answers, briefs
from vitlens_widgets.widgets.patch_grid.still import Patches

VIEW = "application/vnd.jupyter.widget-view+json"
MOST_BYTES = 150_000
REGISTERS = ("CLS", *(f"register {i}" for i in range(4)))


def grid(**choices):
    return vl.PatchGrid(random_reading(1, rows=3, cols=5), image=1, **choices)


def explorer(**choices):
    vit = vl.load(timm_model("CLS"))
    picture = np.random.default_rng(0).integers(0, 256, (90, 130, 3), dtype=np.uint8)
    return vl.explore(vit, picture, **choices)


WIDGETS = {
    "PatchGrid": grid,
    "AttentionMaps": lambda: vl.AttentionMaps(random_maps(2), layer=1),
    "InfillStrip": lambda: vl.InfillStrip(random_infilling(3)),
    "RelevanceMaps": lambda: vl.RelevanceMaps(random_relevances(3), [2, 4]),
    "Explorer": explorer,
}


def test_every_widget_is_among_them():
    public = [name for name in widgets.__all__ if hasattr(getattr(widgets, name), "_esm")]
    assert sorted(WIDGETS) == sorted(public)


def bundle(widget):
    """What a notebook keeps of a widget."""
    return widget._repr_mimebundle_()[0]


def picture(widget):
    """The still picture, `[height, width, 3]`."""
    png = base64.b64decode(bundle(widget)["image/png"])
    assert len(png) < MOST_BYTES
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@pytest.fixture
def texts(monkeypatch):
    """What is written on sheets: `(base line, left, right, text)`."""
    written, words = [], Sheet.words

    def keeping(self, x, y, text, *how, **more):
        end = words(self, x, y, text, *how, **more)
        left = x - (end - x) if more.get("anchor") == "rs" else x
        written.append((y, left, end if left == x else x, text))
        return end

    monkeypatch.setattr(Sheet, "words", keeping)
    return written


@pytest.mark.parametrize("name", WIDGETS)
def test_a_notebook_keeps_view_text_and_picture(name, texts):
    widget = WIDGETS[name]()
    found, metadata = widget._repr_mimebundle_()
    assert "vitlens_widgets" in metadata  # it lets the extension know whose picture it is
    assert found[VIEW]["model_id"] == widget.model_id
    assert found["text/plain"]
    pixels = picture(widget)
    assert pixels.shape[1] == 1000
    assert pixels.shape[0] >= 200
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    assert any(widget._meta["model_name"] in text for *_, text in texts)
    lines = itertools.groupby(sorted(one for one in texts if one[3]), lambda one: one[0])
    for _, line in lines:
        assert all(one[2] <= other[1] for one, other in itertools.pairwise(dict.fromkeys(line)))


def test_what_cannot_be_drawn_is_warned_of_and_the_widget_shown(monkeypatch):
    monkeypatch.setattr(Sheet, "png", lambda _sheet: 1 / 0)
    widget = grid()
    with pytest.warns(UserWarning, match="PatchGrid is shown.*ZeroDivisionError"):
        found = bundle(widget)
    assert VIEW in found
    assert "image/png" not in found


@pytest.mark.parametrize(
    ("rows", "cols", "prefix"), [(3, 5, ("CLS",)), (6, 4, REGISTERS), (4, 6, ())]
)
def test_the_tint_is_the_one_that_the_browser_draws(rows, cols, prefix, monkeypatch):
    module = "vitlens_widgets.export.stills.patches.photo"
    monkeypatch.setattr(module, lambda pixels, *_size: pixels)  # noise is kept
    readout = {"readout_name": "mean of patches"} if not prefix else {}
    reading = random_reading(3, rows=rows, cols=cols, prefix=prefix, patch=16, **readout)
    widget = vl.PatchGrid(reading, image=1, target=2)
    of_tint = {
        "probability": (VIRIDIS, np.exp(reading.logit(2) - reading.logsumexp())),
        "rank": (VIRIDIS, 1 - np.log(reading.rank(2)) / np.log(len(reading.labels))),
        "entropy": (CIVIDIS, reading.entropy() / np.float64(np.log(len(reading.labels)))),
    }
    for state in range(reading.n_states):
        for tint, (table, value) in of_tint.items():
            drawn = Patches(Answers(widget._pictured()), tint, "none").draw(state, 16)
            expected = mapped(reading.picture(1), table, patches(reading, value, state, image=1))
            assert np.abs(np.asarray(drawn, float) - expected).max() <= 1


def test_the_large_picture_is_that_of_the_chosen_state_and_ringed_where_pinned():
    widget = grid(glyph="none")
    before = picture(widget)
    widget.state = 0
    after, cell = picture(widget), grid_still.LEFT // 5
    top, left = grid_still.TOP, 20
    large = (slice(top, top + 3 * cell), slice(left, left + 5 * cell))
    assert np.abs(before[large].astype(int) - after[large]).mean() > 3
    widget.token = 1 + 1 * 5 + 3
    changed = np.abs(picture(widget)[large].astype(int) - after[large]).sum(-1) > 100
    rows, cols = np.nonzero(changed)
    assert cell - 4 <= rows.min() <= cell <= 2 * cell - 4 <= rows.max() <= 2 * cell + 4
    assert 3 * cell - 4 <= cols.min() <= 3 * cell <= 4 * cell - 4 <= cols.max() <= 4 * cell + 4


def test_names_as_long_as_10_attn_out_are_no_states(texts):
    reading = random_reading(2, states=12)
    reading.state_names = [f"{block}_attn_out" for block in range(12)]
    picture(vl.PatchGrid(reading, state=10))
    assert any(text.startswith("image 0, 10_attn_out") for *_, text in texts)
    assert not any("before block" in text for *_, text in texts)


@pytest.mark.parametrize("tint", ["probability", "logit", "rank", "entropy", "kl", "class", "none"])
@pytest.mark.parametrize("glyph", ["emoji", "label", "none"])
def test_every_tint_and_glyph_is_drawn(tint, glyph):
    labels = FakeLabels(["cat", "background", "a\nlong name " * 9], ["🐱", "", ""])
    reading = random_reading(4, rows=5, cols=3, classes=3, labels=labels)
    picture(vl.PatchGrid(reading, tint=tint, glyph=glyph, token=0))


def test_classes_keep_their_colour_and_come_again_hatched():
    reading = random_reading(5, rows=4, cols=6, classes=20, patch=8)
    widget = vl.PatchGrid(reading, tint="class", glyph="none")
    drawn = Patches(Answers(widget._pictured()), "class", "none")
    cells = np.asarray(drawn.draw(3, 40), int).reshape(4, 40, 6, 40, 3)[:, 5:35, :, 5:35]
    top = np.asarray(reading.top(1).index)[3, 0, 1:, 0].reshape(4, 6)
    means = {}
    for (row, col), index in np.ndenumerate(top):
        means.setdefault(int(index), []).append(cells[row, :, col].mean((0, 1)))
    assert len(means) > 7
    spread = [np.ptp(of_class, axis=0).max() for of_class in means.values() if len(of_class) > 1]
    assert max(spread) < 30  # the picture beneath is seen through


def test_what_is_no_number_is_said():
    reading = random_reading(6, rows=3, cols=4)
    widget = vl.PatchGrid(reading, glyph="none")
    known = np.frombuffer(widget._top_probability, "<f4").copy().reshape(4, -1, 5)
    known[3, 1 + 1 * 4 + 2] = np.nan
    widget._top_probability = known.tobytes()
    drawn = Patches(Answers(widget._pictured()), "class", "none").draw(3, 20)
    np.testing.assert_array_equal(np.asarray(drawn)[22, 43], 238)
    picture(widget)


def test_without_a_font_of_emoji_there_are_letters(monkeypatch):
    labels = FakeLabels(["cat", "dog", "sun"], ["🐱", "🐶", "☀️"])
    reading = random_reading(7, rows=2, cols=3, classes=3, labels=labels)
    with_emoji = Patches(Answers(vl.PatchGrid(reading)._pictured()), "class", "emoji")
    colorful = np.asarray(with_emoji.draw(1, 60))
    monkeypatch.setattr(emoji, "font", lambda: None)
    emoji.sprite.cache_clear()
    emoji._drawn.cache_clear()
    letters = np.asarray(with_emoji.draw(1, 60))
    bare = np.asarray(Patches(with_emoji.answers, "class", "none").draw(1, 60))
    emoji.sprite.cache_clear()
    emoji._drawn.cache_clear()
    assert (letters != bare).any()
    assert (letters != colorful).any()


def test_letters_are_those_that_tell_labels_apart():
    assert briefs(["class 7", "class 12"]) == ["7", "12"]
    assert briefs(["cat", "car"]) == ["cat", "car"]
    assert briefs(["a b"]) == ["a b"]


def test_an_infilling_shows_what_was_hidden_and_what_was_painted(texts):
    infilling = random_infilling(3)
    widget = vl.InfillStrip(infilling, state=1)
    state, meta = widget._pictured(), widget._meta
    original, masked, *paintings = infill_still.pictures(state, meta)
    assert len(paintings) == infilling.n_states
    hidden = np.asarray(widget.mask).reshape(meta["rows"], meta["cols"])
    patch = (meta["height"] // meta["rows"], meta["width"] // meta["cols"])
    pixels = np.kron(hidden, np.ones(patch)).astype(bool)
    np.testing.assert_array_equal(masked[~pixels], original[~pixels])
    assert set(np.unique(masked[pixels])) <= {222, 189}
    np.testing.assert_array_equal(paintings[1][~pixels], original[~pixels])
    assert (paintings[1][pixels] != original[pixels]).any()
    picture(widget)
    for name in ("original", "masked", *infilling.state_names):
        assert any(text == name for *_, text in texts)
    for mse in infilling.score("mse", "original")[:, 0]:
        assert any(text == f"MSE {mse:.4f}" for *_, text in texts)


def test_an_explorer_is_drawn_with_heads_switched_off_and_without_a_classifier():
    whole = explorer(token=3)
    first = picture(whole)
    whole.knocked_out = [(0, 1)]
    edited = picture(whole)
    assert edited.shape == first.shape
    whole.run = "baseline"
    baseline = picture(whole)
    top, side = explorer_still.TOP, explorer_still.SIDE
    where = (slice(top, None), slice(20, 20 + side))
    np.testing.assert_allclose(baseline[where].astype(int), first[where], atol=2)  # of few colours
    assert np.abs(edited[where] - first[where].astype(int)).max() > 20
    crossed = (slice(top, None), slice(explorer_still.HEADS_LEFT, explorer_still.IMAGE_LEFT))
    assert (
        np.abs(baseline[crossed] - first[crossed].astype(int)).max() > 20
    )  # the head that is off is crossed out in each run
    bare = vl.load(timm_model("CLS", num_classes=0))
    picture(vl.explore(bare, np.zeros((64, 64, 3), np.uint8)))


def test_the_difference_of_two_runs_is_drawn_with_new_answers_only():
    widget = explorer(knocked_out=[(0, 0), (0, 1), (1, 2)], run="difference", glyph="label")
    before, after = widget.reading, widget.edited_reading
    drawn = explorer_still.patches_of(widget._pictured())
    widget.glyph = "none"
    bare = explorer_still.patches_of(widget._pictured())
    nats = vl.lenses.divergence(before, after)[:, 0]
    np.testing.assert_allclose(drawn.values[:, :-1], nats, rtol=1e-4, atol=1e-6)
    assert drawn.scale.end == pytest.approx(np.nanmax(drawn.values))
    rows, cols = drawn.answers.grid
    found = np.zeros((after.n_states, rows, cols), bool)
    for number in range(after.n_states):
        written, plain = (np.asarray(one.draw(number, 60), int) for one in (drawn, bare))
        differs = np.abs(written - plain).sum(-1).reshape(rows, 60, cols, 60)
        found[number] = differs.any((1, 3))
    new = (np.asarray(before.top(1).index) != np.asarray(after.top(1).index))[:, 0, :, 0]
    new = new[:, len(drawn.answers.meta["prefix"]) :].reshape(found.shape)
    assert new.any()
    assert not new.all()
    np.testing.assert_array_equal(found, new)
    shown = picture(widget)
    widget.run = "edited"
    assert (picture(widget) != shown).any()


@pytest.mark.parametrize(
    "size",
    [{"rows": 40, "cols": 2}, {"rows": 2, "cols": 40}, {"rows": 24, "cols": 24, "states": 25}],
)
def test_extreme_grids_fit_on_the_sheet(size):
    pixels = picture(vl.PatchGrid(random_reading(13, images=1, **size), tint="class"))
    assert pixels.shape[0] < 1500
    assert (pixels[:, -10:] == 255).all()


def test_a_single_class_and_a_single_state_are_drawn():
    picture(vl.PatchGrid(random_reading(14, classes=1, states=1)))

"""Every widget's output carries a small picture, drawn from the same numbers as the widget."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

import vitlens_widgets as vl
from tests.browser.painted import CIVIDIS, VIRIDIS, in_words, mapped, on_scale, patches
from tests.small_models import timm_model
from tests.widgets.fake_activations import random_activations
from tests.widgets.fake_causes import random_pair
from tests.widgets.fake_features import random_features
from tests.widgets.fake_infilling import random_infilling
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_pictures import random_paints
from tests.widgets.fake_reading import FakeLabels, random_reading
from tests.widgets.fake_relevance import random_relevances
from vitlens_widgets import widgets
from vitlens_widgets.export.stills.fonts import written
from vitlens_widgets.export.stills.painting import painted
from vitlens_widgets.export.stills.panel import Mark, Panel
from vitlens_widgets.export.stills.piece import Letters, Piece
from vitlens_widgets.export.stills.scales import MISSING
from vitlens_widgets.widgets.attention_maps import still as attention_still
from vitlens_widgets.widgets.causes.shown import Shares, ShownCauses
from vitlens_widgets.widgets.causes.still import part_map
from vitlens_widgets.widgets.explorer.shown import ShownRuns
from vitlens_widgets.widgets.infill_strip.still import HIDDEN
from vitlens_widgets.widgets.patch_grid.answers import Answers, briefs
from vitlens_widgets.widgets.patch_grid.patches import Patches, tint_of

VIEW = "application/vnd.jupyter.widget-view+json"
MOST_BYTES = 150_000
REGISTERS = ("CLS", *(f"register {i}" for i in range(4)))


def grid(**choices):
    return vl.PatchGrid(random_reading(1, rows=3, cols=5), image=1, **choices)


def features(**choices):
    widget = vl.PatchFeatures(random_features(4), **{"token": 3} | choices)
    widget.add("suit", 0, 4)
    return widget


def explorer(**choices):
    vit = vl.load(timm_model("CLS"))
    picture = np.random.default_rng(0).integers(0, 256, (90, 130, 3), dtype=np.uint8)
    return vl.explore(vit, picture, **choices)


WIDGETS = {
    "Causes": lambda: vl.Causes(random_pair(2), layer=1),
    "DecodedImages": lambda: vl.DecodedImages(random_paints(2)),
    "Features": lambda: vl.Features(random_activations(2)),
    "PatchGrid": grid,
    "PatchFeatures": features,
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
def said(monkeypatch):
    """What is written on sheets, line by line."""
    lines, module = [], "vitlens_widgets.export.stills.paper.written"
    monkeypatch.setattr(module, lambda text, *_how: lines.append(text) or text[:40])
    return lines


@pytest.fixture
def shown(monkeypatch):
    """The panels that are drawn, with the room of each."""
    panels, drawn = [], Panel.drawn
    monkeypatch.setattr(
        Panel, "drawn", lambda self, room: panels.append((self, room)) or drawn(self, room)
    )
    return panels


def of(widget, tint=None, glyph=None):
    """The patches of a PatchGrid as its still has them."""
    answers = Answers(widget._pictured())
    return Patches(answers, tint_of(answers, tint or widget.tint), glyph or widget.glyph)


@pytest.mark.parametrize("name", WIDGETS)
def test_a_notebook_keeps_view_text_and_picture(name, said):
    widget = WIDGETS[name]()
    found, metadata = widget._repr_mimebundle_()
    assert "vitlens_widgets" in metadata  # it lets the extension know whose picture it is
    assert found[VIEW]["model_id"] == widget.model_id
    assert found["text/plain"]
    pixels = picture(widget)
    assert pixels.shape[1] == 1000
    assert pixels.shape[0] >= 200
    assert (pixels[:, -10:] == 255).all()
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    assert any(widget._meta["model_name"] in line for line in said)


def test_what_cannot_be_drawn_is_warned_of_and_the_widget_shown(monkeypatch):
    monkeypatch.setattr("vitlens_widgets.widgets.shared.base.png", lambda _sheet: 1 / 0)
    widget = grid()
    with pytest.warns(UserWarning, match="PatchGrid is shown.*ZeroDivisionError"):
        found = bundle(widget)
    assert VIEW in found
    assert "image/png" not in found


@pytest.mark.parametrize(
    ("rows", "cols", "prefix"), [(3, 5, ("CLS",)), (6, 4, REGISTERS), (4, 6, ())]
)
def test_the_tint_is_the_one_that_the_browser_draws(rows, cols, prefix):
    readout = {"readout_name": "mean of patches"} if not prefix else {}
    reading = random_reading(3, rows=rows, cols=cols, prefix=prefix, patch=16, **readout)
    widget = vl.PatchGrid(reading, image=1, target=2)
    chance = np.exp(reading.logit(2) - reading.logsumexp())
    of_tint = {
        "probability": (VIRIDIS, on_scale(reading, chance, 1)),
        "rank": (VIRIDIS, 1 - np.log(reading.rank(2)) / np.log(len(reading.labels))),
        "entropy": (CIVIDIS, reading.entropy() / np.float64(np.log(len(reading.labels)))),
    }
    for state in range(reading.n_states):
        for tint, (table, value) in of_tint.items():
            drawn = of(widget, tint, "none").panel(state).drawn(16 * max(rows, cols))
            expected = mapped(reading.picture(1), table, patches(reading, value, state, image=1))
            assert np.abs(np.asarray(painted(drawn), float) - expected).max() <= 1


def test_a_grid_has_the_chosen_state_large_ringed_where_pinned_and_all_states(shown, said):
    widget = grid(state=1, token=1 + 1 * 5 + 3)
    picture(widget)
    (large, room), *small = shown
    assert all(room > 2 * other for _, other in small)
    np.testing.assert_array_equal(large.cover, of(widget).panel(1).cover)
    assert large.rings == [(3 / 5, 1 / 3, 1 / 5, 1 / 3)]
    assert large.legend.end == 1
    names = widget._meta["state_names"]
    assert [panel.name for panel, _ in small] == ["image", *names]
    assert [panel.name for panel, _ in small if panel.is_chosen] == [names[1]]
    for state, (panel, _) in enumerate(small[1:]):
        np.testing.assert_array_equal(panel.cover, of(widget).panel(state).cover)
        answers = of(widget).answers
        assert panel.notes == [answers.words(state, -1), answers.words(state, widget.token)]
    assert any(line.startswith("tint: probability of ") for line in said)
    assert any(line.startswith("CLS readout: ") for line in said)
    assert any(line.startswith("row 1, col 3: ") for line in said)


def test_words_of_a_token_are_its_first_answers_with_what_was_sent():
    reading = random_reading(1, rows=3, cols=5)
    answers = of(vl.PatchGrid(reading, image=1, target=4)).answers
    top = reading.top(3)
    for state, token in ((0, 0), (2, 7)):
        names = [reading.labels[i] for i in np.asarray(top.index)[state, 1, token]]
        shares = [in_words(p, 2) for p in np.asarray(top.probability)[state, 1, token]]
        pairs = [f"{p} {name}" for p, name in zip(shares, names, strict=True)]
        assert answers.words(state, token, 3) == ", ".join(pairs)
        assert answers.words(state, token) == pairs[0]
        line = answers.lines(state, token)[1]
        assert f"target {reading.labels[4]}: rank {reading.rank(4)[state, 1, token]}, " in line


def test_names_as_long_as_10_attn_out_are_no_states(said):
    reading = random_reading(2, states=12)
    reading.state_names = [f"{block}_attn_out" for block in range(12)]
    picture(vl.PatchGrid(reading, state=10))
    assert any(text.startswith("image 0, 10_attn_out") for text in said)
    assert not any("before block" in text for text in said)


@pytest.mark.parametrize("tint", ["probability", "logit", "rank", "entropy", "kl", "class", "none"])
@pytest.mark.parametrize("glyph", ["emoji", "label", "none"])
def test_every_tint_and_glyph_is_drawn(tint, glyph, shown):
    labels = FakeLabels(["cat", "background", "a\nlong name " * 9], ["🐱", "", ""])
    reading = random_reading(4, rows=5, cols=3, classes=3, labels=labels)
    widget = vl.PatchGrid(reading, tint=tint, glyph=glyph, token=0)
    picture(widget)
    large, answers = shown[0][0], of(widget).answers
    top = answers.patches(answers.top[widget.state, :, 0]).ravel()
    expected = {
        "none": ["", "", ""], "emoji": ["🐱", "", ""], "label": ["cat", "", labels[2]],
    }[glyph]  # fmt: skip
    marks = [mark.emoji if glyph == "emoji" else mark.text for mark in large.marks]
    assert marks == [expected[index] for index in top]
    assert bool(large.legend) == (tint != "none")


def test_classes_keep_their_colour_and_come_again_lighter():
    reading = random_reading(5, rows=4, cols=6, classes=20, patch=8)
    drawn = of(vl.PatchGrid(reading, tint="class", glyph="none"))
    top, seen = np.asarray(reading.top(1).index)[:, 0, 1:, 0].reshape(-1, 4, 6), {}
    for state, grid_of in enumerate(top):
        for at, index in np.ndenumerate(grid_of):
            color = tuple(drawn.panel(state).cover[at][:3])
            assert seen.setdefault(int(index), color) == color
    counts = np.array([(top[-1] == index).sum() for index in seen])
    frequent = [color for _, color in sorted(zip(-counts, seen.values(), strict=True))]
    assert len(set(frequent)) >= min(15, len(seen))
    assert len(seen) > 7
    panel = drawn.panel(3)
    np.testing.assert_array_equal(panel.regions, top[3])
    for text, color in drawn.legend(3)[:11]:
        index = list(reading.labels).index(text.rpartition(" ")[0])
        assert int(text.rpartition(" ")[2]) == (top[3] == index).sum()
        assert tuple(color) == seen[index]


def test_what_is_no_number_is_said():
    reading = random_reading(6, rows=3, cols=4)
    widget = vl.PatchGrid(reading, glyph="none")
    known = np.frombuffer(widget._top_probability, "<f4").copy().reshape(4, -1, 5)
    known[3, 1 + 1 * 4 + 2] = np.nan
    widget._top_probability = known.tobytes()
    for tint in ("class", "probability"):
        panel = of(widget, tint).panel(3)
        assert panel.cover[1, 2].tolist() == [MISSING] * 3 + [1]
        assert [mark.text for mark in panel.marks].index("NaN") == 1 * 4 + 2
    assert of(widget).answers.words(3, 1 + 1 * 4 + 2, 3) == "NaN"
    picture(widget)


@pytest.mark.parametrize("side", [14, 16, 20])
def test_a_class_without_an_emoji_has_its_letters_in_small_cells(monkeypatch, side):
    names = FakeLabels(["flobber", "gizmo", "cat"], ["", "", "🐱"])
    reading = random_reading(3, rows=side, cols=side, patch=2, classes=3, labels=names)
    letters, module = [], "vitlens_widgets.export.stills.panel.written"
    keep = lambda *how, **words: letters.append(written(*how, **words)) or letters[-1]  # noqa: E731
    monkeypatch.setattr(module, keep)
    picture(vl.PatchGrid(reading))
    final = reading.top(1).index[-1, 0, -side * side :, 0]
    for name in ("flobber", "gizmo"):
        there = [one for one in letters if one and name.startswith(one)]
        assert len(there) == (final == names.index(name)).sum()
        assert len(set(there)) == 1
    assert {one[0] for one in letters} == {"f", "g"}


def test_letters_are_those_that_tell_labels_apart():
    assert briefs(["class 7", "class 12"]) == ["7", "12"]
    assert briefs(["cat", "car"]) == ["cat", "car"]
    assert briefs(["a b"]) == ["b"]
    assert briefs(["the flag", "a", "An owl"]) == ["flag", "a", "owl"]


@pytest.mark.parametrize("paste", [True, False])
def test_an_infilling_shows_what_was_hidden_and_what_was_painted(shown, paste):
    infilling = random_infilling(3)
    widget = vl.InfillStrip(infilling, state=1, paste=paste)
    picture(widget)
    meta = widget._meta
    original, masked, *paintings = [panel for panel, _ in shown]
    assert [panel.name for panel, _ in shown] == ["original", "masked", *infilling.state_names]
    assert [panel.is_chosen for panel in paintings].index(True) == 1
    hidden = np.asarray(widget.mask).reshape(meta["rows"], meta["cols"])
    np.testing.assert_array_equal(masked.cover, hidden[..., None] * HIDDEN)
    np.testing.assert_array_equal(masked.picture, original.picture)
    patch = (meta["height"] // meta["rows"], meta["width"] // meta["cols"])
    pixels = np.kron(hidden, np.ones(patch)).astype(bool)
    painted = np.frombuffer(widget._painted, "u1").reshape(-1, *original.picture.shape)
    for panel, sent in zip(paintings, painted, strict=True):
        np.testing.assert_array_equal(panel.picture[pixels], sent[pixels])
        visible = original.picture if paste else sent
        np.testing.assert_array_equal(panel.picture[~pixels], visible[~pixels])
    sent = np.frombuffer(widget._scores, "<f4").reshape(3, 2, -1)
    for state, panel in enumerate(paintings):
        mse, ssim = sent[0, 0, state], sent[2, 0, state]
        assert panel.notes == [f"MSE {mse:.4f}", f"SSIM {ssim:.3f}"]


def test_an_infilling_without_scores_has_neither_notes_nor_curves(shown, said):
    widget = vl.InfillStrip(random_infilling(3))
    with_curves = picture(widget).shape[0]
    shown.clear(), said.clear()
    widget.mask = np.zeros_like(widget.mask)
    assert picture(widget).shape[0] < with_curves - 130
    assert not any(panel.notes for panel, _ in shown)
    assert not any(line.startswith("MSE on") for line in said)


def test_an_explorer_is_drawn_with_heads_switched_off_and_without_a_classifier(shown, monkeypatch):
    crossed, overview = [], attention_still.overview

    def keeping(width, maps, chosen, off):
        crossed.append(list(off))
        return overview(width, maps, chosen, off)

    monkeypatch.setattr(attention_still, "overview", keeping)
    covers = []
    widget = explorer(token=3)
    for run, off in (("edited", []), ("edited", [(0, 1)]), ("baseline", [(0, 1)])):
        widget.knocked_out, widget.run = off, run
        shown.clear()
        picture(widget)
        covers.append(shown[1][0].cover)  # after the map that lies on the image
        assert [panel.name for panel, _ in shown[2:]] == widget._meta["state_names"]
    first, edited, baseline = covers
    np.testing.assert_array_equal(baseline, first)
    assert np.abs(edited - first).max() > 0
    assert crossed == [[], [(0, 1)], [(0, 1)]]
    bare = vl.load(timm_model("CLS", num_classes=0))
    picture(vl.explore(bare, np.zeros((64, 64, 3), np.uint8)))


def test_the_difference_of_two_runs_is_drawn_with_new_answers_only():
    widget = explorer(knocked_out=[(0, 0), (0, 1), (1, 2)], run="difference", glyph="label")
    before, after = widget.reading, widget.edited_reading
    drawn = ShownRuns(widget._pictured()).patches()
    nats = vl.lenses.divergence(before, after)[:, 0]
    np.testing.assert_allclose(drawn.tint.values[:, :-1], nats, rtol=1e-4, atol=1e-6)
    assert drawn.legend(0).end == pytest.approx(np.nanmax(drawn.tint.values))
    old, new = (np.asarray(one.top(1).index)[:, 0, :, 0] for one in (before, after))
    n_prefix, n_marks = len(drawn.answers.meta["prefix"]), []
    for state in range(after.n_states):
        marks = drawn.panel(state).marks
        is_new = (old != new)[state, n_prefix:]
        np.testing.assert_array_equal([mark != Mark() for mark in marks], is_new)
        n_marks.append(is_new.sum())
    assert 0 < sum(n_marks) < is_new.size * after.n_states
    picture(widget)


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


def test_on_a_fine_grid_regions_say_the_classes_without_a_sign_for_each_patch():
    for rows, signs in ((20, 400), (21, 0)):
        grid = vl.PatchGrid(random_reading(4, rows=rows, cols=20, patch=2), tint="class")
        answers = Answers(grid.get_state())
        panel = Patches(answers, tint_of(answers, "class"), "emoji").panel(1)
        assert len(panel.marks) == signs
        np.testing.assert_array_equal(panel.regions, answers.patches(answers.top[1, :, 0]))
    assert vl.PatchGrid(random_reading(4, rows=21, cols=20, patch=2)).tint == "class"


def test_numbers_on_the_map_of_parts_are_whole_read_well_and_under_their_columns():
    widget = vl.Causes(random_pair(3, layers=12, heads=3))
    found = ShownCauses(widget._pictured())
    for width in (150, 230, 400, 900):
        piece = part_map(found, width)
        assert piece.width <= max(width, 64 + 12 * 4)
        texts = [(x, y, one) for x, y, one in lettered(piece)]
        assert not [one.text for _, _, one in texts if "…" in one.text and width > 220]
        heads = [(x, one.text) for x, y, one in texts if one.text[0] == "L"]
        cell = (heads[1][0] - heads[0][0]) / (int(heads[1][1][1:]) - int(heads[0][1][1:]))
        assert [x for x, _ in heads] == pytest.approx(
            [64 + cell * (int(text[1:]) + 0.5) for _, text in heads]
        )
        numbers = [one for x, _, one in texts if one.text[0] in "0123456789−≈<" and x > 64]
        assert not any(one.halo for one in numbers)
    assert list(widget._figure(widget._pictured()).default[:3]) == ["clean", "corrupted", "parts"]


def lettered(piece, left=0, top=0):
    """All texts of a piece with their places."""
    for x, y, part in piece.parts:
        if isinstance(part, Piece):
            yield from lettered(part, left + x, top + y)
        elif isinstance(part, Letters):
            yield left + x, top + y, part


def test_a_still_of_causes_says_how_little_the_answers_differ_and_which_ends_are_passed():
    for far, words in ((0, "both images get the same answer"), (0.0625, "little (0.0625)")):
        pair = random_pair(9)
        pair.answers[0, 1] = pair.answers[0, 0]
        pair.answers[0, 1, 2] += far
        found = ShownCauses(vl.Causes(pair, target=2, against=4)._pictured())
        assert words in found.no_gap_words
    found = ShownCauses(vl.Causes(random_pair(3))._pictured())
    for values, ends in (([-0.3, 2.6], ["−1", "≥ 1"]), ([-1.2, 1.004], ["≤ −1", "1"])):
        found.parts = Shares(np.array([values]), np.array([[True, True]]))
        assert [text for _, text in found.part_scale.ticks][::2] == ends

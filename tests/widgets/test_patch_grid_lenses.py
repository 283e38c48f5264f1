"""Several readings of one trace in a PatchGrid: what is sent of each, and the choice among them."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from tests.widgets.fake_reading import random_reading
from tests.widgets.several_lenses import NAMES, several_readings
from vitlens_widgets.lenses import decoded
from vitlens_widgets.widgets.patch_grid import data, pieces
from vitlens_widgets.widgets.patch_grid.shown import ShownLenses

LOGIT, TUNED, JACOBIAN = NAMES


def numbers_of(grid, lens):
    """The bundle of a lens, the first's from the widget's own traits."""
    own = {name: getattr(grid, name) for name in data.of_image(grid._reading, 0, 0)}
    return own if lens == grid._lens_names[0] else grid._others[lens]


@pytest.mark.parametrize("prefix", [(), ("CLS",), ("CLS", *(f"register {i}" for i in range(4)))])
def test_every_lens_sends_what_it_sends_alone(prefix):
    readings = several_readings(3, prefix=prefix, readout_name="mean of patches")
    grid = vl.PatchGrid(readings, image=1, target=2)
    assert grid._meta["lenses"] == list(NAMES)
    for reading in readings:
        alone = vl.PatchGrid(reading, image=1, target=2)
        found = numbers_of(grid, reading.lens_name)
        assert {name: getattr(alone, name) for name in found} == found
        assert (alone.lens, alone._others, alone._meta["lenses"]) == (reading.lens_name, {}, None)


def test_the_lens_is_chosen_and_nothing_else_changes():
    grid = vl.PatchGrid(several_readings(4), token=(1, 2), state=1, target="thing 3", tint="kl")
    kept = {name: getattr(grid, name) for name in grid.choices()} | {"lens": TUNED}
    others = grid._others
    grid.lens = TUNED
    assert {name: getattr(grid, name) for name in grid.choices()} == kept
    assert grid._others is others
    assert repr(grid).startswith("PatchGrid(tuned lens of fake/vit, state='1_pre', ")
    assert repr(grid).endswith("lens='tuned lens', beside=None, difference=False)")


def test_two_lenses_change_places_and_a_difference_has_two():
    grid = vl.PatchGrid(several_readings(4), beside=TUNED)
    grid.lens = TUNED
    assert (grid.lens, grid.beside) == (TUNED, LOGIT)
    grid.beside = TUNED
    assert (grid.lens, grid.beside) == (LOGIT, TUNED)
    grid.beside = JACOBIAN
    grid.difference = True
    grid.beside = None
    assert (grid.lens, grid.beside, grid.difference) == (LOGIT, None, False)
    grid.difference = True
    assert (grid.lens, grid.beside, grid.difference) == (LOGIT, TUNED, True)


def test_a_page_chooses_as_a_reader_does():
    grid = vl.PatchGrid(several_readings(4), beside=LOGIT, lens=TUNED)  # in whichever order
    assert (grid.lens, grid.beside) == (TUNED, LOGIT)
    grid = vl.PatchGrid(several_readings(4), beside=TUNED)
    grid.set_state({"lens": TUNED, "beside": LOGIT})
    assert (grid.lens, grid.beside, grid.error) == (TUNED, LOGIT, "")
    for wrong in ({"lens": "tuned"}, {"lens": None}, {"beside": 3}, {"difference": 1}):
        grid.set_state(wrong)
        assert grid.error
        assert (grid.lens, grid.beside, grid.difference) == (TUNED, LOGIT, False)


@pytest.mark.parametrize(
    "choice",
    [{"lens": "tunedlens"}, {"beside": "no lens"}, {"beside": LOGIT}, {"difference": "yes"}],
)
def test_a_lens_that_is_not_there_is_refused(choice):
    with refused(vl.UsageError):
        vl.PatchGrid(several_readings(4), **choice)


@pytest.mark.parametrize("choice", [{"beside": TUNED}, {"difference": True}, {"lens": TUNED}])
def test_one_reading_is_compared_with_none(choice):
    with refused(vl.UsageError):
        vl.PatchGrid(random_reading(4), **choice)


def test_names_are_given_by_a_dict():
    one, other, _ = several_readings(5)
    grid = vl.PatchGrid({"before": one, " after ": other}, lens="after")
    assert (grid.lens, grid._lens_names) == ("after", ("before", "after"))
    again = several_readings(5, names=("tuned lens", "tuned lens"))
    with refused(vl.UsageError):
        vl.PatchGrid(again)
    for wrong in ([], {}, {"": one}, {3: one}):
        with refused(vl.UsageError):
            vl.PatchGrid(wrong)


def altered(reading, **changed):
    for name, value in changed.items():
        setattr(reading, name, value)
    return reading


@pytest.mark.parametrize(
    "changed",
    [
        {"model_name": "another/vit"},
        {"layout": random_reading(0, rows=5, cols=3).layout},
        {"pictures": random_reading(8).pictures},
        {"state_names": ["0_mlp_out", "1_mlp_out", "2_mlp_out", "3_mlp_out"]},
        {"labels": random_reading(0, classes=6).labels},
        {"probabilities": "sigmoid"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_is_not_of_one_trace_is_refused(changed):
    one, other, _ = several_readings(0)
    with refused(vl.UsageError):
        vl.PatchGrid([one, altered(other, **changed)])


def test_a_target_and_an_image_are_followed_by_every_lens(monkeypatch):
    monkeypatch.setattr(data, "TABLE_LIMIT", 0)
    readings = several_readings(6)
    grid = vl.PatchGrid(readings)
    grid.target = 4
    grid.image = 1
    for reading in readings:
        alone = vl.PatchGrid(reading, image=1, target=grid.target)
        found = numbers_of(grid, reading.lens_name)
        assert {name: getattr(alone, name) for name in found} == found


def test_a_target_that_one_lens_cannot_answer_changes_nothing(monkeypatch):
    monkeypatch.setattr(data, "TABLE_LIMIT", 0)
    readings = several_readings(6)
    grid = vl.PatchGrid(readings, target=1)
    before = grid._own_state()

    def failing(_target):
        raise ZeroDivisionError("division by zero")

    readings[1].logit = failing
    grid.set_state({"target": 2})
    assert "division by zero" in grid.error
    assert grid._own_state() == before | {"error": grid.error}


def test_the_limit_of_logits_is_that_of_all_lenses_together(monkeypatch):
    readings = several_readings(6)
    rows = 4 * (1 + 15 + 1)
    monkeypatch.setattr(data, "TABLE_LIMIT", 2 * rows * 7 * 4)
    assert vl.PatchGrid(readings[:2])._logits
    assert not vl.PatchGrid(readings)._logits


def test_still_pictures_share_scale_and_colours_and_show_the_difference():
    readings = several_readings(7)
    grid = vl.PatchGrid(readings, lens=TUNED, beside=JACOBIAN, target=3)
    shown = ShownLenses.of_grid(grid._own_state())
    ends = {shown.of(name).tint.scale.end for name in NAMES}
    assert len(ends) == 1
    assert len({tuple(answers.ranked) for answers in shown.answers.values()}) == 1
    grid.difference = True
    shown = ShownLenses.of_grid(grid._own_state())
    image = slice(None), 0
    for which, place in ((lambda one: one, slice(0, -1)), (lambda one: one.readout, -1)):
        own, other = (which(one).probability(3)[image] for one in readings[1:])
        np.testing.assert_allclose(shown.shown.tint.values[:, place], own - other, atol=2e-6)
    assert shown.shown.tint.scale.map == "blue_orange"
    assert not shown.shown.changed[-1].any()  # they agree in the final state
    assert shown.shown.changed[:-1].any()


@pytest.mark.parametrize("tint", ["probability", "logit", "rank", "entropy", "kl", "class", "none"])
@pytest.mark.parametrize("difference", [True, False])
def test_every_tint_has_its_pictures(tint, difference, tmp_path):
    grid = vl.PatchGrid(several_readings(7), beside=TUNED, tint=tint, difference=difference)
    assert grid.still()
    parts = grid.figure_parts()
    assert f"1_pre, {JACOBIAN}" in parts.parts
    assert (f"1_pre, {TUNED}" in parts.default) is not difference
    assert grid.save_figure(tmp_path / "lenses.svg", panels=["image", 1, f"1_pre, {TUNED}"])


@pytest.fixture
def _large(monkeypatch):
    """Logits count as too many to be sent, a state of them as a piece."""
    monkeypatch.setattr(data, "TABLE_LIMIT", 0)
    monkeypatch.setattr(decoded, "PIECE_BYTES", 1)
    monkeypatch.setattr(pieces, "AT_ONCE", 1)


class Louder(vl.Lens):
    """Another reading of the same states."""

    name = "louder lens"

    def transform(self, states, first, final):
        return states if first == len(final) else 2 * states


@pytest.fixture(params=["CLS", "four registers and layer scale", "mean of patches"])
def traced(request):
    vit = vl.load(timm_model(request.param))
    trace = vit.trace(pixels_for(vit.image_size, n_images=2), preprocessed=True)
    return vit, trace, [vl.LogitLens(vit).read(trace), Louder(vit).read(trace)]


@pytest.mark.usefixtures("_large")
def test_states_of_every_lens_stream_in_those_shown_first(traced):
    vit, trace, readings = traced
    grid = vl.PatchGrid(readings, image=1)
    last = grid._n_states - 1
    louder = grid._lens_names[1]
    assert grid._known == grid._others[louder]["_known"] == [last]
    grid.lens = louder
    grid._more({}, [])
    assert (grid._known, len(grid._others[louder]["_known"])) == ([last], 2)
    grid.target = (grid.target + 1) % 5
    while grid._left:
        grid._more({}, [])
    for lens in (vl.LogitLens(vit), Louder(vit)):
        expected = data.of_image(lens.read(trace), 1, grid.target)
        assert numbers_of(grid, lens.name) == expected


@pytest.mark.usefixtures("_large")
def test_a_lens_that_is_not_shown_is_sent_when_it_is_whole(traced):
    _, _, readings = traced
    grid = vl.PatchGrid(readings)
    louder, n_states = grid._lens_names[1], grid._n_states
    seen = []
    grid.observe(lambda change: seen.append(len(change["new"][louder]["_known"])), "_others")
    grid._finish()
    assert seen == [n_states]


def test_readings_of_two_traces_are_refused(traced):
    vit, trace, (reading, _) = traced
    again = vit.trace(pixels_for(vit.image_size, n_images=2), preprocessed=True)
    with refused(vl.UsageError):
        vl.PatchGrid([reading, Louder(vit).read(again)])
    edited = trace.rerun([vl.edits.Zero("z", 0, head=0)])
    with refused(vl.UsageError):
        vl.PatchGrid([reading, Louder(vit).read(edited)])


def test_something_else_among_the_readings_is_refused(traced):
    _, _, (reading, _) = traced
    for wrong in ("tuned lens", None, reading.readout):
        with refused(vl.UsageError):
            vl.PatchGrid([reading, wrong])

"""What DecodedImages sends: pictures and numbers of the right place, in the right order."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_pictures import random_paints
from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets.decoded_images.ranks import told
from vitlens_widgets.widgets.decoded_images.work import AT_ONCE, NUMBERS


def made(source, **choices):
    widget = vl.DecodedImages(source, **choices)
    widget._finish()
    return widget


def array(widget, name, *shape, kind="<f4"):
    return np.frombuffer(getattr(widget, name), kind).reshape(shape)


def numbers_of(source, place):
    return np.array(source.one(place)[1:], np.float32)


@pytest.mark.parametrize("image", [0, 1])
def test_every_state_is_sent_with_its_numbers(image):
    source = random_paints(3)
    widget = made(source, image=image)
    states = array(widget, "_states", 5, 2, 14, 21, 3, kind="u1")
    numbers = array(widget, "_state_numbers", 5, 2, NUMBERS)
    for k in range(5):
        for seed in range(2):
            place = (image, 0, k, -1, seed, 1.0)
            np.testing.assert_array_equal(states[k, seed], source.one(place)[0])
            np.testing.assert_array_equal(numbers[k, seed], numbers_of(source, place))
        other = numbers_of(source, (image, 9, k, -1, 0, 1.0))[0]
        assert array(widget, "_other_numbers", 5)[k] == other


def test_a_page_may_ask_from_another_thread_while_a_cell_goes_on():
    widget, alone = vl.DecodedImages(random_paints(3)), made(random_paints(3))
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            asked = [threads.submit(widget._finish) for _ in range(4)]
        assert [one.exception() for one in asked] == [None] * 4
    finally:
        sys.setswitchinterval(usual)
    assert widget._left == 0
    for name in ("_states", "_heads", "_head_numbers", "_random_numbers"):
        assert getattr(widget, name) == getattr(alone, name)


def test_every_component_is_sent_with_its_numbers_the_mlp_last():
    source = random_paints(4)
    widget = made(source)
    heads = array(widget, "_heads", 4, 4, 14, 21, 3, kind="u1")
    numbers, random = (
        array(widget, n, 4, -1, s) for n, s in (("_head_numbers", 4), ("_random_numbers", 2))
    )
    for layer, column in np.ndindex(4, 4):
        place = (0, 1, layer, column, 0, 8.0)
        np.testing.assert_array_equal(heads[layer, column], source.one(place)[0])
        np.testing.assert_array_equal(numbers[layer, column], numbers_of(source, place))
        if column < 3:
            expected = numbers_of(source, (0, 3, layer, column, 0, 8.0))[:2]
            np.testing.assert_array_equal(random[layer, column], expected)
    np.testing.assert_allclose(array(widget, "_effects", 4, 3), source.all_effects[0], rtol=1e-6)


def test_strongest_heads_come_first_then_the_mlps():
    source = random_paints(5)
    widget = vl.DecodedImages(source)
    source.asked.clear()
    widget._finish()
    painted = [one for one in source.asked if one[0] != "effects" and one[1] == 1]
    places = [(layer, column) for _, _, layer, column, _, _ in painted]
    effects = source.all_effects[0]
    strongest = sorted(np.ndindex(4, 3), key=lambda at: -effects[at])
    assert places == [*strongest, *((layer, 3) for layer in range(4))]
    assert widget._order == [layer * 4 + column for layer, column in places]
    assert (widget.layer, widget.head, widget.state) == (*strongest[0], strongest[0][0])


def test_pictures_come_in_pieces_the_last_state_first():
    source = random_paints(6)
    widget = vl.DecodedImages(source)
    assert [one[2] for one in source.asked] == [4, 0, 1, 2]
    assert len(source.asked) == AT_ONCE
    before = widget._left
    widget._step()
    assert widget._left == before - 1 == widget._left_to_make
    numbers = array(widget, "_head_numbers", 4, 4, NUMBERS)
    assert np.isnan(numbers).all()
    assert widget._told == {}


@pytest.mark.parametrize("error", [RuntimeError("no memory"), KeyboardInterrupt()])
def test_a_piece_that_fails_is_left_and_loses_nothing(error):
    source = random_paints(7)
    widget = vl.DecodedImages(source)
    left, sent = widget._left, widget._states
    while widget._left > left - 7:  # attention, effects
        widget._step()
    left = widget._left
    source.fails = error
    with pytest.raises(type(error)):
        widget._step()
    assert widget._left == left
    widget._finish()
    assert widget._states != sent
    assert widget.get_state() == made(random_paints(7)).get_state() | {
        name: value
        for name, value in widget.get_state().items()
        if name in ("layout", "tabbable", "tooltip")
    }


def test_without_effects_all_is_painted_in_the_order_of_layers():
    source = random_paints(8)
    source.refusal = "This run has edits."
    widget = made(source)
    assert widget._words == {"no_effects": "This run has edits."}
    assert np.isnan(array(widget, "_effects", 4, 3)).all()
    assert np.isfinite(array(widget, "_head_numbers", 4, 4, NUMBERS)).all()
    assert widget._told == {}
    assert widget._order == [*(4 * i + j for i in range(4) for j in range(3)), 3, 7, 11, 15]


def test_another_image_is_made_anew_and_the_first_is_kept():
    source = random_paints(9)
    widget = made(source, layer=1)
    first = widget._heads
    widget.image = 1
    assert widget._of_image == 1
    assert widget._left
    widget._finish()
    np.testing.assert_allclose(array(widget, "_effects", 4, 3), source.all_effects[1], rtol=1e-6)
    asked = len(source.asked)
    widget.image = 0
    assert widget._heads == first
    assert len(source.asked) == asked
    assert widget.layer == 1  # as chosen


def test_an_image_that_cannot_be_decoded_leaves_the_last_one():
    source = random_paints(10)
    widget = made(source)
    source.fails = RuntimeError("no memory")
    with refused(vl.UsageError):
        widget.image = 1
    assert widget.image == widget._of_image == 0
    source.fails = RuntimeError("no memory")
    widget.set_state({"image": 1})
    assert widget.image == widget._of_image == 0
    assert widget.error == "The image could not be decoded: no memory"


def test_tokens_have_states_alone():
    source = random_paints(11, reads="tokens", seeds=(0,))
    widget = made(source)
    assert widget.show == "state"
    assert widget._state_names[widget.state] == "final"
    assert widget._heads == widget._effects == b"" or not np.frombuffer(widget._effects, "<f4").size
    assert all(one[3] == -1 for one in source.asked)
    assert set(widget.meanings()) == {"state", "image"}


def test_a_piece_that_a_page_asks_for_brings_its_own_pictures_alone(recorded):
    source = random_paints(18, layers=6, heads=5)
    widget = vl.DecodedImages(source)
    comm = recorded(widget)
    opened = dict(widget.get_state())
    kept = {name: bytearray(opened[name]) for name in ("_states", "_heads")}
    comm.messages.clear()
    while widget._left:
        widget._more({}, [])
    *pieces, last = comm.updates()
    assert not any("_states" in one or "_heads" in one for one in pieces)
    n_bytes = 0
    for one in pieces:
        if "_news" not in one:
            continue
        which, count = np.frombuffer(one["_news"], "<i4", 2)
        places = np.frombuffer(one["_news"], "<i4", count, 8)
        pictures = np.frombuffer(one["_news"], "u1", offset=8 + 4 * count)
        for place, picture in zip(places, pictures.reshape(count, -1), strict=True):
            at = place * picture.size
            kept[("_states", "_heads")[which]][at : at + picture.size] = picture.tobytes()
        n_bytes += pictures.size
    assert set(last) == {"_states", "_heads"}  # of a page that was opened meanwhile
    for name, found in kept.items():
        assert bytes(found) == last[name] == getattr(widget, name), name
    assert n_bytes <= len(widget._states) + len(widget._heads)


def test_large_pictures_are_sent_smaller_and_looked_at_whole():
    source = random_paints(12, layers=12, heads=12, size=(96, 160), images=1)
    widget = vl.DecodedImages(source)
    height, width = widget._meta["head_size"]
    assert height < 96
    assert abs(height / width - 96 / 160) < 0.02
    assert 3 * height * width * 12 * 13 <= 2_000_000
    what = {"image": 0, "kind": "own", "layer": 3, "column": 5, "seed": 1, "strength": 3}
    said, (pixels,) = widget._paint(what, [])
    expected = source.one((0, 1, 3, 5, 1, 3.0))
    np.testing.assert_array_equal(np.frombuffer(pixels, "u1").reshape(96, 160, 3), expected[0])
    assert said["similarity"] == pytest.approx(expected[1])
    assert said["named"] == [f"thing {expected[3]}", ""]
    assert said | what == said


@pytest.mark.parametrize("kind", ["other image", "random"])
def test_what_stands_for_chance_is_asked_for(kind):
    source = random_paints(13)
    what = {"image": 1, "kind": kind, "layer": 2, "column": 3, "seed": 0, "strength": "alone"}
    _, (pixels,) = vl.DecodedImages(source)._paint(what, [])
    code = {"other image": 2, "random": 3}[kind]
    expected = source.one((1, code, 2, 3, 0, float("inf")))[0]
    assert pixels == expected.tobytes()


@pytest.mark.parametrize(
    "wrong",
    [
        {"layer": 4}, {"layer": -1}, {"column": 4}, {"seed": 2}, {"image": 2}, {"strength": -1},
        {"strength": "much"}, {"kind": "own's"}, {"column": -1, "layer": 5}, {"layer": None},
        {"strength": float("nan")}, {"seed": True}, {"layer": "0"},
    ],
)  # fmt: skip
def test_what_there_is_not_is_refused(wrong):
    what = {"image": 0, "kind": "own", "layer": 0, "column": 0, "seed": 0, "strength": 1}
    widget = vl.DecodedImages(random_paints(1))
    with pytest.raises(UsageError):
        widget._paint(what | wrong, [])


def test_a_saved_page_has_all_pictures_and_those_beside_the_chosen_head():
    source = random_paints(14)
    widget = vl.DecodedImages(source, layer=2, head=1)
    widget._paint(
        {"image": 0, "kind": "own", "layer": 0, "column": 0, "seed": 0, "strength": 5}, []
    )
    state = widget.saved().state
    assert state["_left_to_make"] == 0
    said = [(s["kind"], s["layer"], s["column"], s["seed"], s["strength"]) for s in state["_saved"]]
    film = [("own", 2, 1, 0, s) for s in (1, 2, 4, 8, 16, "alone")]
    nulls = [("other image", 2, 1, 0, 8), ("random", 2, 1, 0, 8)]
    assert set(said) == {("own", 0, 0, 0, 5), *film, *nulls, ("own", 2, 1, 1, 8)}
    assert len(said) == len(set(said))
    pixels = np.frombuffer(state["_saved_pixels"], "u1").reshape(len(said), 14, 21, 3)
    index = said.index(("own", 2, 1, 1, 8))
    np.testing.assert_array_equal(pixels[index], source.one((0, 1, 2, 1, 1, 8.0))[0])
    assert widget._saved == []


def test_a_state_and_its_block_go_together():
    widget = vl.DecodedImages(random_paints(15))
    widget.layer = 1
    assert widget.state == 1
    widget.state = "2_pre"
    assert widget.layer == 2
    widget.state = "final"
    assert widget.layer == 3
    widget.layer = 3
    assert widget.state == 4
    widget._finish()
    assert widget.layer == 3  # chosen: the strongest is not


def test_choices_are_refused_with_what_they_take():
    widget = vl.DecodedImages(random_paints(16, mode="rerun"))
    for wrong in (
        lambda: setattr(widget, "strength", "alone"),
        lambda: setattr(widget, "strength", -2),
        lambda: setattr(widget, "show", "heads"),
        lambda: setattr(widget, "sort", "effect"),
        lambda: setattr(widget, "head", 3),
        lambda: setattr(widget, "seed", 2),
        lambda: vl.DecodedImages(random_paints(16), strengths=3),
        lambda: vl.DecodedImages("toy/clip"),
    ):
        with refused(UsageError):
            wrong()
    widget = vl.DecodedImages(random_paints(16))
    widget.strength = "alone"
    assert widget.strength == float("inf")
    assert widget.get_state()["strength"] == "alone"
    assert "strength='alone'" in repr(widget)


def test_the_rank_correlation_is_spearmans_with_an_interval_over_heads():
    from scipy import stats

    rng = np.random.default_rng(0)
    alike = rng.integers(0, 9, 30).astype(float)  # with ties
    effects = alike + 4 * rng.random(30)
    found = told(alike, effects)
    assert found["rho"] == pytest.approx(stats.spearmanr(alike, effects).statistic)
    assert found["low"] < found["rho"] < found["high"]
    drawn = np.random.default_rng(0).integers(0, 30, (1000, 30))
    many = [stats.spearmanr(alike[one], effects[one]).statistic for one in drawn]
    np.testing.assert_allclose([found["low"], found["high"]], np.percentile(many, [2.5, 97.5]))
    assert told(np.append(alike, np.nan), np.append(effects, 1)) == {}
    assert told(np.ones(9), np.arange(9.0)) == {}


def test_a_cell_that_shows_it_ends_at_once_with_a_picture_of_what_is_there(monkeypatch):
    widget, told = vl.DecodedImages(random_paints(17)), []
    left = widget._left
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: told.append(bundle))
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    widget._ipython_display_()
    assert widget._left == left
    assert "image/png" in told[0]
    while widget._left:
        assert widget._more({}, []) == ({"left": widget._left}, [])
    with pytest.raises(NotImplementedError):  # IPython asks for the bundle then
        widget._ipython_display_()

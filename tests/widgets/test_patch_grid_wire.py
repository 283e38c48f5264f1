"""What PatchGrid sends: arrays against NumPy, and which messages a change causes."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_reading import random_reading
from vitlens_widgets.widgets.patch_grid import data

REGISTERS = ("CLS", "register 1", "register 2", "register 3", "register 4")
CASES = {
    "CLS, wide grid": {"rows": 3, "cols": 5},
    "registers, tall grid": {"rows": 6, "cols": 4, "prefix": REGISTERS, "states": 3},
    "no prefix": {"rows": 4, "cols": 3, "prefix": (), "readout_name": "mean of patches"},
    "two classes": {"rows": 2, "cols": 3, "classes": 2, "states": 2},
}


@pytest.fixture(params=CASES, ids=str)
def reading(request):
    return random_reading(seed=11, **CASES[request.param])


def unpacked(grid, name, dtype, *last):
    shape = (grid._n_states, grid._n_tokens + 1, *last)
    return np.frombuffer(getattr(grid, name), dtype).reshape(shape)


def test_top_answers_are_those_of_the_logits_of_the_asked_image(reading):
    grid = vl.PatchGrid(reading, image=1)
    k = grid._meta["n_answers"]
    index = unpacked(grid, "_top_index", "<i2", k)
    probability = unpacked(grid, "_top_probability", "<f4", k)
    for state in range(reading.n_states):
        logits = [*reading.logits(state)[1], reading.readout.logits(state)[1]]
        for token, row in enumerate(np.asarray(logits, dtype=np.float64)):
            expected = np.argsort(-row)[:k]
            shares = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
            assert index[state, token].tolist() == expected.tolist()
            np.testing.assert_allclose(probability[state, token], shares[expected], rtol=2e-6)


def test_entropy_divergence_and_normaliser_are_those_of_the_asked_image(reading):
    grid = vl.PatchGrid(reading, image=1)
    pairs = {"_entropy": "entropy", "_kl": "kl_to_final", "_logsumexp": "logsumexp"}
    for trait, method in pairs.items():
        sent = unpacked(grid, trait, "<f4")
        np.testing.assert_array_equal(sent[:, :-1], getattr(reading, method)()[:, 1])
        np.testing.assert_array_equal(sent[:, -1], getattr(reading.readout, method)()[:, 1])


def test_a_small_table_of_logits_is_sent_whole_with_the_readout_last(reading):
    grid = vl.PatchGrid(reading, image=1)
    logits = unpacked(grid, "_logits", "<f4", len(reading.labels))
    for state in range(reading.n_states):
        np.testing.assert_array_equal(logits[state, :-1], reading.logits(state)[1])
        np.testing.assert_array_equal(logits[state, -1], reading.readout.logits(state)[1])
    assert grid._target_logit == b""


def test_the_picture_is_sent_as_it_is(reading):
    grid = vl.PatchGrid(reading, image=1)
    shape = (grid._meta["height"], grid._meta["width"], 3)
    sent = np.frombuffer(grid._picture, np.uint8).reshape(shape)
    np.testing.assert_array_equal(sent, reading.picture(1))


def test_the_description_says_which_token_the_readout_is(reading):
    meta = vl.PatchGrid(reading, caption="a thing")._meta
    has_token = reading.readout_name in reading.layout.prefix
    assert meta["readout_token"] == (0 if has_token else None)
    assert (meta["rows"], meta["cols"]) == (reading.layout.rows, reading.layout.cols)
    assert meta["prefix"] == list(reading.layout.prefix)
    assert meta["state_names"][-1] == "final"
    assert meta["caption"] == "a thing"


def test_with_the_whole_table_no_choice_sends_any_array(reading, recorded):
    grid = vl.PatchGrid(reading)
    comm = recorded(grid)
    grid.state, grid.token, grid.target = 0, 1, (grid.target + 1) % len(reading.labels)
    grid.glyph, grid.tint = "none", "entropy"
    sent = comm.updates()
    assert [set(state) for state in sent] == [{"state"}, {"token"}, {"target"}, {"glyph"}, {"tint"}]


def test_a_new_target_of_a_large_table_sends_its_columns_in_one_message(
    reading, recorded, monkeypatch
):
    monkeypatch.setattr(data, "TABLE_LIMIT", 100)
    grid = vl.PatchGrid(reading, image=1, target=0)
    assert grid._logits == b""
    comm = recorded(grid)
    grid.target = 1
    (columns,) = [state for state in comm.updates() if "_target_of" in state]
    assert set(columns) >= {"_target_logit", "_target_rank", "_target_of"}
    assert columns["_target_of"] == 1
    shape = (reading.n_states, reading.layout.n_tokens + 1)
    logit = np.frombuffer(columns["_target_logit"], "<f4").reshape(shape)
    rank = np.frombuffer(columns["_target_rank"], "<i4").reshape(shape)
    np.testing.assert_array_equal(logit[:, :-1], reading.logit(1)[:, 1])
    np.testing.assert_array_equal(logit[:, -1], reading.readout.logit(1)[:, 1])
    np.testing.assert_array_equal(rank[:, :-1], reading.rank(1)[:, 1])
    comm.messages.clear()
    grid.state, grid.token, grid.tint = 0, 1, "kl"
    assert [set(state) for state in comm.updates()] == [{"state"}, {"token"}, {"tint"}]


def test_a_target_that_the_browser_chooses_is_answered_with_its_columns(recorded, monkeypatch):
    monkeypatch.setattr(data, "TABLE_LIMIT", 100)
    grid = vl.PatchGrid(random_reading(), target=0)
    comm = recorded(grid)
    comm.handle_msg({"content": {"data": {"method": "update", "state": {"target": 3}}}})
    assert grid.target == 3
    assert comm.updates()[-1]["_target_of"] == 3


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("state", 99, "state"),
        ("token", -3, "token"),
        ("target", 1000, "class"),
        ("tint", "x", "tint"),
    ],
)
def test_a_bad_choice_from_the_browser_becomes_a_sentence_and_is_taken_back(
    recorded, name, value, word
):
    grid = vl.PatchGrid(random_reading(), state=1, token=2, target=3)
    comm = recorded(grid)
    before = getattr(grid, name)
    state = {name: value, "glyph": "label"}
    comm.handle_msg({"content": {"data": {"method": "update", "state": state}}})
    assert getattr(grid, name) == before
    assert grid.glyph == "label"  # what came with it and was good is taken
    assert word in grid.error
    merged = {key: sent for update in comm.updates() for key, sent in update.items()}
    assert merged[name] == before
    assert merged["error"] == grid.error


def test_a_failure_while_a_target_is_computed_is_said_in_the_widget(monkeypatch):
    monkeypatch.setattr(data, "TABLE_LIMIT", 100)
    reading = random_reading()
    grid = vl.PatchGrid(reading, target=0)
    monkeypatch.setattr(reading, "rank", lambda _target: 1 / 0)
    with refused(vl.UsageError):  # set in Python, it is said there
        grid.target = 2
    assert (grid.target, grid._target_of, grid.error) == (0, 0, "")
    grid.set_state({"target": 2})
    assert "division by zero" in grid.error
    assert (grid.target, grid._target_of) == (0, 0)


@pytest.mark.parametrize("limit", [100, data.TABLE_LIMIT])
@pytest.mark.parametrize("target", [None, 3])
def test_all_that_is_of_another_image_comes_in_one_message(recorded, monkeypatch, limit, target):
    monkeypatch.setattr(data, "TABLE_LIMIT", limit)
    reading, chosen = random_reading(seed=11, images=3), {} if target is None else {"target": 3}
    grid = vl.PatchGrid(reading, image=1, state=1, token=4, **chosen)
    comm = recorded(grid)
    grid.image = 2
    own = vl.PatchGrid(reading, image=2, state=1, token=4, **chosen)
    names = {*grid._own_state()} - {"_anywidget_id"}
    for name in names:
        assert getattr(grid, name) == getattr(own, name), name
    choice, everything = comm.updates()
    assert set(choice) == {"image"}
    assert {"_meta", "_picture", "_top_index"} <= set(everything)
    grid.target = 5  # chosen now: it stays
    grid.image = 0
    assert grid.target == 5
    assert (grid._target_of == 5) is (limit == 100)


def test_a_caption_is_of_the_image_it_was_given_for():
    grid = vl.PatchGrid(random_reading(images=3), image=1, caption="a cat")
    grid.image = 0
    assert grid._meta["caption"] == ""
    grid.image = 1
    assert grid._meta["caption"] == "a cat"


def test_a_failure_while_an_image_is_packed_is_said_and_the_last_one_stays(monkeypatch):
    reading = random_reading()
    grid = vl.PatchGrid(reading)
    before = grid._own_state()
    monkeypatch.setattr(reading, "top", lambda _k: 1 / 0)
    with refused(vl.UsageError):
        grid.image = 1
    assert grid._own_state() == before
    grid.set_state({"image": 1})
    assert "division by zero" in grid.error
    assert grid._own_state() == before | {"error": grid.error}


def test_small_pictures_of_a_batch_are_sent_once():
    reading = random_reading(images=3, rows=2, cols=4, patch=7)
    grid = vl.PatchGrid(reading, image=2)
    small = np.frombuffer(grid._thumbs, np.uint8).reshape(3, *grid._meta["thumb"], 3)
    for image in range(3):
        np.testing.assert_array_equal(small[image], reading.picture(image))
    assert vl.PatchGrid(random_reading(images=1))._thumbs == b""


def test_ids_of_many_classes_take_four_bytes():
    reading = random_reading(classes=33000, states=2, rows=1, cols=2, images=1)
    grid = vl.PatchGrid(reading)
    assert grid._meta["id_bytes"] == 4
    index = unpacked(grid, "_top_index", "<i4", 5)
    assert index[1, 0].tolist() == np.argsort(-reading.logits(1)[0, 0])[:5].tolist()


def test_nbytes_counts_what_is_sent_without_the_code():
    grid = vl.PatchGrid(random_reading())
    arrays = [value for value in grid.get_state().values() if isinstance(value, bytes)]
    total = sum(map(len, arrays))
    assert total < grid.nbytes < total + 3000

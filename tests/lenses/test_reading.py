"""What a reading says about logits, against NumPy and for any logits."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets.lenses import decoded as decoded_module
from vitlens_widgets.lenses.decoded import Decoded
from vitlens_widgets.lenses.reading import Reading
from vitlens_widgets.lenses.source import Source


class TableLens:
    """Decodes state k to the k-th table of given logits: a lens whose answers a test chooses."""

    name = "table"

    def __init__(self, logits):
        self.logits = torch.as_tensor(logits)
        self.calls = 0

    def decode(self, states, first, final):  # noqa: ARG002
        self.calls += 1
        images = states[0, :, 0, 0].long()  # a state here holds nothing but its image's number
        return self.logits[first : first + len(states), images]

    def decode_readout(self, states, first, final):
        return self.decode(states, first, final)[:, :, 0]


def reading_of(logits) -> Reading:
    n_states, n_images, n_tokens, n_classes = np.shape(logits)
    names = [*(f"{k}_pre" for k in range(n_states - 1)), "final"]
    vit = SimpleNamespace(
        name="table",
        state_names=names,
        readout_name="CLS",
        probabilities="softmax",
        labels=vl.LabelSet.of([f"class {i}" for i in range(n_classes)]),
    )
    numbers = torch.arange(n_images, dtype=torch.float32)[None, :, None, None]
    trace = SimpleNamespace(
        vit=vit,
        n_states=n_states,
        n_images=n_images,
        layout=vl.TokenLayout(1, n_tokens - 1, ("CLS",)),
        tokens=torch.arange(n_tokens),
        check_weights=lambda _what: None,
        edits=(),
        states=numbers.expand(n_states, n_images, n_tokens, 1),
        pictures=np.zeros((n_images, 4, 8, 3), np.uint8),
    )
    return Reading(TableLens(logits), Source(trace, names, lambda states: trace.states[states]))


def random_logits(shape=(4, 3, 6, 9), seed=0):
    return np.random.default_rng(seed).normal(0, 4, shape).astype(np.float32)


def softmax(x):
    e = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.fixture(params=["kept", "decoded in pieces"])
def table(request, monkeypatch):
    """The same logits, small enough to keep, and forced through pieces of one image."""
    if request.param == "decoded in pieces":
        monkeypatch.setattr(decoded_module, "KEEP_BYTES", 0)
        monkeypatch.setattr(decoded_module, "PIECE_BYTES", 1)
    logits = random_logits()
    return logits, reading_of(logits)


def test_top_is_the_sorted_softmax(table):
    logits, reading = table
    for k in (1, 4, 9):
        top = reading.top(k)
        order = np.argsort(-logits, axis=-1)[..., :k]
        assert top.index.shape == (4, 3, 6, k)
        np.testing.assert_array_equal(top.index, order)
        expected = np.take_along_axis(softmax(logits), order, -1)
        np.testing.assert_allclose(top.probability, expected, atol=1e-6)


def test_probability_logit_and_rank_of_a_class(table):
    logits, reading = table
    for target in (0, 8, "class 5"):
        index = int(str(target).split()[-1])
        np.testing.assert_allclose(
            reading.probability(target), softmax(logits)[..., index], atol=1e-6
        )
        np.testing.assert_array_equal(reading.logit(target), logits[..., index])
        rank = 1 + (logits > logits[..., index, None]).sum(-1)
        np.testing.assert_array_equal(reading.rank(target), rank)


def test_entropy_and_divergence_from_the_final_answer(table):
    logits, reading = table
    p = softmax(logits)
    np.testing.assert_allclose(reading.entropy(), -(p * np.log(p)).sum(-1), atol=1e-5)
    kl = (p[-1] * (np.log(p[-1]) - np.log(p))).sum(-1)
    np.testing.assert_allclose(reading.kl_to_final(), kl, atol=1e-4)
    assert (reading.kl_to_final()[-1] == 0).all()


def test_logits_of_one_state_and_the_readout_without_token_axis(table):
    logits, reading = table
    np.testing.assert_array_equal(reading.logits(2), logits[2])
    np.testing.assert_array_equal(reading.readout.logits(2), logits[2, :, 0])
    np.testing.assert_allclose(reading.readout.entropy(), reading.entropy()[:, :, 0])
    assert reading.readout.top(3).index.shape == (4, 3, 3)


def test_nothing_is_decoded_twice_while_it_is_kept():
    reading = reading_of(random_logits())
    reading.top(), reading.entropy(), reading.rank(3), reading.probability(5), reading.logits(1)
    assert reading._lens.calls == 1


def test_of_what_is_too_large_the_last_states_are_kept(monkeypatch):
    logits = random_logits()
    unit = 4 * logits[0, 0].size
    monkeypatch.setattr(decoded_module, "PIECE_BYTES", unit)  # 12 pieces, of a state and an image
    monkeypatch.setattr(decoded_module, "KEEP_BYTES", 5 * unit)
    reading = reading_of(logits)
    reading.top(9)
    assert reading._lens.calls == 12
    best = np.argsort(-logits, axis=-1)
    np.testing.assert_array_equal(reading.top(9).index, best)
    assert reading._lens.calls == 12 + 7
    for state in (3, 0, 2, 1):
        np.testing.assert_array_equal(reading.logits(state), logits[state])
    np.testing.assert_array_equal(reading.top(9).index, best)


def test_the_models_own_answers_come_with_the_first_pass(monkeypatch):
    monkeypatch.setattr(decoded_module, "KEEP_BYTES", 0)
    reading = reading_of(random_logits())
    answers = reading.readout.top(1).index[-1, :, 0].tolist()
    before = reading._lens.calls
    reading.top(5), reading.entropy()
    once = reading._lens.calls - before
    for answer in answers:
        reading.rank(answer), reading.logit(answer)
    assert reading._lens.calls == before + once
    reading.rank(next(c for c in range(9) if c not in answers))
    assert reading._lens.calls == before + 2 * once


def test_writing_into_a_result_leaves_the_reading_as_it_was():
    logits = random_logits()
    reading = reading_of(logits)
    for result in (reading.top(2).index, reading.entropy(), reading.logit(3), reading.rank(3)):
        result.zero_()
    np.testing.assert_array_equal(reading.top(2).index, np.argsort(-logits)[..., :2])
    np.testing.assert_array_equal(reading.logit(3), logits[..., 3])
    assert (reading.entropy() > 0).all()
    assert (reading.rank(3) > 0).all()


def test_equal_logits_share_the_best_rank_and_nan_is_refused():
    logits = np.zeros((2, 1, 2, 3), np.float32)
    logits[0, 0, 0] = [1, 1, 0]
    reading = reading_of(logits)
    assert reading.rank(0)[0, 0, 0] == reading.rank(1)[0, 0, 0] == 1
    assert reading.rank(2)[0, 0, 0] == 3
    logits[1, 0, 1] = np.nan
    with refused(vl.UsageError):
        reading_of(logits).rank(1)


def test_a_certain_answer_has_no_entropy_and_infinite_logits_are_told_apart():
    logits = np.array([[[[-np.inf, 0.0, -np.inf]]], [[[0.0, 0.0, -np.inf]]]], np.float32)
    reading = reading_of(np.repeat(logits, 2, axis=2))
    np.testing.assert_allclose(reading.entropy()[:, 0, 0], [0, math.log(2)], atol=1e-6)
    assert reading.kl_to_final()[0, 0, 0] == math.inf


finite = arrays(np.float32, (3, 1, 2, 5), elements=st.floats(-50, 50, width=32))


@settings(max_examples=60, deadline=None)
@given(finite, st.floats(-20, 20))
def test_a_constant_added_to_all_logits_changes_nothing(logits, shift):
    here, there = reading_of(logits), reading_of(logits + np.float32(shift))
    np.testing.assert_allclose(here.entropy(), there.entropy(), atol=2e-4)
    np.testing.assert_allclose(here.probability(2), there.probability(2), atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(finite)
def test_bounds_hold_for_any_logits(logits):
    reading = reading_of(logits)
    assert ((reading.entropy() >= 0) & (reading.entropy() <= math.log(5) + 1e-5)).all()
    assert (reading.kl_to_final() >= 0).all()
    assert ((reading.rank(1) >= 1) & (reading.rank(1) <= 5)).all()
    np.testing.assert_allclose(sum(reading.probability(c) for c in range(5)), 1, atol=1e-4)


@pytest.mark.parametrize(
    "ask",
    [
        lambda r: r.top(10),
        lambda r: r.top(0),
        lambda r: r.logits(4),
        lambda r: r.picture(3),
        lambda r: r.rank("clas 5"),
        lambda r: r.probability(9),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(ask):
    with refused(vl.UsageError):
        ask(reading_of(random_logits()))


@pytest.mark.parametrize(("at", "tokens"), [("tokens", (6,)), ("readout", ())])
def test_logits_are_decoded_in_pieces_of_no_more_than_so_many_bytes(monkeypatch, at, tokens):
    """Of 4 states x 5 images; the logits of one state of one image are a unit."""
    source = reading_of(random_logits((4, 5, 6, 9)))._source
    unit = 4 * 9 * math.prod(tokens)
    for units, pieces in [(1, 20), (2, 12), (5, 4), (9, 4), (10, 2), (19, 2)]:
        monkeypatch.setattr(decoded_module, "KEEP_BYTES", 20 * unit - 1)
        monkeypatch.setattr(decoded_module, "PIECE_BYTES", units * unit)
        lens = TableLens(random_logits((4, 5, 6, 9)))
        decoded = Decoded(lens, source, at)
        assert decoded.shape == (4, 5, *tokens)
        assert not decoded.is_kept
        decoded.measured(lambda logits, _: {"n": logits[:, 0]})
        assert lens.calls == pieces
        monkeypatch.setattr(decoded_module, "KEEP_BYTES", 20 * unit)
        assert decoded.is_kept


def test_what_is_measured_sees_some_rows_at_a_time(monkeypatch):
    source = reading_of(random_logits((4, 5, 6, 9)))._source
    decoded, rows = Decoded(TableLens(random_logits((4, 5, 6, 9))), source, "tokens"), []
    monkeypatch.setattr(decoded_module, "CHUNK_BYTES", 4 * 9 * 12 + 1)
    decoded.measured(lambda logits, _: rows.append(len(logits)) or {"n": logits[:, 0]})
    assert rows == [13, 13, 4] * 4  # of the 30 tokens of each state

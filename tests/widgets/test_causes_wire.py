"""What Causes sends: every number against the pair's own answers, and what comes first."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_causes import random_pair
from vitlens_widgets.widgets.causes import work
from vitlens_widgets.widgets.causes.places import Spot

REGISTERS = ("CLS", "register 1", "register 2", "register 3", "register 4")


def finished(widget):
    """All that a page with a kernel would have asked for."""
    while widget._progress["left"]:
        assert widget._go_on({}, [])[0] == {"left": widget._progress["left"]}
    return widget


def metric(logits, target=2, against=4):
    logits = np.asarray(logits, np.float64)
    return logits[target] - logits[against]


def fields(widget, name, *shape):
    return np.frombuffer(getattr(widget, name), "<f4").reshape(6, *shape)


@pytest.mark.parametrize("direction", ["noising", "denoising"])
@pytest.mark.parametrize("prefix", [(), ("CLS",), REGISTERS])
def test_every_number_is_that_of_the_exchange(direction, prefix):
    pair = random_pair(5, prefix=prefix, heads=3, layers=4)
    widget = finished(vl.Causes(pair, direction=direction, values="k"))
    parts = fields(widget, "_parts", 4, 5)
    softmax = lambda z: np.exp(z) / np.exp(z).sum()  # noqa: E731
    for layer in range(4):
        places = [
            *(Spot("head", layer, head, "k") for head in range(3)),
            Spot("attention", layer, None, "k"),
            Spot("mlp", layer),
        ]
        for row, place in enumerate(places):
            logits = pair.after([place], 0, direction).astype(np.float64)
            chance = softmax(logits)
            expected = [metric(logits), logits.argmax(), chance.max(), chance[2], chance[4]]
            np.testing.assert_allclose(parts[:5, layer, row], expected, rtol=1e-5, atol=1e-6)
    tokens = fields(widget, "_tokens", 4, len(pair.tokens))
    groups = fields(widget, "_groups", 4)
    for layer in range(4):
        for token in pair.tokens:
            logits = pair.after([Spot("tokens", layer, tokens=(int(token),))], 0, direction)
            assert tokens[0, layer, token] == pytest.approx(metric(logits), rel=1e-5)
        patches = tuple(range(len(prefix), len(pair.tokens)))
        logits = pair.after([Spot("tokens", layer, tokens=patches)], 0, direction)
        assert groups[0, layer] == pytest.approx(metric(logits), rel=1e-5)


def test_estimates_are_shares_of_the_way_and_there_at_once():
    pair = random_pair(3)
    widget = vl.Causes(pair)
    assert pair.exchanged == []
    parts, tokens = pair.estimates(2, 4, 0, "noising", "output")
    gap = metric(pair.logits(0)[0]) - metric(pair.logits(0)[1])
    np.testing.assert_allclose(fields(widget, "_parts", 3, 4)[5], -parts / gap, rtol=1e-5)
    np.testing.assert_allclose(fields(widget, "_tokens", 3, 25)[5], -tokens / gap, rtol=1e-5)
    assert np.isnan(fields(widget, "_parts", 3, 4)[:5]).all()
    layer, head = np.unravel_index(np.abs(parts[:, :2]).argmax(), (3, 2))
    assert (widget.layer, widget.head) == (layer, head)


def test_what_is_on_the_list_comes_first_then_the_strongest_estimates():
    pair = random_pair(4)
    widget = vl.Causes(pair, exchanged=[("mlp", 0), ("tokens", 1, [3, 4])])
    finished(widget)
    listed = [Spot("mlp", 0), Spot("tokens", 1, tokens=(3, 4))]
    assert pair.exchanged[:3] == [listed, [listed[0]], [listed[1]]]
    parts, _ = pair.estimates(2, 4, 0, "noising", "output")
    strongest = [np.unravel_index(at, parts.shape) for at in np.argsort(-np.abs(parts), axis=None)]
    named = {0: "head", 1: "head", 2: "attention", 3: "mlp"}
    order = [Spot(named[r], int(k), int(r) if r < 2 else None) for k, r in strongest]
    assert [one for (one,) in pair.exchanged[3:14]] == [p for p in order if p != listed[0]]
    sets = [tuple(one) for one in pair.exchanged]
    assert len(sets) == len(set(sets))  # nothing is run twice


def test_the_list_has_each_place_alone_and_all_together():
    pair = random_pair(6)
    widget = finished(vl.Causes(pair, exchanged=[("head", 1, 0), ("head", 2, 1, "v"), ("mlp", 0)]))
    places = [Spot("head", 1, 0), Spot("head", 2, 1, "v"), Spot("mlp", 0)]
    found = widget._exchange
    assert found["places"] == [["head", 1, 0, "output"], ["head", 2, 1, "v"], ["mlp", 0]]
    alone = [metric(pair.after([place], 0, "noising")) for place in places]
    np.testing.assert_allclose([one[0] for one in found["alone"]], alone, rtol=1e-5)
    logits = pair.after(places, 0, "noising").astype(np.float64)
    assert found["together"]["metric"] == pytest.approx(metric(logits))
    assert found["together"]["top"] == logits.argmax()
    before, after = (np.exp(z) / np.exp(z).sum() for z in (pair.logits(0)[0], logits))
    change = np.abs(after - before)
    change[[2, 4]] = 0
    assert found["together"]["classes"] == [2, 4, int(change.argmax())]
    np.testing.assert_allclose(
        found["together"]["after"], after[found["together"]["classes"]], rtol=1e-5
    )
    n_runs = len(pair.exchanged)
    widget.exchanged = widget.exchanged[:2]
    assert widget._exchange["together"] is None
    widget._go_on({}, [])
    assert pair.exchanged[n_runs:] == [places[:2]]


def test_another_class_needs_no_run_again():
    pair = random_pair(7)
    widget = finished(vl.Causes(pair))
    n_runs = len(pair.exchanged)
    widget.target, widget.against = 1, None
    assert widget._of["target"] == 1
    logits = pair.after([Spot("head", 2, 1)], 0, "noising")
    assert fields(widget, "_parts", 3, 4)[0, 2, 1] == pytest.approx(logits[1], rel=1e-5)
    assert len(pair.exchanged) == n_runs
    with refused(vl.UsageError):
        widget.against = 1  # the target: they would be one class
    assert (widget.target, widget.against) == (1, None)


def test_many_classes_keep_what_matters(monkeypatch):
    monkeypatch.setattr("vitlens_widgets.widgets.causes.answers.MOST_KEPT", 20)
    monkeypatch.setattr("vitlens_widgets.widgets.causes.answers.FIRST", 2)
    pair = random_pair(8, classes=40)
    widget = finished(vl.Causes(pair, target=2, against=4))
    place = Spot("head", 1, 1)
    logits = pair.after([place], 0, "noising").astype(np.float64)
    chance = np.exp(logits) / np.exp(logits).sum()
    expected = [metric(logits), logits.argmax(), chance.max(), chance[2], chance[4]]
    np.testing.assert_allclose(fields(widget, "_parts", 3, 4)[:5, 1, 1], expected, rtol=1e-5)
    widget.target = 33
    assert np.isnan(fields(widget, "_parts", 3, 4)[0]).all()  # to be run again
    finished(widget)
    assert fields(widget, "_parts", 3, 4)[0, 1, 1] == pytest.approx(metric(logits, 33), rel=1e-5)


def test_images_that_get_the_same_answer_have_no_share():
    pair = random_pair(9)
    pair.answers[0, 1] = pair.answers[0, 0]
    widget = vl.Causes(pair, target=2, against=4)
    assert widget._of["has_gap"] is False
    assert widget._progress["left"] == 0
    assert np.isnan(fields(widget, "_parts", 3, 4)).all()


def test_a_failure_is_a_sentence_and_what_was_there_stays():
    pair = random_pair(10)
    widget = vl.Causes(pair)
    widget._go_on({}, [])
    known = widget._parts
    pair.refusal = "Nothing goes any more."
    with refused(vl.UsageError):
        widget.values = "q"
    assert widget.values == "output"
    widget.set_state({"values": "q"})
    assert widget.values == "output"
    assert "Nothing goes any more." in widget.error
    assert widget._parts == known
    message = {"ask": "_go_on", "id": 1, "message": {}}
    widget.exchanged, told = [("mlp", 0), ("mlp", 1)], []
    widget._reply = lambda _content, response, _found: told.append(response)
    widget._on_question(widget, message, [])
    assert told == [{"error": "Nothing goes any more."}]


def test_an_interrupt_stops_and_again_goes_on(monkeypatch):
    pair = random_pair(11)
    widget = vl.Causes(pair)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(widget._work, "go_on", interrupted)
    widget._go_on({}, [])
    assert widget._progress["was_interrupted"]
    monkeypatch.undo()
    widget._go_on({}, [])
    assert pair.exchanged == []
    widget._go_on({"again": True}, [])
    assert pair.exchanged


@pytest.mark.parametrize(
    "given",
    [
        7, [("head", 9, 0)], [("head", 0)], [("head", 0, 5)], [("head", 0, 0, "z")], [("mlp",)],
        [("tokens", 0, [])], [("tokens", 0, [99])], [("all", 3)], [["tokens", 1, "CLS"]],
    ],
)  # fmt: skip
def test_what_is_no_place_is_refused(given):
    widget = vl.Causes(random_pair(1))
    with refused(vl.UsageError):
        widget.exchanged = given
    assert widget.exchanged == []


def test_a_block_without_an_mlp_of_its_own_has_no_such_place():
    with refused(vl.UsageError):
        vl.Causes(random_pair(1, beside=("attention",)), exchanged=[("mlp", 0)])


@pytest.mark.parametrize(
    "choices",
    [
        {"target": 2, "against": 2}, {"names": ("one",)}, {"names": (1, 2)}, {"names": "ab"},
        {"names": ("a", "a ")}, {"part": "neuron"},
        {"direction": "both"}, {"layer": 9}, {"image": 3}, {"values": "z"},
    ],
)  # fmt: skip
def test_bad_choices_are_refused_in_a_sentence(choices):
    with refused(vl.UsageError):
        vl.Causes(random_pair(1), **choices)


def test_a_pair_of_a_batch_is_chosen():
    pair = random_pair(12, images=3)
    widget = finished(vl.Causes(pair, image=1))
    logits = pair.after([Spot("head", 0, 1)], 1, "noising")
    assert fields(widget, "_parts", 3, 4)[0, 0, 1] == pytest.approx(metric(logits), rel=1e-5)
    widget.image = 2
    assert widget._of["image"] == 2
    assert widget._picture == pair.both[2].tobytes()
    finished(widget)
    logits = pair.after([Spot("head", 0, 1)], 2, "noising")
    assert fields(widget, "_parts", 3, 4)[0, 0, 1] == pytest.approx(metric(logits), rel=1e-5)


def test_dropped_tokens_are_not_exchanged():
    tokens = [0, 3, 4, 9, 20]
    pair = random_pair(13, tokens=tokens)
    widget = finished(vl.Causes(pair))
    exchanged = {t for one in pair.exchanged for p in one for t in p.tokens}
    assert exchanged == set(tokens)
    with refused(vl.UsageError):
        widget.exchanged = [("tokens", 0, [1])]


def test_a_page_that_is_interrupted_keeps_what_is_known(monkeypatch):
    pair = random_pair(6)
    widget = vl.Causes(pair)
    exchange = pair.exchange

    def stopped(places, *of):
        for logits in exchange(places, *of):
            if len(pair.exchanged) > 6:
                raise KeyboardInterrupt
            yield logits

    monkeypatch.setattr(pair, "exchange", stopped)
    page = widget.saved()
    known = np.isfinite(fields(widget, "_parts", 3, 4)[0]).sum()
    assert known == 6
    assert page.state["_parts"] == widget._parts
    assert widget._progress["was_interrupted"]


def test_of_very_many_tokens_a_page_has_those_that_matter(monkeypatch):
    monkeypatch.setattr(work, "FEW", 20)
    pair = random_pair(6, rows=5, cols=6)
    widget = vl.Causes(pair, layer=1, head=0, exchanged=[("tokens", 1, [30])])
    estimates = np.abs(widget._work.estimates(widget._now())[1][1])
    widget.saved()
    known = np.isfinite(fields(widget, "_tokens", 3, 31)[0])
    expected = estimates >= estimates.max() / 8
    expected[[0, 30]] = True  # CLS, and what is in the list
    assert 0 < expected.sum() < 31
    assert (known[1] == expected).all()
    assert not known[[0, 2]].any()

"""The search for a circuit, bit by bit: begun, shown, stopped and gone on with."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_causes import random_pair
from vitlens_widgets.widgets.causes import search


@pytest.fixture
def widget(monkeypatch):
    monkeypatch.setattr(search, "AT_ONCE", 0)  # one step at a time
    return vl.Causes(random_pair(11, images=3))


def asked(widget, **message):
    """One message, and whether that was the end."""
    answer, buffers = widget._find_circuit(message, [])
    assert buffers == []
    assert not answer.get("error")
    return answer["is_over"]


def to_the_end(widget, **message):
    sizes, over = [], asked(widget, **message)
    while not over:
        sizes.append(widget._circuit["size"])
        over = asked(widget)
    return sizes


def test_every_step_is_shown(widget):
    assert to_the_end(widget, method="threshold") == [1, 3, 9, 20, 20]
    found = widget._circuit
    assert found["exact"]["sizes"] == [1, 3, 9, 20, found["n_edges"]]
    assert found["exact"]["kept"] == [0, 0.25, 0.5, 0.75, 1]
    assert (found["size"], found["is_finished"], found["is_greedy"]) == (20, True, False)
    assert (found["without"], found["random"]) == (0.1, {"count": 2, "largest": 0.3})
    assert to_the_end(widget, method="greedy") == [18, 15, 12]
    assert (widget._circuit["size"], widget._circuit["is_greedy"]) == (12, True)
    assert widget._circuit["exact"]["sizes"] == [12, 15, 18]


def test_on_the_way_nothing_is_said_that_is_not_known(widget):
    asked(widget, method="threshold")
    found = widget._circuit
    unknown = [found[name] for name in ("without", "answer", "probability", "random")]
    assert unknown == [None] * 4
    assert not found["is_finished"]


def test_it_is_stopped_with_what_was_found_and_gone_on_with(widget):
    asked(widget, method="threshold")
    asked(widget)
    asked(widget)
    assert not asked(widget, stop=True)
    found = widget._circuit
    assert (found["size"], found["exact"]["kept"]) == (9, [0, 0.25, 0.5])
    assert (found["without"], found["answer"], found["random"]) == (0.1, 2, None)
    assert not found["is_finished"]
    assert to_the_end(widget, method="threshold") == [20, 20]
    assert widget._circuit["is_finished"]
    assert len(widget._source.findings) == 1


def test_what_is_found_is_not_looked_for_again(widget):
    to_the_end(widget, method="threshold")
    shown = widget._circuit, widget._circuit_edges
    assert asked(widget, method="threshold")
    assert (widget._circuit, widget._circuit_edges) == shown


def test_a_stop_after_the_end_takes_nothing_away(widget):
    to_the_end(widget, method="threshold")
    shown = widget._circuit
    assert shown["random"] == {"count": 2, "largest": 0.3}
    assert asked(widget, stop=True)
    assert widget._circuit == shown
    assert len(widget.find_circuit().random) == 2
    assert not asked(widget, method="greedy")  # which has found nothing else yet
    asked(widget, stop=True)
    assert widget._circuit["without"] == 0.1


def test_what_runs_outside_has_a_circuit_of_its_own(widget):
    found = {}
    for outside in ("corrupted", "mean", "zero"):
        widget.outside = outside
        assert widget._circuit == {}
        assert widget._circuit_edges == b""
        to_the_end(widget, method="threshold")
        assert widget._circuit["outside"] == outside
        found[outside] = widget._circuit_edges
    assert len(set(found.values())) == 3
    for outside, edges in found.items():
        widget.outside = outside
        assert widget._circuit_edges == edges
    assert widget._source.searches == [(0, "corrupted"), (0, "mean"), (0, "zero")]
    asked(widget, method="threshold", outside="corrupted")  # comes before the choice itself
    assert widget.outside == widget._circuit["outside"] == "corrupted"
    assert "error" in widget._find_circuit({"method": "threshold", "outside": [3]}, [])[0]


def test_another_pair_or_class_has_another_circuit(widget):
    for change in ({"image": 2}, {"target": 1}, {"against": None}):
        asked(widget, method="threshold")
        assert widget._circuit
        widget.set_trait(*next(iter(change.items())))
        assert widget._circuit == {}
        assert asked(widget)  # a page that has not heard of it goes on with nothing
        assert widget._circuit == {}
    assert widget._source.searches == [(0, "corrupted"), (2, "corrupted"), (2, "corrupted")]


@pytest.mark.parametrize("steps", [1, 4, 6])
def test_an_interrupt_keeps_what_was_found(widget, monkeypatch, steps):
    finding = type(widget._source).finding
    made = []

    def stopping(*words):
        made.append(finding(*words))
        made[-1].stops_at = steps
        return made[-1]

    monkeypatch.setattr(type(widget._source), "finding", stopping)
    widget.find_circuit("greedy")
    assert len(widget._circuit["exact"]["sizes"]) in (steps, steps - 5)
    assert not widget._circuit["is_finished"]
    assert widget._circuit["without"] == 0.1
    widget.find_circuit("greedy")
    assert widget._circuit["is_finished"]
    assert widget._circuit["size"] == 12
    assert len(made) == 1


def test_an_interrupt_before_anything_was_found_goes_on(widget, monkeypatch):
    finding = type(widget._source).finding(widget._source, 2, 4, 0, "corrupted")
    finding.stops_at = 0
    monkeypatch.setattr(type(widget._source), "finding", lambda *_: finding)
    with pytest.raises(KeyboardInterrupt):
        widget.find_circuit()
    assert widget._circuit == {}
    widget.find_circuit()
    assert widget._circuit["is_finished"]


def test_what_cannot_run_outside_is_refused(widget):
    alone = vl.Causes(random_pair(4))
    for one, outside in ((widget, "other image"), (alone, "mean")):
        with refused(vl.UsageError):
            one.outside = outside
    with refused(vl.UsageError):
        widget.find_circuit("by lot")


def test_edges_come_by_need(widget):
    to_the_end(widget, method="greedy")
    edges = np.frombuffer(widget._circuit_edges, "<i4").reshape(-1, 3)
    (finding,) = widget._source.findings
    assert len(edges) == len(finding.ranked) == widget._circuit["n_edges"]
    effects = np.frombuffer(widget._circuit_effects, "<f4")
    by_rank = finding.scores.shares[finding.ranked[:, 0], finding.ranked[:, 1]]
    np.testing.assert_allclose(effects, by_rank, rtol=1e-6)  # those that stayed longest come first

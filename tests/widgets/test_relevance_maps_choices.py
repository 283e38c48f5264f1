"""The choices of RelevanceMaps: what they take, and what they say to what they do not take."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from traitlets import TraitError

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_relevance import METHODS, random_relevances

CHOICES = (
    "target", "against", "method", "image", "layer", "head", "token", "show", "scale", "norm",
    "shared", "heads_of",
)  # fmt: skip


@pytest.fixture
def widget(recorded):  # noqa: ARG001  # so that its comm is a recording one
    return vl.RelevanceMaps(random_relevances(5, images=2, tokens=[0, 1, 2, 5, 9, 24]))


def chosen(widget):
    return {name: getattr(widget, name) for name in widget.choices()}


def test_at_first_the_models_answer_is_asked_about_over_all_blocks(widget):
    answer = int(widget._source.probabilities(0).argmax())
    assert chosen(widget) == {
        "target": answer, "against": None, "method": "class_embedding", "image": 0, "layer": 2,
        "head": 0, "token": None, "show": "all", "scale": "linear", "norm": "all",
        "shared": True, "heads_of": "target",
    }  # fmt: skip


def test_choices_are_named_in_the_order_of_their_documentation():
    assert vl.RelevanceMaps.choices() == CHOICES


def test_every_choice_is_a_keyword():
    wanted = {
        "target": 3, "against": 1, "method": "chefer", "image": 1, "layer": 1, "head": 1,
        "token": 24, "show": "head", "scale": "sqrt", "norm": "map", "shared": False,
        "heads_of": "difference",
    }  # fmt: skip
    assert chosen(vl.RelevanceMaps(random_relevances(5, images=2), **wanted)) == wanted


def test_two_classes_are_given_as_a_pair_by_name_or_index():
    widget = vl.RelevanceMaps(random_relevances(), ["thing 3", np.int64(1)])
    assert (widget.target, widget.against) == (3, 1)
    assert "target='thing 3', against='thing 1'" in repr(widget)
    widget.against = None
    assert len(widget.relevance) == 1
    assert vl.RelevanceMaps(random_relevances(), np.array([5, 2])).against == 2
    assert vl.RelevanceMaps(random_relevances(), np.array(4)).target == 4


def test_a_class_is_not_compared_with_itself():
    with refused(vl.UsageError):
        vl.RelevanceMaps(random_relevances(), ["thing 3", 3])
    widget = vl.RelevanceMaps(random_relevances(), [3, 1])
    widget.target = 1  # as a linked widget may ask
    assert (widget.target, widget.against) == (1, 3)
    assert [int(one.target[0]) for one in widget.relevance] == [1, 3]
    widget.against = 1
    assert (widget.target, widget.against) == (3, 1)
    assert widget._maps_of["target"] == 3
    assert widget._maps_of["against"] == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layer", 3),
        ("head", -1),
        ("token", 25),
        ("token", 3),
        ("image", None),
        ("target", "thing 33"),
        ("target", None),
        ("against", 7),
        ("method", "Chever"),
        ("method", 3),
        ("show", "heads"),
        ("scale", "log"),
        ("norm", True),
        ("shared", "yes"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_changes_nothing(widget, name, value):
    before = chosen(widget)
    with refused(TraitError) as refusal:
        setattr(widget, name, value)
    assert isinstance(refusal.value, vl.UsageError)
    assert chosen(widget) == before


def test_a_misspelt_choice_is_refused_with_the_nearest(widget):
    with refused(vl.UsageError):
        widget.metod = "chefer"
    with refused(vl.UsageError):
        vl.RelevanceMaps(random_relevances(), metohd="chefer")


def test_what_is_no_trace_or_no_relevance_of_it_is_refused_in_a_sentence():
    source = random_relevances(1)
    found = source.relevance(source.methods["chefer"], 2)
    other = random_relevances(1, rows=3).relevance(source.methods["chefer"], 2)
    rest = source.relevance(source.methods["rollout"], 2)
    cases = [
        ((np.zeros(3),), {}, "RelevanceMaps shows a trace.*ndarray"),
        ((found,), {}, "give their trace first"),
        ((source,), {"relevance": 3}, "int was given"),
        ((source,), {"relevance": [found] * 3}, "FakeRelevance was given"),
        ((source,), {"relevance": other}, "18 patches|19 tokens"),
        ((source,), {"relevance": [found, rest]}, '"chefer" and "rollout"'),
        ((source, [1, 2, 3]), {}, "3 were given"),
        ((source, []), {}, "0 were given"),
        ((source, {"thing 1": 2}), {}, "target must be a label's name or its index"),
        ((source, 2.5), {}, "target must be a label's name or its index"),
        ((source,), {"n_random": -1}, "n_random must be"),
        ((source,), {"n_random": True}, "n_random must be"),
    ]
    for given, words, _sentence in cases:
        with refused(vl.UsageError):
            vl.RelevanceMaps(*given, **words)


def test_what_was_found_before_is_shown_without_being_found_again():
    source = random_relevances(1, images=2)
    found = [source.relevance(source.methods["chefer"], cls) for cls in (2, 4)]
    source.asked.clear()
    widget = vl.RelevanceMaps(source, relevance=found, image=1)
    assert (widget.method, widget.target, widget.against) == ("chefer", 2, 4)
    assert widget.relevance == found
    assert source.asked == []
    widget.target = 3
    assert source.asked == [("chefer", 3)]


def test_relevance_of_a_method_that_is_not_there_can_be_shown_but_asked_no_more(recorded):  # noqa: ARG001
    source = random_relevances(1)
    found = source.relevance(SimpleNamespace(name="mine"), 2)
    widget = vl.RelevanceMaps(source, relevance=found)
    assert widget.method == "mine"
    widget.target = 3
    assert 'The method "mine" is known by what it found before alone' in widget.error
    assert widget.target == 2
    widget.method = SimpleNamespace(name="mine")
    widget.target = 3
    assert (widget.error, widget.target) == (widget.error, 3)
    assert source.asked[-1] == ("mine", 3)


def test_a_method_of_ones_own_is_known_by_its_name(widget):
    own = SimpleNamespace(name="mine")
    widget.method = own
    assert widget.method == "mine"
    assert list(widget._methods) == [*METHODS, "mine"]
    assert (widget._methods["class_embedding"], widget._methods["mine"]) == (
        "class embedding",
        "mine",
    )
    widget.method = "chefer"
    widget.method = "mine"
    with refused(vl.UsageError):
        widget.method = SimpleNamespace(name="chefer", other=1)


def test_links_by_name(recorded):  # noqa: ARG001
    vit = vl.load("toy/p32")
    trace = vit.trace(vl.world.scene(7).image)
    shown = vl.RelevanceMaps(trace)
    maps, grid = vl.AttentionMaps(trace), vl.PatchGrid(vl.LogitLens(vit).read(trace))
    link = vl.link(shown, maps, grid)
    assert set(link.names) == {"state", "token", "head", "target", "image"}
    shown.layer, shown.head, shown.token, shown.target = 3, 1, 20, "moon"
    assert (maps.layer, maps.head, maps.token, grid.state, grid.token) == (3, 1, 20, 3, 20)
    assert vit.labels[grid.target] == "moon"
    grid.state, maps.head, grid.target = 6, 2, "cat"
    assert (shown.layer, shown.head, vit.labels[shown.target]) == (5, 2, "cat")
    link.unlink()

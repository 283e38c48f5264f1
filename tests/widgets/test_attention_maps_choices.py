"""The choices of AttentionMaps: what they take, and what they say to what they do not take."""

from __future__ import annotations

import numpy as np
import pytest
from traitlets import TraitError

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_maps import random_maps

CHOICES = (
    "layer", "head", "token", "key", "image", "show", "kind", "scale", "norm", "direction",
    "sort", "order", "color",
)  # fmt: skip


@pytest.fixture
def widget(recorded):  # noqa: ARG001  # so that its comm is a recording one
    return vl.AttentionMaps(random_maps(5, images=2, tokens=[0, 1, 2, 5, 9, 24]))


def test_at_first_the_last_layers_first_head_is_shown_in_root_scale_and_nothing_is_pinned(widget):
    assert {name: getattr(widget, name) for name in widget.choices()} == {
        "layer": 2, "head": 0, "token": None, "key": None, "image": 0, "show": "head",
        "kind": "pattern", "scale": "sqrt", "norm": "map", "direction": "to", "sort": "layer",
        "order": "descending", "color": "map",
    }  # fmt: skip


def test_choices_are_named_in_the_order_of_their_documentation():
    assert vl.AttentionMaps.choices() == CHOICES


def test_every_choice_is_a_keyword():
    chosen = {
        "layer": 1, "head": 1, "token": 3, "key": 24, "image": None, "show": "rollout",
        "kind": "scores", "scale": "sqrt", "norm": "layer", "direction": "from",
        "sort": "on_itself", "order": "ascending", "color": "entropy",
    }  # fmt: skip
    widget = vl.AttentionMaps(random_maps(5, images=2), **chosen)
    assert {name: getattr(widget, name) for name in widget.choices()} == chosen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layer", 3),
        ("head", -1),
        ("head", None),
        ("token", 25),
        ("key", 2.5),
        ("key", 3),
        ("image", 2),
        ("kind", "score"),
        ("scale", "sqr"),
        ("norm", True),
        ("sort", "entropie"),
        ("color", 4),
    ],
)
def test_a_bad_choice_is_refused_with_a_sentence_and_changes_nothing(widget, name, value):
    before = {choice: getattr(widget, choice) for choice in CHOICES}
    with refused(vl.UsageError) as refusal:
        setattr(widget, name, value)
    assert isinstance(refusal.value, TraitError)
    assert {choice: getattr(widget, choice) for choice in CHOICES} == before


@pytest.mark.parametrize("number", [1, np.int64(1), np.array(1)])
def test_indices_may_be_any_kind_of_integer(widget, number):
    widget.layer = widget.head = widget.token = widget.image = number
    assert (widget.layer, widget.head, widget.token, widget.image) == (1, 1, 1, 1)
    assert type(widget.token) is int


@pytest.mark.parametrize(
    ("state", "word"),
    [({"layer": 9}, "layer"), ({"token": 3}, "dropped"), ({"sort": "x"}, "sort")],
)
def test_a_bad_choice_from_the_browser_becomes_a_sentence_and_is_taken_back(
    widget, recorded, state, word
):
    comm = recorded(widget)
    before = {name: getattr(widget, name) for name in CHOICES}
    asked = state | {"scale": "linear"}
    comm.handle_msg({"content": {"data": {"method": "update", "state": asked}}})
    assert word in widget.error
    assert {name: getattr(widget, name) for name in CHOICES} == before | {"scale": "linear"}
    merged = {key: sent for update in comm.updates() for key, sent in update.items()}
    assert merged["error"] == widget.error
    assert all(merged[name] == before[name] for name in state)


def test_an_unknown_keyword_is_refused_with_the_nearest_name():
    with refused(vl.UsageError):
        vl.AttentionMaps(random_maps(), heed=1)


@pytest.mark.parametrize("image", [2, -1, 1.0, "0"])
def test_an_image_that_is_not_in_the_batch_is_refused_with_the_range(image):
    with refused(vl.UsageError):
        vl.AttentionMaps(random_maps(images=2), image=image)


def test_bad_choices_are_refused_before_anything_is_computed():
    maps = random_maps()
    for choice in ({"layer": 99}, {"kind": "x"}, {"token": -1}):
        with refused(vl.UsageError):
            vl.AttentionMaps(maps, **choice)
    assert maps.asked == []


def test_something_that_is_no_trace_is_refused_with_the_way_to_one():
    with refused(vl.UsageError):
        vl.AttentionMaps(np.zeros(3))


def test_the_repr_says_what_is_chosen_and_nothing_of_addresses(widget):
    widget.layer, widget.token, widget.sort = 1, 9, "entropy"
    assert repr(widget) == (
        "AttentionMaps(fake/vit, layer=1, head=0, token=(1, 2), key=None, image=0, show='head', "
        "kind='pattern', scale='sqrt', norm='map', direction='to', sort='entropy', "
        "order='descending', color='map')"
    )

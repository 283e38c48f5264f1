"""A browser may set choices and ask; whatever else it sends changes nothing and raises nothing."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.widgets import garbage
from tests.widgets.test_stills import WIDGETS as STILL
from vitlens_widgets.errors import UsageError

WIDGETS = STILL | {
    "Explorer, without classes": lambda: vl.explore(vl.load("toy/mae"), vl.world.scene(7)),
    "Explorer, with an autoencoder": lambda: vl.explore(
        vl.load("toy/p32"), vl.world.scene(7), mae=vl.load("toy/mae")
    ),
}
OTHER = {bytes: b"other", dict: {"other": 1}, list: ["other"], str: "other", int: 41, bool: True}


@pytest.fixture(params=WIDGETS)
def widget(request):
    return WIDGETS[request.param]()


def update(widget, **state):
    """A message by which a page sets traits."""
    widget._handle_msg({"content": {"data": {"method": "update", "state": state}}, "buffers": []})


def not_to_be_set(widget):
    kept = widget.get_state()
    return {n: v for n, v in kept.items() if not widget._is_settable(n) and n != "layout"}


def test_data_that_a_page_sets_stay_and_it_is_told_what_they_are(recorded, widget):
    kept = not_to_be_set(widget)
    assert {"_meta", "_esm"} <= set(kept)
    assert {"_picture", "_painted", "_states"} & set(kept)
    for name, value in kept.items():
        sent = len(recorded(widget).updates())
        update(widget, **{name: OTHER.get(type(value), "other")})
        assert not_to_be_set(widget) == kept
        told = recorded(widget).updates()[sent:]
        assert name == "error" or [set(state) for state in told] == [{name}]


def test_choices_that_come_with_data_are_taken(widget):
    update(widget, _meta={}, **{widget.choices()[0]: getattr(widget, widget.choices()[0])})
    assert widget._meta != {}
    assert widget.error == ""


@pytest.mark.parametrize("kind", WIDGETS)
def test_none_is_refused_or_means_something(kind):
    widget = WIDGETS[kind]()
    for name in widget.choices():
        before = str(getattr(widget, name))
        try:
            setattr(widget, name, None)
        except UsageError:
            assert str(getattr(widget, name)) == before
        assert repr(widget)
    assert widget.still()


@pytest.mark.parametrize("wrong", ["ab", ["ab"], [(0, "1")], [3], 3, [(0, 1, 2)], {"layer": 0}])
def test_what_are_no_heads_is_refused(wrong):
    widget = WIDGETS["Explorer"]()
    with pytest.raises(UsageError):
        widget.knocked_out = wrong
    assert widget.knocked_out == ()


def test_garbage_raises_nothing_and_leaves_valid_choices(caplog, widget):
    garbage.send(widget, seed=7, n=60)
    assert [record for record in caplog.records if record.exc_info] == []
    assert widget.still()

"""Of several pairs: which classes go with each, chosen or not."""

from __future__ import annotations

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_causes import random_pair


def batch():
    """Pair 0 answers 2 and 4, pair 1 answers 5 and 1."""
    pair = random_pair(14, images=2)
    pair.answers[1, :, [2, 4]] -= 7
    pair.answers[1, 0, 5] += 15
    pair.answers[1, 1, 1] += 15
    return pair


def test_classes_that_nobody_chose_go_with_the_pair():
    widget = vl.Causes(batch())
    assert (widget.target, widget.against) == (2, 4)
    widget.image = 1
    fresh = vl.Causes(batch(), image=1)
    assert (widget.target, widget.against) == (fresh.target, fresh.against) == (5, 1)
    assert widget._of == fresh._of
    assert widget._parts == fresh._parts
    widget.image = 0
    assert (widget.target, widget.against) == (2, 4)


def test_classes_that_were_chosen_stay_with_every_pair():
    widget = vl.Causes(batch())
    widget.target = 3
    widget.image = 1
    assert (widget.target, widget.against) == (3, 1)
    widget.against = None
    widget.image = 0
    assert (widget.target, widget.against) == (3, None)
    given = vl.Causes(batch(), against=5)
    given.image = 1  # answered 5: it would be compared with itself
    assert (given.target, given.against) == (2, 5)
    assert given.error == ""


def test_a_pair_that_cannot_be_asked_leaves_the_classes_as_they_were():
    pair = batch()
    widget = vl.Causes(pair)
    pair.refusal = "Nothing goes any more."
    with refused(vl.UsageError):
        widget.image = 1
    assert (widget.image, widget.target, widget.against) == (0, 2, 4)
    pair.refusal = ""
    widget.image = 1
    assert (widget.image, widget.target, widget.against) == (1, 5, 1)

"""What RelevanceMaps sends: the numbers of its source, curves bit by bit, nothing twice."""

from __future__ import annotations

import time

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.widgets.fake_relevance import curve_of, random_relevances
from vitlens_widgets.widgets.relevance_maps import widget as relevance_maps
from vitlens_widgets.widgets.relevance_maps.curves import Growing, go_on

REGISTERS = ("CLS", *(f"register {i}" for i in range(1, 5)))
CASES = {
    "one prefix": {},
    "no prefix": {"prefix": (), "rows": 5, "cols": 3},
    "registers": {"prefix": REGISTERS, "layers": 2, "heads": 5},
    "dropped": {"tokens": [0, 2, 3, 7, 8, 9, 15, 24]},
}


@pytest.fixture(params=CASES, ids=str)
def source(request):
    return random_relevances(3, images=2, **CASES[request.param])


def floats(packed, *shape):
    return np.frombuffer(packed, "<f4").reshape(shape)


def sent(widget):
    """Tokens `[class, token]` and heads `[class, layer, head, token]` as the browser has them."""
    meta, n = widget._meta, len(widget._meta["tokens"])
    classes = 1 if widget.against is None else 2
    heads = floats(widget._heads, -1, meta["n_layers"], meta["n_heads"], n)
    return floats(widget._tokens, classes, n), heads


def test_numbers_are_those_of_the_source(source):
    widget = vl.RelevanceMaps(source, [2, 4], image=1)
    tokens, heads = sent(widget)
    for of_class, found in enumerate(widget.relevance):
        np.testing.assert_array_equal(tokens[of_class], found.tokens[1])
        np.testing.assert_array_equal(heads[of_class], found.heads[1])
    assert widget._meta["tokens"] == source.tokens.tolist()
    np.testing.assert_array_equal(floats(widget._probability, -1), source.probabilities(1))
    picture = np.frombuffer(widget._picture, np.uint8).reshape(*widget._picture_size, 3)
    np.testing.assert_array_equal(picture, source.picture(1))
    assert widget._maps_of == {
        "target": 2, "against": 4, "method": "class_embedding", "image": 1,
    }  # fmt: skip


def test_only_numbers_below_0_are_drawn_on_a_diverging_scale(source):
    widget = vl.RelevanceMaps(source, 2)
    assert widget._is_signed
    widget.method = "chefer"
    assert not widget._is_signed


def test_a_method_without_heads_sends_none(source):
    widget = vl.RelevanceMaps(source, [2, 4], method="headless")
    assert widget._heads == b""
    assert len(widget._tokens) == 2 * 4 * len(source.tokens)


def test_what_was_computed_is_kept(recorded):  # noqa: ARG001
    source = random_relevances(1, images=2)
    widget = vl.RelevanceMaps(source, 2)
    for method in ("chefer", "class_embedding", "chefer"):
        widget.method = method
    widget.against, widget.against = 4, None
    widget.show, widget.layer, widget.head = "head", 0, 1
    widget.image = 1  # what was found is of all images
    assert source.asked == [("class_embedding", 2), ("chefer", 2), ("chefer", 4)]


def test_a_change_arrives_as_one_message_with_what_it_is_of(recorded):
    widget = vl.RelevanceMaps(random_relevances(1, images=2), 2)
    comm = recorded(widget)
    widget.method = "chefer"
    full = [state for state in comm.updates() if "_tokens" in state]
    assert len(full) == 1
    assert full[0]["_maps_of"]["method"] == full[0]["_curves_of"]["method"] == "chefer"
    assert "_picture" not in full[0]


def test_the_models_answer_is_followed_to_other_images_until_a_class_is_chosen(recorded):  # noqa: ARG001
    source = random_relevances(2, images=4)
    answers = [int(source.probabilities(image).argmax()) for image in range(4)]
    assert len(set(answers)) > 1
    widget = vl.RelevanceMaps(source)
    for image in (1, 2, 3, 0):
        widget.image = image
        assert widget.target == answers[image]
        assert widget._maps_of["target"] == answers[image]
        np.testing.assert_array_equal(sent(widget)[0][0], widget.relevance[0].tokens[image])
    widget.target = 5
    widget.image = 2
    assert widget.target == 5


def test_a_failure_is_said_and_leaves_all_as_it_was(recorded):  # noqa: ARG001
    widget = vl.RelevanceMaps(random_relevances(1), 2)
    before = widget.get_state()
    widget.target = 6
    assert widget.error == "Relevance could not be found: The last class is beyond this model."
    assert widget.target == 2
    after = widget.get_state() | {"error": ""}
    assert {name: after[name] for name in before} == before
    widget.target = 3
    assert widget._maps_of["target"] == 3


def test_an_interruption_is_said_and_goes_on(recorded, monkeypatch):  # noqa: ARG001
    source = random_relevances(1)
    widget = vl.RelevanceMaps(source, 2)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(source, "relevance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        widget.target = 3
    assert widget.error.endswith("it was interrupted.")
    assert widget.target == 2


def test_a_choice_from_the_browser_that_cannot_be_taken_becomes_a_sentence(recorded):  # noqa: ARG001
    widget = vl.RelevanceMaps(random_relevances(1), 2)
    widget.set_state({"method": "Chever", "layer": 1})
    assert 'Nearest: "chefer"' in widget.error
    assert (widget.method, widget.layer) == ("class_embedding", 1)


def curves(widget, classes=1):
    """`[class, kind, point]` as the browser has them."""
    return floats(widget._curves, classes, 3, len(widget._curves_of["removed"]))


def test_no_curve_is_computed_before_it_is_asked_for(source):
    widget = vl.RelevanceMaps(source, 2)
    assert widget._curves_of["done"] == 0
    assert not widget._curves_of["is_over"]
    assert np.isnan(curves(widget)).all()


def test_curves_grow_with_each_question_until_they_are_whole(source, monkeypatch):
    monkeypatch.setattr(relevance_maps, "AT_ONCE", 0.0)
    widget = vl.RelevanceMaps(source, [2, 4], image=1)
    removed = np.array(widget._curves_of["removed"])
    wanted = np.stack([curve_of(found, 1, removed) for found in widget.relevance])
    for done in range(1, len(removed) + 1):
        response, _ = widget._go_on({}, [])
        assert widget._curves_of["done"] == done
        assert response == {"is_over": done == len(removed)}
        np.testing.assert_array_equal(curves(widget, 2)[..., :done], wanted[..., :done])
        assert np.isnan(curves(widget, 2)[..., done:]).all()
    falling = np.frombuffer(widget._falling, "<i4").reshape(2, -1)
    for of_class, found in enumerate(widget.relevance):
        np.testing.assert_array_equal(falling[of_class], source.falling(found, 1))
    answers = np.frombuffer(widget._curve_answers, "<i4").reshape(2, 2, -1)
    np.testing.assert_array_equal(answers[0], np.add.outer([0, 1], np.arange(len(removed))) % 7)


@pytest.mark.parametrize(("rows", "points"), [(2, 11), (5, 25), (9, 25)])
def test_a_curve_has_all_points_there_are_or_25(rows, points):
    widget = vl.RelevanceMaps(random_relevances(1, rows=rows), 2)
    assert len(widget._curves_of["removed"]) == 1 + points


def test_curves_are_kept_while_others_are_looked_at(monkeypatch):
    monkeypatch.setattr(relevance_maps, "AT_ONCE", 0.0)
    widget = vl.RelevanceMaps(random_relevances(1), 2, n_points=6)
    for _ in range(3):
        widget._go_on({}, [])
    widget.method = "chefer"
    assert widget._curves_of["done"] == 0
    widget.method = "class_embedding"
    assert widget._curves_of["done"] == 3


def test_without_random_orders_there_is_no_random_curve():
    widget = vl.RelevanceMaps(random_relevances(1), 2, n_random=0)
    widget.saved()
    assert widget._curves_of["is_over"]
    assert np.isnan(curves(widget)[0, 2]).all()
    assert not np.isnan(curves(widget)[0, :2]).any()


def test_curves_that_cannot_be_had_say_why():
    source = random_relevances(1)
    source.refusal = "Tokens have no places."
    widget = vl.RelevanceMaps(source, 2)
    assert widget._go_on({}, [])[0] == {"is_over": True}
    assert widget._curves_of["refused"] == "Tokens have no places."
    assert widget.error == ""


@pytest.mark.usefixtures("recorded")
def test_an_interrupted_curve_says_so_and_begins_anew_when_chosen_again(monkeypatch):
    monkeypatch.setattr(relevance_maps, "AT_ONCE", 0.0)
    source = random_relevances(1)
    widget = vl.RelevanceMaps(source, 2, n_points=5)
    whole = source.removal

    def broken(*given):
        yield next(whole(*given))
        raise KeyboardInterrupt

    monkeypatch.setattr(source, "removal", broken)
    assert widget._go_on({}, []) == ({"is_over": False}, [])
    assert widget._go_on({}, []) == ({"is_over": True}, [])
    assert "interrupted" in widget._curves_of["refused"]
    monkeypatch.setattr(source, "removal", whole)
    widget.target = 3
    widget.target = 2
    assert (widget._curves_of["refused"], widget._curves_of["done"]) == ("", 0)
    widget.saved()
    assert widget._curves_of["done"] == 6


def test_an_interruption_of_a_page_that_is_saved_goes_on(monkeypatch):
    source = random_relevances(1)
    widget = vl.RelevanceMaps(source, 2)
    monkeypatch.setattr(source, "removal", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        widget.saved()


def test_a_curve_that_fails_says_why():
    failed = Growing(lambda: 1 / 0, np.arange(4) / 4)
    go_on([failed], 0)
    assert "division" in failed.refused


def test_time_that_is_given_is_spent_on_all_curves_in_turn(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    source = random_relevances(1)
    found = source.relevance(source.methods["chefer"], 2)
    pair = [
        Growing(lambda: source.removal(found, 0, None, 1), source.removed(None)) for _ in range(2)
    ]
    go_on(pair, 4)
    assert [one.done for one in pair] == [5, 5]


def test_a_page_of_a_large_image_has_few_points_and_the_widget_keeps_its_own(monkeypatch):
    monkeypatch.setattr(relevance_maps, "AT_ONCE", 0.0)
    widget = vl.RelevanceMaps(random_relevances(1, rows=12, cols=9), [2, 3])
    widget._go_on({}, [])
    page = (of_few := widget.saved()).state
    assert "finer removal curves" in of_few.beyond
    saved = page["_curves_of"]
    assert len(saved["removed"]) == saved["done"] == 8
    assert (saved["is_over"], saved["random"]) == (True, 3)
    assert np.isfinite(np.frombuffer(page["_curves"], np.float32).reshape(2, 3, 8)).all()
    kept = widget._curves_of
    assert (len(kept["removed"]), kept["done"], kept["random"]) == (26, 1, 10)
    while not widget._curves_of["is_over"]:
        widget._go_on({}, [])
    whole = widget.saved()
    assert len(whole.state["_curves_of"]["removed"]) == 26
    assert "finer" not in whole.beyond


def test_points_that_were_asked_for_are_saved_whole():
    widget = vl.RelevanceMaps(random_relevances(1, rows=12, cols=9), 2, n_points=11)
    saved = widget.saved().state["_curves_of"]
    assert (len(saved["removed"]), saved["done"], saved["random"]) == (12, 12, 10)

"""Teaching click by click: undo and redo, slots, films, held-out examples; laws by hypothesis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.lenses import taught_by_hand as oracle
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.lenses import Teaching

ROWS, COLS = 3, 5


def traced(**words):
    vit = vl.load(timm_model("CLS", num_classes=0))
    return vit.trace(pixels_for(vit.image_size, 2), preprocessed=True, **words)


TRACE = traced()
FEATURES = vl.read_features(TRACE)
CLICKS = [
    ("⛑️ helmet", 0, (1, 2)),
    ("flag", 1, (0, 3)),
    ("helmet", 1, (2, 4)),
    ("grey wall", 0, (0, 0)),
    ("Flag", 0, (2, 1)),
]
EXAMPLES = {
    "helmet": [(0, (1, 2)), (1, (2, 4))],
    "flag": [(1, (0, 3)), (0, (2, 1))],
    "grey wall": [(0, (0, 0))],
}


def taught(clicks=CLICKS, features=FEATURES, **words):
    teaching = Teaching(features, **words)
    for click in clicks:
        teaching.add(*click)
    return teaching


def test_a_film_answers_by_the_examples_of_each_state_or_of_the_final_one():
    teaching = taught()
    own, final = teaching.film(), teaching.film("final")
    last = oracle.units_of(TRACE, -1, EXAMPLES)
    for k in range(TRACE.n_states):
        units = oracle.unit(oracle.normed(TRACE, k))[:, 1:]
        for film, examples in ((own, oracle.units_of(TRACE, k, EXAMPLES)), (final, last)):
            chances = oracle.softmax(oracle.prototype_logits(examples, units))
            found = film.chances[k].reshape(2, 15, 3)
            np.testing.assert_allclose(found, chances, rtol=0, atol=1e-5)
            assert (film.answers[k].reshape(2, 15) == chances.argmax(-1)).all()
            np.testing.assert_allclose(
                film.probability[k].reshape(2, 15), chances.max(-1), rtol=0, atol=1e-5
            )


def test_it_is_what_the_taught_model_answers():
    for method in ("prototypes", "logistic"):
        teaching = taught(method=method)
        twin = TRACE.vit.taught(teaching.fit())
        reading = vl.LogitLens(twin).read(TRACE)
        chances = teaching.film("final").chances
        for index, one in enumerate(teaching.taught):
            expected = reading.probability(one.name)[:, :, 1:].numpy()
            found = chances[..., index].reshape(*expected.shape)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
        assert [one.name for one in teaching.taught] == list(twin.labels)
        assert tuple(one.emoji for one in teaching.taught) == twin.labels.emoji
        held_out = teaching.held_out()
        assert (held_out.by_final == teaching.fit().held_out().by_final).all()


def test_dropped_patches_and_some_states():
    drop = np.zeros((ROWS, COLS), bool)
    drop[1, 1] = True
    trace = traced(edits=[vl.edits.DropTokens(drop)])
    teaching = taught(features=vl.read_features(trace, states=[1, 3]))
    film = teaching.film("final")
    assert film.answers.shape == (2, 2, ROWS, COLS)
    assert ((film.answers == -1) == drop).all()
    assert (np.isnan(film.probability) == drop).all()
    with refused(vl.UsageError):
        teaching.add("flag", 0, (1, 1))


def test_the_lines_teach_the_same():
    for words in ({}, {"method": "logistic", "readout": "best"}):
        teaching = taught(**words)
        place = {"vl": vl, "vit": TRACE.vit, "images": TRACE}
        exec(teaching.as_python(), place)
        found, own = place["classifier"], teaching.fit()
        assert (found.examples.names, found.examples.clicks) == (
            own.examples.names,
            own.examples.clicks,
        )
        assert found.labels.emoji == own.labels.emoji
        expected = TRACE.answered_by(TRACE.vit.taught(teaching.fit())).logits
        assert (TRACE.answered_by(place["twin"]).logits == expected).all()
        assert place["twin"].readout.name == TRACE.vit.taught(teaching.fit()).readout.name


def test_a_slot_is_a_classs_own_and_is_free_when_it_goes():
    teaching = taught()
    assert [one.slot for one in teaching.classes] == [0, 1, 2]
    teaching.remove_class("helmet")
    assert [(one.name, one.slot) for one in teaching.classes] == [("flag", 1), ("grey wall", 2)]
    teaching.add("rocket", 0, (1, 2))
    assert [(one.name, one.slot) for one in teaching.classes][-1] == ("rocket", 0)
    teaching.remove(0, (0, 0))
    assert [one.name for one in teaching.classes] == ["flag", "grey wall", "rocket"]
    assert [one.name for one in teaching.taught] == ["flag", "rocket"]
    assert teaching.film().chances.shape[-1] == 2
    teaching.rename("grey wall", "🧱 brick")
    teaching.rename("flag", "pennant")
    names = [(one.name, one.emoji, one.slot) for one in teaching.classes]
    assert names[:2] == [("pennant", "", 1), ("brick", "🧱", 2)]


NAMES = st.sampled_from(["helmet", "flag", "wall", "rocket"])
PLACES = st.tuples(st.integers(0, 1), st.tuples(st.integers(0, ROWS - 1), st.integers(0, COLS - 1)))
STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove", "rename", "drop"]), NAMES, PLACES))


def stepped(teaching, steps):
    """How many of the steps were made; those that cannot be change nothing."""
    made = 0
    for what, name, (image, place) in steps:
        before = teaching.classes
        try:
            if what == "add":
                teaching.add(name, image, place)
            elif what == "remove":
                teaching.remove(image, place)
            elif what == "rename":
                teaching.rename(name, f"{name} {place[1]}")
            else:
                teaching.remove_class(name)
            made += 1
        except vl.UsageError:
            assert teaching.classes is before
    return made


@settings(deadline=None, max_examples=40)
@given(STEPS, STEPS, st.integers(0, 4))
def test_undo_is_the_way_back_and_redo_the_way_forth(first, then, times):
    teaching = Teaching(FEATURES)
    stepped(teaching, first)
    before = teaching.classes
    made = stepped(teaching, then)
    after = teaching.classes
    for _ in range(made):
        assert teaching.undo()
    assert teaching.classes == before
    assert teaching.can_redo == (made > 0)
    for _ in range(made):
        assert teaching.redo()
    assert teaching.classes == after
    assert not teaching.redo()
    assert len({one.slot for one in after}) == len(after)
    clicks = [click for one in after for click in one.clicks]
    assert len(set(clicks)) == len(clicks)
    undone = sum(teaching.undo() for _ in range(times))
    if stepped(teaching, [("add", "new thing", (0, (2, 2)))]):
        assert not teaching.can_redo  # what was undone is given up
    assert undone <= times


@settings(deadline=None, max_examples=25)
@given(st.permutations(CLICKS))
def test_the_order_of_clicks_does_not_matter_to_the_fit(clicks):
    usual, other = taught(), taught(clicks)
    names = [one.name.casefold() for one in usual.taught]
    place = [[one.name.casefold() for one in other.taught].index(name) for name in names]
    found = other.film().chances[..., place]
    np.testing.assert_allclose(found, usual.film().chances, rtol=0, atol=1e-5)


@settings(deadline=None, max_examples=25)
@given(STEPS)
def test_what_is_found_belongs_to_the_classes_as_they_are(steps):
    teaching = Teaching(FEATURES)
    for step in steps:
        stepped(teaching, [step])
        if not teaching.taught:
            continue
        fresh = Teaching(FEATURES)
        for one in teaching.classes:
            for image, token in one.clicks:
                fresh.add(one.name, image, token)
        np.testing.assert_array_equal(teaching.film().answers, fresh.film().answers)
        assert fresh.fit().examples.clicks == teaching.fit().examples.clicks


def test_in_a_single_image_the_patch_alone_is_an_example():
    vit = vl.load(timm_model("CLS"))
    one = Teaching(vl.read_features(vit.trace(pixels_for((48, 80), 1), preprocessed=True)))
    one.add("eye", (1, 1))
    one.add("eye", (1, 2))
    one.remove((1, 1))
    assert [c.clicks for c in one.classes] == [((0, vit.layout.token(1, 2)),)]
    two = Teaching(vl.read_features(vit.trace(pixels_for((48, 80), 2), preprocessed=True)))
    for change in (lambda: two.add("eye", (1, 1)), lambda: two.remove((1, 1))):
        with refused(vl.UsageError):
            change()
    assert not two.classes


def test_what_cannot_be_taught_is_refused():
    teaching = taught()
    for act in (
        lambda: teaching.add("dog", 0, (1, 2)),
        lambda: teaching.add("flag", 1, (0, 3)),
        lambda: teaching.add("flag", 2, 3),
        lambda: teaching.add("flag", 0, "CLS"),
        lambda: teaching.add("", 0, 3),
        lambda: teaching.remove(0, 9),
        lambda: teaching.remove_class("helmt"),
        lambda: teaching.rename("helmet", "FLAG"),
        lambda: teaching.film("middle"),
        lambda: Teaching(FEATURES).fit(),
        lambda: Teaching(FEATURES, method="svm"),
        lambda: Teaching(TRACE),
    ):
        with refused(vl.UsageError):
            act()
    assert not Teaching(FEATURES).undo()


@pytest.mark.parametrize("name", ["traffic light 🚦", "🚦 traffic light", "traffic light"])
def test_an_emoji_goes_before_or_after_the_name(name):
    teaching = taught([(name, 0, (1, 1))])
    assert (teaching.classes[0].name, teaching.classes[0].emoji) == ("traffic light", "🚦")
    assert '"traffic light"' in teaching.as_python()

"""The choices of PatchGrid: what they take, and what they say to what they do not take."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from traitlets import TraitError

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_reading import FakeLabels, random_reading

NAMES = ["cat", "dog", "tree", "house", "boat"]


@pytest.fixture
def grid():
    reading = random_reading(5, states=4, rows=3, cols=5, classes=5, labels=FakeLabels(NAMES))
    return vl.PatchGrid(reading)


def test_at_first_the_final_state_and_the_models_own_answer_are_shown(grid):
    readout = random_reading(5, states=4, rows=3, cols=5, classes=5).readout
    assert grid.state == 3
    assert grid.token is None
    assert grid.target == int(np.argmax(readout.logits(3)[0]))
    assert (grid.glyph, grid.tint) == ("emoji", "probability")


def test_a_target_is_set_by_name_or_index_and_read_as_index(grid):
    grid.target = "house"
    assert grid.target == 3
    grid.target = 1
    assert grid.target == 1


@pytest.mark.parametrize("number", [2, np.int64(2), np.array(2), torch.tensor(2)])
def test_indices_may_be_any_kind_of_integer(grid, number):
    grid.state = grid.token = grid.target = number
    assert (grid.state, grid.token, grid.target) == (2, 2, 2)
    assert type(grid.state) is int


OF_STATE = 'state must be the index of a state, 0 to 3, or its name, "0_pre" to "final"'


@pytest.mark.parametrize(
    ("name", "index"), [("0_pre", 0), ("2_pre", 2), ("final", 3), (-1, 3), (-4, 0)]
)
def test_a_state_is_chosen_by_its_name_or_from_the_end_too(grid, name, index):
    grid.state = name
    assert grid.state == index
    assert f"state={['0_pre', '1_pre', '2_pre', 'final'][index]!r}" in repr(grid)


@pytest.mark.parametrize("prefix", [(), ("CLS",), ("CLS", *(f"register {i}" for i in range(1, 5)))])
def test_a_token_is_chosen_by_row_and_column_or_name_too_and_said_so(prefix):
    grid = vl.PatchGrid(random_reading(5, rows=3, cols=5, prefix=prefix), token=(2, 1))
    assert grid.token == len(prefix) + 2 * 5 + 1
    assert "token=(2, 1)" in repr(grid)
    grid.token = [0, np.int64(4)]
    assert grid.token == len(prefix) + 4
    for index, name in enumerate(prefix):
        grid.token = name.upper()
        assert grid.token == index
        assert f"token={name!r}" in repr(grid)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", 4),
        ("state", -5),
        ("state", "2_per"),
        ("state", None),
        ("state", True),
        ("token", 16),
        ("token", 1.5),
        ("token", -1),
        ("token", (3, 0)),
        ("token", (0, -1)),
        ("token", (1, 2, 3)),
        ("token", "CLD"),
        ("target", "dgo"),
        ("target", 5),
        ("target", None),
        ("glyph", "emojis"),
        ("tint", "entropie"),
        ("tint", 3),
    ],
)
def test_a_bad_choice_is_refused_with_a_sentence_and_changes_nothing(grid, name, value):
    before = {choice: getattr(grid, choice) for choice in grid.choices()}
    with refused(vl.UsageError) as refusal:
        setattr(grid, name, value)
    assert isinstance(refusal.value, TraitError)
    assert {choice: getattr(grid, choice) for choice in grid.choices()} == before
    assert grid.error == ""


def test_choices_are_keywords_and_refused_there_too():
    reading = random_reading(labels=FakeLabels([*NAMES, "key", "car"]))
    grid = vl.PatchGrid(reading, state=1, token=7, target="key", glyph="label", tint="kl")
    chosen = [getattr(grid, name) for name in ("state", "token", "target", "glyph", "tint")]
    assert chosen == [1, 7, 5, "label", "kl"]
    with refused(vl.UsageError):
        vl.PatchGrid(reading, state=99)


def test_an_unknown_keyword_is_refused_with_the_nearest_name():
    with refused(vl.UsageError):
        vl.PatchGrid(random_reading(), stat=2)


@pytest.mark.parametrize("image", [2, -1, 1.0, "0"])
def test_an_image_that_is_not_in_the_batch_is_refused_with_the_range(image):
    with refused(vl.UsageError):
        vl.PatchGrid(random_reading(images=2), image=image)


def test_something_that_is_no_reading_is_refused_with_the_way_to_one():
    with refused(vl.UsageError):
        vl.PatchGrid(np.zeros(3))


def test_a_misspelt_choice_is_refused_and_changes_nothing(grid):
    with refused(vl.UsageError):
        grid.staet = 2
    assert not hasattr(grid, "staet")


def test_the_repr_says_what_is_chosen_and_nothing_of_addresses(grid):
    grid.state, grid.token, grid.target = 1, 6, "tree"
    assert repr(grid) == (
        "PatchGrid(logit lens of fake/vit, state='1_pre', token=(1, 0), target='tree', image=0, "
        "glyph='emoji', tint='probability')"
    )


def test_the_choices_are_named_in_the_order_of_their_documentation():
    assert vl.PatchGrid.choices() == (
        *("state", "token", "target", "image", "glyph", "tint", "prompts"),
        *("lens", "beside", "difference"),
    )

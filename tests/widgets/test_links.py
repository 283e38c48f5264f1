"""`link`: what is selected in one widget is selected in the others, where it means the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_infilling import random_infilling
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_reading import FakeLabels, random_reading
from tests.widgets.several_lenses import NAMES, several_readings
from vitlens_widgets.widgets.shared.meanings import TokenMeaning

GRID = {"rows": 4, "cols": 6}


@pytest.fixture(scope="module")
def views():
    """Two grids, two maps and an explorer, all of one image and one model."""
    vit = vl.load("toy/p32")
    scene = vl.world.scene(7, objects=2)
    trace = vit.trace(scene.image)
    reading = vl.LogitLens(vit).read(trace)
    made = [vl.PatchGrid(reading), vl.PatchGrid(reading)]
    made += [vl.AttentionMaps(trace), vl.AttentionMaps(trace)]
    return [*made, vl.explore(vit, scene)]


@pytest.fixture
def linked(views):
    """Those five, linked for one test."""
    link = vl.link(*views)
    yield views
    link.unlink()


CHANGES = st.one_of(
    st.tuples(st.just("state"), st.integers(0, 6)),
    st.tuples(st.sampled_from(["token", "key"]), st.none() | st.integers(0, 49)),
    st.tuples(st.just("head"), st.integers(0, 2)),
    st.tuples(st.just("target"), st.integers(0, 16)),
)


@given(changes=st.lists(st.tuples(st.integers(0, 4), CHANGES), max_size=6))
@settings(deadline=None, max_examples=40)
def test_after_any_changes_all_show_the_same(views, changes):
    link = vl.link(*views)
    try:
        for index, (name, value) in changes:
            widget = views[index]
            is_block = name == "state" and isinstance(widget, vl.AttentionMaps)
            trait, wanted = ("layer", min(value, 5)) if is_block else (name, value)
            if trait not in widget.choices():
                continue
            setattr(widget, trait, wanted)
            assert getattr(widget, trait) == wanted
    finally:
        link.unlink()
    for name in ("token", "key", "head", "target"):
        assert len({getattr(w, name) for w in views if name in w.choices()}) == 1
    states = {w.state for w in views if not isinstance(w, vl.AttentionMaps)}
    blocks = {w.layer for w in views if isinstance(w, vl.AttentionMaps)}
    assert len(states) == len(blocks) == 1
    assert min(states.pop(), 5) == blocks.pop()


def test_a_state_goes_with_its_block_and_final_with_the_last(linked):
    grid, maps, explorer = linked[0], linked[2], linked[4]
    for state, block in [(6, 5), (5, 5), (0, 0), (3, 3)]:
        grid.state = state
        assert (maps.layer, explorer.state) == (block, state)
    maps.layer = 5
    assert grid.state == 5
    grid.state = 6
    maps.head = 1  # `final` stays when something else changes
    assert (grid.state, explorer.head) == (6, 1)


@pytest.mark.parametrize("name", ["state", "layer"])
def test_either_word_links_states_with_layers(views, name):
    grid, maps = views[0], views[2]
    link = vl.link(grid, maps, names=name)
    grid.state = "2_pre"
    assert (link.names, maps.layer) == (("state",), 2)
    link.unlink()


def test_all_take_what_the_first_has_and_keep_it_after_the_end(views):
    grid, maps = views[0], views[2]
    grid.state, grid.token, maps.layer, maps.token = 2, 11, 4, 30
    link = vl.link(maps, grid)
    assert (grid.state, grid.token) == (4, 30)
    assert repr(link) == "Link(AttentionMaps, PatchGrid; state, token, image)"
    assert link in grid.links
    link.unlink()
    link.unlink()
    grid.token = 12
    assert maps.token == 30
    assert grid.links == maps.links == []
    assert repr(link) == "Link(AttentionMaps, PatchGrid; ended)"


def test_only_what_is_named_is_linked(views):
    grid, other = views[:2]
    link = vl.link(grid, other, names="target")
    grid.token, grid.target = 20, "cat"
    other.token = 21
    assert (grid.token, other.target) == (20, grid.target)
    link.unlink()


def test_a_choice_of_the_browser_is_made_in_the_others_once(linked, recorded):
    del recorded
    seen = []
    linked[0].observe(lambda change: seen.append(change["new"]), "token")
    linked[2].set_state({"token": 17, "key": 18})
    assert [w.token for w in linked] == [17] * 5
    assert linked[4].key == 18
    assert seen in ([17], [])
    linked[0].unobserve_all("token")


def test_where_one_cannot_follow_none_is_left_elsewhere(linked, monkeypatch):
    grid, explorer = linked[0], linked[4]
    grid.target = 3

    def fails(*_):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(explorer, "_baseline_target", {"_target_of": 3})
    monkeypatch.setattr(type(explorer._runs.baseline), "target", fails)
    with refused(vl.UsageError):
        grid.target = 4
    assert [w.target for w in (grid, linked[1], explorer)] == [3, 3, 3]


def test_batches_are_shown_at_one_image_and_the_mean_only_where_it_is_known():
    maps = [vl.AttentionMaps(random_maps(0, images=3, **GRID)) for _ in range(2)]
    strip = vl.InfillStrip(random_infilling(0, images=3))
    link = vl.link(*maps, strip, names=["image"])
    maps[0].image = 2
    assert (maps[1].image, strip.image) == (2, 2)
    maps[1].image = None
    assert (maps[0].image, strip.image) == (None, 2)
    strip.image = 1
    assert [one.image for one in maps] == [1, 1]
    link.unlink()


def test_models_of_other_names_are_linked_by_what_means_the_same():
    one, other = (vl.PatchGrid(random_reading(4)) for _ in range(2))
    link = vl.link(one, other)
    one.state = 1
    assert other.state == 1
    link.unlink()


def grids(**other):
    return [vl.PatchGrid(random_reading(1, **GRID)), vl.PatchGrid(random_reading(1, **other))]


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: [1, 2], None),
        (lambda: grids(**GRID)[:1], None),
        (lambda: grids(**GRID)[:1] * 2, None),
        (lambda: [], None),
        (lambda: grids(**GRID), "states"),
        (lambda: grids(**GRID), []),
        (lambda: grids(**GRID), ["layer"]),
        (lambda: grids(**GRID), ["head"]),
        (lambda: grids(rows=6, cols=4), None),
        (lambda: grids(states=9, **GRID), None),
        (lambda: grids(labels=FakeLabels([f"other {i}" for i in range(7)]), **GRID), None),
        (lambda: [vl.PatchGrid(random_reading(seed, **GRID)) for seed in (1, 2)], None),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_linked(make, names):
    widgets = make()
    with refused(vl.UsageError):
        vl.link(*widgets, names=names)
    assert all(not w.links for w in widgets if isinstance(w, vl.PatchGrid))


def test_different_images_are_linked_by_what_is_named():
    one, other = (vl.PatchGrid(random_reading(seed, **GRID)) for seed in (1, 2))
    vl.link(one, other, names=["state", "token"])
    one.token = 5
    assert other.token == 5


def at_size(seed, width, height):
    """A place on a scene that was resized."""
    image = Image.fromarray(np.asarray(vl.world.scene(seed, objects=2).image))
    shown = np.asarray(image.resize((width, height)))
    return TokenMeaning(vl.TokenLayout(4, 6, ("CLS",)), (0,), lambda: [shown])


@pytest.mark.parametrize("small", [(48, 32), (96, 64)])
@pytest.mark.parametrize("large", [(192, 128), (384, 256)])
def test_the_same_image_at_another_size_is_the_same_image(small, large):
    assert not at_size(7, *small).shows_another_image(at_size(7, *large))
    assert at_size(7, *small).shows_another_image(at_size(8, *large))


class TestLens:
    """Of widgets with several lenses: the one that is shown, by its name."""

    def test_the_lens_that_is_shown_is_the_same_in_all(self):
        one, other = (vl.PatchGrid(several_readings(), beside=lens) for lens in NAMES[1:])
        link = vl.link(one, other)
        assert link.names == ("state", "token", "target", "image", "lens")
        other.lens = NAMES[1]
        assert (one.lens, one.beside) == (NAMES[1], NAMES[0])  # the two change places
        one.lens = NAMES[2]
        assert (other.lens, other.beside) == (NAMES[2], NAMES[1])

    def test_a_lens_that_the_other_does_not_have_leaves_what_it_shows(self):
        names = (*NAMES[:2], "my lens")
        all_three, others = (vl.PatchGrid(several_readings(names=of)) for of in (NAMES, names))
        vl.link(all_three, others, names="lens")
        all_three.lens = NAMES[2]
        assert (all_three.lens, others.lens) == (NAMES[2], NAMES[0])
        all_three.lens = NAMES[1]
        assert others.lens == NAMES[1]

    def test_one_lens_is_no_choice(self):
        several, one = vl.PatchGrid(several_readings()), vl.PatchGrid(random_reading(0))
        assert "lens" not in vl.link(several, one).names
        with refused(vl.UsageError):
            vl.link(several, one, names="lens")

    def test_lenses_of_which_none_is_the_same(self):
        one, other = (vl.PatchGrid(several_readings(names=of)) for of in (("a", "b"), ("c", "d")))
        with refused(vl.UsageError):
            vl.link(one, other, names="lens")

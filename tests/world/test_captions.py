"""Captions say what is there and nothing else, in words that are all known."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sentences import refused
from vitlens_widgets import UsageError, world
from vitlens_widgets.world.captions import (
    PATTERNS,
    WORDS,
    caption,
    check_words,
    class_prompts,
    foil_of,
    in_words,
    thing_prompt,
    told_of,
    words_of,
)
from vitlens_widgets.world.description import (
    COLORS,
    FACTS,
    NOTHING,
    PLACES,
    SHADES,
    ColorName,
    Description,
    Thing,
    fact,
    holds,
    named_color,
)
from vitlens_widgets.world.labels import CLASSES

level = st.integers(0, 255)


@pytest.mark.parametrize(
    ("color", "name", "shade"),
    [
        ((250, 20, 20), "red", ""),
        ((250, 20, 60), "red", ""),  # on the other side of hue 0
        ((255, 140, 0), "orange", ""),
        ((170, 95, 10), "brown", ""),
        ((100, 55, 5), "brown", "dark"),
        ((240, 230, 20), "yellow", ""),
        ((30, 200, 40), "green", ""),
        ((20, 90, 25), "green", "dark"),
        ((30, 210, 200), "turquoise", ""),
        ((150, 190, 250), "blue", "pale"),
        ((130, 40, 230), "purple", ""),
        ((240, 60, 170), "pink", ""),
        ((200, 205, 200), "grey", ""),
        ((60, 60, 65), "grey", "dark"),
    ],
)
def test_colours_have_the_names_that_people_give_them(color, name, shade):
    assert named_color(color) == ColorName(name, shade)


@given(level, level, level)
def test_every_colour_has_a_name(red, green, blue):
    named = named_color((red, green, blue))
    assert named.name in COLORS
    assert named.shade in ("", *SHADES)
    assert named_color((red, red, red)).name == "grey"


def centre(scene: world.Scene, thing: int) -> tuple[int, int]:
    """Of the box around what can be seen of a thing: its row and column among three."""
    rows, cols = np.nonzero(scene.instance_mask == thing + 1)
    height, width = scene.instance_mask.shape
    across = ((rows.min() + rows.max()) / 2 / height, (cols.min() + cols.max()) / 2 / width)
    return tuple(int(at >= 0.4) + int(at > 0.6) for at in across)


def test_a_place_is_where_the_mask_has_the_thing():
    """The box of a thing need not be centred on its pose, so a few may be off by one ninth."""
    found = []
    for seed in range(60):
        made = world.scene(seed, 1 + seed % 2, (90, 130))
        for number, thing in enumerate(made.description.things):
            row, col = centre(made, number)
            told = divmod(PLACES.index(thing.place), 3)
            found.append(told == (row, col))
            assert max(abs(told[0] - row), abs(told[1] - col)) <= 1
    assert np.mean(found) > 0.9


def test_a_size_grows_with_the_share_of_the_picture():
    areas = {"small": [], "medium": [], "large": []}
    for seed in range(80):
        made = world.scene(seed, size=64, classes="apple")
        areas[made.description.things[0].size].append((made.instance_mask == 1).mean())
    assert max(areas["small"]) < min(areas["medium"])
    assert max(areas["medium"]) < min(areas["large"])


def test_a_description_follows_what_is_changed():
    made = world.scene(5, objects=2, classes=["cat", "key"])
    cat, key = made.description.things
    (alone,) = world.without(made, "cat").description.things
    assert alone == key
    turned = world.recoloured(made, "cat").description.things
    assert turned[0].color.name != cat.color.name
    assert (turned[0].place, turned[1]) == (cat.place, key)
    swapped = world.swapped(made, "key", "sun").description.things[1]
    assert (swapped.name, swapped.size, swapped.place) == ("sun", key.size, key.place)
    right = world.moved(world.scene(7, size=64), 0, right=0.3).description.things[0]
    assert PLACES.index(right.place) > PLACES.index(world.scene(7).description.things[0].place)
    gone = world.without(world.without(made, "cat"), "key")
    assert caption(gone).startswith("nothing")


def test_what_is_behind_is_named_by_its_pixels():
    for seed in range(40):
        made = world.scene(seed, size=96)
        if made.description.pattern == "flat" and len(made.description.colors) == 1:
            behind = made.image[made.instance_mask == 0]
            middle = tuple(int(level) for level in np.median(behind, axis=0))
            near = {named_color(tuple(np.clip(np.add(middle, d), 0, 255))) for d in (-9, 0, 9)}
            assert made.description.colors[0] in near, seed


def test_the_plain_caption_tells_every_detail():
    for seed in range(40):
        made = world.scene(seed, 1 + seed % 3, 64)
        text = caption(made)
        for thing in made.description.things:
            color = f"{thing.color.shade} {thing.color.name}".strip()
            place = "in the middle" if thing.place == "middle" else f"at the {thing.place}"
            assert f"{thing.size} {color} {thing.name} {place}" in text
        end = PATTERNS.get(made.description.pattern, made.description.colors[-1].name)
        assert text.endswith(end)
        assert caption(made, wording=3) == caption(made, wording=3)


@given(st.integers(0, 2**40), st.integers(1, 3), st.integers(0, 2**20))
def test_no_wording_tells_what_is_not_there(seed, objects, wording):
    made = world.scene(seed, objects, 16)
    text = caption(made, wording)
    check_words(text)
    words, description = set(words_of(text)), made.description
    facts = [thing.color for thing in description.things] + list(description.colors)
    assert words & set(COLORS) <= {color.name for color in facts}
    assert words & set(SHADES) <= {color.shade for color in facts}
    assert words & set(CLASSES) <= set(made.names)
    assert words & set(CLASSES)
    assert words & set(PATTERNS.values()) <= {PATTERNS.get(description.pattern)}
    sides = {side for thing in description.things for side in thing.place.split()}
    told = words & {"top", "bottom", "left", "right", "middle"}
    assert told - {"middle"} <= sides
    assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|  |^ | $", text), text


def test_one_scene_has_many_wordings_some_of_them_brief():
    made = world.scene(3, objects=2)
    texts = [caption(made, wording) for wording in range(300)]
    assert len(set(texts)) > 150
    lengths = [len(words_of(text)) for text in texts]
    assert min(lengths) < 5
    assert max(lengths) > 20


CAT = Thing("cat", ColorName("red", "dark"), "small", "top")
DOG = Thing("dog", ColorName("blue"), "large", "left")
SHOWN = Description((CAT, DOG), (ColorName("grey"), ColorName("pink", "pale")), "stripes")
CAT_ALONE = Thing("cat", ColorName(""), "", "")


@pytest.mark.parametrize(
    ("told", "true"),
    [
        (SHOWN, True),
        (Description((CAT_ALONE,), (), ""), True),
        (Description((DOG, CAT_ALONE), (), ""), True),  # in any order
        (Description((CAT_ALONE, CAT_ALONE), (), ""), False),  # one is shown
        (Description((replace(CAT_ALONE, color=ColorName("red")),), (), ""), True),
        (Description((replace(CAT_ALONE, color=ColorName("red", "pale")),), (), ""), False),
        (Description((replace(CAT_ALONE, color=ColorName("blue")),), (), ""), False),
        (Description((replace(CAT_ALONE, place="left"),), (), ""), False),
        (Description((replace(DOG, size="small"),), (), ""), False),
        (Description((CAT,), (ColorName("pink"), ColorName("grey")), ""), True),
        (Description((CAT,), (ColorName("pink"),), ""), False),  # that would be all of it
        (Description((CAT,), SHOWN.colors, "checks"), False),
        (Description((CAT,), (), "checks"), False),
        (Description((CAT,), (), "stripes"), True),
        (NOTHING, False),
    ],
)
def test_what_is_told_holds_or_not(told, true):
    assert holds(told, SHOWN) is true
    assert holds(NOTHING, NOTHING)


@given(st.integers(0, 2**30), st.integers(1, 3), st.integers(0, 2**20))
def test_a_caption_is_true_of_its_scene_and_its_foil_is_not(seed, objects, wording):
    made = world.scene(seed, objects, 16)
    told = told_of(made, wording)
    assert in_words(told, (wording, seed)) == caption(made, wording)
    assert holds(told, made.description)
    foil = foil_of(told, made.description, np.random.default_rng(wording))
    assert not holds(foil, made.description)
    facts = [
        (fact(one, what), fact(other, what))
        for one, other in zip(told.things, foil.things, strict=True)
        for what in FACTS
    ]
    assert [bool(one) for one, _ in facts] == [bool(other) for _, other in facts]
    assert sum(one != other for one, other in facts) == 1
    check_words(in_words(foil, (wording, seed)))


def test_captions_of_held_out_scenes_tell_them_apart():
    texts = [caption(world.scene(seed, 1 + seed % 2, 16)) for seed in range(256)]
    assert len(set(texts)) == 256


def test_prompts_are_captions():
    assert class_prompts()["apple"] == "an apple"
    assert list(class_prompts()) == list(CLASSES)
    assert thing_prompt("key", color="orange") == "an orange key"
    assert thing_prompt("key", place="top left") == "a key at the top left"
    assert thing_prompt("sun", place="middle") == "a sun in the middle"
    assert len(WORDS) == len(set(WORDS)) < 80


def test_what_is_no_scene_or_no_wording_is_refused():
    with refused(UsageError):
        caption("a cat")
    with refused(UsageError):
        caption(world.scene(1), wording=-1)
    with refused(UsageError):
        check_words("a blue dragon")

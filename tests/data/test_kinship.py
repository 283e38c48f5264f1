"""How near classes are in WordNet: its definition on a drawn tree, and numbers known from NLTK."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitlens_widgets.data import Kinship, LabelSet
from vitlens_widgets.data.wordnet import build
from vitlens_widgets.data.wordnet.nouns import nouns, parsed, senses, written

TREE = {
    "tabby": ["house cat"],
    "house cat": ["cat", "pet"],
    "lion": ["cat"],
    "cat": ["animal"],
    "goldfish": ["fish", "pet"],
    "fish": ["animal"],
    "pet": ["animal"],
}
SENSES = ["tabby", "lion", "goldfish", None, "stone", "cat"]


def by_matrix(kinds, senses):
    """Similarities by min-plus products of the steps up, `[class, class]`; 0 where no way leads."""
    names = sorted(
        {*kinds, *(kind for above in kinds.values() for kind in above), *senses} - {None}
    )
    place = {name: i for i, name in enumerate(names)}
    up = np.where(np.eye(len(names), dtype=bool), 0.0, np.inf)
    for name, several in kinds.items():
        up[place[name], [place[kind] for kind in several]] = 1
    for middle in range(len(names)):  # Floyd and Warshall
        up = np.minimum(up, up[:, [middle]] + up[[middle]])
    apart = (up[:, None] + up[None]).min(-1)
    found = np.eye(len(senses))
    for (i, one), (j, other) in product(enumerate(senses), repeat=2):
        if i != j and one and other:
            found[i, j] = 1 / (apart[place[one], place[other]] + 1)
    return found


def similarities(kinship):
    n = range(len(kinship))
    return np.array([[kinship.similarity(i, j) for j in n] for i in n])


def test_the_shortest_way_leads_over_a_shared_kind():
    kinship = Kinship(SENSES, TREE)
    np.testing.assert_allclose(similarities(kinship), by_matrix(TREE, SENSES))
    assert kinship.distance(0, 1) == 3  # tabby, house cat, cat, lion
    assert kinship.shared(0, 1) == "cat"
    assert (kinship.distance(0, 2), kinship.shared(0, 2)) == (3, "pet")
    assert kinship.distance(0, 5) == 2
    assert kinship.similarity(3, 3) == 1
    assert kinship.similarity(0, 3) == kinship.similarity(0, 4) == 0
    assert kinship.shared(0, 4) == ""


@given(st.data())
def test_it_is_symmetric_and_as_a_matrix_finds_it(data):
    names = [str(i) for i in range(8)]
    kinds = {
        name: data.draw(st.lists(st.sampled_from(names[:i]), max_size=3, unique=True))
        for i, name in enumerate(names)
        if i
    }
    kinship = Kinship(names, kinds)
    found = similarities(kinship)
    np.testing.assert_allclose(found, by_matrix(kinds, names))
    np.testing.assert_array_equal(found, found.T)


def test_it_is_what_nltk_says_of_wordnet():
    """Of dog.n.01 and cat.n.01, in NLTK's documentation ("WordNet Interface")."""
    world = LabelSet.known("world")
    kinship = Kinship.of(world)
    assert kinship.similarity(world.index("cat"), world.index("dog")) == pytest.approx(0.2)
    assert kinship.shared(world.index("cat"), world.index("dog")) == "carnivore"


def test_every_class_of_imagenet_has_its_noun():
    labels = LabelSet.known("imagenet-1k")
    found = senses("imagenet-1k")
    assert sorted(found) == list(range(1000))
    for index, offset in found.items():
        assert nouns()[offset].name.casefold() == labels.description(index).split(",")[0].casefold()
    assert [name for name, noun in nouns().items() if not noun.kinds] == ["00001740"]  # entity
    assert {kind for noun in nouns().values() for kind in noun.kinds} <= set(nouns())


def test_imagenet_is_recognised_by_its_names():
    known = LabelSet.known("imagenet-1k")
    alone = LabelSet.of([known.description(i).split(",")[0] for i in range(1000)] + ["nothing"])
    kinship = Kinship.of(alone)
    tabby, egyptian = known.index("tabby"), known.index("Egyptian cat")
    assert kinship.similarity(tabby, egyptian) == pytest.approx(1 / 3)  # both are domestic cats
    assert kinship.shared(tabby, egyptian) == "domestic cat"
    assert kinship.similarity(tabby, 1000) == 0
    assert Kinship.of(LabelSet.of(["cat", "dog"])) is None


def test_the_things_of_the_world_have_the_sense_that_is_drawn():
    world = LabelSet.known("world")
    found = senses("world")
    assert [nouns()[found[i]].name.casefold() for i in range(16)] == list(world)[:16]
    assert 16 not in found
    kinship = Kinship.of(world)
    star, sun, heart, key = (world.index(name) for name in ("star", "sun", "heart", "key"))
    assert kinship.similarity(star, sun) == 0.5  # the sun is a star
    assert kinship.shared(heart, key) == "entity"  # the heart is a figure, not an organ


EXCERPT = """\
  1 This software and database is being provided to you, the LICENSEE, by
00001740 03 n 01 entity 0 001 ~ 00001930 n 0000 | that which is perceived
00001930 03 n 02 physical_entity 0 thing 1 002 @ 00001740 n 0000 ~ 00002684 n 0000 | exists
00002684 03 n 01 object 0 003 @ 00001930 n 0000 + 00532607 v 0105 ~ 00003553 n 0000 | a tangible
00003553 17 n 01 Sun 0 003 @i 00002684 n 0000 @ 00001930 n 0000 #p 00002684 n 0000 | a star
00009999 17 n 01 moon 0 001 @ 00002684 n 0000 | not asked for
"""


def test_wordnets_own_file_is_read_and_what_is_above_is_kept():
    every = build.read_nouns(EXCERPT.splitlines())
    assert len(every) == 5
    kept = build.needed(every, {"00003553": [("world", 11)]})
    assert sorted(kept) == ["00001740", "00001930", "00002684", "00003553"]
    assert kept["00003553"] == ("Sun", ("00002684", "00001930"), (("world", 11),))
    assert kept["00001930"] == ("physical entity", ("00001740",), ())
    assert parsed(["# a remark", *written(kept)]) == kept

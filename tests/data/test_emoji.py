"""Emoji: each one grapheme cluster in colour, drawn by the font, and never a silly one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import regex  # transformers depends on it
from PIL import Image, ImageDraw, ImageFont, features

from vitlens_widgets.data import LabelSet, emoji_for
from vitlens_widgets.data.emoji import _rows, emoji_of_set, split_emoji

TABLES = ("emoji_imagenet.tsv", "emoji_world.tsv", "emoji_words.tsv")
NOTO = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
ALL = sorted({emoji for table in TABLES for emoji, _ in _rows(table)})


def names_in(table):
    return [entry for _, entry in _rows(table)]


def test_every_imagenet_class_has_its_emoji_under_its_own_name():
    labels = LabelSet.known("imagenet-1k")
    entries = [entry.partition(" ") for entry in names_in("emoji_imagenet.tsv")]
    assert sorted(int(index) for index, _, _ in entries) == list(range(1000))
    wrong = [
        (i, name) for i, _, name in entries if labels.description(int(i)).split(",")[0] != name
    ]
    assert wrong == []
    assert all(labels.emoji)


def test_no_name_stands_in_the_word_table_twice():
    twice = [name for name, n in Counter(names_in("emoji_words.tsv")).items() if n > 1]
    assert twice == []


def test_each_emoji_is_one_grapheme_cluster_shown_in_colour():
    assert [emoji for emoji in ALL if regex.findall(r"\X", emoji) != [emoji]] == []
    in_colour = regex.compile(r"\p{Emoji_Presentation}|\p{Emoji}\uFE0F")
    assert [emoji for emoji in ALL if not in_colour.match(emoji)] == []


@pytest.mark.skipif(not NOTO.exists(), reason="Noto Color Emoji is not installed")
def test_the_font_draws_every_part_of_every_emoji():
    font = ImageFont.truetype(NOTO, 109)

    def drawn(text):
        canvas = Image.new("RGBA", (160, 160))
        ImageDraw.Draw(canvas).text((0, 0), text, font=font, embedded_color=True)
        return np.asarray(canvas)

    missing = drawn("\U0010fffe")  # no font draws it
    parts = {part for emoji in ALL for part in emoji} - set("\ufe0f\u200d\u20e30123456789")
    assert [part for part in sorted(parts) if np.array_equal(drawn(part), missing)] == []


@pytest.mark.skipif(
    not (NOTO.exists() and features.check("raqm")), reason="needs Noto Color Emoji and raqm"
)
def test_the_font_draws_each_emoji_as_one_glyph():
    font = ImageFont.truetype(NOTO, 109)
    one = font.getlength("🐶")
    assert [emoji for emoji in ALL if font.getlength(emoji) != one] == []


WORLD = (
    *("🐱", "🐶", "❤️", "⭐", "🌙", "🌸", "🌲", "🏠", "🐟", "🍄"),
    *("🍎", "☀️", "☂️", "🚗", "⛵", "🔑"),
)
CIFAR10 = ("✈️", "🚗", "🐦", "🐱", "🦌", "🐶", "🐸", "🐴", "🚢", "🚚")


def test_the_world_and_cifar_have_their_emoji():
    assert LabelSet.known("world").emoji == (*WORLD, "")
    assert LabelSet.known("cifar10").emoji == CIFAR10
    assert all(LabelSet.known("cifar100").emoji)


def test_further_classes_behind_a_known_set_stand_for_themselves():
    world = list(LabelSet.known("world"))
    assert emoji_of_set(world[:16]) == WORLD
    assert emoji_of_set([*world, "robot"]) == (*WORLD, "", "🤖")
    assert emoji_of_set(world[:15])[6] == emoji_for("tree") == "🌳"


def test_senses_of_the_known_sets_are_theirs():
    imagenet = LabelSet.known("imagenet-1k")
    assert [imagenet.emoji[i] for i in (21, 134, 517, 673)] == ["🦅", "🦢", "🏗️", "🖱️"]
    assert [emoji_for(name) for name in ("kite", "crane", "mouse")] == ["🪁", "🏗️", "🐭"]


def test_imagenet_is_recognised_by_its_names_whoever_lists_them():
    known = LabelSet.known("imagenet-1k")
    with_synonyms = [known.description(i) for i in range(1000)]
    assert LabelSet.of(with_synonyms).emoji == known.emoji
    assert emoji_of_set([name.split(",")[0].upper() for name in with_synonyms]) == known.emoji
    shuffled = with_synonyms[::-1]
    assert emoji_of_set(shuffled)[999 - 21] == emoji_for("kite")


@pytest.mark.parametrize(
    ("name", "emoji"),
    [
        ("dog", "🐶"),
        ("Dogs", "🐶"),
        ("wolves", "🐺"),
        ("knives", "🔪"),
        ("cherries", "🍒"),
        ("buses", "🚌"),
        ("mice", "🐭"),
        ("house cat", "🐱"),
        ("school_bus", "🚌"),
        ("hot dog", "🌭"),
        ("hotdog", "🌭"),
        ("teddy-bear", "🧸"),
        ("FireTruck", "🚒"),
        ("AnnualCrop", "🌾"),
        ("T-shirt/top", "👕"),
        ("017.Red_winged_Blackbird", "🐦"),
        ("Audi TTS Coupe 2012", "🚗"),
        ("Tomato___Late_blight", "🍅"),
        ("3 - three", "3️⃣"),
        ("7", "7️⃣"),
        ("statue of liberty", "🗽"),
        ("slice of pizza", "🍕"),
        ("a photo of a cat", "🐱"),
        ("man with a hat", "👨"),
        ("Felis catus, domestic cat", "🐱"),
        ("mushrooms (edible)", "🍄"),
        ("jack-o'-lantern", "🎃"),
        ("English springer", "🐕"),
        ("creme brulee", "🍮"),
        ("shrimp and grits", "🍚"),
    ],
)
def test_words_are_understood(name, emoji):
    assert emoji_for(name) == emoji


@pytest.mark.parametrize(
    "name",
    [
        "catapult", "carpet", "carcass", "scattered", "dogma", "battery acid", "begonias",
        "cat flap", "dog collar", "apple picker", "North Pole", "Jaguar XK 2012", "class 7",
        "LABEL_3", "background", "", " ", "___", "42nd", "plankton", "startled", "keynote",
    ],
)  # fmt: skip
def test_nothing_silly_is_found(name):
    assert emoji_for(name) == ""


def test_a_name_is_parted_from_every_picture():
    every = [chr(code) for code in range(0x80, 0x1FB00)]
    pictures = {
        c
        for c in every
        if regex.match(r"[\p{Emoji_Presentation}--\p{Emoji_Modifier}]", c, regex.V1)
    }
    asked = {f"{c}\ufe0f" for c in every if regex.match(r"\p{Emoji}", c) and c not in pictures}
    keycaps = {"1\ufe0f\u20e3", "#\ufe0f\u20e3", "7\u20e3"}
    assert (len(pictures) > 1000, len(asked) > 100) == (True, True)
    for emoji in {*ALL, *pictures, *asked, *keycaps}:
        assert split_emoji(f"{emoji} one thing") == (emoji, "one thing")
        assert split_emoji(f"one thing {emoji}") == (emoji, "one thing")
        assert split_emoji(emoji) == (emoji, emoji)


@pytest.mark.parametrize(
    "name", ["№ 5", "© x", "° angle", "™ mark", "1 one", "# tag", "½ cup", "→ right", "é", "a🐱 b"]
)
def test_what_is_no_picture_stays_in_the_name(name):
    assert split_emoji(name) == ("", name)

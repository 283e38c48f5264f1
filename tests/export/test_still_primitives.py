"""The primitives of still pictures draw the numbers they are given, and nothing over another."""

from __future__ import annotations

import functools
import io
import itertools

import numpy as np
import pytest
from PIL import Image

from tests.browser.attention_pages import MAGMA
from tests.browser.painted import CIVIDIS, VIRIDIS
from vitlens_widgets.export.stills import emoji, sheet
from vitlens_widgets.export.stills.colors import table
from vitlens_widgets.export.stills.curve import AXIS, Curve, curves
from vitlens_widgets.export.stills.film import GAP, Panel, film
from vitlens_widgets.export.stills.numbers import decimal, probability, three_digits
from vitlens_widgets.export.stills.overview import LABELS, overview
from vitlens_widgets.export.stills.patches import Glyph, Ground, centers, outline
from vitlens_widgets.export.stills.scales import KNOCKED_OUT, MISSING, ColorScale
from vitlens_widgets.export.stills.sheet import INSIDE, MARGIN, Sheet
from vitlens_widgets.export.stills.words import Word, length

TABLES = {"viridis": VIRIDIS, "cividis": CIVIDIS, "magma": MAGMA}
LONG = "a name that goes on and on " * 5


@pytest.fixture
def texts(monkeypatch):
    """What is written on sheets: `(left, base line, right, text)`."""
    written, words = [], Sheet.words

    def keeping(self, x, y, text, *how, **more):
        end = words(self, x, y, text, *how, **more)
        written.append((x, y, end, text))
        return end

    monkeypatch.setattr(Sheet, "words", keeping)
    return written


def nothing_overlaps(texts):
    ordered = sorted((y, x, end) for x, y, end, text in texts if text and end > x)
    pairs = itertools.pairwise(ordered)
    return all(a[0] != b[0] or a[2] <= b[1] for a, b in pairs)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("bend", ["linear", "sqrt"])
def test_a_number_has_the_colour_of_its_place(name, bend):
    values = np.linspace(0, 3, 40)
    place = (values / 3) ** (0.5 if bend == "sqrt" else 1)
    expected = TABLES[name][np.floor(255 * place + 0.5).astype(int)]
    np.testing.assert_array_equal(ColorScale(name, 3.0, bend).pixels(values), expected)


def test_scales_are_symmetric_logarithmic_or_of_ranks():
    assert ColorScale("blue_orange", 2).place(np.array([-4, -2, -1, 0, 2])).tolist() == [
        0,
        0,
        0.25,
        0.5,
        1,
    ]
    log = ColorScale("magma", 1, "log", 0.001)
    np.testing.assert_allclose(log.place([0, 0.001, 0.1, 1]), [0, 0, 2 / 3, 1])
    assert [text for _, text in log.ticks] == ["≤ 0.001", "0.01", "0.1", "1"]
    rank = ColorScale("viridis", 1000, "rank")
    np.testing.assert_allclose(rank.place([1, 10, 1000]), [1, 2 / 3, 0], atol=1e-12)
    np.testing.assert_allclose([at for at, _ in rank.ticks], [0, 1 / 3, 2 / 3, 1], atol=1e-12)
    assert ColorScale("magma", 0.3, is_clipped=True).ticks[-1] == (1, "≥ 0.3")


def test_what_is_no_number_is_grey():
    for scale in (ColorScale("magma", 1), ColorScale("blue_orange", 1)):
        pixels = scale.pixels(np.array([np.nan, -np.inf, 0.5]))
        assert pixels[:2].tolist() == [[MISSING] * 3, [KNOCKED_OUT] * 3]
        np.testing.assert_array_equal(
            pixels[2], table(scale.map)[128 if scale.map == "magma" else 191]
        )
        assert scale.opacity(np.array([np.nan])) > 0.9


def test_patches_lie_over_their_own_part_of_the_picture(monkeypatch):
    monkeypatch.setattr("vitlens_widgets.export.stills.patches.photo", lambda pixels, *_: pixels)
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (30, 50, 3), dtype=np.uint8)
    colors, opacity = rng.integers(0, 256, (3, 5, 3)), rng.random((3, 5))
    drawn = Ground(picture, (3, 5)).under(10, colors, opacity)
    large = np.kron(opacity, np.ones((10, 10)))[..., None]
    expected = picture * (1 - large) + np.kron(colors, np.ones((10, 10, 1))) * large
    assert np.abs(np.asarray(drawn, float) - expected).max() <= 1


def test_lines_stand_between_what_differs():
    image = Image.new("RGB", (40, 40), "white")
    outline(image, np.array([[0, 0], [0, 1]]), 20)
    dark = np.asarray(image)[..., 0] < 128
    assert dark[20, 20:].all()
    assert dark[20:, 20].all()
    assert not dark[:19].any()
    assert not dark[:, :19].any()


@pytest.mark.parametrize(
    "glyph", [Glyph("🐱"), Glyph(text="7"), Glyph(), Glyph(text=LONG, under="1")]
)
def test_a_glyph_stays_on_its_patch(glyph):
    for cell in (4, 14, 30, 60):
        image = Image.new("RGB", (3 * cell, 3 * cell), "white")
        glyph.draw(image, tuple(centers((3, 3), cell)[1, 1]), cell, on_light=True)
        drawn = (np.asarray(image) < 240).any(-1)
        assert not drawn[:cell].any()
        assert not drawn[:, : cell - 1].any()
        has_emoji = emoji.font() is not None and bool(glyph.emoji)
        assert drawn.any() or cell < (14 if has_emoji else 60)


def test_an_emoji_fills_its_size_and_its_halo_stands_around():
    if emoji.font() is None:
        pytest.skip("no font of colour emoji on this machine")
    plain, with_halo = emoji.sprite("🐱", 40), emoji.sprite("🐱", 40, "dark")
    assert plain.size == (40, 40)
    assert with_halo.size == (60, 60)
    left, top, right, bottom = plain.getbbox()
    assert max(right - left, bottom - top) >= 38
    seen, before = (np.asarray(sprite)[..., 3] > 60 for sprite in (with_halo, plain))
    assert seen[10:-10, 10:-10][before].all()
    assert seen.sum() > 1.1 * before.sum()
    assert emoji.sprite("", 40) is None


def panels(count, notes=()):
    def drawn(i, side):
        return Image.new("RGB", (side, side), (100 + i, 250, 0))

    return [
        Panel(functools.partial(drawn, i), f"{i}_attn_out", notes, i == count - 1)
        for i in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 7, 13, 25, 49])
@pytest.mark.parametrize("width", [400, INSIDE])
def test_a_film_keeps_its_pictures_and_words_apart(count, width, texts):
    drawn, notes = Sheet(), [[Word(LONG, is_name=True), Word("<0.01")]]
    end, middles = film(drawn, panels(count, notes), (MARGIN, 50), width, 13)
    pixels = np.asarray(drawn.image.crop((0, 0, 1000, round(drawn.end))))
    seen = [(pixels == (100 + i, 250, 0)).all(-1) for i in range(count)]
    side = int(seen[0].any(0).sum()) if count > 1 else 150
    for i, one in enumerate(seen):
        ring = 8 * side - 16 if i == count - 1 else 0  # two pixels of it lie on the picture
        assert one.sum() == side * side - ring
        assert abs(np.nonzero(one)[1].mean() - middles[i]) <= 2
    assert nothing_overlaps(texts)
    assert min(left for left, *_ in texts) >= 0
    assert max(right for _, _, right, _ in texts) <= MARGIN + width + GAP
    assert drawn.end <= end + 4


def test_an_overview_has_each_map_in_its_place_ringed_or_crossed_out():
    drawn, rng = Sheet(), np.random.default_rng(0)
    maps = rng.integers(0, 200, (3, 2, 4, 4, 3), dtype=np.uint8)
    overview(
        drawn, lambda i, j: maps[i, j], (3, 2), (0, 0), (110, 200), chosen=(2, 1), off=[(0, 0)]
    )
    step = (110 - LABELS) / 2
    side = int(step) - 3
    for (layer, head), at in {(1, 0): (0, 1), (1, 1): (1, 1)}.items():
        x, y = round(LABELS + at[0] * step), layer * int(step)
        found = np.asarray(drawn.image)[y : y + side, x : x + side]
        small = Image.fromarray(maps[layer, head]).resize((side, side), Image.Resampling.NEAREST)
        np.testing.assert_array_equal(found, np.asarray(small))
    crossed = np.asarray(drawn.image)[:side, LABELS : LABELS + side]
    assert (crossed == 255).all(-1).diagonal().mean() > 0.8
    ringed = np.asarray(drawn.image)[2 * int(step) - 1, round(LABELS + step) + 4]
    np.testing.assert_array_equal(ringed, [11, 98, 214])


@pytest.mark.parametrize("dash", [None, (7, 11)])
def test_a_curve_goes_through_its_points_and_ends_where_it_is_unknown(dash):
    drawn, x = Sheet(), np.linspace(0, 1, 5)
    line = Curve("p", x, np.array([0, 1, 0.5, np.nan, np.nan]), "#ff0000", dash, "0.5")
    curves(drawn, [line], (0, 20), (244, 100), [(0, "0 %"), (1, "100 %")], [(0, "0"), (1, "1")])
    red = (np.asarray(drawn.image)[:125] == (255, 0, 0)).all(-1)
    rows, cols = np.nonzero(red)
    assert AXIS - 1 <= cols.min() <= AXIS + 2
    assert AXIS + 96 <= cols.max() <= AXIS + 101
    assert abs(rows[np.abs(cols - AXIS - 50) < 4].min() - 20) < 4
    assert len(rows) < 260 if dash else len(rows) > 300


@pytest.mark.parametrize("width", [60, 120, 400])
def test_names_give_way_to_the_numbers_of_their_line(width, texts):
    words = [Word(LONG, is_name=True, emoji="🐱"), Word("0.73"), Word("ab", is_name=True)]
    assert length(words) > width
    assert Sheet().line(10, 20, words, width) <= 10 + width + 1
    assert [text for *_, text in texts][1] == "0.73"
    assert nothing_overlaps(texts)


def test_ticks_that_would_touch_are_left_out_but_for_the_ends(texts):
    Sheet().ramp(0, 0, 90, table("magma"), [(x, f"{x:.4f}") for x in (0, 0.3, 0.5, 0.8, 1)])
    assert nothing_overlaps(texts)
    assert {"0.0000", "1.0000"} <= {text for *_, text in texts}


def test_labels_are_written_as_they_are():
    drawn = Sheet()
    drawn.words(20, 20, "<b>bold</b>\nand a \x07 bell")
    assert drawn.end < 30  # one line


def test_a_png_has_white_paper_and_few_bytes():
    drawn, rng = Sheet(), np.random.default_rng(0)
    drawn.put(Image.fromarray(rng.integers(0, 256, (400, 900, 3), dtype=np.uint8)), 20, 0)
    drawn.title("Name", "of a model", "a line")
    pixels = np.asarray(Image.open(io.BytesIO(drawn.png())).convert("RGB"))
    assert pixels.shape == (400 + MARGIN, sheet.WIDTH, 3)
    assert (pixels[:, -5:] == 255).all()


def test_small_numbers_are_never_written_as_zero():
    assert [probability(p) for p in (0, 0.004, 0.005, 1)] == ["0", "<0.01", "0.01", "1.00"]
    assert probability(float("nan")) == "NaN"
    assert [decimal(x) for x in (0, -0.001, -2.5, np.inf)] == ["0", ">−0.01", "−2.50", "∞"]
    numbers = (0, 1, -0.01234, 12345.6, 5.461, 0.00012345, -1234.6, 99.95)
    assert [three_digits(x) for x in numbers] == [
        "0", "1.00", "−0.0123", "1.2e4", "5.46", "1.2e−4", "−1235", "100",
    ]  # fmt: skip

"""The primitives of still pictures draw the numbers they are given, each in its place."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from tests.browser.attention_pages import MAGMA
from tests.browser.painted import CIVIDIS, VIRIDIS, over
from vitlens_widgets.export.stills import fonts, sheet
from vitlens_widgets.export.stills.colors import table
from vitlens_widgets.export.stills.curve import AXIS, HEIGHT, Curve, curves
from vitlens_widgets.export.stills.film import film
from vitlens_widgets.export.stills.overview import LABELS, NAMES, overview
from vitlens_widgets.export.stills.painting import painted
from vitlens_widgets.export.stills.panel import SMALLEST_EMOJI, Mark, Panel
from vitlens_widgets.export.stills.paper import above, axis, beside, words
from vitlens_widgets.export.stills.piece import Piece, Pixels, Placed
from vitlens_widgets.export.stills.scales import (
    GROUND_GREY,
    KNOCKED_OUT,
    MISSING,
    ColorScale,
    end_of_probabilities,
    number,
    probability,
)
from vitlens_widgets.export.stills.sheet import INSIDE, MARGIN, captioned, png, shares

TABLES = {"viridis": VIRIDIS, "cividis": CIVIDIS, "magma": MAGMA}
LONG = "a name that goes on and on " * 5
ACCENT = (11, 98, 214)


def pixels(image):
    return np.asarray(painted(image) if isinstance(image, Piece) else image).astype(int)


def of_array(array):
    """A piece with a picture on it, a pixel for each unit."""
    image = Image.fromarray(array)
    return Piece(*image.size, [Placed(0, 0, Pixels(*image.size, lambda *size: image.resize(size)))])


def filled(size, color):
    return of_array(np.asarray(Image.new("RGB", size, color)))


def plain(color, rows=1, cols=1, **words):
    """A panel of one colour."""
    return Panel(None, np.tile([*color, 1.0], (rows, cols, 1)), **words)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("bend", ["linear", "sqrt"])
def test_a_number_has_the_colour_of_its_place(name, bend):
    values = np.linspace(0, 3, 40)
    place = (values / 3) ** (0.5 if bend == "sqrt" else 1)
    expected = TABLES[name][np.floor(255 * place + 0.5).astype(int)]
    np.testing.assert_array_equal(ColorScale(name, 3.0, bend).pixels(values), expected)


def test_scales_are_symmetric_logarithmic_or_of_ranks():
    both = ColorScale("blue_orange", 2)
    assert both.place(np.array([-4, -2, -1, 0, 2])).tolist() == [0, 0, 0.25, 0.5, 1]
    assert both.ticks == [(0, "−2"), (0.5, "0"), (1, "2")]
    log = ColorScale("magma", 1, "log", 0.001)
    np.testing.assert_allclose(log.place([0, 0.001, 0.1, 1]), [0, 0, 2 / 3, 1])
    assert [text for _, text in log.ticks] == ["≤ 0.001", "0.01", "0.1", "1"]
    rank = ColorScale("viridis", 1000, "rank")
    np.testing.assert_allclose(rank.place([1, 10, 1000]), [1, 2 / 3, 0], atol=1e-12)
    np.testing.assert_allclose([at for at, _ in rank.ticks], [0, 1 / 3, 2 / 3, 1], atol=1e-12)
    assert ColorScale("magma", 0.3, is_clipped=True).ticks[-1] == (1, "≥ 0.3")
    assert ColorScale("blue_orange", 1, is_clipped_below=True).ticks[::2] == [(0, "≤ −1"), (1, "1")]


def test_what_is_no_number_is_grey():
    for scale in (ColorScale("magma", 1), ColorScale("blue_orange", 1)):
        found = scale.cover(np.array([np.nan, -np.inf, 0.5]))
        assert found[:2, :3].tolist() == [[MISSING] * 3, [KNOCKED_OUT] * 3]
        middle = table(scale.map)[128 if scale.map == "magma" else 191]
        np.testing.assert_array_equal(found[2, :3], middle)
        assert found[0, 3] > 0.9  # veiled, not seen through


@pytest.mark.parametrize("name", ["viridis", "magma", "blue_orange"])
def test_a_legend_has_the_colours_that_lie_over_a_picture(name):
    scale, values = ColorScale(name, 1), np.linspace(-1 if name == "blue_orange" else 0, 1, 256)
    grey = np.full((16, 16, 3), GROUND_GREY, np.uint8)
    cover = scale.cover(values).reshape(16, 16, 4)
    seen = pixels(Panel(grey, cover).drawn(16)).reshape(-1, 3)
    assert np.abs(seen - scale.ramp(True)).max() <= 2
    np.testing.assert_array_equal(scale.ramp(False), table(name))


def test_patches_lie_over_their_own_part_of_the_picture():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (30, 50, 3), dtype=np.uint8)
    colors, opacity = rng.integers(0, 256, (3, 5, 3)), rng.random((3, 5))
    drawn = Panel(picture, np.concatenate([colors, opacity[..., None]], -1)).drawn(50)
    assert np.abs(pixels(drawn) - over(picture, colors, opacity)).max() <= 1


def test_lines_stand_between_what_differs():
    image = plain((255, 255, 255), 2, 2, regions=np.array([[0, 0], [0, 1]])).drawn(40)
    dark = pixels(image)[..., 0] < 128
    assert dark[20, 20:].all()
    assert dark[20:, 20].all()
    assert not dark[:19].any()
    assert not dark[:, :19].any()


def test_rings_and_marks_stand_where_they_are_said_to():
    marks = [Mark("7") if place == 1 * 4 + 3 else Mark() for place in range(8)]
    bare, ringed, marked = (
        pixels(plain((120, 120, 120), 2, 4, **more).drawn(160))
        for more in ({}, {"rings": [(2 / 4, 0, 1 / 4, 1 / 2)]}, {"marks": marks})
    )
    rows, cols = np.nonzero((ringed == ACCENT).all(-1))
    assert (cols.min(), cols.max()) == (79, 120)
    assert rows.max() == 40
    rows, cols = np.nonzero((marked != bare).any(-1))
    assert 120 < cols.min() <= cols.max() < 160
    assert 40 < rows.min() <= rows.max() < 80


@pytest.mark.parametrize(
    "mark", [Mark("cat", "🐱"), Mark("7"), Mark(), Mark(LONG), Mark("cat", "🐱", 0.0)]
)
def test_a_mark_stays_on_its_patch(mark):
    marks = [Mark()] * 4 + [mark] + [Mark()] * 4
    for cell in (4, 14, 30, 60):
        image = plain((255, 255, 255), 3, 3, marks=marks).drawn(3 * cell)
        drawn = (pixels(image) < 240).any(-1)
        assert not drawn[:cell].any()
        assert not drawn[:, : cell - 1].any()
        has_emoji = fonts.first_of(fonts.EMOJI_FONTS) is not None and mark.emoji
        smallest = SMALLEST_EMOJI if has_emoji else 24 if mark.text else math.inf
        assert drawn.any() == (cell >= smallest)


def test_where_no_emoji_can_be_drawn_there_is_its_text(monkeypatch):
    monkeypatch.setattr(fonts, "EMOJI_FONTS", ())
    fonts._emoji.cache_clear()
    with_emoji, text = (
        pixels(plain((255, 255, 255), marks=[mark]).drawn(40))
        for mark in (Mark("7", "🐱"), Mark("7"))
    )
    fonts._emoji.cache_clear()
    np.testing.assert_array_equal(with_emoji, text)
    assert (text < 200).any()


def test_an_emoji_fills_its_size_and_is_fainter_the_less_it_counts():
    if fonts.first_of(fonts.EMOJI_FONTS) is None:
        assert fonts.sprite("🐱", 40) is None
        return
    whole, faint = fonts.sprite("🐱", 40), fonts.sprite("🐱", 40, 0.5)
    left, top, right, bottom = whole.getbbox()
    assert whole.size == (40, 40)
    assert max(right - left, bottom - top) >= 38
    opacity = np.asarray(whole)[..., 3].astype(int)
    assert np.abs(np.asarray(faint)[..., 3] - opacity / 2).max() <= 1
    assert np.asarray(fonts.sprite("🐱", 40))[..., 3].max() == 255
    white = (255, 255, 255)
    sure, unsure = (pixels(plain(white, marks=[Mark("", "🐱", p)]).drawn(40)) for p in (1, 0))
    assert 0.2 < (255 - unsure).sum() / (255 - sure).sum() < 0.5
    assert fonts.sprite("", 40) is None


@pytest.mark.parametrize("count", [1, 2, 7, 13, 25, 49])
@pytest.mark.parametrize("width", [400, INSIDE])
def test_a_film_shows_each_panel_once_in_order_and_rings_the_chosen(count, width):
    panels = [plain((3 * i, 250, 0), name="n", is_chosen=i == count - 1) for i in range(count)]
    drawn = pixels(film(width, panels))
    assert drawn.shape[1] <= width
    places = []
    for i in range(count):
        found = np.argwhere((drawn == (3 * i, 250, 0)).all(-1))
        places.append(found.min(0).tolist())
        height, across = np.ptp(found, axis=0) + 1
        assert len(found) == height * across  # whole, nothing over it
        assert height == across
    inset = 4 if count > 1 else 0  # the last is smaller by its ring
    tops = [top for top, _ in places[:-1]] + [places[-1][0] - inset]
    assert tops == sorted(tops)
    rows = [tops.count(top) for top in sorted(set(tops))]
    assert max(rows) - min(rows) <= max(1, max(rows) - 1 if len(rows) == 2 else len(rows))
    ring = np.argwhere((drawn == ACCENT).all(-1))
    assert ring[:, 1].min() >= places[-1][1] - 4
    assert ring[:, 0].min() >= places[-1][0] - 4


def test_a_film_writes_name_and_notes_under_each_and_its_legend():
    notes = ["0.25 cat", LONG]
    one, bare = (
        film(300, [plain((0, 0, 0), **more)], 120) for more in ({"name": "x", "notes": notes}, {})
    )
    assert one.height == bare.height + 3 * 16
    assert (pixels(one)[bare.height :] < 200).any()
    scale = ColorScale("magma", 2.0)
    with_ramp = pixels(film(300, [plain((0, 0, 0), legend=scale)], 120))
    bar = with_ramp[120 + 2 + 4 + 4, :120]
    np.testing.assert_array_equal(bar[[0, -1]], table("magma")[[1, 254]])
    red, blue = np.array([200, 0, 0]), np.array([0, 0, 200])
    keys = pixels(film(200, [plain((0, 0, 0), legend=[("a\na" * 9, red), ("b" * 90, blue)])], 120))
    tops = [np.argwhere((keys == color).all(-1))[:, 0].min() for color in (red, blue)]
    assert tops[1] > tops[0] + 11  # the second has a line of its own


def test_an_overview_has_each_map_in_its_place_ringed_or_crossed_out():
    maps = np.random.default_rng(0).integers(0, 200, (3, 2, 4, 6, 3), dtype=np.uint8)
    drawn = pixels(overview(190, maps, chosen=(2, 1), off=[(0, 0)]))
    step = 80  # at most
    width, height = step - 3, round((step - 3) * 4 / 6)
    for layer, head in np.ndindex(3, 2):
        x, y = LABELS + head * step, NAMES + 3 + layer * (height + 3)
        found = drawn[y : y + height, x : x + width]
        small = Image.fromarray(maps[layer, head]).resize((width, height), Image.Resampling.NEAREST)
        differs = (found != pixels(small)).any(-1)
        if (layer, head) == (0, 0):
            assert 0.02 < differs.mean() < 0.3
            assert differs[[0, 0, -1, -1], [0, -1, 0, -1]].all()
        elif (layer, head) == (2, 1):
            assert (found[:2, 2:-2] == ACCENT).all(-1).any()
            assert not differs[4:-4, 4:-4].any()
        else:
            assert not differs.any()


def test_an_overview_names_as_many_heads_as_stand_apart_and_the_last_column():
    for heads, last, expected in (
        (2, "", ["H0", "H1"]),
        (12, "", ["H0", "H2", "H4", "H6", "H8", "H10"]),
        (13, "sum", ["H0", "H2", "H4", "H6", "H8", "H10", "sum"]),
    ):
        maps = np.zeros((2, heads, 4, 4, 3), np.uint8)
        names = overview(280, maps, last=last).parts[0].what
        texts = [part.what.text for part in names.parts]
        assert texts == expected
        places = [part.x for part in names.parts]
        assert min(np.diff(places)) >= 26


@pytest.mark.parametrize("dash", [None, (7, 11)])
def test_a_curve_goes_through_its_points_and_ends_where_it_is_unknown(dash):
    x, y = np.linspace(0, 1, 5), np.array([0, 4, 2, np.nan, np.nan])
    drawn = curves(250, [Curve("p", x, y, "#ff0000", dash)], [(0, "0 %"), (1, "100 %")], end=4)
    red = (pixels(drawn)[: HEIGHT + 12] == (255, 0, 0)).all(-1)
    rows, cols = np.nonzero(red)
    assert AXIS - 1 <= cols.min() <= AXIS + 2
    assert AXIS + 96 <= cols.max() <= AXIS + 101
    assert abs(rows[np.abs(cols - AXIS - 50) < 4].min() - 6) < 4
    assert abs(rows[cols > AXIS + 94].max() - 6 - HEIGHT / 2) < 9
    assert len(rows) < 0.8 * 450 if dash else len(rows) > 300
    assert (pixels(drawn)[HEIGHT + 28 :] == (255, 0, 0)).all(-1).any()  # its key


def test_words_are_cut_to_their_room_and_written_as_they_are():
    for width in (60, 120, 400):
        assert words(LONG, width).width == width
        assert fonts.font(12).getlength(fonts.written(LONG, width)) <= width
        assert fonts.written(LONG, width)[0] == "a"
    assert fonts.written("<b>bold</b>\nand a  tab", 999) == "<b>bold</b> and a tab"
    assert fonts.written("cat", 100) == "cat"


def test_without_fonts_words_are_written_with_what_pillow_has(monkeypatch):
    monkeypatch.setattr(fonts, "PLAIN_FONTS", ())
    fonts.font.cache_clear()
    assert fonts.written("7 × 7 · ≥ 3", 200) == "7 x 7 - > 3"
    assert (pixels(words("7 × 7", 100)) < 128).any()
    fonts.font.cache_clear()


def test_ticks_that_would_touch_are_left_out_but_for_the_ends():
    ticks = [(x, f"{x:.4f}") for x in (0, 0.3, 0.5, 0.8, 1)]
    narrow, ends = axis(90, ticks), axis(90, [ticks[0], ticks[-1]])
    np.testing.assert_array_equal(pixels(narrow), pixels(ends))
    assert (pixels(axis(400, ticks))[:, 180:220] < 200).any()


def test_pictures_stand_beside_and_above_each_other():
    red, blue = (filled(size, color) for size, color in (((5, 9), "red"), ((7, 3), "blue")))
    for put, size in ((beside([red, blue], 2), (14, 9)), (above(red, blue, gap=2), (7, 14))):
        assert put.size == size
        for color, area in ((255, 0, 0), 45), ((0, 0, 255), 21):
            assert (pixels(put) == color).all(-1).sum() == area
    assert captioned(LONG, red).size == (5, 29)
    assert sum(shares(1, 2)) + sheet.GAP <= INSIDE


def test_a_png_has_white_paper_and_few_bytes():
    noise = np.random.default_rng(0).integers(0, 256, (400, 900, 3), dtype=np.uint8)
    drawn = sheet.sheet("Name", "of a model", ["a line", ""], [of_array(noise)], [])
    found = pixels(Image.open(io.BytesIO(png(drawn))).convert("RGB"))
    assert found.shape[1] == sheet.WIDTH
    assert 400 + 2 * MARGIN < found.shape[0] < 540
    assert (found[:, -5:] == 255).all()
    assert (found[:MARGIN] == 255).all()


def test_small_numbers_are_never_written_as_zero():
    written = [probability(p) for p in (0, 3.41e-5, 0.004, 0.00999, 0.01, 1)]
    assert written == ["0", "3.4e-05", "0.0040", "0.010", "0.01", "1.00"]
    assert probability(float("nan")) == "NaN"
    written = [number(x) for x in (0, 1, -0.01234, 12345.6, 5.461, 999.9, -1234.6, 99.95, 2e7)]
    assert written == ["0", "1", "−0.0123", "12346", "5.46", "1000", "−1235", "100", "2e+07"]


def test_a_scale_of_small_probabilities_ends_at_a_round_number_above_the_largest():
    largest = (0, np.nan, 1, 0.51, 0.5, 0.2, 0.21, 0.0031, 0.001, 6.1e-6)
    ends = [end_of_probabilities(most) for most in largest]
    assert ends == [1, 1, 1, 1, 0.5, 0.2, 0.5, 0.005, 0.001, 0.00001]

"""Figures have the width that was asked for, text as text, and the still's own pixels."""

from __future__ import annotations

import base64
import io
import sys
from xml.etree import ElementTree

import numpy as np
import pypdfium2
import pytest
from PIL import Image

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_reading import FakeLabels, random_reading
from tests.widgets.test_stills import WIDGETS
from vitlens_widgets.export.stills import fonts
from vitlens_widgets.export.stills.painting import painted
from vitlens_widgets.export.stills.panel import Panel
from vitlens_widgets.widgets.patch_grid.answers import Answers
from vitlens_widgets.widgets.patch_grid.patches import Patches, tint_of

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
PIXEL_A_UNIT = 72 / 7 * 12  # dpi at which a unit of a still picture is a pixel


def grid(**choices):
    return vl.PatchGrid(random_reading(1, rows=3, cols=5), image=1, **choices)


def tree(path):
    return ElementTree.fromstring(path.read_bytes())


def texts(path):
    return [one.text for one in tree(path).iter(f"{SVG}text")]


def images(path):
    """Each embedded picture, as pixels."""
    coded = [one.get(HREF).partition(",")[2] for one in tree(path).iter(f"{SVG}image")]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in coded]


def page(path):
    return pypdfium2.PdfDocument(path)[0]


@pytest.mark.parametrize("width", [85, 170, 61.5])
def test_a_figure_is_as_wide_as_it_was_asked_for(tmp_path, width):
    widget = grid(tint="class")
    made = {
        kind: widget.save_figure(tmp_path / f"a.{kind}", width, ["image", "final"], dpi=150)
        for kind in ("pdf", "svg", "png")
    }
    svg = tree(made["svg"])
    assert svg.get("width") == f"{width:g}mm"
    height = float(svg.get("height").removesuffix("mm"))
    across, down = (float(x) for x in svg.get("viewBox").split()[2:])
    assert height == pytest.approx(width * down / across, rel=1e-5)
    in_mm = [points / 72 * 25.4 for points in page(made["pdf"]).get_size()]
    assert in_mm == pytest.approx([width, height], abs=0.005)
    with Image.open(made["png"]) as png:
        assert png.width == round(width / 25.4 * 150)
        assert png.height == pytest.approx(height / 25.4 * 150, abs=1)
        assert png.info["dpi"] == pytest.approx((150, 150), abs=0.05)
    drawn = np.asarray(Image.open(made["png"]).convert("L"))
    assert (drawn[:, -30:] < 250).any()  # the panels use the width
    assert len(pypdfium2.PdfDocument(made["pdf"])) == 1


def test_its_letters_are_text_in_a_font_of_a_readable_size(tmp_path):
    widget = grid(tint="entropy", glyph="label", token=3)
    pdf, svg = (
        widget.save_figure(tmp_path / f"a.{kind}", 170, ["image", 1, "final"])
        for kind in ("pdf", "svg")
    )
    names = ["image", "1_pre", "final", "entropy, nats"]
    read = page(pdf).get_textpage().get_text_range()
    assert all(name in read for name in names)
    assert "2_pre" not in read
    assert set(names) <= set(texts(svg))
    family = fonts.font(12).getname()[0]
    written = [
        obj
        for obj in page(pdf).get_objects(max_depth=9)
        if obj.type == pypdfium2.raw.FPDF_PAGEOBJ_TEXT
    ]
    assert {family.replace(" ", "") in obj.get_font().get_base_name() for obj in written} == {True}
    assert all(obj.get_font().is_embedded for obj in written)
    sizes = [obj.get_font_size() for obj in written]
    assert max(sizes) == pytest.approx(7, abs=0.02)
    assert min(sizes) > 6
    (title,) = [one for one in tree(svg).iter(f"{SVG}text") if one.text == "entropy, nats"]
    units = float(tree(svg).get("viewBox").split()[2])
    assert float(title.get("font-size")) * 170 / units / 25.4 * 72 == pytest.approx(7, abs=0.02)
    assert title.get("font-family").startswith(f"'{family}'")


def test_a_mark_has_its_place_on_its_patch_in_every_kind_of_file(tmp_path):
    labels = FakeLabels(["left", "right"])
    reading = random_reading(1, rows=2, cols=3, classes=2, images=1, labels=labels)
    widget = vl.PatchGrid(reading, glyph="label")
    for kind in ("pdf", "svg"):
        widget.save_figure(tmp_path / f"a.{kind}", 120, [1])
    top = np.asarray(reading.top(1).index)[1, 0, 1:, 0].reshape(2, 3)
    wanted = [labels[i] for i in top.ravel()]
    placed = [one for one in tree(tmp_path / "a.svg").iter(f"{SVG}text") if one.text in labels]
    assert [one.text for one in placed] == wanted
    units = float(tree(tmp_path / "a.svg").get("viewBox").split()[2])
    cell = units // 3
    for (row, col), one in zip(np.ndindex(2, 3), placed, strict=True):
        assert float(one.get("x")) == pytest.approx((col + 0.5) * cell)
        assert row * cell < float(one.get("y")) < (row + 1) * cell
    assert page(tmp_path / "a.pdf").get_textpage().get_text_range().split()[:3] == wanted[:3]


def test_its_pictures_are_the_stills_to_the_pixel(tmp_path):
    widget = grid(tint="probability", glyph="none", token=8)
    widget.save_figure(tmp_path / "a.svg", 85, ["image", 0, "final"], dpi=PIXEL_A_UNIT)
    answers = Answers(widget._pictured())
    patches = Patches(answers, tint_of(answers, "probability"), "none")
    found = images(tmp_path / "a.svg")
    bare = Panel(answers.picture, np.zeros((3, 5, 4)))
    for panel, picture in zip([bare, patches.panel(0), patches.panel(3)], found, strict=False):
        still = np.asarray(painted(panel.drawn(picture.shape[1])))
        np.testing.assert_array_equal(picture, still)
    assert len(found) == 3 + 1  # and the scale
    np.testing.assert_array_equal(found[3][0], answers_ramp(patches, found[3].shape[1]))


def answers_ramp(patches, width):
    ramp = Image.fromarray(patches.tint.scale.ramp(True)[None])
    return np.asarray(ramp.resize((width, 1), Image.Resampling.NEAREST))[0]


@pytest.mark.parametrize("name", WIDGETS)
def test_every_widget_can_put_each_of_its_parts_in_a_figure(name, tmp_path):
    widget = WIDGETS[name]()
    parts = widget.figure_parts()
    assert {*parts.default} <= {*parts.parts}
    names = [*parts.parts]
    for kind in ("svg", "png", "pdf"):
        widget.save_figure(tmp_path / f"a.{kind}", 170, names, columns=3, dpi=100)
        widget.save_figure(tmp_path / f"default.{kind}", dpi=72)
    shown = pypdfium2.PdfDocument(tmp_path / "a.pdf")[0].render(scale=100 / 72).to_pil()
    png = Image.open(tmp_path / "a.png").convert("RGB")
    a, b = (
        np.asarray(one.convert("RGB").resize((24, 36), Image.Resampling.BOX), float)
        for one in (shown, png)
    )
    assert np.abs(a - b).mean() < 5  # two ways of drawing the same; noise falls between pixels
    assert b.std() > 20
    assert len(images(tmp_path / "a.svg")) > 1


def test_several_widgets_are_rows_of_a_sheet_on_one_scale(tmp_path):
    reading = random_reading(2, rows=3, cols=5, images=3)
    many = [vl.PatchGrid(reading, image=i, tint="kl", glyph="none") for i in range(3)]
    path = vl.save_figure(many, tmp_path / "a.svg", 170, ["image", 0, -1], dpi=PIXEL_A_UNIT)
    assert [t for t in texts(path) if t in ("image", "0_pre", "final")] == [
        "image", "0_pre", "final",
    ] * 3  # fmt: skip
    assert texts(path).count("KL to the final answer, nats") == 1
    end = max(float(np.abs(np.asarray(reading.kl_to_final())[:, i]).max()) for i in range(3))
    end = max(end, float(np.abs(np.asarray(reading.readout.kl_to_final())).max()))
    for i, widget in enumerate(many):
        answers = Answers(widget._pictured())
        tint = tint_of(answers, "kl")
        tint = tint._replace(scale=type(tint.scale)("cividis", end))
        panel = Patches(answers, tint, "none").panel(0)
        picture = images(path)[3 * i + 1]
        np.testing.assert_array_equal(picture, np.asarray(painted(panel.drawn(picture.shape[1]))))


def test_several_images_share_the_colours_of_classes(tmp_path):
    reading = random_reading(3, rows=3, cols=5, images=3, classes=12)
    many = [vl.PatchGrid(reading, image=i, tint="class", glyph="none") for i in range(3)]
    path = vl.save_figure(many, tmp_path / "a.svg", 170, [0, 1])
    assert texts(path).count("the most probable class") == 1
    first = many[0].figure_parts()
    joint = list(dict.fromkeys(name for widget in many for name in widget.figure_parts().shared))
    by_widget = [dict(w.figure_parts(joint).legend) for w in many]
    for legend in by_widget[1:]:
        for name, color in by_widget[0].items():
            np.testing.assert_array_equal(legend[name], color)
    assert [name for name, _ in first.legend] != joint[: len(first.legend)] or len(joint) > 7
    apart = vl.save_figure(
        [many[0], vl.AttentionMaps(random_maps(2))], tmp_path / "b.svg", 170, None, columns=4
    )
    assert texts(apart).count("the most probable class") == 1


def test_labels_are_data(tmp_path):
    labels = FakeLabels(["<script>alert(1)</script>&\x00\x1b", "b"], ["", ""])
    reading = random_reading(4, rows=2, cols=2, classes=2, labels=labels)
    widget = vl.PatchGrid(reading, tint="class", glyph="label", target=0)
    path = widget.save_figure(tmp_path / "a.svg", 170)
    root = tree(path)
    assert not list(root.iter(f"{SVG}script"))
    assert any(one and one.startswith("<scr") for one in texts(path))
    widget.save_figure(tmp_path / "a.pdf", 170)


def test_without_fonts_a_pdf_is_written_in_one_that_every_reader_has(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "PLAIN_FONTS", ())
    monkeypatch.setattr(fonts, "BOLD_FONTS", ())
    fonts.font.cache_clear()
    path = grid(tint="entropy").save_figure(tmp_path / "a.pdf", 85, ["image", 2])
    read = page(path).get_textpage().get_text_range()
    fonts.font.cache_clear()
    assert "image" in read
    assert "2_pre" in read


def test_what_cannot_be_a_figure_is_refused(tmp_path, monkeypatch):
    widget, path = grid(), tmp_path / "a.svg"
    for given in (["imag"], [9], [], [2.5], [True], "imag"):
        with refused(vl.UsageError):
            widget.save_figure(path, panels=given)
    for given in (0, 5000, "wide", None, float("nan"), True):
        with refused(vl.UsageError):
            widget.save_figure(path, width_mm=given)
    for words in ({"columns": 0}, {"columns": 1.5}, {"dpi": 10}, {"width_mm": 20, "columns": 5}):
        with refused(vl.UsageError):
            widget.save_figure(path, **words)
    for given in ("a.jpg", "figure", 3, tmp_path, tmp_path / "none" / "a.svg"):
        with refused(vl.UsageError):
            widget.save_figure(given)
    for given in ([], "a", [widget, 3], None):
        with refused(vl.UsageError):
            vl.save_figure(given, path)
    for other in (widget, [widget]):
        with refused(vl.UsageError):  # in the wrong order
            vl.save_figure(path, other)
    monkeypatch.setitem(sys.modules, "fpdf", None)
    with refused(vl.UsageError):
        widget.save_figure(tmp_path / "a.pdf")
    assert list(tmp_path.iterdir()) == []

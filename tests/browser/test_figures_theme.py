"""Bokeh figures in the colours of their page, and of the theme it changes to."""

from __future__ import annotations

import functools
import io

import numpy as np
import pytest
from bokeh.embed import file_html
from bokeh.resources import INLINE
from PIL import Image

import vitlens_widgets as vl
from vitlens_widgets.charts.theme import REPAINT

INKED = """colors => {
    const counts = [0, 0, 0];  // of each colour, all of it; of pixels that are clear
    const count = (canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        for (let i = 0; i < data.length; i += 4) {
            const isNear = (color) => color.every((part, k) => Math.abs(data[i + k] - part) <= 8);
            colors.forEach((color, k) => counts[k] += data[i + 3] > 200 && isNear(color));
            counts[2] += data[i + 3] === 0;
        }
        return data.length / 4;
    };
    let all = 0;
    const look = (root) => {
        for (const node of root.querySelectorAll("*")) {
            if (node instanceof HTMLCanvasElement && node.width && node.height) all += count(node);
            if (node.shadowRoot) look(node.shadowRoot);
        }
    };
    look(document);
    return [counts[0], counts[1], counts[2] / all];
}"""
TEXTS = {"light": (20, 20, 20), "dark": (240, 240, 240)}


def set_theme(page, name):
    page.evaluate(
        """([name, color]) => {
            const { style } = document.body;
            for (const i of [1, 2]) style.setProperty(`--jp-ui-font-color${i}`, color);
            document.body.dataset.theme = name;
        }""",
        [name, f"rgb{TEXTS[name]}"],
    )


@pytest.mark.parametrize(("first", "then"), [("light", "dark"), ("dark", "light")])
def test_words_and_lines_take_the_colours_of_the_page_and_follow_its_theme(page, first, then):
    plot = vl.charts.figure_over_states("a title", ["0_pre", "final"], "probability")
    vl.charts.with_curves(plot, "state", ["0_pre", "final"], {"cat": [0.1, 0.9]})
    vl.charts.with_chance(plot, 0.5, "as often as not")
    page.set_content(file_html(plot, INLINE, "figure"))
    set_theme(page, first)
    page.evaluate(REPAINT)
    for theme, other in ((first, then), (then, first)):
        set_theme(page, theme)
        colors = [TEXTS[theme], TEXTS[other]]
        page.wait_for_function(
            f"colors => {{ const [own, its] = ({INKED})(colors); return own > 100 && its === 0; }}",
            arg=colors,
        )
        assert page.evaluate(INKED, colors)[2] > 0.5  # the page is seen behind


GROUNDS = {"light": 255, "dark": 17}
ENDS = (0, 114, 178), (213, 94, 0)  # blue at -1, orange at 1


def with_legends():
    """Figures whose legends have two names, and a map with a scale."""
    names, y = ["0_pre", "final"], {"cat": np.array([0.1, 0.9]), "dog": np.array([0.2, 0.4])}
    over_states = functools.partial(vl.charts.figure_over_states, "a title", names, "share")
    over_layers = vl.charts.figure_over_layers("a title", "share", 1)
    heads = {name: one[None] for name, one in y.items()}
    places = {"layer": ["0", "1"], "head": ["0", "1", "2"]}
    cells = np.linspace(-1, 1, 6).reshape(2, 3)
    return [
        vl.charts.with_curves(over_states(), "state", names, y),
        vl.charts.with_bars(over_states(), "state", "share", y),
        vl.charts.with_dots(over_layers, "share", heads, dict.fromkeys(y)),
        vl.charts.signed_cells("a map", "score", cells, ("layer", "head"), places),
    ]


def pixels(page, clip):
    shot = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("L")
    return np.asarray(shot).astype(int)


def test_legends_and_scales_stand_on_the_ground_of_the_page(page):
    page.set_content(file_html(vl.charts.beside(with_legends()), INLINE, "figure"))
    page.evaluate(REPAINT)
    for theme, ground in GROUNDS.items():
        page.evaluate("rgb => document.body.style.background = rgb", f"rgb{(ground,) * 3}")
        set_theme(page, theme)
        page.wait_for_timeout(400)  # it is painted anew a tenth of a second after
        legends = page.locator(".bk-Legend").all()
        assert len(legends) == 3
        for legend in legends:
            found = abs(pixels(page, legend.bounding_box()) - ground)
            assert (found <= 2).mean() > 0.5
            assert (found > 180).sum() > 10  # the words
        of_map = page.locator(".bk-Figure").last.bounding_box()
        numbers = of_map | {"x": of_map["x"] + of_map["width"] - 30, "width": 30}
        assert (abs(pixels(page, numbers) - ground) > 60).sum() > 10  # the scale's
        page.evaluate(
            "rgb => document.body.style.setProperty('--jp-layout-color1', rgb)",
            f"rgb{(ground,) * 3}",
        )
        page.mouse.move(of_map["x"] + of_map["width"] / 3, of_map["y"] + of_map["height"] / 2)
        box = page.locator(".bk-Tooltip")
        box.wait_for()
        assert box.evaluate("node => getComputedStyle(node).backgroundColor") == (
            f"rgb{(ground,) * 3}"
        )
        assert box.evaluate("node => getComputedStyle(node).color") == f"rgb{TEXTS[theme]}"
        page.mouse.move(0, 0)
        box.wait_for(state="hidden")


def test_a_map_s_zero_is_the_ground_of_the_page_and_follows_its_theme(page):
    places = {"layer": ["0", "1", "2", "3"], "head": ["0"]}
    cells = np.array([[-1.0], [0.0], [1.0], [np.nan]])
    plot = vl.charts.signed_cells("a map", "score", cells, ("layer", "head"), places)
    page.set_content(file_html(plot, INLINE, "figure"))
    page.evaluate(REPAINT)
    for theme, ground in GROUNDS.items():
        page.evaluate("rgb => document.body.style.background = rgb", f"rgb{(ground,) * 3}")
        set_theme(page, theme)
        page.wait_for_timeout(400)
        box = page.locator(".bk-Figure").bounding_box()
        shot = Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB")
        row = np.asarray(shot)[shot.height // 2].astype(int)
        assert all((abs(row - end).max(1) < 4).sum() > 20 for end in ENDS)
        grey = round(0.28 * 128 + 0.72 * ground)
        assert (abs(row - grey).max(1) < 4).sum() > 20  # no number
        first, last = (int(np.flatnonzero(abs(row - end).max(1) < 4)[-1]) for end in ENDS)
        zero = row[first + 5 : first + 25]
        assert (abs(zero - ground) < 3).all()
        assert last > first

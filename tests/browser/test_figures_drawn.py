"""The figures of every kind of result are drawn by a browser, without a word of complaint."""

from __future__ import annotations

from bokeh.embed import file_html
from bokeh.layouts import column
from bokeh.models import Plot
from bokeh.resources import INLINE

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import MODELS, examples
from tests.analysis.test_results import RESULTS
from tests.analysis.titles import figures_of
from tests.over_data import OVER_DATA
from vitlens_widgets.analysis import experiments

IS_DRAWN = """() => Object.fromEntries(
    [...window.Bokeh.index.query((view) => typeof view.request_repaint === "function")]
        .map((view) => {
            const layers = [...view.canvas_view.el.shadowRoot.querySelectorAll("canvas")];
            const inked = layers.map((layer) => {
                const { width, height } = layer;
                const { data } = layer.getContext("2d").getImageData(0, 0, width, height);
                return data.filter((part, i) => i % 4 === 3 && part > 100).length;
            });
            return [view.model.id, Math.max(0, ...inked)];
        }),
)"""


WIDTHS = """() => [...window.Bokeh.index.query((v) => typeof v.request_repaint === "function")]
    .map((view) => view.el.getBoundingClientRect().width)"""


def all_figures():
    """Of every experiment, the first and the last that its result can draw; of readings all."""
    scenes = [vl.world.scene(seed, objects=2) for seed in range(2)]
    trace = vl.load("toy/p32").trace([scene.image for scene in scenes])
    vit = vl.load(MODELS["CLS"]())
    found = {name: make(trace, scenes) for name, make in RESULTS.items()}
    for name in OVER_DATA:
        found[name] = experiments[name].function(vit, examples(vit, 2), n_images=2)
    figures = []
    for name, one in found.items():
        first, *others = figures_of(name, one)
        figures += [first, *others[-1:]]
    reading, over = vl.LogitLens(trace.vit).read(trace), vl.analysis.over_states
    figures += [over.probability(reading, "cat"), over.rank(reading, "cat")]
    figures += [over.entropy(reading), over.kl_to_final(reading)]
    segmented = {"one": found["segmentation"], "another": found["segmentation"]}
    return [*figures, vl.analysis.compare(segmented)]


def test_every_kind_of_result_is_drawn_without_a_complaint(page):
    figures = all_figures()
    plots = {plot.id for figure in figures for plot in figure.select({"type": Plot})}
    page.set_content(file_html(column(figures), INLINE, "figures"))
    page.wait_for_function("window.Bokeh?.documents[0]?.is_idle", timeout=60_000)
    ink = page.evaluate(IS_DRAWN)
    assert {*ink} == plots
    assert [name for name, pixels in ink.items() if pixels < 500] == []
    # also in a column that has no width of its own, as this one
    assert min(page.evaluate(WIDTHS)) >= 250

"""Where a model's classes are each a yes or a no, read-outs and stills say it beside numbers."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.widget_page import WidgetPage
from tests.small_models import hf_model
from vitlens_widgets.models.probabilities import word_of
from vitlens_widgets.widgets.explorer.shown import ShownRuns
from vitlens_widgets.widgets.patch_grid.answers import Answers

KINDS = {"multi_label_classification": "sigmoid", "single_label_classification": "softmax"}
ROW, COL = 1, 3
pytestmark = pytest.mark.filterwarnings("ignore:No image processor")


@pytest.fixture(params=KINDS)
def traced(request):
    vit = vl.load(hf_model(problem_type=request.param))
    picture = np.random.default_rng(3).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    trace = vit.trace(picture)
    logits = vl.LogitLens(vit).read(trace).logits(vit.n_layers)[0, vit.layout.token(ROW, COL)]
    own = {"sigmoid": logits.sigmoid(), "softmax": logits.softmax(-1)}
    kind = KINDS[request.param]
    p = own[kind].double()
    return vit, picture, vl.LogitLens(vit).read(trace), kind, p.numpy()


def read_out(locator):
    return " ".join(locator.inner_text().split())


def beside(kind, number):
    """What a read-out says: of a sigmoid, that it is one, after its number."""
    return f"{number:.3f} {word_of(kind)}" if kind == "sigmoid" else f"{number:.3f}"


def says(text, kind):
    return ("sigmoid" in text) == (kind == "sigmoid")


@pytest.mark.parametrize("width", [1400, 700])
def test_patch_grid(page, traced, width):
    vit, _, reading, kind, p = traced
    page.set_viewport_size({"width": width, "height": 900})
    token = vit.layout.token(ROW, COL)
    widget = WidgetPage(page).add(vl.PatchGrid(reading, token=token, target=4, tint="entropy"))
    line = read_out(widget.locator(".vl-readout"))
    assert beside(kind, p.max()) in line
    assert f"{p[4]:.3f}" in line
    assert says(line, kind)
    of_classifier = ".vl-aside" if width == 700 else ".vl-runners-up"
    assert says(read_out(widget.locator(of_classifier)), kind)
    assert says(read_out(widget.locator(".vl-answers .vl-head")), kind)
    assert says(widget.locator(".vl-filmstrip .vl-hint").text_content(), kind)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1400, 700])
def test_explorer(page, traced, width):
    vit, picture, _, kind, p = traced
    page.set_viewport_size({"width": width, "height": 900})
    explorer = vl.explore(vit, picture, token=vit.layout.token(ROW, COL), target=4)
    widget = WidgetPage(page).add(explorer, "explorer")
    line = read_out(widget.locator(".vl-pair-line"))
    assert beside(kind, p.max()) in line
    assert says(line, kind)
    word = f"{word_of(kind)} " if kind == "sigmoid" else ""
    assert f"has {word}{p[4]:.3f}, rank" in read_out(widget.locator(".vl-token-answers"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_attention_maps_and_heads_off(page, traced):
    vit, picture, reading, kind, _ = traced
    page.set_viewport_size({"width": 1400, "height": 900})
    maps = vl.AttentionMaps(vit.trace(picture), reading=reading, token=vit.layout.token(ROW, COL))
    hosted = WidgetPage(page)
    assert says(read_out(hosted.add(maps, "attention_maps").locator(".vl-pair-line")), kind)
    explorer = hosted.add(vl.explore(vit, picture, knocked_out=[(0, 0)]), "explorer")
    assert says(read_out(explorer.locator(".vl-off-result")), kind)


def test_stills(traced):
    vit, picture, reading, kind, p = traced
    token = vit.layout.token(ROW, COL)
    grid = vl.PatchGrid(reading, token=token, target=4)
    runs = ShownRuns(vl.explore(vit, picture, token=token, target=4).get_state())
    word = f"{word_of(kind)} " if kind == "sigmoid" else ""
    for answers in (Answers(grid.get_state()), runs.patches().answers):
        of_readout, of_token = answers.lines(vit.n_layers, token)
        assert of_token.endswith(f", {word}{p[4]:.3f}")
        assert says(of_readout, kind)
    assert runs.patches().tint.words == f"{word_of(kind)} of {vit.labels[4]}"

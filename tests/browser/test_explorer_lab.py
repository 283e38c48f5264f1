"""Explorer in a real JupyterLab: heads off, another image, links to other widgets, both ways."""

from __future__ import annotations

import pytest

from tests.browser.hosts import written

EXPLORER = """
import vitlens_widgets as vl

vit = vl.load("toy/p32")
scene, other = (vl.world.scene(seed, objects=2) for seed in (45, 8))
explorer = vl.explore(vit, scene, state=4, head=1)
explorer
"""
LINKED = """
trace = vit.trace(scene.image)
grid = vl.PatchGrid(vl.LogitLens(vit).read(trace))
linked = vl.link(explorer, grid, vl.AttentionMaps(trace))
grid
"""
WITHOUT = "vit.trace({image}.image, edits=[vl.edits.Zero('z', 4, head=1)])"


@pytest.fixture(scope="module")
def notebook(lab, browser, tmp_path_factory):
    """A notebook with an explorer and a patch grid, after "Run All Cells"."""
    path = written(tmp_path_factory.mktemp("explorer") / "explorer.ipynb", EXPLORER, LINKED)
    # Tall enough for both: JupyterLab draws what is in sight.
    context = browser.new_context(viewport={"width": 1700, "height": 2400})
    notebook = lab.open(context.new_page(), path)
    notebook.run_all(widgets=2)
    yield notebook
    notebook.close()
    context.close()


@pytest.fixture
def widget(notebook):
    """The explorer, its heads on."""
    notebook.kernel("explorer.knocked_out, explorer.state, explorer.head = [], 4, 1")
    return notebook.drawn.first


def answer(notebook, trace):
    """Label and probability of a trace's own answer, as the widget writes them."""
    top = f"{trace}.logits[0].softmax(-1).max(-1)"
    index, p = notebook.value(f"[int({top}.indices), float({top}.values)]")
    label, emoji = notebook.value(f"[vit.labels[{index}], vit.labels.emoji[{index}]]")
    return f"{emoji} {label} {p:.3f}"


def result(widget):
    """What the widget says of the run without the heads."""
    return " ".join(widget.locator(".vl-off-result").inner_text().split())


def test_a_head_is_switched_off_by_a_click_and_the_model_answers_without_it(notebook, widget):
    widget.get_by_role("button", name="Knock out L4 H1").click()
    notebook.wait_for_value("explorer.knocked_out", [[4, 1]])
    widget.locator(".vl-off-result").get_by_text("prediction").wait_for()
    widget.locator(".vl-heads-side").get_by_text("edited run").wait_for()
    without = WITHOUT.format(image="scene")
    expected = f"{answer(notebook, 'trace')} → {answer(notebook, without)}"
    assert expected in result(widget)
    difference = f"float((explorer.edited.logits - {without}.logits).abs().max())"
    assert notebook.value(difference) < 1e-4


def test_heads_and_an_image_set_in_python_are_shown(notebook, widget):
    image = widget.locator(".vl-original-image canvas")
    before = image.evaluate("canvas => canvas.toDataURL()")
    notebook.kernel("explorer.knocked_out = [(4, 1), (2, 0)]")
    widget.get_by_role("button", name="Switch layer 2, head 0 on again").wait_for()
    notebook.kernel("explorer.show(other)")
    notebook.page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before",
        arg=[image.element_handle(), before],
    )
    assert answer(notebook, "vit.trace(other.image)") in result(widget)
    widget.get_by_role("button", name="All on").click()
    notebook.wait_for_value("explorer.knocked_out", [])
    notebook.kernel("explorer.show(scene)")


def test_what_is_chosen_in_one_linked_widget_is_chosen_in_the_other(notebook, widget):
    grid = notebook.drawn.nth(1)
    grid.scroll_into_view_if_needed()
    grid.get_by_role("gridcell").nth(17).click()
    notebook.wait_for_value("[explorer.token, grid.token]", [18, 18])
    widget.locator(".vl-pair-line").first.get_by_text("token 18").wait_for()
    widget.locator(".vl-head-tile[data-layer='2'][data-head='0']").click()
    notebook.wait_for_value("[explorer.state, grid.state]", [2, 2])
    shown = notebook.page.locator("[data-vitlens-drawn='2_pre']")
    grid.and_(shown).wait_for(state="attached")


def test_nothing_has_gone_wrong(notebook):
    assert notebook.complaints == []
    assert notebook.value("[explorer.error, grid.error]") == ["", ""]

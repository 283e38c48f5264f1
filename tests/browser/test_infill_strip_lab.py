"""InfillStrip in a real JupyterLab: paint, and read the mask in the kernel."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.hosts import written
from tests.browser.infill_page import patch, stroke

SIDE = 14  # patches of toy/mae
CODE = """
import vitlens_widgets as vl
scene = vl.world.scene(45, objects=2, size=112, classes=("cat", "moon"))
infilling = vl.InfillLens(vl.load("toy/mae")).read(scene.image, mask_ratio=0.75, seed=2)
strip = vl.InfillStrip(infilling, truth=scene)
strip
"""


@pytest.fixture(scope="module")
def notebook(lab, browser, tmp_path_factory):
    """A notebook that shows one strip, after "Run All Cells"."""
    path = written(tmp_path_factory.mktemp("infill") / "strip.ipynb", CODE)
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    notebook = lab.open(context.new_page(), path)
    notebook.run_all(widgets=1)
    yield notebook
    notebook.close()
    context.close()


@pytest.fixture
def strip(notebook):
    """The widget, with nothing masked."""
    notebook.kernel("import numpy as np; strip.mask = np.zeros(196, bool)")
    widget = notebook.drawn.first
    widget.scroll_into_view_if_needed()
    widget.locator(".vl-still-masked [aria-selected=true]").first.wait_for(state="detached")
    return widget


def hidden(cells):
    """Patches (row, col) as the kernel lists them."""
    return sorted(row * SIDE + col for row, col in cells)


LISTED = "np.flatnonzero(strip.mask).tolist()"


def test_what_is_painted_by_a_drag_is_the_mask_in_the_kernel(notebook, strip):
    at = lambda row, col: patch(strip, row, col, SIDE)  # noqa: E731
    stroke(notebook.page, at(3, 2), at(3, 9), at(6, 9), steps=20)
    painted = [(3, col) for col in range(2, 10)] + [(row, 9) for row in (4, 5, 6)]
    notebook.wait_for_value(LISTED, hidden(painted))
    notebook.wait_for_value("np.flatnonzero(strip.infilling.mask[0]).tolist()", hidden(painted))
    assert notebook.complaints == []


def test_what_is_painted_by_keys_is_the_mask_in_the_kernel(notebook, strip):
    cells = notebook.page.locator(".jp-Cell").count()
    patch(strip, 0, 0, SIDE).focus()
    for key in ("ArrowDown", "Enter", "Shift+ArrowRight", "a", "b", "ArrowDown", " "):
        notebook.page.keyboard.press(key)
    notebook.wait_for_value(LISTED, hidden([(1, 0), (1, 1), (2, 1)]))
    assert notebook.page.locator(".jp-Cell").count() == cells


def test_many_changes_end_in_the_last_painting(notebook, strip):
    """Fifty patches turned over in two seconds; what is shown then is of the last mask."""
    strip.evaluate(
        """async root => {
          const cells = root.querySelectorAll('.vl-still-masked .vl-cell');
          for (let i = 0; i < 50; i++) {
            const key = { key: 'Enter', bubbles: true };
            cells[(37 * i) % 196].dispatchEvent(new KeyboardEvent('keydown', key));
            await new Promise((done) => setTimeout(done, 40));
          }
        }"""
    )
    expected = np.bincount([(37 * i) % 196 for i in range(50)], minlength=196) % 2
    notebook.wait_for_value(LISTED, np.flatnonzero(expected).tolist())
    notebook.wait_for_value("strip._numbers_of == strip._painting", True)
    notebook.wait_for_value("strip._answered == strip._asked", True)
    same = "bytes(strip._painted_mask) == strip.mask.astype('uint8').tobytes()"
    assert notebook.value(same)
    last = "int(np.frombuffer(strip._painted, np.uint8).astype(int).sum())"
    pictures = "infilling.rerun(mask=strip.mask).pictures(k, paste=False).astype(int)"
    again = f"int(sum({pictures}.sum() for k in range(6)))"
    assert notebook.value(last) == notebook.value(again)
    foot = strip.locator(".vl-foot")
    foot.get_by_text(f"on {expected.sum()} masked patches").wait_for()


def test_share_seed_layer_and_object_go_both_ways(notebook, strip):
    strip.get_by_role("slider", name="Share of patches").fill("40")
    notebook.wait_for_value("strip.mask_ratio", 0.4)
    drawn = "bool((strip.mask == infilling.lens.mask(1, 0.4, strip.seed)[0].numpy()).all())"
    notebook.wait_for_value(drawn, True)
    strip.get_by_label("Mask the patches that show an object").select_option("moon")
    shows = "(infilling.layout.coverage(scene.class_mask == 4) > 0).ravel()"
    notebook.wait_for_value(f"bool((strip.mask == {shows}).all())", True)
    notebook.kernel("strip.state, strip.view, strip.seed = 2, 'error', 7")
    strip.and_(notebook.page.locator("[data-vitlens-drawn='2_pre']")).wait_for(state="attached")
    count = notebook.value("int(strip.mask.sum())")
    strip.get_by_text(f"{count} of 196").wait_for()
    assert strip.get_by_role("spinbutton", name="Seed").input_value() == "7"
    assert strip.locator(".vl-error-map").is_visible()
    assert notebook.complaints == []

"""The quick start in a real JupyterLab: browser and kernel see the same selection, both ways."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "notebooks" / "00_quickstart.ipynb"
PICTURES = Path(__file__).parent / "screenshots"
WIDGETS = 4  # that the quick start shows


@pytest.fixture(scope="module")
def notebook(lab, browser):
    """The quick start after "Run All Cells", in a window of a usual size."""
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    notebook = lab.open(context.new_page(), QUICKSTART)
    notebook.run_all(widgets=WIDGETS)
    yield notebook
    notebook.close()
    context.close()


@pytest.fixture
def grid(notebook):
    """The first widget, `grid` in the notebook, scrolled into view."""
    widget = notebook.drawn.first
    widget.scroll_into_view_if_needed()
    return widget


def test_every_cell_runs_without_a_complaint(notebook):
    assert notebook.complaints == []
    assert notebook.drawn.count() == WIDGETS


def test_a_state_chosen_in_the_browser_is_known_in_the_kernel(notebook, grid):
    slider = grid.get_by_role("slider", name="State")
    slider.press("Home")
    notebook.wait_for_value("grid.state", 0)
    slider.press("ArrowRight")
    notebook.wait_for_value("grid.state", 1)
    grid.locator("[data-state='3']").click()
    notebook.wait_for_value("grid.state", 3)
    assert grid.get_attribute("data-vitlens-drawn") == "3_pre"


def test_a_patch_pinned_in_the_browser_is_known_in_the_kernel(notebook, grid):
    patch = grid.get_by_role("gridcell").nth(2 * 7 + 5)
    patch.click()
    notebook.wait_for_value("vit.layout.row_col(grid.token)", [2, 5])
    assert patch.get_attribute("aria-selected") == "true"
    patch.click()
    notebook.wait_for_value("grid.token", None)


def test_a_target_searched_in_the_browser_is_known_in_the_kernel(notebook, grid):
    search = grid.get_by_role("combobox", name="Target class")
    search.fill("umbr")
    search.press("Enter")
    notebook.wait_for_value("vit.labels[grid.target]", "umbrella")


def test_what_the_kernel_sets_is_shown_in_the_browser(notebook, grid):
    notebook.kernel("grid.state, grid.token, grid.target = 2, vit.layout.token(1, 6), 'moon'")
    drawn_state(grid, "2_pre")
    selected = grid.locator("[role=gridcell][aria-selected=true]")
    selected.wait_for(state="attached")
    assert selected.get_attribute("data-token") == str(1 + 1 * 7 + 6)
    assert grid.get_by_role("slider", name="State").get_attribute("aria-valuenow") == "2"
    assert "moon" in grid.get_by_role("combobox", name="Target class").input_value()


def test_keys_in_the_grid_do_not_reach_the_notebook(notebook, grid):
    cells = notebook.page.locator(".jp-Cell").count()
    first = grid.get_by_role("gridcell").nth(0)
    first.click()
    for key in ("a", "b", "d", "d", "ArrowDown", "ArrowRight", "Enter"):
        notebook.page.keyboard.press(key)
    notebook.wait_for_value("vit.layout.row_col(grid.token)", [1, 1])
    assert notebook.page.locator(".jp-Cell").count() == cells


def test_two_widgets_do_not_interfere(notebook, grid):
    other = notebook.drawn.nth(1)
    before = other.get_attribute("data-vitlens-drawn")
    notebook.kernel("grid.state = 0")
    drawn_state(grid, "0_pre")
    assert other.get_attribute("data-vitlens-drawn") == before == "final"


def test_the_theme_is_followed_while_the_widget_is_open(notebook, grid):
    notebook.kernel("grid.state, grid.token = 'final', vit.layout.token(3, 2)")
    drawn_state(grid, "final")
    notebook.page.evaluate("document.activeElement.blur()")
    notebook.page.mouse.move(5, 5)
    backgrounds = []
    PICTURES.mkdir(exist_ok=True)
    for theme in ("light", "dark"):
        notebook.set_theme(theme)
        grid.scroll_into_view_if_needed()
        notebook.wait_until_at_rest()
        backgrounds.append(grid.evaluate("node => getComputedStyle(node).backgroundColor"))
        name = f"jupyterlab_{theme}"
        notebook.page.screenshot(path=PICTURES / f"{name}.png")
        for i in range(WIDGETS):
            notebook.drawn.nth(i).screenshot(path=PICTURES / f"{name}_widget{i}.png")
    notebook.set_theme("light")
    light, dark = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in backgrounds)
    assert light > 600
    assert dark < 150


def drawn_state(grid, name):
    """Waits until the widget shows a state."""
    grid.and_(grid.page.locator(f"[data-vitlens-drawn='{name}']")).wait_for(state="attached")

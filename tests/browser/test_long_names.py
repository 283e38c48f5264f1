"""A class may have a name that is longer than the page is wide: nothing leaves its place for it."""

from __future__ import annotations

import pytest
import timm
import torch

import vitlens_widgets as vl
from tests.browser.widget_page import WidgetPage

LONG = "crane that lifts and moves heavy objects; its tackle hangs from a boom that turns about"
WIDE = "document.documentElement.scrollWidth"
BEYOND = """node => {
  const right = (one) => one.getBoundingClientRect().right;
  return right(node) - right(node.parentElement);
}"""


@pytest.fixture(scope="module")
def vit():
    """Its images are three times as wide as high, and all its classes have long names."""
    torch.manual_seed(3)
    words = {"img_size": (32, 96), "depth": 3, "embed_dim": 48, "num_heads": 3, "num_classes": 6}
    model = timm.create_model("vit_tiny_patch16_224", **words).eval()
    return vl.load(model, labels=[f"{LONG}, {i}" for i in range(6)])


@pytest.fixture(scope="module")
def image():
    return vl.world.scene(4, size=96).image[:32]


@pytest.mark.parametrize("width", [1400, 1000, 700])
def test_curves_of_lenses_wrap_what_they_are_of(page, vit, image, width):
    page.set_viewport_size({"width": width, "height": 900})
    trace = vit.trace(image)
    readings = [one(vit).read(trace) for one in (vl.LogitLens, vl.FrozenNormLens)]
    widget = WidgetPage(page).add(vl.PatchGrid(readings))
    widget.locator(".vl-lens-curves").wait_for()
    assert LONG in widget.locator(".vl-lens-curves .vl-head").inner_text()
    assert page.evaluate(WIDE) <= width


@pytest.mark.parametrize("width", [1400, 1000, 700])
def test_heads_of_rows_keep_to_their_column(page, vit, image, width):
    page.set_viewport_size({"width": width, "height": 900})
    widget = WidgetPage(page).add(vl.explore(vit, image), "explorer")
    heads = widget.locator(".vl-lane-heads > *")
    heads.first.wait_for()
    assert heads.count() > 1
    if width > 1000:  # narrower, they stand above their rows
        assert max(heads.nth(i).evaluate(BEYOND) for i in range(heads.count())) < 1
    assert page.evaluate(WIDE) <= width

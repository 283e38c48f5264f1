"""Widgets of several kinds on one page, with all their style sheets: none changes another."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.browser.widget_page import WidgetPage
from tests.widgets.fake_activations import random_activations
from tests.widgets.fake_causes import random_pair
from tests.widgets.fake_features import random_features
from tests.widgets.fake_infilling import random_infilling
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_pictures import random_paints
from tests.widgets.fake_reading import random_reading
from tests.widgets.fake_relevance import random_relevances
from vitlens_widgets.widgets.shared.base import STATIC

MAKE = {
    "causes": lambda: vl.Causes(random_pair(1), token=5, exchanged=[("mlp", 1)]),
    "decoded_images": lambda: vl.DecodedImages(random_paints(1)),
    "features": lambda: vl.Features(random_activations(1), token=5),
    "patch_grid": lambda: vl.PatchGrid(random_reading(1), token=5),
    "attention_maps": lambda: vl.AttentionMaps(random_maps(1), token=5, key=9),
    "infill_strip": lambda: vl.InfillStrip(random_infilling(1)),
    "relevance_maps": lambda: vl.RelevanceMaps(random_relevances(1), [2, 4], token=5),
    "patch_features": lambda: vl.PatchFeatures(random_features(1), token=5),
    "explorer": lambda: vl.explore(
        vl.load("toy/p32"), vl.world.scene(7), mae=vl.load("toy/mae"), knocked_out=[(1, 2)], token=5
    ),
}
LONGEST_PAUSE = 400
"""Milliseconds: more than the 150 after which a page asks the kernel for what is not there yet."""
LOOKS = """
(root) => [root, ...root.querySelectorAll("*")].map((node) => {
  const { x, y, width, height } = node.getBoundingClientRect();
  const { color, backgroundColor, fontSize, fontWeight, padding } = getComputedStyle(node);
  return [node.className.toString(), x, y, width, height, color, backgroundColor, fontSize,
          fontWeight, padding].join(" ");
})
"""


def looks(page, root):
    """Place and style of every node, when all animations have ended (controls fade)."""
    page.evaluate("() => Promise.all(document.getAnimations().map((one) => one.finished))")
    return root.evaluate(LOOKS)


def looks_at_rest(page, root):
    """The same, when nothing that the page has asked for of itself is still to come."""
    before, now = None, looks(page, root)
    while before != now:
        page.wait_for_timeout(LONGEST_PAUSE)
        before, now = now, looks(page, root)
    return now


@pytest.mark.parametrize("stem", MAKE)
@pytest.mark.parametrize("width", [1400, 900])
def test_no_style_sheet_changes_another_widget(page, stem, width):
    page.set_viewport_size({"width": width, "height": 900})
    hosted = WidgetPage(page)
    root = hosted.add(MAKE[stem](), stem)
    alone = looks_at_rest(page, root)
    for other in MAKE:
        page.add_style_tag(content=(STATIC / f"{other}.css").read_text(encoding="utf-8"))
    hosted.wait_two_frames()
    changed = [(was, now) for was, now in zip(alone, looks(page, root), strict=True) if was != now]
    assert changed == []

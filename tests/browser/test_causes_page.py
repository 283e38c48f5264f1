"""Causes by hand: pointing, pinning, exchanging, dragging, keys, and a page without a kernel."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.attention_pages import TEXT
from tests.browser.kernel_page import KernelPage
from tests.browser.widget_page import WidgetPage, eventually
from tests.widgets.fake_causes import random_pair
from vitlens_widgets.export.stills import colors
from vitlens_widgets.widgets.causes.places import Spot

STEM = "causes"
TABLE = colors.table("blue_orange")
LEFT = "node => Math.round(node.getBoundingClientRect().left)"


def with_kernel(page, pair, **choices):
    hosted, widget = KernelPage(page), vl.Causes(pair, **choices)
    return hosted.add(widget, STEM), widget


def finished(page, root):
    """Waits until all that is to be exchanged has been, and is drawn."""
    of_kernel = root.page.host.widgets[0]
    eventually(
        page,
        lambda: (
            of_kernel._progress["left"] == 0
            and root.get_attribute("data-vitlens-drawn").endswith(" 0 left")
        ),
    )


def cell(root, row, layer):
    return root.locator(f".vl-effect[data-row='{row}'][data-layer='{layer}']")


def patch(root, token):
    return root.locator(f".vl-tokens .vl-cell[data-token='{token}']")


def read_out(root):
    return root.locator(".vl-pair-line").evaluate(TEXT)


def share(pair, places, direction="noising"):
    """The share of the way, straight from the answers."""
    m = [float(one[2]) - float(one[4]) for one in pair.logits(0).astype(float)]
    base, other = m if direction == "noising" else m[::-1]
    logits = pair.after(places, 0, direction).astype(float)
    return (base - (logits[2] - logits[4])) / (base - other)


def written(value):
    return f"{value:.2f}".replace("-", "−")


def test_what_is_pointed_at_pinned_and_exchanged(page):
    page.set_viewport_size({"width": 1200, "height": 1200})
    pair = random_pair(3)
    root, widget = with_kernel(page, pair, layer=1, head=0)
    finished(page, root)
    worth = share(pair, [Spot("head", 2, 1)])
    assert cell(root, 1, 2).inner_text().strip() == written(worth)
    color = cell(root, 1, 2).evaluate("node => getComputedStyle(node).backgroundColor")
    end = 1 if root.locator(".vl-part-scale .vl-last").inner_text() == "1 all" else 0.5
    place = int(np.floor(255 * np.clip(0.5 + worth / end / 2, 0, 1) + 0.5))
    assert color == f"rgb({', '.join(map(str, TABLE[place]))})"
    cell(root, 1, 2).hover()
    assert read_out(root).startswith(f"Layer 2, head 1 z of the way {written(worth)}")
    cell(root, 1, 2).click()
    eventually(page, lambda: (widget.layer, widget.head, widget.exchanged) == (2, 1, []))
    cell(root, 1, 2).click()
    cell(root, 3, 0).dblclick()  # pins and exchanges
    eventually(page, lambda: len(widget.exchanged) == 2)
    eventually(page, lambda: widget._exchange["together"] is not None)
    assert widget.exchanged == [["head", 2, 1, "output"], ["mlp", 0]]
    assert (widget.layer, widget.part) == (0, "mlp")
    eventually(page, lambda: "…" not in root.locator(".vl-together").inner_text())
    rows = root.locator(".vl-list-row")
    assert rows.count() == 2
    both = share(pair, [Spot("head", 2, 1), Spot("mlp", 0)])
    assert root.locator(".vl-together .vl-number").inner_text() == written(both)
    parts = worth + share(pair, [Spot("mlp", 0)])
    assert f"sum of the parts {written(parts)}" in root.locator(".vl-together").inner_text()
    assert root.locator(".vl-effect.vl-exchanged").count() == 2
    page.keyboard.press("x")  # the chosen one
    eventually(page, lambda: widget.exchanged == [["head", 2, 1, "output"]])
    root.get_by_role("button", name="Clear").click()
    eventually(page, lambda: widget.exchanged == [])
    cell(root, 0, 1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    eventually(page, lambda: (widget.layer, widget.part, widget.head) == (2, "head", 1))
    page.keyboard.press("[")
    eventually(page, lambda: widget.layer == 1)
    columns = [root.locator(s) for s in (".vl-part-map .vl-band", ".vl-film .vl-band")]
    assert len({one.evaluate(LEFT) for one in columns}) == 1  # one axis


def test_tokens_are_pinned_exchanged_and_dragged(page):
    page.set_viewport_size({"width": 1200, "height": 1200})
    pair = random_pair(5)
    root, widget = with_kernel(page, pair, layer=1)
    finished(page, root)
    patch(root, 9).click()
    eventually(page, lambda: widget.token == 9)
    patch(root, 9).hover()
    worth = share(pair, [Spot("tokens", 1, tokens=(9,))])
    assert f"token 9 of 1_pre of the way {written(worth)}" in read_out(root)
    patch(root, 9).click()
    eventually(page, lambda: widget.exchanged == [["tokens", 1, [9]]])
    patch(root, 2).hover()
    page.mouse.down()
    patch(root, 9).hover()
    page.mouse.up()
    eventually(page, lambda: len(widget.exchanged) == 2)
    assert widget.exchanged[1] == ["tokens", 1, [2, 3, 8, 9]]
    assert widget.token == 9  # a drag is no click
    root.get_by_role("button", name="all patches").click()
    eventually(page, lambda: len(widget.exchanged) == 3)
    eventually(page, lambda: widget._exchange.get("together") is not None)
    root.get_by_role("radio", name="attention").click()
    assert root.locator(".vl-tokens .vl-title").inner_text() == "Where it looks"
    patch(root, 9).focus()
    page.keyboard.press("Escape")
    assert root.locator(".vl-tokens .vl-title").inner_text() == "Exchange one token"
    page.keyboard.press("Escape")
    eventually(page, lambda: widget.token is None)


def test_other_numbers_are_asked_for_and_what_fails_is_said(page):
    pair = random_pair(7)
    root, widget = with_kernel(page, pair)
    finished(page, root)
    root.get_by_role("radio", name="corrupted → clean").wait_for()
    root.get_by_role("radio", name="clean → corrupted").click()
    eventually(page, lambda: widget._of["direction"] == "denoising")
    finished(page, root)
    worth = share(pair, [Spot("head", 0, 1)], "denoising")
    eventually(page, lambda: cell(root, 1, 0).inner_text().strip() == written(worth))
    pair.refusal = "Nothing goes any more."
    root.get_by_role("radio", name="pattern").click()
    error = root.locator(".vl-error")
    eventually(page, lambda: "Nothing goes any more." in error.inner_text())
    assert widget.values == "output"


def test_the_circuit_is_found_when_asked_and_its_size_is_chosen(page):
    page.set_viewport_size({"width": 1200, "height": 1400})
    pair = random_pair(9)
    root, widget = with_kernel(page, pair, layer=1, head=0)
    finished(page, root)
    assert root.locator(".vl-circuit").is_hidden()
    root.get_by_role("button", name="Find the circuit").click()
    root.locator(".vl-circuit").wait_for()
    assert widget._circuit["size"] == 20
    facts = root.locator(".vl-size-facts").evaluate(TEXT)
    assert "keep 0.75" in facts
    slider = root.locator(".vl-sizes")
    slider.focus()
    page.keyboard.press("Home")
    eventually(
        page,
        lambda: "1 edge keeps" in facts_of(root) or "the first edge makes no way" in facts_of(root),
    )
    page.keyboard.press("End")
    eventually(page, lambda: "keep 1" in facts_of(root))
    root.locator(".vl-circuit").get_by_role("radio", name="zero").click()
    words = root.locator(".vl-circuit .vl-head .vl-secondary")
    eventually(page, lambda: words.inner_text().endswith("all others carry zeros"))
    assert (widget.outside, widget._circuit["outside"]) == ("zero", "zero")
    assert root.locator(".vl-circuit").get_by_role("radio", name="mean").is_disabled()
    root.locator(".vl-node", has_text="H1").first.click()
    eventually(page, lambda: widget.head == 1)
    assert root.locator(".vl-tokens .vl-title").inner_text() == "Where it looks"
    pair.refusal = "It cannot be found."
    root.get_by_role("button", name="Remove the least needed edges").click()
    error = root.locator(".vl-error")
    eventually(page, lambda: "It cannot be found." in error.inner_text())


def facts_of(root):
    return root.locator(".vl-size-facts").evaluate(TEXT)


@pytest.mark.parametrize("width", [700, 460])
def test_a_page_without_a_kernel_says_what_it_cannot_do(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    pair = random_pair(8, heads=12, layers=12)
    widget = vl.Causes(pair, exchanged=[("head", 3, 1), ("mlp", 2)])
    widget.saved()
    page.evaluate("window.withoutKernel = true")
    hosted = WidgetPage(page)
    page.evaluate("window.withoutKernel = true")
    root = hosted.add(widget, STEM)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert root.locator(".vl-list-row").count() == 2
    assert root.locator(".vl-effect:not(.vl-known)").count() == 0
    chosen = root.locator(".vl-effect.vl-pinned")
    chosen.click()
    assert "needs the model" in root.locator(".vl-error").inner_text()
    assert hosted.get("exchanged") == widget.exchanged
    assert root.get_by_role("radio", name="pattern").is_disabled()


def test_patches_of_one_image_alone_are_covered_by_hand(page):
    vit = vl.load("toy/attn-mlp-4l")
    trace = vit.trace(vl.world.scene(8, size=vit.image_size).image)
    hosted, widget = KernelPage(page), vl.Causes(trace)
    root = hosted.add(widget, STEM)
    n_prefix, cols = trace.layout.n_prefix, trace.layout.cols
    caption = root.locator(".vl-pair-of-images .vl-head .vl-secondary")
    assert caption.inner_text() == widget._of["covered_words"]
    root.locator("select").select_option(label="blurred box")
    eventually(page, lambda: "patches blurred (" in caption.inner_text())
    assert widget.cover == widget._of["cover"] == "blur"
    before = widget._logits
    root.locator(".vl-tokens").get_by_role("radio", name="cover").click()
    first, last = n_prefix + 1, n_prefix + cols + 2
    patch(root, first).hover()
    page.mouse.down()
    patch(root, last).hover()
    page.mouse.up()
    eventually(page, lambda: "2 × 2 patches" in caption.inner_text())
    assert widget.covered == [first, first + 1, last - 1, last]
    assert widget._logits != before
    assert widget.exchanged == []
    patch(root, last).click()
    eventually(page, lambda: "3 patches blurred" in caption.inner_text())
    patch(root, last).press("Enter")
    eventually(page, lambda: "2 × 2 patches" in caption.inner_text())
    expected = vl.Causes(trace, cover="blur", covered=widget.covered)
    np.testing.assert_allclose(
        np.frombuffer(widget._logits, "<f4"), np.frombuffer(expected._logits, "<f4"), rtol=1e-5
    )
    for token in (first, first + 1, last - 1):
        patch(root, token).click()
    patch(root, last).click()
    eventually(page, lambda: "covered= is no patch" in root.locator(".vl-error").inner_text())
    assert widget.covered == [last]
    patch(root, last).press("Escape")
    assert root.get_by_role("heading", name="Exchange one token").count() == 1

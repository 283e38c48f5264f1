"""Explorer in a browser: all views of it are drawn, follow one another, and switch heads off."""

from __future__ import annotations

import pytest
from widget_page import WidgetPage

import vitlens_widgets as vl


@pytest.fixture(scope="module")
def scene():
    return vl.world.scene(45, objects=2, classes=("cat", "umbrella"))


@pytest.fixture
def complaints(page):
    found = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    return found


def shown(page, explorer, scheme="light"):
    hosted = WidgetPage(page, scheme=scheme)
    hosted.kernel = lambda widget, name, message: getattr(widget, name)(message, [])
    return hosted, hosted.add(explorer, "explorer")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 1050, 700])
def test_nothing_is_wider_than_its_place(page, scene, complaints, width, scheme):
    page.set_viewport_size({"width": width, "height": 900})
    explorer = vl.explore(vl.load("toy/p32"), scene, mae=vl.load("toy/mae"), knocked_out=[(3, 0)])
    explorer.run = "difference"
    _, widget = shown(page, explorer, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    attends = widget.get_by_text("Attended by", exact=True)
    right = attends.bounding_box()["x"] + attends.bounding_box()["width"]
    assert right <= width
    assert complaints == []


def test_a_patch_pinned_in_one_view_is_pinned_in_all(page, scene, complaints):
    page.set_viewport_size({"width": 1400, "height": 900})
    vit = vl.load("toy/p32")
    hosted, widget = shown(page, vl.explore(vit, scene))
    token = vit.layout.token(2, 5)
    widget.locator(f".vl-answers-side [data-token='{token}']").click()
    assert hosted.get("token") == token
    assert f"token {token}" in widget.inner_text()
    widget.locator(".vl-look [data-token]").nth(8).click()
    assert (hosted.get("token"), hosted.get("key")) != (token, None)
    assert complaints == []


def test_a_head_is_switched_off_by_a_click_and_by_a_key(page, scene, complaints):
    page.set_viewport_size({"width": 1400, "height": 900})
    explorer = vl.explore(vl.load("toy/p32"), scene, layer=3, head=1)
    hosted, widget = shown(page, explorer)
    off = widget.locator(".vl-off-head")
    widget.get_by_role("button", name="Knock out L3 H1").click()
    settle(page, lambda: explorer.knocked_out == [(3, 1)])
    hosted.receive(**changed(explorer))
    assert off.count() == 1
    assert "prediction" in widget.locator(".vl-off-result").inner_text()
    widget.get_by_role("button", name="Switch on L3 H1").press("k")
    settle(page, lambda: explorer.knocked_out == [])
    hosted.receive(**changed(explorer))
    assert off.count() == 0
    assert explorer.edited is None
    assert complaints == []


def settle(page, is_so):
    """Waits until the kernel has heard."""
    for _ in range(100):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError("the kernel has not heard of it")


def changed(explorer):
    """The traits that a kernel would have sent."""
    names = [n for n in explorer.keys if n.startswith("_edited") or n == "_divergence"]
    state = explorer.get_state()
    return {n: state[n] for n in names} | {
        "knocked_out": [list(pair) for pair in explorer.knocked_out],
        "_version": state["_version"],
    }


def test_a_page_without_a_kernel_says_so(page, scene, tmp_path, complaints):
    explorer = vl.explore(vl.load("toy/p32"), scene)
    path = explorer.save_html(tmp_path / "all.html")
    page.goto(path.as_uri())
    widget = page.locator(".vitlens[data-vitlens-drawn]")
    widget.wait_for(state="attached")
    assert widget.get_by_role("button", name="Open image").is_disabled()
    assert complaints == []

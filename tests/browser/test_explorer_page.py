"""Explorer in a browser: all views of it are drawn, follow one another, and switch heads off."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

import vitlens_widgets as vl
from tests.browser.widget_page import WidgetPage, eventually
from tests.small_models import timm_model


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
    head = widget.locator(".vl-look > .vl-head")
    assert head.bounding_box()["height"] < 40  # title, run and switch on one line
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
    explorer = vl.explore(vl.load("toy/p32"), scene, state=3, head=1)
    hosted, widget = shown(page, explorer)
    off = widget.locator(".vl-off-head")
    widget.get_by_role("button", name="Knock out L3 H1").click()
    eventually(page, lambda: explorer.knocked_out == ((3, 1),))
    hosted.receive(**changed(explorer))
    assert off.count() == 1
    assert "prediction" in widget.locator(".vl-off-result").inner_text()
    widget.get_by_role("button", name="Switch on L3 H1").press("k")
    eventually(page, lambda: explorer.knocked_out == ())
    hosted.receive(**changed(explorer))
    assert off.count() == 0
    assert explorer.edited is None
    assert complaints == []


def test_until_its_attention_is_there_no_other_runs_numbers_are_the_edited_runs(page, scene):
    page.set_viewport_size({"width": 1400, "height": 900})
    explorer = vl.explore(vl.load("toy/p32"), scene, state=4, token=20, key=30)
    hosted, widget = shown(page, explorer)
    line, titles = (
        widget.locator(".vl-pair-line").first,
        widget.locator(".vl-attention-maps .vl-head"),
    )
    weight = float(explorer.trace.attention(4, 0)[0, 20, 30])
    assert f"pattern {weight:.4f}" in words(line)
    assert "edited run" not in words(line)
    explorer.knocked_out = [(3, 0)]
    whole = changed(explorer)
    hosted.receive(**whole | {"_edited_maps": {}})
    assert "pattern … score … rank …" in words(line)
    widget.and_(page.locator(".vl-waiting")).wait_for(state="attached")
    assert titles.get_by_text("edited run").count() == 0
    hosted.receive(**whole)
    weight = float(explorer.edited.attention(4, 0)[0, 20, 30])
    widget.get_by_text(f"{weight:.4f}").first.wait_for()
    for run, said in {"Edited": 2, "Difference": 2, "Baseline": 0}.items():
        widget.get_by_role("radio", name=run, exact=True).click()
        assert titles.get_by_text("edited run").count() == said
        assert words(line).startswith("edited run ") == bool(said)


def words(node):
    """What stands in a node, in one line."""
    return " ".join(node.inner_text().split())


def test_edited_attention_that_fails_is_said_and_can_be_tried_again(page, scene, monkeypatch):
    page.set_viewport_size({"width": 1400, "height": 900})
    explorer = vl.explore(vl.load("toy/p32"), scene, state=4, token=20, key=30)
    hosted, widget = shown(page, explorer)

    def fails(*_, **__):
        raise MemoryError

    with monkeypatch.context() as breaking:
        breaking.setattr(type(explorer._runs.baseline), "maps", fails)
        widget.get_by_role("button", name="Knock out L4 H0").click()
        eventually(page, lambda: explorer.error)
    hosted.receive(**changed(explorer), error=explorer.error)
    said = "The attention without these heads could not be computed: MemoryError"
    widget.get_by_role("alert").get_by_text(said).wait_for()
    widget.and_(page.locator(":not(.vl-waiting)")).wait_for(state="attached")
    assert widget.locator(".vl-off-head").count() == 0
    assert widget.get_by_role("radio", name="Edited", exact=True).count() == 0
    widget.get_by_role("button", name="Knock out L4 H0").click()
    eventually(page, lambda: explorer.knocked_out == ((4, 0),) and explorer.error == "")
    hosted.receive(**changed(explorer), error="")
    assert widget.get_by_role("alert").is_hidden()
    assert words(widget.locator(".vl-pair-line").first).startswith("edited run ")


def test_where_names_have_no_room_background_is_a_dot_and_one_state_has_them_all(page, scene):
    page.set_viewport_size({"width": 700, "height": 900})
    explorer = vl.explore(vl.load("toy/p32"), scene, token=20)
    answers = shown(page, explorer)[1].locator(".vl-lane-answers")
    first = explorer.reading.top(3).index[:, 0, 20].flatten().tolist()
    n_background = sum(explorer.vit.labels[i] == "background" for i in first)
    assert n_background > 0
    assert answers.locator(".vl-dot").all_inner_texts() == ["·"] * n_background
    assert "bac" not in answers.inner_text()
    named = page.locator(".vl-first-answers .vl-name")
    assert named.count() == 0
    page.set_viewport_size({"width": 400, "height": 900})  # no room for any name under a state
    named.first.wait_for()
    assert answers.locator(".vl-name").count() == 0
    top = explorer.reading.top(5).index[explorer.state, 0, 20].tolist()
    assert named.all_inner_texts() == [explorer.vit.labels[i] for i in top]


def changed(explorer):
    """The traits that a kernel would have sent."""
    names = [n for n in explorer.keys if n.startswith("_") and n not in ("_esm", "_css")]
    state = explorer.get_state()
    return {n: state[n] for n in names if not n.startswith(("_model", "_view", "_dom"))} | {
        "knocked_out": [list(pair) for pair in explorer.knocked_out],
        "target": state["target"],
    }


DROP = """
([root, name, content]) => {
  const held = new DataTransfer();
  if (name === null) held.setData("text/plain", "no file");
  else held.items.add(new File([Uint8Array.from(content)], name));
  const sent = (type) => {
    const event = new DragEvent(type, { dataTransfer: held, bubbles: true, cancelable: true });
    root.dispatchEvent(event);
    return event.defaultPrevented;
  };
  return ["dragover", "drop"].map((type) => [sent(type), root.classList.contains("vl-dropping")]);
}
"""


def drop(widget, name, content=b""):
    """Drops a file on a widget; gives whether each event was taken, and marked the widget."""
    return widget.evaluate(f"(root, [n, c]) => ({DROP})([root, n, c])", [name, list(content)])


def file_of(picture):
    """A picture as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(picture)).save(file, "PNG")
    return file.getvalue()


def test_a_dropped_file_is_the_new_image_in_every_view(page, scene):
    page.set_viewport_size({"width": 1400, "height": 900})
    vit = vl.load("toy/p32")
    explorer = vl.explore(vit, scene, knocked_out=[(2, 1)])
    hosted, widget = shown(page, explorer)
    image = widget.locator(".vl-original-image canvas")
    before = image.evaluate("canvas => canvas.toDataURL()")
    other = vl.world.scene(8, objects=2).image
    assert drop(widget, "other.png", file_of(other)) == [[True, True], [True, False]]
    expected = vit.trace(other).logits
    eventually(page, lambda: torch.equal(explorer.trace.logits, expected))
    hosted.receive(**changed(explorer))
    assert image.evaluate("canvas => canvas.toDataURL()") != before
    assert vit.labels[int(expected.argmax())] in widget.locator(".vl-chip-readout").inner_text()
    without = vit.trace(other, edits=[vl.edits.Zero("z", 2, head=1)])
    torch.testing.assert_close(explorer.edited.logits, without.logits, rtol=1e-4, atol=1e-5)


def test_a_file_that_is_no_image_is_said_and_text_is_not_taken(page, scene):
    explorer = vl.explore(vl.load("toy/p32"), scene)
    trace = explorer.trace
    _, widget = shown(page, explorer)
    drop(widget, "notes.txt", b"no picture")
    said = widget.get_by_role("alert")
    said.get_by_text("notes.txt").wait_for()
    assert explorer.trace is trace
    assert drop(widget, None) == [[False, False], [False, False]]


def test_a_model_without_a_classifier_shows_image_and_attention_side_by_side(page, scene):
    page.set_viewport_size({"width": 1400, "height": 900})
    vit = vl.load(timm_model("CLS", num_classes=0))
    explorer = vl.explore(vit, scene, knocked_out=[(1, 1)], run="difference")
    _, widget = shown(page, explorer)
    tops = [
        widget.locator(f"{side} > .vl-picture").bounding_box()["y"]
        for side in (".vl-answers-side", ".vl-look")
    ]
    assert tops[0] == tops[1]
    assert widget.get_by_role("radio", name="Difference").count() == 0
    assert widget.get_by_role("radio", name="Baseline").count() == 1


@pytest.mark.parametrize("special", ["four registers and layer scale", "mean of patches"])
@pytest.mark.parametrize("width", [1400, 1050, 700, 420])
def test_grids_that_are_not_square_fit_with_names_instead_of_emoji(page, scene, width, special):
    page.set_viewport_size({"width": width, "height": 900})
    explorer = vl.explore(vl.load(timm_model(special)), scene, token=9)
    _, widget = shown(page, explorer)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    chip = widget.locator(".vl-chip-readout")
    assert chip.evaluate("node => node.scrollWidth - node.clientWidth") <= 0
    head = widget.locator(".vl-look > .vl-head").bounding_box()
    assert width == 420 or head["height"] < 40  # title and switch on one line


class TestSaved:
    """One page of an explorer, without a kernel."""

    @pytest.fixture(params=[True, False], ids=["with mae", "without"])
    def saved(self, page, scene, tmp_path, request):
        """Heads are off, so that there are two runs on the page."""
        page.set_viewport_size({"width": 1400, "height": 900})
        mae = vl.load("toy/mae") if request.param else None
        choices = {"knocked_out": [(3, 0)], "state": 4, "token": 20, "key": 30}
        explorer = vl.explore(vl.load("toy/p32"), scene, mae=mae, **choices)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        path = explorer.save_html(tmp_path / "all.html")
        page.goto(path.as_uri())
        widget = page.locator(".vitlens[data-vitlens-drawn]")
        widget.wait_for(state="attached")
        yield explorer, widget
        own = (f"file://{tmp_path}", "blob:null/")
        assert [url for url in asked if not url.startswith(own)] == []

    def test_it_stays_interactive(self, saved):
        explorer, widget = saved
        token = explorer.vit.layout.token(3, 1)
        widget.locator(f".vl-answers-side [data-token='{token}']").click()
        assert f"token {token}" in widget.locator(".vl-pair-line").first.inner_text()
        widget.get_by_role("slider", name="State").first.press("Home")
        assert widget.get_attribute("data-vitlens-drawn").startswith("0_pre")
        widget.get_by_role("slider", name="State").first.press("End")
        readings = {"Edited": explorer.edited_reading, "Baseline": explorer.reading}
        for name, reading in readings.items():
            widget.get_by_role("radio", name=name, exact=True).click()
            rank = int(reading.rank("cat")[-1, 0, token])
            widget.get_by_role("combobox", name="Target class").fill("cat")
            widget.get_by_role("combobox", name="Target class").press("Enter")
            assert f"target rank {rank} of 17" in " ".join(
                widget.locator(".vl-pair-line").first.inner_text().split()
            )
        widget.get_by_role("radio", name="Difference").click()
        widget.get_by_text("KL from the baseline run").wait_for()

    def test_every_head_of_both_runs_is_there_with_exact_numbers(self, saved):
        explorer, widget = saved
        for name, trace in {"Edited": explorer.edited, "Baseline": explorer.trace}.items():
            widget.get_by_role("radio", name=name, exact=True).click()
            for layer, head in [(1, 2), (5, 0)]:
                widget.locator(f".vl-head-tile[data-layer='{layer}'][data-head='{head}']").click()
                weight = float(trace.attention(layer, head)[0, 20, 30])
                widget.locator(".vl-pair-line").get_by_text(f"{weight:.4f}").first.wait_for()
        assert widget.get_by_role("alert").is_hidden()

    def test_what_needs_the_model_says_so(self, saved):
        explorer, widget = saved
        assert widget.get_by_role("button", name="Open image").is_disabled()
        off = widget.get_by_role("button", name="Knock out L4 H0")
        assert off.is_disabled()
        assert "no kernel" in off.get_attribute("title")
        widget.locator(".vl-off-head").first.click()
        said = widget.get_by_role("alert").inner_text()
        assert said.startswith("Not on this page. This page has no kernel")
        drop(widget, "other.png", file_of(np.zeros((8, 8, 3), np.uint8)))
        assert widget.get_by_role("alert").inner_text().startswith("Not on this page.")
        assert explorer.knocked_out == ((3, 0),)
        assert "vl-waiting" not in widget.get_attribute("class")
        if explorer.infilling is not None:
            assert widget.get_by_role("button", name="Invert").is_disabled()
            widget.locator(".vl-still-masked .vl-cell").first.click()
            assert widget.get_by_role("alert").inner_text().startswith("Not on this page.")


def test_of_large_maps_a_page_has_the_shown_and_the_chosen_of_both_runs(
    page, scene, tmp_path, monkeypatch
):
    codes = "vitlens_widgets.widgets.attention_maps.data"
    monkeypatch.setattr(f"{codes}.thumbnail_side", lambda *_: 8)
    monkeypatch.setattr(f"{codes}.EXACT_LIMIT", 10)
    page.set_viewport_size({"width": 1400, "height": 900})
    explorer = vl.explore(vl.load("toy/p32"), scene, knocked_out=[(3, 0)], state=4, head=1)
    path = explorer.save_html(tmp_path / "large.html", maps=[(0, 1)])
    page.goto(path.as_uri())
    widget = page.locator(".vitlens[data-vitlens-drawn]")
    widget.wait_for(state="attached")
    alert = widget.get_by_role("alert")
    assert alert.is_hidden()  # the map that is shown, of the edited run
    assert "maps other than the 2 saved whole" in page.locator("header").inner_text()
    for run in ("Baseline", "Edited"):
        widget.locator(".vl-head-tile[data-layer='0'][data-head='1']").click()
        widget.get_by_role("radio", name=run, exact=True).click()
        assert alert.is_hidden()
    widget.locator(".vl-head-tile[data-layer='2'][data-head='2']").click()
    assert alert.inner_text().startswith("Not on this page. This page has no kernel")

"""One page holds the widget whole, lets nothing else in, and is written whole or not at all."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.export.saved import hash_of, parts, state_of
from tests.sentences import refused
from tests.widgets.fake_activations import random_activations
from tests.widgets.fake_causes import random_pair
from tests.widgets.fake_features import random_features
from tests.widgets.fake_infilling import random_infilling
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_pictures import random_paints
from tests.widgets.fake_reading import FakeLabels, random_reading
from tests.widgets.fake_relevance import random_relevances
from vitlens_widgets.export.page import SavedWidget, page
from vitlens_widgets.export.save import size_words

HOSTILE = "</script><img src=x onerror=alert(1)>"


def widgets():
    return {
        "PatchGrid": vl.PatchGrid(random_reading(1), image=1, caption="a thing"),
        "AttentionMaps": vl.AttentionMaps(random_maps(2), layer=1),
        "InfillStrip": vl.InfillStrip(random_infilling(3)),
        "PatchFeatures": vl.PatchFeatures(random_features(1), token=5),
        "RelevanceMaps": vl.RelevanceMaps(random_relevances(3), [2, 4]),
        "Causes": vl.Causes(random_pair(3)),
        "DecodedImages": vl.DecodedImages(random_paints(1)),
        "Features": vl.Features(random_activations(1)),
    }


@pytest.fixture(
    params=[
        "PatchGrid",
        "AttentionMaps",
        "InfillStrip",
        "PatchFeatures",
        "RelevanceMaps",
        "Causes",
        "DecodedImages",
        "Features",
    ]
)
def widget(request):
    return widgets()[request.param]


def test_a_page_holds_every_trait_of_the_widget_as_it_is(widget, tmp_path):
    saved = state_of(widget.save_html(tmp_path / "w.html").read_text(encoding="utf-8"))
    known = widget.get_state()
    assert {*widget.choices()} - {"mask"} <= set(saved)
    for name, value in saved.items():
        if not name.startswith("_saved"):
            own = known[name]  # a page has lists in the place of tuples
            assert value == (list(own) if isinstance(own, tuple) else own), name
    assert not {"_esm", "_css", "layout", "_model_name", "tabbable"} & set(saved)


def test_nothing_but_its_own_code_and_style_may_run_and_nothing_may_be_fetched(widget, tmp_path):
    text = widget.save_html(tmp_path / "w.html").read_text(encoding="utf-8")
    found = parts(text)
    rules = dict(rule.split(" ", 1) for rule in found["policy"].split("; "))
    assert rules == {
        "default-src": "'none'",
        "script-src": f"'sha256-{hash_of(found['script'])}' blob:",
        "style-src": f"'sha256-{hash_of(found['style'])}'",
        "img-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert set(re.findall(r"https?://[^\"'\s)\\]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in found["style"]
    assert "url(" not in found["style"]


def test_labels_captions_titles_and_file_names_stay_data(tmp_path):
    labels = FakeLabels([HOSTILE, *(f"thing {i}" for i in range(6))])
    grid = vl.PatchGrid(random_reading(4, labels=labels), caption=HOSTILE)
    text = grid.save_html(tmp_path / "<b>&.html", title=HOSTILE).read_text(encoding="utf-8")
    assert text.count("</script") == text.count("<script") == 2
    assert "<img" not in text
    assert state_of(text)["_labels"][0] == HOSTILE
    assert "&lt;/script&gt;&lt;img" in text


def test_a_name_that_is_no_text_is_written_with_a_mark_in_its_place(tmp_path):
    grid = vl.PatchGrid(random_reading(1), caption="a\udcff.jpg")
    assert "a?.jpg" in grid.save_html(tmp_path / "grid.html").read_text("utf-8")


def test_the_title_says_what_it_is_and_the_caption_what_is_missing(tmp_path):
    whole = {name: parts_of(w, tmp_path).split("<main>")[0] for name, w in widgets().items()}
    assert (
        "<title>What each patch answers: the patch grid of fake/vit</title>" in whole["PatchGrid"]
    )
    assert "a thing" in whole["PatchGrid"]
    assert "because it needs the model: another image of the batch." in whole["PatchGrid"]
    alone = parts_of(vl.PatchGrid(random_reading(images=1)), tmp_path).split("<main>")[0]
    assert "Not on this page" not in alone
    assert "neurons" in whole["AttentionMaps"]
    assert "another mask" in whole["InfillStrip"]
    assert "another class or method" in whole["RelevanceMaps"]
    assert "places that were not exchanged" in whole["Causes"]


def parts_of(widget, folder):
    return widget.save_html(folder / "w.html").read_text(encoding="utf-8")


def test_a_grid_without_all_logits_says_that_other_classes_are_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("vitlens_widgets.widgets.patch_grid.data.TABLE_LIMIT", 100)
    text = parts_of(vl.PatchGrid(random_reading(5)), tmp_path)
    assert "Not on this page, because it needs the model: the numbers of another target" in text


def test_the_size_is_printed_and_the_file_returned(tmp_path, capsys, widget):
    path = widget.save_html(str(tmp_path / "lens.html"))
    assert path == tmp_path / "lens.html"
    assert capsys.readouterr().out == f"lens.html: {size_words(path.stat().st_size)}\n"
    assert [size_words(n) for n in (1, 340_499, 1_240_000)] == ["1 kB", "340 kB", "1.2 MB"]


@pytest.mark.parametrize(
    "name",
    [
        "lens",
        "lens.txt",
        "nowhere/lens.html",
        "folder.html",
    ],
)
def test_a_bad_path_is_refused_in_a_sentence_and_leaves_nothing(tmp_path, name):
    (tmp_path / "folder.html").mkdir()
    with refused(vl.UsageError):
        widgets()["PatchGrid"].save_html(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.html"]


def test_a_write_that_fails_leaves_the_last_page_whole(tmp_path, monkeypatch):
    grid = widgets()["PatchGrid"]
    path = grid.save_html(tmp_path / "lens.html")
    before = path.read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with refused(vl.UsageError):
        grid.save_html(path, title="another")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("given", [3, [], "grid", [3]])
def test_what_is_no_widget_is_refused(given, tmp_path):
    with refused(vl.UsageError):
        vl.save_html(given, tmp_path / "x.html")
    assert list(tmp_path.iterdir()) == []


def test_the_file_given_first_is_refused_with_the_right_order(tmp_path):
    with refused(vl.UsageError):
        vl.save_html("x.html", vl.PatchGrid(random_reading(1)))
    assert list(tmp_path.iterdir()) == []


def test_several_widgets_share_one_page_and_code_that_they_share_is_there_once(tmp_path):
    many = [vl.PatchGrid(random_reading(1)), widgets()["AttentionMaps"], widgets()["PatchGrid"]]
    text = vl.save_html(many, tmp_path / "all.html").read_text(encoding="utf-8")
    saved = parts(text)["saved"]
    assert [one["module"] for one in saved["widgets"]] == ["module0", "module1", "module0"]
    assert saved["modules"] == {"module0": many[0]._esm, "module1": many[1]._esm}
    assert state_of(text, 2)["_picture"] == many[2]._picture


def test_numbers_that_are_none_become_null():
    widget = SavedWidget("", "", {"a": float("nan"), "b": [float("inf"), 1.5]}, "t", "", "")
    assert state_of(page([widget])) == {"a": None, "b": [None, 1.5]}


def saved_arrays(text, n):
    """Each saved map's entry with its codes and its exact numbers."""
    state = state_of(text)
    codes = np.frombuffer(state["_saved_codes"], "u1").reshape(-1, n, n)
    exact = np.frombuffer(state["_saved_exact"], "<f4").reshape(-1, n, n)
    code, number, found = 0, 0, {}
    for entry in state["_saved"]:
        key = (entry["show"], entry["layer"], entry["head"])
        numbers = {kind: exact[number + i] for i, kind in enumerate(entry["kinds"])}
        found[key] = (codes[code] if entry["has_codes"] else None, numbers)
        code, number = code + entry["has_codes"], number + len(entry["kinds"])
    assert (code, number) == (len(codes), len(exact))
    return found


def test_small_maps_are_all_saved_with_exact_numbers_means_and_rollouts(tmp_path):
    maps = random_maps(6, layers=3, heads=2, images=2, prefix=("CLS", "register 1"))
    text = parts_of(vl.AttentionMaps(maps, image=1), tmp_path)
    found = saved_arrays(text, len(maps.tokens))
    assert len(found) == 3 * 2 + 2 * 3
    for layer in range(3):
        pattern, scores = (maps.of_layer(layer, kind, 1) for kind in ("pattern", "scores"))
        for head in range(2):
            codes, exact = found["head", layer, head]
            assert codes is None  # the overview has them
            np.testing.assert_array_equal(exact["pattern"], pattern[head])
            np.testing.assert_array_equal(exact["scores"], scores[head])
        codes, exact = found["mean", layer, 0]
        np.testing.assert_allclose(exact["pattern"], pattern.mean(0), rtol=1e-6)
        np.testing.assert_allclose(exact["scores"], scores.mean(0), rtol=1e-5, atol=1e-6)
        codes, exact = found["rollout", layer, 0]
        np.testing.assert_array_equal(exact["pattern"], maps.rollout(layer, 1).astype("f4"))
        assert codes.max() == 253
    assert "other images of the batch" in text


@pytest.fixture
def large(monkeypatch):
    """Maps that count as large: thumbnails in the overview, no exact numbers."""
    data = "vitlens_widgets.widgets.attention_maps.data"
    monkeypatch.setattr(f"{data}.thumbnail_side", lambda *_: 8)
    monkeypatch.setattr(f"{data}.EXACT_LIMIT", 10)
    return random_maps(7, layers=3, heads=2)


def test_of_large_maps_those_that_are_chosen_are_saved_whole(tmp_path, large):
    from vitlens_widgets.widgets.attention_maps.codes import coded

    widget = vl.AttentionMaps(large)
    chosen = [(0, 1), (2, 0), (0, 1)]
    text = widget.save_html(tmp_path / "w.html", maps=chosen).read_text(encoding="utf-8")
    found = saved_arrays(text, len(large.tokens))
    assert set(found) == {("head", 0, 1), ("head", 2, 0)}
    for (_, layer, head), (codes, exact) in found.items():
        expected, _ = coded(large.of_layer(layer)[head], "pattern")
        np.testing.assert_array_equal(codes, expected)
        assert exact == {}
    assert "maps other than the 3 saved whole" in text
    every = widget.save_html(tmp_path / "w.html", maps="all").read_text(encoding="utf-8")
    assert len(saved_arrays(every, len(large.tokens))) == 6


@pytest.mark.parametrize(
    "maps",
    [
        "some",
        3,
        [(3, 0)],
        [(0, 0), (0, -1)],
        [0],
        [(0, 1, 2)],
    ],
)
def test_maps_that_are_none_of_the_models_are_refused(tmp_path, large, maps):
    with refused(vl.UsageError):
        vl.AttentionMaps(large).save_html(tmp_path / "w.html", maps=maps)
    assert list(tmp_path.iterdir()) == []


def test_more_maps_than_a_page_should_hold_are_refused_with_how_many_fit(
    tmp_path, large, monkeypatch
):
    monkeypatch.setattr(
        "vitlens_widgets.widgets.attention_maps.page.CHOSEN_PAGE_LIMIT", 25 * 25 * 2
    )
    with refused(vl.UsageError):
        vl.AttentionMaps(large).save_html(tmp_path / "w.html", maps="all")

"""What AttentionMaps sends: arrays against NumPy, answers to commands, messages that follow."""

from __future__ import annotations

import json

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_reading import random_reading
from vitlens_widgets.widgets.attention_maps import data
from vitlens_widgets.widgets.attention_maps.codes import coded, pooled

REGISTERS = ("CLS", "register 1", "register 2", "register 3", "register 4")
CASES = {
    "CLS, wide grid": {"rows": 4, "cols": 6},
    "registers, tall grid": {"rows": 6, "cols": 3, "prefix": REGISTERS, "layers": 2, "heads": 5},
    "no prefix": {"rows": 2, "cols": 7, "prefix": (), "heads": 1},
    "dropped tokens": {"rows": 4, "cols": 6, "tokens": [0, 2, 3, 7, 8, 9, 15, 24]},
}


@pytest.fixture(params=CASES, ids=str)
def maps(request):
    return random_maps(seed=7, images=2, **CASES[request.param])


def unpacked(widget, name, dtype, *last):
    shape = (widget._n_layers, widget._n_heads, *last)
    return np.frombuffer(getattr(widget, name), dtype).reshape(shape)


@pytest.mark.parametrize("kind", ["pattern", "scores"])
@pytest.mark.parametrize("image", [1, None])
def test_all_maps_are_sent_at_one_byte_a_weight_while_they_are_small(maps, kind, image):
    widget = vl.AttentionMaps(maps, image=image, kind=kind)
    n = len(maps.tokens)
    assert widget._meta["side"] == n
    codes, ranges = unpacked(widget, "_codes", "u1", n, n), unpacked(widget, "_ranges", "<f4", 3)
    for layer in range(maps.n_layers):
        expected = coded(maps.of_layer(layer, kind, image), kind)
        np.testing.assert_array_equal(codes[layer], expected[0])
        np.testing.assert_array_equal(ranges[layer], expected[1])
    assert widget._thumb_ranges == b""
    assert widget._overview_of == {"kind": kind, "image": image}


def test_large_maps_are_sent_as_thumbnails_with_the_ranges_of_both(maps, monkeypatch):
    monkeypatch.setattr(data, "MAPS_LIMIT", 100)
    monkeypatch.setattr(data, "THUMBNAILS_LIMIT", 0)
    monkeypatch.setattr(data, "thumbnail_side", lambda *_: 6)
    widget = vl.AttentionMaps(maps, image=1)
    widget._finish()
    codes = unpacked(widget, "_codes", "u1", 6, 6)
    for layer in range(maps.n_layers):
        whole = maps.of_layer(layer, "pattern", 1)
        thumbs = coded(pooled(whole, 6), "pattern")
        np.testing.assert_array_equal(codes[layer], thumbs[0])
        np.testing.assert_array_equal(unpacked(widget, "_thumb_ranges", "<f4", 3)[layer], thumbs[1])
        expected = coded(whole, "pattern")[1]
        np.testing.assert_array_equal(unpacked(widget, "_ranges", "<f4", 3)[layer], expected)


@pytest.mark.parametrize(
    ("n_maps", "n_tokens", "side"),
    [(12, 50, 50), (144, 50, 50), (144, 197, 64), (384, 577, 32), (72, 577, 64), (2000, 300, 16)],
)
def test_thumbnails_keep_within_their_share(n_maps, n_tokens, side):
    assert data.thumbnail_side(n_maps, n_tokens) == side


def test_statistics_are_sent_in_the_order_of_their_words(maps):
    widget = vl.AttentionMaps(maps, image=1)
    expected = maps.statistics(1)
    names = [words["name"] for words in widget._statistic_words]
    assert names == list(expected.names)
    sent = np.frombuffer(widget._statistics, "<f4").reshape(len(names), maps.n_layers, maps.n_heads)
    for name, values in zip(names, sent, strict=True):
        np.testing.assert_array_equal(values, expected.values[name].astype(np.float32))
    assert widget._statistic_words[0]["unit"] == "nats"
    assert widget._statistic_words[1]["label"] == "on itself"
    assert widget._statistic_words[2]["uniform"] is None


def test_the_description_names_tokens_and_sizes(maps):
    meta = vl.AttentionMaps(maps)._meta
    assert meta["tokens"] == list(maps.tokens)
    assert meta["prefix"] == list(maps.layout.prefix)
    assert (meta["rows"], meta["cols"]) == (maps.layout.rows, maps.layout.cols)
    assert (meta["n_layers"], meta["n_heads"], meta["n_images"]) == (
        maps.n_layers,
        maps.n_heads,
        2,
    )


def test_the_picture_is_sent_as_it_is_and_as_a_mean_of_all(maps):
    one, mean = vl.AttentionMaps(maps, image=1), vl.AttentionMaps(maps, image=None)
    shape = (*one._picture_size, 3)
    np.testing.assert_array_equal(np.frombuffer(one._picture, "u1").reshape(shape), maps.picture(1))
    found = np.frombuffer(mean._picture, "u1").reshape(shape)
    expected = np.rint((maps.picture(0).astype(float) + maps.picture(1)) / 2)
    np.testing.assert_array_equal(found, expected)


def commanded(comm, name, what):
    """The answer to a command, by way of the comm, as the browser would get it."""
    comm.messages.clear()
    content = {"ask": name, "message": what, "id": "7"}
    comm.handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})
    (message,) = [m for m in comm.messages if m["data"].get("method") == "custom"]
    answer = message["data"]["content"]
    assert answer["answer"] == "7"
    json.dumps(answer["response"])
    return answer["response"], message["buffers"]


WHAT = {"show": "head", "kind": "pattern", "layer": 1, "head": 0, "image": 1}


@pytest.mark.parametrize("show", ["head", "mean", "rollout"])
@pytest.mark.parametrize("kind", ["pattern", "scores"])
def test_a_map_is_answered_with_codes_and_its_range(maps, recorded, show, kind):
    widget = vl.AttentionMaps(maps)
    what = WHAT | {"show": show, "kind": kind}
    response, (codes,) = commanded(recorded(widget), "_map", what)
    kind = "pattern" if show == "rollout" else kind
    expected = coded(of(maps, show, kind), kind)
    np.testing.assert_array_equal(np.frombuffer(codes, "u1"), expected[0].ravel())
    lo, hi, top = map(float, expected[1])
    assert response == {"lo": lo, "hi": hi, "top": top}


def of(maps, show, kind):
    """The map that `WHAT` asks for."""
    if show == "rollout":
        return maps.rollout(1, image=1)
    if show == "mean":
        return maps.of_layer(1, kind, 1).mean(0)
    return maps.of_layer(1, kind, 1)[0]


@pytest.mark.parametrize("show", ["head", "mean", "rollout"])
def test_exact_numbers_of_small_maps_are_answered_whole(maps, recorded, show):
    widget = vl.AttentionMaps(maps)
    what = WHAT | {"show": show, "query": 3, "key": None}
    response, buffers = commanded(recorded(widget), "_exact", what)
    kinds = ["pattern"] if show == "rollout" else ["pattern", "scores"]
    assert response == {"kinds": kinds, "whole": True}
    for kind, sent in zip(kinds, buffers, strict=True):
        expected = of(maps, show, kind).astype(np.float32)
        np.testing.assert_array_equal(np.frombuffer(sent, "<f4"), expected.ravel())


@pytest.mark.parametrize(("query", "key"), [(3, 5), (None, 5), (3, None)])
def test_exact_numbers_of_large_maps_are_answered_by_row_and_column(
    maps, recorded, monkeypatch, query, key
):
    monkeypatch.setattr(data, "EXACT_LIMIT", 4)
    widget = vl.AttentionMaps(maps)
    before = [int(token) for token in maps.tokens if maps.layout.prefix[:1] == ("CLS",)]
    sent = np.frombuffer(widget._first_exact, "<f4")  # what CLS attends to, who asks at first
    values = [maps.of_layer(maps.n_layers - 1, kind)[0] for kind in ("pattern", "scores")]
    expected = [one[before.index(0)] for one in values] if 0 in before else []
    np.testing.assert_array_equal(sent, np.concatenate(expected) if expected else [])
    what = WHAT | {"query": query, "key": key}
    response, buffers = commanded(recorded(widget), "_exact", what)
    kinds = ["pattern", "scores"]
    assert response == {"kinds": kinds, "whole": False, "query": query, "key": key}
    for i, kind in enumerate(kinds):
        row, column = (np.frombuffer(sent, "<f4") for sent in buffers[2 * i : 2 * i + 2])
        values = maps.of_layer(1, kind, 1)[0]
        np.testing.assert_array_equal(row, [] if query is None else values[query])
        np.testing.assert_array_equal(column, [] if key is None else values[:, key])


def test_neurons_are_answered_with_all_parts_of_the_score(maps, recorded):
    widget = vl.AttentionMaps(maps)
    what = WHAT | {"query": 4, "key": 6}
    response, buffers = commanded(recorded(widget), "_neurons", what)
    query, key, product = (np.frombuffer(part, "<f4") for part in buffers)
    np.testing.assert_array_equal(product, query * key)
    total = product.sum(dtype=np.float64) * response["scale"] + response["rest"]
    assert total == pytest.approx(response["score"], rel=1e-5)
    assert response["score"] == pytest.approx(maps.of_layer(1, "scores", 1)[0, 4, 6], rel=1e-5)


@pytest.mark.parametrize("name", ["_map", "_exact", "_neurons"])
def test_what_goes_wrong_in_a_command_is_answered_with_a_sentence(maps, recorded, name):
    widget = vl.AttentionMaps(maps)
    what = WHAT | {"layer": 99, "query": 0, "key": 0}
    response, buffers = commanded(recorded(widget), name, what)
    assert "99" in response["error"]
    assert buffers == []
    assert commanded(recorded(widget), name, {})[0]["error"]


def test_the_map_shown_first_comes_with_the_state_and_its_exact_numbers(maps):
    widget = vl.AttentionMaps(maps, layer=1, head=0, image=1, show="mean")
    n = len(maps.tokens)
    codes = np.frombuffer(widget._first_codes, "u1").reshape(n, n)
    np.testing.assert_array_equal(codes, coded(of(maps, "mean", "pattern"), "pattern")[0])
    pattern, scores = np.frombuffer(widget._first_exact, "<f4").reshape(2, n, n)
    np.testing.assert_allclose(pattern, of(maps, "mean", "pattern"), rtol=1e-6)
    np.testing.assert_allclose(scores, of(maps, "mean", "scores"), rtol=1e-5, atol=1e-6)
    assert widget._first["layer"] == 1
    assert widget._first["show"] == "mean"


def test_choices_that_need_no_numbers_send_none(maps, recorded):
    widget = vl.AttentionMaps(maps)
    comm = recorded(widget)
    widget.layer, widget.scale, widget.norm, widget.sort = 0, "linear", "all", "entropy"
    widget.token, widget.key = int(maps.tokens[2]), int(maps.tokens[3])
    sent = comm.updates()
    names = ["layer", "scale", "norm", "sort", "token", "key"]
    assert [set(state) for state in sent] == [{name} for name in names]


def test_another_kind_arrives_with_its_overview_in_one_message(maps, recorded):
    widget = vl.AttentionMaps(maps)
    comm = recorded(widget)
    widget.kind = "scores"
    (sent,) = [state for state in comm.updates() if "_codes" in state]
    assert sent["_overview_of"] == {"kind": "scores", "image": 0}
    assert set(sent) >= {"_codes", "_ranges", "_overview_of"}
    assert "_picture" not in sent


def test_another_image_chosen_in_the_browser_brings_its_maps_and_statistics(maps, recorded):
    widget = vl.AttentionMaps(maps)
    comm = recorded(widget)
    comm.handle_msg({"content": {"data": {"method": "update", "state": {"image": None}}}})
    assert widget.image is None
    state = {key: value for update in comm.updates() for key, value in update.items()}
    assert state["_overview_of"] == {"kind": "pattern", "image": None}
    expected = maps.statistics(None).values["entropy"].astype("<f4").tobytes()
    assert state["_statistics"].startswith(expected)
    assert "_picture" in state


def test_overviews_are_kept_so_that_going_back_computes_nothing(maps):
    widget = vl.AttentionMaps(maps)
    widget.kind = "scores"
    maps.asked.clear()
    widget.kind = "pattern"
    widget.kind = "scores"
    assert maps.asked == []
    assert widget._overview_of["kind"] == "scores"


def test_a_failure_while_maps_are_computed_is_said_and_the_last_maps_stay(maps, monkeypatch):
    widget = vl.AttentionMaps(maps)
    before = widget._codes
    monkeypatch.setattr(maps, "of_layer", lambda *_, **__: 1 / 0)
    widget.kind = "scores"
    assert "The maps could not be computed: division by zero" in widget.error
    assert widget.kind == "pattern"
    assert widget._codes == before
    assert widget._overview_of == {"kind": "pattern", "image": 0}


def test_a_statistic_that_another_image_lacks_is_no_longer_sorted_by(maps, monkeypatch):
    every = maps.statistics

    def without_largest(image):
        found = every(image)
        found.names = found.names if image is None else found.names[:2]
        return found

    monkeypatch.setattr(maps, "statistics", without_largest)
    widget = vl.AttentionMaps(maps, image=None, sort="largest", color="largest")
    widget.image = 1
    assert (widget.sort, widget.color, widget.error) == ("layer", "map", "")
    with refused(vl.UsageError):
        widget.sort = "largest"


def reading_of(maps, **changes):
    layout = {"rows": maps.layout.rows, "cols": maps.layout.cols, "prefix": maps.layout.prefix}
    case = {"states": maps.n_layers + 1, "images": maps.n_images, **layout} | changes
    reading = random_reading(3, **case)
    reading.tokens = reading.tokens[: len(maps.tokens)] if len(maps.tokens) < 20 else reading.tokens
    return reading


def test_the_lens_answer_of_each_token_as_it_enters_each_block_is_sent():
    maps = random_maps(2, images=2)
    reading = reading_of(maps)
    widget = vl.AttentionMaps(maps, image=1, reading=reading)
    shape = (maps.n_layers, len(maps.tokens))
    index = np.frombuffer(widget._answer, "<i4").reshape(shape)
    probability = np.frombuffer(widget._answer_probability, "<f4").reshape(shape)
    top = reading.top(1)
    for layer in range(maps.n_layers):
        names = [widget._labels[i][0] for i in index[layer]]
        assert names == [reading.labels[c] for c in top.index[layer, 1, :, 0]]
        np.testing.assert_array_equal(probability[layer], top.probability[layer, 1, :, 0])
    widget.image = None
    assert (widget._answer, widget._labels) == (b"", [])


@pytest.mark.parametrize(
    "changes", [{"states": 9}, {"images": 3}, {"rows": 5}, {"prefix": ()}], ids=str
)
def test_a_reading_of_something_else_is_refused_with_both_sizes(changes):
    maps = random_maps(2, images=2)
    with refused(vl.UsageError):
        vl.AttentionMaps(maps, reading=reading_of(maps, **changes))


def test_a_reading_of_another_model_is_refused():
    maps = random_maps(2)
    reading = reading_of(maps)
    reading.model_name = "other/vit"
    with refused(vl.UsageError):
        vl.AttentionMaps(maps, reading=reading)
    with refused(vl.UsageError):
        vl.AttentionMaps(maps, reading={})


def test_bytes_sent_stay_near_one_a_weight():
    maps = random_maps(1, layers=6, heads=8, rows=7, cols=7, patch=2)
    widget = vl.AttentionMaps(maps)
    weights = 6 * 8 * 50**2
    attention = len(widget._codes) + len(widget._ranges) + len(widget._first_codes)
    assert weights <= attention <= 1.1 * weights
    assert attention + len(widget._first_exact) < widget.nbytes


def test_an_interrupt_while_maps_are_computed_is_said_and_goes_on(maps, monkeypatch):
    def interrupted(*_args, **_words):
        raise KeyboardInterrupt

    widget = vl.AttentionMaps(maps)
    with monkeypatch.context() as patch:
        patch.setattr(maps, "of_layer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            widget.kind = "scores"
    assert "it was interrupted" in widget.error
    assert (widget.kind, widget._overview_of["kind"]) == ("pattern", "pattern")
    widget.kind = "scores"
    assert widget._overview_of["kind"] == "scores"


def test_a_page_that_waits_for_a_map_is_answered_when_the_kernel_is_interrupted(
    maps, recorded, monkeypatch
):
    def interrupted(*_):
        raise KeyboardInterrupt

    widget = vl.AttentionMaps(maps)
    comm = recorded(widget)
    content = {"ask": "_map", "message": WHAT, "id": "7"}
    with monkeypatch.context() as patch:
        patch.setattr("vitlens_widgets.widgets.attention_maps.data.whole_map", interrupted)
        with pytest.raises(KeyboardInterrupt):
            comm.handle_msg(
                {"content": {"data": {"method": "custom", "content": content}}, "buffers": []}
            )
    answer = comm.messages[-1]["data"]["content"]
    assert (answer["answer"], list(answer["response"])) == ("7", ["error"])
    response, buffers = commanded(comm, "_map", WHAT)
    assert "error" not in response
    assert buffers

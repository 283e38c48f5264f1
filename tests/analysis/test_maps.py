"""`Maps` gives the trace's own attention, as NumPy arrays, and keeps little of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import heads
from vitlens_widgets.analysis import maps as maps_file
from vitlens_widgets.analysis.maps import Maps


@pytest.fixture(scope="module")
def trace():
    vit = vl.load(timm_model("four registers and layer scale"))
    return vit.trace(pixels_for((56, 84), n_images=3), preprocessed=True)


@pytest.fixture
def maps(trace):
    return Maps(trace)


@pytest.mark.parametrize("kind", ["pattern", "scores"])
def test_a_layer_is_the_traces_own_attention(trace, maps, kind):
    for layer in range(3):
        own = trace.attention(layer, kind=kind).numpy()
        for image in range(3):
            found = maps.of_layer(layer, kind, image)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, own[image], rtol=0, atol=1e-5)
        np.testing.assert_allclose(maps.of_layer(layer, kind, None), own.mean(0), atol=1e-5)
        np.testing.assert_allclose(maps.of_head(layer, 2, kind, 1), own[1, 2], atol=1e-5)
        np.testing.assert_allclose(maps.mean_of_heads(layer, kind, 1), own[1].mean(0), atol=1e-5)


def test_what_there_is_is_said(trace, maps):
    assert (maps.n_layers, maps.n_heads, maps.n_images) == (3, 4, 3)
    assert maps.layout == trace.layout
    assert maps.tokens.tolist() == list(range(trace.layout.n_tokens))
    assert maps.picture(2).shape == (56, 84, 3)


@pytest.mark.parametrize(
    ("name", "reads_cls"),
    [("CLS", True), ("distillation", True), ("mean of patches", False)],
)
def test_whether_the_answer_is_read_from_cls_is_known(name, reads_cls):
    vit = vl.load(timm_model(name))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    assert Maps(trace).reads_cls == reads_cls


def test_statistics_of_heads_are_the_traces_own(trace, maps):
    for image in (0, 2, None):
        mine, own = maps.statistics(image), heads.statistics(trace, image)
        assert mine.names == own.names
        for name in own.names:
            np.testing.assert_array_equal(mine.values[name], own.values[name])


def test_only_so_much_is_kept_and_the_latest(trace, monkeypatch):
    computed = []
    compute = Maps._compute
    monkeypatch.setattr(Maps, "_compute", lambda *args: computed.append(args[1:]) or compute(*args))
    maps = Maps(trace)
    monkeypatch.setattr(maps_file, "KEEP_BYTES", 2 * maps.of_layer(0).nbytes)
    maps.of_layer(0)
    maps.of_layer(1)
    maps.of_layer(0)
    maps.of_layer(2)  # layer 1 was asked for longest ago
    maps.of_layer(0)
    maps.of_layer(1)
    assert [args[0] for args in computed] == [0, 1, 2, 1]
    assert sum(array.nbytes for array in maps._kept.values()) <= 2 * maps.of_layer(0).nbytes


def test_one_layer_is_kept_however_large(trace, monkeypatch):
    monkeypatch.setattr(maps_file, "KEEP_BYTES", 1)
    maps = Maps(trace)
    assert maps.of_layer(1) is maps.of_layer(1)
    maps.of_layer(2)
    assert len(maps._kept) == 1


def test_what_is_kept_cannot_be_changed(maps):
    for array in (maps.of_layer(0), maps.of_head(0, 1), maps.mean_of_heads(0), maps.rollout(1)):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_each_image_has_its_own_rollout_in_whatever_order_they_are_asked_for(trace, maps):
    for image in (0, 1, 0, None, 2):
        expected = vl.analysis.heads.rollout(trace, image)
        np.testing.assert_array_equal(maps.rollout(1, image), expected[1])


def test_asking_out_of_order_or_after_an_interrupt_gives_the_same_rollout(trace, monkeypatch):
    expected = vl.analysis.heads.rollout(trace, 1)
    maps = Maps(trace)
    for layer in (2, 0, 1):
        np.testing.assert_array_equal(maps.rollout(layer, 1), expected[layer])

    def interrupted(*_args):
        raise KeyboardInterrupt

    fresh = Maps(trace)
    fresh.rollout(0, 1)
    with monkeypatch.context() as patch:
        patch.setattr(type(trace), "attention_by_image", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fresh.rollout(2, 1)
    np.testing.assert_array_equal(fresh.rollout(2, 1), expected[2])


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: m.of_layer(3),
        lambda m: m.of_head(0, 4),
        lambda m: m.of_layer(0, "weights"),
        lambda m: m.of_layer(0, image=3),
        lambda m: m.rollout(-1),
        lambda m: m.rollout(0, 7),
        lambda m: m.neurons(0, 0, 29, 0),
        lambda m: m.neurons(0, 0, 0, 0, None),
        Maps,
        lambda m: m.of_layer(0, kind=["pattern"]),
        lambda m: m.of_layer([0]),
        lambda m: m.of_layer(0, image=[0]),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(maps, ask):
    with refused(vl.UsageError):
        ask(maps)


def test_dropped_tokens_are_not_in_the_maps(trace):
    vit = trace.vit
    pixels = pixels_for((56, 84), n_images=3)
    shorter = vit.trace(pixels, edits=[vl.edits.DropTokens([6, 9])], preprocessed=True)
    maps = Maps(shorter)
    assert len(maps.tokens) == trace.layout.n_tokens - 2
    assert not {6, 9} & set(maps.tokens.tolist())
    assert maps.of_layer(0).shape == (4, len(maps.tokens), len(maps.tokens))
    assert maps.rollout(2).shape == (len(maps.tokens), len(maps.tokens))


def test_half_precision_gives_float32_rows_that_sum_to_one():
    vit = vl.load(timm_model("CLS").to(torch.bfloat16))
    maps = Maps(vit.trace(pixels_for((48, 80)), preprocessed=True))
    for layer in range(3):
        assert maps.of_layer(layer).dtype == np.float32
        np.testing.assert_allclose(maps.of_layer(layer).sum(-1), 1, atol=1e-5)


def test_edited_attention_is_shown_as_edited(trace):
    edited = trace.rerun([vl.edits.KnockOut(1, query=0, key=[3, 4])])
    maps = Maps(edited)
    assert maps.of_layer(1)[:, 0, 3:5].max() == 0
    assert np.isneginf(maps.of_layer(1, "scores")[:, 0, 3:5]).all()
    assert maps.of_layer(0)[:, 0, 3:5].min() > 0


def test_a_trace_with_gradients_gives_its_maps():
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for((48, 80))
    with_graph = vit.trace(pixels, keep=["q", "k", "pattern"], grad=True, preprocessed=True)
    plain = vit.trace(pixels, preprocessed=True)
    for kind in ("pattern", "scores"):
        found, expected = (Maps(trace).of_layer(1, kind) for trace in (with_graph, plain))
        np.testing.assert_allclose(found, expected, atol=1e-5)

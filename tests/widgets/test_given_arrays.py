"""Widgets of arrays that were computed elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused


def logits(states=3, tokens=1 + 3 * 5, classes=4):
    return np.random.default_rng(3).normal(0, 2, (states, tokens, classes)).astype(np.float32)


def picture(rows=3, cols=5):
    return np.random.default_rng(4).integers(0, 256, (rows * 8, cols * 8, 3), dtype=np.uint8)


def test_a_patch_grid_shows_logits_of_ones_own(tmp_path):
    x = logits()
    words = {"labels": ["cat", "dog", "boat", "sun"], "image": picture(), "grid": (3, 5)}
    grid = vl.PatchGrid(logits=x, **words, name="mine", target="dog", state="1_pre", token=4)
    reading = vl.GivenReading(x, **words)
    np.testing.assert_array_equal(np.frombuffer(grid._picture, "u1"), picture().ravel())
    sent = np.frombuffer(grid._logits, "<f4").reshape(3, -1, 4)
    np.testing.assert_array_equal(sent[:, :-1], x)
    assert grid.target == 1
    assert grid.state == 1
    assert "mine" in repr(grid)
    assert np.frombuffer(grid._entropy, "<f4").reshape(3, -1)[:, :-1] == pytest.approx(
        reading.entropy()[:, 0].numpy()
    )
    assert len(grid.still()) > 5000
    assert grid.save_html(tmp_path / "a.html").stat().st_size > 10_000
    assert grid.save_figure(tmp_path / "a.svg").is_file()


def test_certain_probabilities_are_shown_too(tmp_path):
    p = np.zeros((2, 17, 3))
    p[..., 1] = 1
    p[1, 3] = [0.25, 0.25, 0.5]
    grid = vl.PatchGrid(probabilities=p, tint="kl")
    assert np.frombuffer(grid._top_probability, "<f4").reshape(2, -1, 3)[0, 0, 0] == 1
    assert len(grid.still()) > 2000
    grid.save_html(tmp_path / "a.html")


def attention(layers=3, images=2, heads=2, n=1 + 3 * 5, seed=5):
    scores = np.random.default_rng(seed).normal(0, 2, (layers, images, heads, n, n))
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("n_prefix", [0, 1, 5, 8])
def test_maps_of_ones_own_are_numpys(n_prefix):
    n = n_prefix + 3 * 5
    x = attention(n=n)
    maps = vl.analysis.GivenMaps(
        [torch.tensor(one) for one in x], grid=(3, 5), image=[picture(), picture()[::-1]]
    )
    assert (maps.n_layers, maps.n_images, maps.n_heads) == (3, 2, 2)
    assert maps.layout.n_prefix == n_prefix
    np.testing.assert_array_equal(maps.of_head(2, 1, image=1), x[2, 1, 1])
    np.testing.assert_allclose(maps.of_layer(1, image=None), x[1].mean(0), rtol=1e-6)
    np.testing.assert_allclose(maps.mean_of_heads(0), x[0, 0].mean(0), rtol=1e-6)
    joint = np.eye(n)
    for layer in range(2):
        joint = (0.5 * x[layer, 1].mean(0) + 0.5 * np.eye(n)) @ joint
    np.testing.assert_allclose(maps.rollout(1, image=1), joint, rtol=1e-4, atol=1e-6)
    found = maps.statistics(1)
    entropy = -(x[:, 1] * np.log(x[:, 1])).sum(-1).mean(-1)
    np.testing.assert_allclose(found.values["entropy"], entropy, rtol=1e-4)
    itself = np.diagonal(x[:, 1], axis1=-2, axis2=-1).mean(-1)
    np.testing.assert_allclose(found.values["on_itself"], itself, rtol=1e-4)
    assert "agreement" in maps.statistics(None).names
    np.testing.assert_array_equal(maps.picture(1), picture()[::-1])


def test_maps_of_a_model_are_those_of_its_trace():
    vit = vl.load("toy/p32")
    trace = vit.trace(vl.world.scene(seed=7, objects=2).image)
    theirs = vl.analysis.Maps(trace)
    mine = vl.analysis.GivenMaps([theirs.of_layer(k) for k in range(theirs.n_layers)], prefix=1)
    assert mine.layout == theirs.layout
    for name, values in theirs.statistics(0).values.items():
        np.testing.assert_allclose(mine.statistics(0).values[name], values, rtol=1e-4, atol=1e-6)
    for a, b in zip(mine.layer_overview(2, 9), theirs.layer_overview(2, 9), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(mine.rollout(3), theirs.rollout(3), rtol=1e-4, atol=1e-6)
    shown = vl.AttentionMaps(attention=[theirs.of_layer(k) for k in range(6)], prefix=1)
    own = vl.AttentionMaps(trace)
    assert shown._codes == own._codes
    assert shown._statistic_words == own._statistic_words


def test_attention_maps_show_weights_of_ones_own(tmp_path):
    x = attention(images=1)
    widget = vl.AttentionMaps(attention=x[:, 0], image=picture(), grid=(3, 5), layer=1, token=4)
    np.testing.assert_array_equal(np.frombuffer(widget._picture, "u1"), picture().ravel())
    assert widget._first["kinds"] == ["pattern"]
    np.testing.assert_array_equal(
        np.frombuffer(widget._first_exact, "<f4").reshape(16, 16), x[1, 0, 0]
    )
    assert widget._meta["knows_scores"] is False
    widget.kind = "scores"
    assert widget.kind == "pattern"
    assert "before the softmax" in widget.error
    assert len(widget.still()) > 5000
    assert widget.save_html(tmp_path / "a.html").stat().st_size > 10_000
    assert widget.save_figure(tmp_path / "a.svg", 170).is_file()
    big = vl.AttentionMaps(attention=attention(layers=6, images=1, heads=4, n=577)[:, 0])
    assert big._meta["side"] < 577
    assert len(big.still()) > 5000


def test_weights_that_cannot_be_shown_are_refused():
    x = attention(images=1)[:, 0]
    trace_like = vl.analysis.GivenMaps(x, grid=(3, 5))
    for make in (
        vl.AttentionMaps,
        lambda: vl.AttentionMaps(trace_like, attention=x),
        lambda: vl.AttentionMaps(grid=(3, 5)),
        lambda: vl.AttentionMaps(attention=x[0], grid=(3, 5)),
        lambda: vl.AttentionMaps(attention=x[..., :5], grid=(3, 5)),
        lambda: vl.AttentionMaps(attention=np.log(x), grid=(3, 5)),
        lambda: vl.AttentionMaps(attention=2 * x, grid=(3, 5)),
        lambda: vl.AttentionMaps(attention="weights.npy"),
        lambda: vl.AttentionMaps(attention=x, grid=(3, 5), kind="scores"),
        lambda: vl.AttentionMaps(attention=x, grid=(3, 5), image=[picture(), picture()]),
        lambda: trace_like.neurons(0, 0, 1, 2),
    ):
        with refused(vl.UsageError):
            make()


def test_what_does_not_go_together_is_refused():
    reading = vl.GivenReading(logits(), grid=(3, 5))
    for make in (
        vl.PatchGrid,
        lambda: vl.PatchGrid(reading, logits=logits()),
        lambda: vl.PatchGrid(labels=["a"]),
        lambda: vl.PatchGrid(logits=logits(), grid=(3, 5), stat=1),
        lambda: vl.PatchGrid(logits=logits(), grid=(3, 5), image="no such.png"),
    ):
        with refused(vl.UsageError):
            make()

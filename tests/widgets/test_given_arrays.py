"""Widgets of arrays that were computed elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

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

"""Arrays of one's own are read as NumPy reads them, and their tokens stand where they are said."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets.models.given import given_layout

REGISTERS = ("CLS", "register 1", "register 2", "register 3", "register 4")


def softmax(x):
    p = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


def arrays(states=3, images=2, tokens=1 + 3 * 5, classes=7, seed=0):
    return np.random.default_rng(seed).normal(0, 3, (states, images, tokens, classes))


@pytest.mark.parametrize("kind", ["logits", "probabilities", "tensor", "list"])
def test_every_number_is_numpys(kind):
    x = arrays()
    p = softmax(x)
    given = {
        "logits": {"logits": x},
        "probabilities": {"probabilities": p},
        "tensor": {"logits": torch.tensor(x, requires_grad=True)},
        "list": {"logits": [torch.tensor(one) for one in x]},
    }[kind]
    reading = vl.GivenReading(**given, grid=(3, 5))
    assert reading.probabilities == "softmax"
    assert (reading.n_states, reading.n_images) == (3, 2)
    assert reading.state_names == ["0_pre", "1_pre", "final"]
    assert reading.layout == vl.TokenLayout(3, 5, ("CLS",))
    for got, wanted in (
        (reading.probability(4), p[..., 4]),
        (reading.entropy(), -(p * np.log(p)).sum(-1)),
        (reading.kl_to_final(), (p[-1] * (np.log(p[-1]) - np.log(p))).sum(-1)),
        (reading.readout.probability(2), p[:, :, 0, 2]),
    ):
        np.testing.assert_allclose(got.numpy(), wanted, rtol=2e-4, atol=2e-6)
    order = np.argsort(-x, axis=-1)
    np.testing.assert_array_equal(reading.top(3).index.numpy(), order[..., :3])
    np.testing.assert_array_equal(reading.rank(4).numpy(), 1 + (x > x[..., 4:5]).sum(-1))
    if kind != "probabilities":
        np.testing.assert_allclose(reading.logits(1).numpy(), x[1], rtol=1e-6)


def test_classes_that_are_a_yes_or_no_each_are_read_so():
    p = 1 / (1 + np.exp(-arrays(classes=4)))
    reading = vl.GivenReading(probabilities=p, grid=(3, 5))
    assert reading.probabilities == "sigmoid"
    np.testing.assert_allclose(reading.probability(2).numpy(), p[..., 2], rtol=1e-4)
    wanted = -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(-1)
    np.testing.assert_allclose(reading.entropy().numpy(), wanted, rtol=1e-4)
    with refused(vl.UsageError):
        reading.logsumexp()


@pytest.mark.parametrize("certain", [False, True])
@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_without_cls_the_readout_is_the_mean_of_what_was_given(kind, certain):
    """Three patches for one class, and one that is surer of another."""
    sure = [0.9, 0.1] if kind == "softmax" else [0.9, 0.3]
    p = np.array([[sure, sure, sure, [0.0001, 0.9999]]])
    if certain:
        p = p.round()
    reading = vl.GivenReading(probabilities=p, grid=(2, 2), prefix=0)
    assert (reading.probabilities == "softmax") == (kind == "softmax" or certain)
    for k in range(2):
        np.testing.assert_allclose(
            reading.readout.probability(k).numpy(), p[..., k].mean(-1, keepdims=True), rtol=1e-5
        )
    assert int(reading.readout.top(1).index) == int(p[0].mean(0).argmax())
    assert reading.readout.kl_to_final().isfinite().all()


def test_probabilities_in_half_precision_are_those_of_a_softmax():
    p = torch.tensor(softmax(arrays(classes=300))).bfloat16()
    reading = vl.GivenReading(probabilities=p, grid=(3, 5))
    assert reading.probabilities == "softmax"
    wanted = p.float() / p.float().sum(-1, keepdim=True)
    torch.testing.assert_close(reading.probability(2), wanted[..., 2], rtol=1e-4, atol=1e-7)


def test_what_has_no_probabilities_is_refused():
    impossible = np.zeros((1, 4, 2))
    impossible[:, ::2, 0] = impossible[:, 1::2, 1] = -np.inf  # no class that all patches allow
    p = np.array([[[0.494, 0.494]] * 4])
    half = {"probabilities": np.full((1, 4, 2), 0.5)}
    for words in (
        {"logits": impossible}, {"logits": -np.inf + impossible}, {"logits": -impossible},
        {"probabilities": p}, half | {"readout": [[0.5, 0.7]]}, half | {"readout": [[0.5, -0.5]]},
    ):  # fmt: skip
        with refused(vl.UsageError):
            vl.GivenReading(**words, grid=(2, 2), prefix=0)
    reading = vl.GivenReading(impossible, grid=(2, 2), prefix=0, readout=[[0.0, -np.inf]])
    assert reading.readout.probability(0).tolist() == [[1]]


def test_arrays_that_are_changed_later_change_nothing():
    for change in (np.asarray, torch.from_numpy):
        x, readout = (arrays(images=1)[:, 0].astype(np.float32) for _ in range(2))
        readout = readout[:, 0]
        weights = np.full((2, 3, 16, 16), 1 / 16, np.float32)
        reading = vl.GivenReading(change(x), grid=(3, 5), readout=change(readout))
        maps = vl.analysis.GivenMaps(change(weights), grid=(3, 5))
        before = x.copy(), readout.copy(), weights.copy()
        for array in (x, readout, weights):
            array[:] = 7
        np.testing.assert_array_equal(reading.logits(1)[0].numpy(), before[0][1])
        np.testing.assert_array_equal(reading.readout.logits(1)[0].numpy(), before[1][1])
        np.testing.assert_array_equal(maps.of_head(1, 2), before[2][1, 2])


@pytest.mark.parametrize("k", ["a", 0, 8, 1.5, True])
def test_a_number_of_classes_that_is_none_is_refused(k):
    reading = vl.GivenReading(arrays(), grid=(3, 5))
    for asked in (reading, reading.readout):
        with refused(vl.UsageError):
            asked.top(k)


def test_it_reads_a_models_logits_as_the_lens_does():
    vit = vl.load("toy/p32")
    trace = vit.trace(vl.world.scene(seed=7, objects=2).image)
    lens = vl.LogitLens(vit).read(trace)
    logits = torch.stack([lens.logits(k) for k in range(lens.n_states)])
    readout = torch.stack([lens.readout.logits(k) for k in range(lens.n_states)])
    given = vl.GivenReading(
        logits, labels=vit.labels, image=lens.picture(), prefix=vit.layout.prefix, readout=readout
    )
    assert given.layout == lens.layout
    np.testing.assert_array_equal(given.picture(), lens.picture())
    for a, b in ((given, lens), (given.readout, lens.readout)):
        torch.testing.assert_close(a.top(5).index, b.top(5).index)
        torch.testing.assert_close(a.kl_to_final(), b.kl_to_final(), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(a.rank("cat"), b.rank("cat"))


@pytest.mark.parametrize("n_prefix", [0, 1, 5, 8])
@pytest.mark.parametrize("grid", [(3, 5), (7, 2)])
def test_a_grid_and_a_prefix_are_those_that_are_said(n_prefix, grid):
    prefix = ("CLS", *(f"register {i}" for i in range(1, 8)))[:n_prefix]
    n = grid[0] * grid[1] + len(prefix)
    wanted = vl.TokenLayout(*grid, prefix)
    assert given_layout(n, grid, prefix) == wanted
    assert given_layout(n, grid, len(prefix)) == wanted
    assert given_layout(n, grid) == wanted
    x = np.random.default_rng(1).normal(size=(2, n, 3))
    reading = vl.GivenReading(x, grid=grid, prefix=prefix)
    cls = x[:, 0] if prefix else x.mean(1)
    np.testing.assert_allclose(reading.readout.logits(1)[0].numpy(), cls[1], rtol=1e-5, atol=1e-6)
    assert reading.readout_name == ("CLS" if prefix else "mean of patches")


def test_a_layout_is_found_by_the_number_of_tokens_and_by_the_picture():
    found = {n: given_layout(n) for n in (196, 197, 198, 201, 1370)}
    assert [(one.rows, one.n_prefix) for one in found.values()] == [
        (14, 0), (14, 1), (14, 2), (14, 5), (37, 1),
    ]  # fmt: skip
    assert given_layout(200, prefix=4).prefix == REGISTERS[:4]
    assert given_layout(11 * 17 + 1, aspect=11 / 17) == vl.TokenLayout(11, 17, ("CLS",))
    wide = Image.new("RGB", (320, 96))
    x = np.zeros((1, 6 * 20, 2))
    assert vl.GivenReading(x, image=wide).layout.grid == (6, 20)
    reading = vl.GivenReading(x[:, :17], image=Image.new("RGB", (900, 1400)), grid=(4, 4))
    assert reading.picture().shape == (768, 768, 3)


def test_arrays_that_cannot_be_read_are_refused():
    x = arrays(images=1)[:, 0]
    p = softmax(x)
    for words in (
        {}, {"logits": x, "probabilities": p}, {"logits": x[0]}, {"logits": "x"},
        {"logits": x[:0]}, {"logits": np.where(x > 5, np.nan, x)}, {"probabilities": x},
    ):  # fmt: skip
        with refused(vl.UsageError):
            vl.GivenReading(**words)
    for words in (
        {"grid": (4, 5)}, {"grid": 4}, {"grid": (3, 5), "prefix": 2}, {"prefix": "CLS"},
        {"prefix": -1}, {}, {"labels": ["a"]}, {"image": [None, None], "grid": (3, 5)},
        {"grid": (3, 5), "readout": x[:, 0, :3]}, {"grid": (3, 5), "state_names": ["a"]},
        {"grid": (3, 5), "image": "no such file.png"}, {"grid": (3, 5), "name": 3},
    ):  # fmt: skip
        with refused(vl.UsageError):
            vl.GivenReading(x[:, :16], **{"prefix": 1, **words})
    with refused(vl.UsageError):
        given_layout(122, aspect=0.3)  # 11 x 11 after CLS, or 6 x 20 after two
    with refused(vl.UsageError):
        given_layout(124)

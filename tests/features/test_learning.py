"""A step of an SAE's training: losses and gradients by the authors' formulas, by hand in NumPy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from vitlens_widgets.features.training.learning import (
    Learning,
    begun,
    geometric_median,
    stepped,
)
from vitlens_widgets.features.training.loss import Weights, loss_of, passed
from vitlens_widgets.features.training.plan import SAEPlan

WIDTH, N, TOKENS = 7, 19, 23
PLAN = SAEPlan(
    site="resid_post",
    layer=0,
    tokens="all",
    kind="topk",
    n_latents=N,
    k=3,
    l1=0.8,
    nested=(4, 9, N),
    steps=10,
    batch_size=TOKENS,
    rate=0.01,
    center="median",
    auxiliary=0.25,
    dead_after=50,
    buffer=100,
    seed=0,
)
KINDS = ("topk", "batchtopk", "relu", "matryoshka")


def drawn(seed=0):
    draw = np.random.default_rng(seed)
    encoder, decoder = draw.normal(size=(2, N, WIDTH))
    decoder /= np.linalg.norm(decoder, axis=1, keepdims=True)
    return encoder, 0.3 * draw.normal(size=N), decoder, draw.normal(size=WIDTH)


def batch(seed=5):
    return 1 + 2 * np.random.default_rng(seed).normal(size=(TOKENS, WIDTH))


def as_weights(arrays):
    return Weights(*(torch.tensor(one, dtype=torch.float32) for one in arrays))


def stays_on(before, kind):
    """Which latents may be on, by sorting."""
    on = np.zeros_like(before, bool)
    if kind == "relu":
        return ~on
    if kind == "topk":
        for row, values in zip(on, before, strict=True):
            row[np.argsort(values)[-PLAN.k :]] = True
    else:
        on.ravel()[np.argsort(before.ravel())[-PLAN.k * TOKENS :]] = True
    return on


def by_hand(arrays, x, kind, dead):
    """The loss, and its gradients in encoder, its bias, decoder, its bias."""
    encoder, encoder_bias, decoder, bias = arrays
    n = x.size
    before = (x - bias) @ encoder.T + encoder_bias
    on = stays_on(before, kind) & (before > 0)
    z = before * on
    sizes = PLAN.nested if kind == "matryoshka" else (N,)
    loss, to_z = 0.0, np.zeros_like(z)
    to_decoder, to_bias = np.zeros_like(decoder), np.zeros_like(bias)
    for m in sizes:
        error = z[:, :m] @ decoder[:m] + bias - x
        loss += (error**2).sum() / n
        to_z[:, :m] += 2 / n * error @ decoder[:m].T
        to_decoder[:m] += 2 / n * z[:, :m].T @ error
        to_bias += 2 / n * error.sum(0)
    if kind == "relu":
        loss += PLAN.l1 * z.sum(1).mean() / WIDTH
        to_z += PLAN.l1 / n
    to_before = to_z * on
    if dead.any():
        left = x - z @ decoder - bias
        rows = np.flatnonzero(dead)
        positive = np.maximum(before[:, rows], 0)
        k = min(len(rows), WIDTH // 2)
        kept = np.zeros_like(positive)
        for row, values in zip(kept, positive, strict=True):
            best = np.argsort(values)[-k:]
            row[best] = values[best]
        error = kept @ decoder[rows] - left
        spread = ((left - left.mean(0)) ** 2).mean()
        loss += PLAN.auxiliary * (error**2).mean() / spread
        share = PLAN.auxiliary * 2 / n / spread
        to_decoder[rows] += share * kept.T @ error
        to_before[:, rows] += share * (error @ decoder[rows].T) * (kept > 0)
    centered = x - bias
    return loss, (
        to_before.T @ centered,
        to_before.sum(0),
        to_decoder,
        to_bias - (to_before @ encoder).sum(0),
    )


@pytest.mark.parametrize("some_dead", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_the_authors(kind, some_dead):
    arrays, x = drawn(), batch()
    dead = np.arange(N) % 3 == 1 if some_dead else np.zeros(N, bool)
    plan, weights = replace(PLAN, kind=kind), as_weights(arrays)
    tokens = torch.tensor(x, dtype=torch.float32)
    run = passed(weights, tokens, plan)
    found = loss_of(weights, tokens, run, plan, torch.tensor(dead))
    assert float(found) == pytest.approx(by_hand(arrays, x, kind, dead)[0], rel=1e-5)


@pytest.mark.parametrize("some_dead", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_one_step_is_adams_along_the_gradient_without_what_lengthens_columns(kind, some_dead):
    arrays, x = drawn(), batch()
    dead = np.arange(N) % 3 == 1 if some_dead else np.zeros(N, bool)
    plan = replace(PLAN, kind=kind)
    _, slopes = by_hand(arrays, x, kind, dead)
    slopes = list(slopes)
    slopes[2] = slopes[2] - (slopes[2] * arrays[2]).sum(1, keepdims=True) * arrays[2]
    norm = np.sqrt(sum((one**2).sum() for one in slopes))
    slopes = [one * min(1, 1 / norm) for one in slopes]
    rate = plan.rate_at(0)
    # Adam's first step: both means are their gradient's once the beginning is made up for
    expected = [
        one - rate * slope / (np.abs(slope) + 6.25e-10)
        for one, slope in zip(arrays, slopes, strict=True)
    ]
    expected[2] /= np.linalg.norm(expected[2], axis=1, keepdims=True)
    weights = as_weights(arrays)
    zeros = Weights(*map(torch.zeros_like, weights))
    silent = torch.tensor(dead).long() * plan.dead_after
    before = Learning(weights, zeros, zeros, silent, torch.zeros(()))
    after, told = stepped(before, torch.tensor(x, dtype=torch.float32), 0, plan)
    for found, wanted, slope in zip(after.weights, expected, slopes, strict=True):
        clear = np.abs(slope) > 1e-5  # else its sign is rounding's
        np.testing.assert_allclose(found.numpy()[clear], wanted[clear], rtol=1e-4, atol=1e-4)
    assert told.dead == pytest.approx(dead.mean())


def test_columns_stay_at_unit_norm_and_adam_goes_on_as_torchs():
    """Twenty steps against torch's own Adam, on gradients that are made the same way."""
    plan = replace(PLAN, steps=20, auxiliary=0.0)
    weights = as_weights(drawn())
    zeros = Weights(*map(torch.zeros_like, weights))
    now = Learning(weights, zeros, zeros, torch.zeros(N, dtype=torch.int64), torch.zeros(()))
    own = [one.clone().requires_grad_() for one in weights]
    adam = torch.optim.Adam(own, betas=(0.9, 0.999), eps=6.25e-10)
    for step in range(plan.steps):
        x = torch.tensor(batch(step), dtype=torch.float32)
        now, _ = stepped(now, x, step, plan)
        adam.zero_grad()
        leaves = Weights(*own)
        run = passed(leaves, x, plan)
        loss_of(leaves, x, run, plan, torch.zeros(N, dtype=torch.bool)).backward()
        decoder = own[2]
        decoder.grad -= (decoder.grad * decoder.data).sum(1, keepdim=True) * decoder.data
        torch.nn.utils.clip_grad_norm_(own, 1.0)
        adam.param_groups[0]["lr"] = plan.rate_at(step)
        adam.step()
        decoder.data /= decoder.data.norm(dim=1, keepdim=True)
    for found, wanted in zip(now.weights, own, strict=True):
        torch.testing.assert_close(found, wanted.detach(), atol=2e-4, rtol=1e-3)
    torch.testing.assert_close(now.weights.decoder.norm(dim=1), torch.ones(N))


def test_the_rate_goes_up_stays_and_goes_down_to_nearly_0():
    plan = replace(PLAN, steps=100)
    rates = [plan.rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.2 * plan.rate)
    assert rates[4] == rates[50] == pytest.approx(plan.rate)
    assert rates[-1] == pytest.approx(0.05 * plan.rate)
    assert all(0 < rate <= plan.rate for rate in rates)


def test_latents_begin_reading_what_they_write_from_the_middle():
    x = torch.tensor(batch(), dtype=torch.float32)
    now = begun(x, PLAN)
    assert torch.equal(now.weights.encoder, now.weights.decoder)
    torch.testing.assert_close(now.weights.decoder.norm(dim=1), torch.ones(N))
    torch.testing.assert_close(begun(x, replace(PLAN, center="mean")).weights[3], x.mean(0))


def test_the_geometric_median_is_where_distances_are_least():
    x = torch.tensor(batch(), dtype=torch.float64)
    x[0] += 1000  # which moves a mean, not a median
    found = geometric_median(x)
    least = torch.linalg.vector_norm(x - found, dim=1).sum()
    for direction in torch.randn(20, WIDTH, dtype=torch.float64):
        assert torch.linalg.vector_norm(x - found - 1e-2 * direction, dim=1).sum() >= least
    assert torch.linalg.vector_norm(found - x[1:].mean(0)) < 5


def test_the_threshold_is_the_mean_of_the_smallest_that_are_on():
    plan = replace(PLAN, kind="batchtopk")
    now = begun(torch.tensor(batch(), dtype=torch.float32), plan)
    smallest = []
    for step in range(5):
        x = torch.tensor(batch(step), dtype=torch.float32)
        latents = passed(now.weights, x, plan).latents
        smallest.append(float(latents[latents > 0].min()))
        now, _ = stepped(now, x, step, plan)
    assert float(now.threshold) == pytest.approx(np.mean(smallest), rel=1e-5)


def planted(seed=0, n=24, width=16, tokens=4096):
    """Sparse sums of random directions: `[tokens, width]` and the directions `[n, width]`."""
    draw = torch.Generator().manual_seed(seed)
    directions = torch.nn.functional.normalize(torch.randn(n, width, generator=draw), dim=1)
    on = torch.rand(tokens, n, generator=draw) < 2 / n
    sizes = 1 + torch.rand(tokens, n, generator=draw)
    return (on * sizes) @ directions, directions


def matched(found, wanted):
    """The largest cosine of each wanted direction with one that was found."""
    return (torch.nn.functional.normalize(wanted, dim=1) @ found.T).max(1).values


def learned(plan, x, now=None):
    now = begun(x, plan) if now is None else now
    told = None
    for step in range(plan.steps):
        rows = torch.randint(len(x), (512,), generator=torch.Generator().manual_seed(step))
        now, told = stepped(now, x[rows], step, plan)
    return now, told


@pytest.mark.parametrize(
    ("kind", "words"), [("topk", {}), ("batchtopk", {}), ("relu", {"l1": 0.6}), ("matryoshka", {})]
)
def test_a_planted_dictionary_is_found(kind, words):
    x, directions = planted()
    n = 32
    plan = replace(
        PLAN,
        kind=kind,
        n_latents=n,
        k=2,
        nested=(8, 16, n),
        steps=1500,
        rate=4e-3,
        dead_after=5000,
        auxiliary=1 / 32,
        **words,
    )
    spread = (x - x.mean(0)).square().mean().sqrt()
    now, told = learned(plan, x / spread)
    found = matched(now.weights.decoder, directions)
    null = matched(begun(x, replace(plan, seed=1)).weights.decoder, directions)
    assert found.mean() > 0.9, found
    assert null.mean() < 0.75
    assert told.explained > 0.8


def test_dead_latents_are_revived_by_the_auxiliary_loss_and_not_without():
    x, _ = planted()
    dead = {}
    for auxiliary in (0.0, 1 / 32):
        plan = replace(
            PLAN, n_latents=32, k=2, steps=600, rate=4e-3, dead_after=1000, auxiliary=auxiliary
        )
        now = begun(x, plan)
        bias = now.weights.encoder_bias.clone()
        bias[::2] = -2.5  # half of them are off, though a token reaches one now and then
        _, told = learned(plan, x, now._replace(weights=now.weights._replace(encoder_bias=bias)))
        dead[auxiliary] = told.dead
    assert dead[0.0] > 0.4, dead
    assert dead[1 / 32] < 0.2, dead

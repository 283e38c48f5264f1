"""What the world's decoders learn from, and that they learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.world.small_clip import small_clip
from tests.world.small_decoders import FLOW, PATCHES
from vitlens_widgets import UsageError, world
from vitlens_widgets.world import embedded
from vitlens_widgets.world.training import encoded, paint
from vitlens_widgets.world.training.encoded import encoded_readout, encoded_states
from vitlens_widgets.world.training.optimizer import Optimizer
from vitlens_widgets.world.training.paint import PaintReadout, PaintTokens


def test_the_states_that_are_learnt_from_are_those_of_a_trace():
    images = np.stack([world.scene(seed, 2, 112).image for seed in (3, 4)])
    found = encoded_states("toy/p32", torch.from_numpy(images)).float()
    large = images.repeat(2, axis=1).repeat(2, axis=2)
    own = vl.load("toy/p32").trace(large).states
    assert found.shape == own.shape
    assert ((found - own).norm() / own.norm()) < 0.02  # half precision


def test_what_is_learnt_from_of_a_clip_is_what_its_trace_and_readout_are(tmp_path, monkeypatch):
    weights = small_clip(tmp_path)
    monkeypatch.setattr(encoded, "encoder", lambda _name: embedded.build_from(weights))
    images = np.stack([world.scene(seed, 2, 112).image for seed in (3, 4)])
    vit = vl.load(str(weights))
    own = vit.trace(images.repeat(2, axis=1).repeat(2, axis=2)).states
    found = encoded_states("toy/clip", torch.from_numpy(images)).float()
    assert found.shape == own.shape
    assert (found - own).norm() / own.norm() < 0.02
    readout, state = encoded_readout("toy/clip", torch.from_numpy(images), 1)
    expected = vit.adapter.readout_features(own[-1]).detach()
    assert (readout.float() - expected).norm() / expected.norm() < 0.02
    assert (state.float() - own[1]).norm() / own[1].norm() < 0.02


def test_what_is_left_to_chance_in_learning():
    torch.manual_seed(0)
    tokens = torch.randn(400, 6, 32) * 3
    noise = (paint.disturbed(tokens) - tokens).std(dim=(1, 2)) / 3
    assert 0.4 < (noise == 0).float().mean() < 0.6
    assert noise.max() < 0.65
    hidden = paint.some_hidden(400, 50).float().mean(dim=1)
    assert 0.65 < (hidden == 0).float().mean() < 0.85
    assert hidden.max() > 0.8


def test_the_error_of_a_picture_by_hand():
    rng = np.random.default_rng(3)
    one, other = rng.normal(size=(2, 2, 3, 5, 4)).astype(np.float32)
    away = one - other
    expected = np.abs(away).mean() + sum(np.abs(np.diff(away, axis=a)).mean() for a in (2, 3))
    assert float(paint.unlike(*map(torch.tensor, (one, other)))) == pytest.approx(
        expected, rel=1e-5
    )


def learnt(task, steps):
    torch.manual_seed(1)
    model, batch = task.make_model(), task.draw(0, 4)
    optimizer = Optimizer(model, steps)
    losses = []
    for step in range(steps):
        loss = task.learn(model, batch)
        loss.backward()
        losses.append(loss.item())
        optimizer.step(step)
    return model, losses


def test_learning_paints_scenes():
    _, losses = learnt(PaintTokens(PATCHES), 40)
    assert np.mean(losses[-5:]) < 0.7 * losses[0]


def test_learning_a_flow_keeps_the_running_mean(monkeypatch):
    embeddings, tokens = torch.randn(4, 20), torch.randn(4, 50, 24)
    monkeypatch.setattr(paint, "encoded_readout", lambda *_: (embeddings, tokens))
    task = PaintReadout(FLOW)
    torch.manual_seed(1)
    model = task.make_model()
    by_hand = {name: p.detach().clone() for name, p in model.mean.named_parameters()}
    batch, optimizer, losses = task.draw(0, 4), Optimizer(model, 60), []
    for step in range(60):
        kept = (step + 1) / (11 + step)
        for name, learnt_one in model.network.named_parameters():
            by_hand[name] = kept * by_hand[name] + (1 - kept) * learnt_one.detach()
        loss = task.learn(model, batch)
        loss.backward()
        losses.append(loss.item())
        optimizer.step(step)
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])
    for name, mean in task.finished(model).named_parameters():
        torch.testing.assert_close(mean, by_hand[name], rtol=1e-3, atol=1e-4)
        assert not mean.requires_grad


def test_an_early_stream_learns_the_tokens_of_the_patches():
    tokens = torch.randn(2, 11, 5) * 3 + 1
    guessed = torch.randn(2, 9, 5)
    own = tokens.numpy()[:, 2:]
    own = (own - own.mean(-1, keepdims=True)) / own.std(-1, keepdims=True)
    cosine = (own * guessed.numpy()).sum(-1) / np.linalg.norm(own, axis=-1)
    cosine /= np.linalg.norm(guessed, axis=-1)
    assert float(paint.unaligned(guessed, tokens)) == pytest.approx(1 - cosine.mean(), rel=1e-4)


def test_an_encoder_that_is_not_there_is_refused():
    with refused(UsageError):
        encoded_readout("toy/nothing", torch.zeros(1, 112, 112, 3, dtype=torch.uint8), 0)

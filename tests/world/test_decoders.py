"""The world's decoders: networks and sampling against loops by hand, with random weights."""

# ruff: noqa: ARG002  # networks that stand in for others take what those take

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.world.small_clip import small_clip
from vitlens_widgets import UsageError, world
from vitlens_widgets.world import embedded
from vitlens_widgets.world.cards import own_card, read_card, weights_file
from vitlens_widgets.world.decoders.canvas import Canvas, positions, unscaled_norm
from vitlens_widgets.world.decoders.flow import FlowDesign, FlowNetwork, sample, velocity
from vitlens_widgets.world.decoders.patches import PatchDesign, PatchNetwork
from vitlens_widgets.world.measure import measure_file
from vitlens_widgets.world.measure_pictures import judged, main_color
from vitlens_widgets.world.training import encoded, paint
from vitlens_widgets.world.training.encoded import encoded_readout, encoded_states
from vitlens_widgets.world.training.optimizer import Optimizer
from vitlens_widgets.world.training.paint import PaintReadout, PaintTokens
from vitlens_widgets.world.training.task import Recipe
from vitlens_widgets.world.weights import save_weights

PATCHES = PatchDesign("toy/p32", layers=1, width=32, heads=2, channels=8)
FLOW = FlowDesign("toy/clip", features=20, side=28, layers=2, width=32, heads=2, channels=8)


def randomised(network):
    """Weights of which none is zero, so that nothing is left out unseen."""
    torch.manual_seed(9)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.2)
    return network.eval()


@pytest.fixture(scope="module")
def of_tokens(tmp_path_factory):
    facts = {**PaintTokens(PATCHES).facts(), "images": 0}
    path = tmp_path_factory.mktemp("tokens") / "painter.safetensors"
    return save_weights(randomised(PatchNetwork(PATCHES)), path, facts)


@pytest.fixture(scope="module")
def of_readout(tmp_path_factory):
    facts = {**PaintReadout(FLOW).facts(), "images": 0}
    path = tmp_path_factory.mktemp("readout") / "flow.safetensors"
    return save_weights(randomised(FlowNetwork(FLOW)), path, facts)


# What they are made of


def test_a_canvas_puts_each_token_in_its_place():
    canvas = randomised(Canvas(width=6, grid=3, cells=2, zoom=2, channels=4))
    blank, one = torch.zeros(1, 9, 6), torch.zeros(1, 9, 6)
    one[0, 5] = 1  # second row, third column
    with torch.no_grad():
        changed = (canvas(one) - canvas(blank)).abs().sum(dim=1)[0] > 1e-6
    assert canvas(blank).shape == (1, 3, 12, 12)
    rows, cols = np.nonzero(changed.numpy())
    reach = 2 * 2  # two convolutions, in cells of two pixels
    assert (rows.min(), rows.max()) == (4 - reach, 7 + reach)
    assert (cols.min(), cols.max()) == (8 - reach, 11)


def test_a_norm_without_weights():
    tokens = torch.randn(2, 3, 7) * 4 + 1
    given = tokens.numpy()
    mean, var = given.mean(-1, keepdims=True), given.var(-1, keepdims=True)
    np.testing.assert_allclose(
        unscaled_norm(tokens), (given - mean) / np.sqrt(var + 1e-5), atol=1e-5
    )


def test_positions_tell_all_places_apart():
    places = positions(7, 32)
    assert places.shape == (49, 32)
    assert torch.cdist(places, places).add(10 * torch.eye(49)).min() > 0.1
    row, col = 2, 5
    for quarter in range(8):
        rate = 1e4 ** (-quarter / 8)
        found = places[7 * row + col, [quarter, 8 + quarter, 16 + quarter, 24 + quarter]]
        expected = [np.sin(row * rate), np.cos(row * rate), np.sin(col * rate), np.cos(col * rate)]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_velocity_leads_to_what_is_painted_also_with_guidance():
    network = randomised(FlowNetwork(FLOW))
    noisy, led = torch.randn(3, 3, 28, 28), torch.randn(3, 20)
    with torch.no_grad():
        time = torch.full((3,), 0.4)
        painted = network(noisy, time, led)
        unled = network(noisy, time, led, torch.ones(3) > 0)
        assert not torch.allclose(painted, unled, atol=1e-2)
        plain, guided = (velocity(network, noisy, 0.4, led, guide) for guide in (1, 2.5))
    torch.testing.assert_close(plain, (painted - noisy) / 0.6)
    expected = (unled + 2.5 * (painted - unled) - noisy) / 0.6
    torch.testing.assert_close(guided, expected, rtol=1e-4, atol=1e-4)


def test_the_length_of_an_embedding_is_not_read():
    network, led = randomised(FlowNetwork(FLOW)), torch.randn(2, 20)
    noisy, time = torch.randn(2, 3, 28, 28), torch.tensor([0.1, 0.7])
    with torch.no_grad():
        torch.testing.assert_close(network(noisy, time, led), network(noisy, time, 7 * led))


class Straight(torch.nn.Module):
    """Knows the picture: the flow is a straight line, which any number of steps follows."""

    def __init__(self, picture) -> None:
        super().__init__()
        self.picture = picture

    def forward(self, noisy, time, embedding, dropped=None):
        return self.picture.expand_as(noisy)


class Curved(torch.nn.Module):
    """Moves by cos(3 time), whose integral is known, but for the very end."""

    def forward(self, noisy, time, embedding, dropped=None):
        return noisy + (1 - time[:, None, None, None]) * torch.cos(3 * time)[:, None, None, None]


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_sampling_follows_a_straight_flow_to_its_end(steps):
    picture, noise = torch.rand(1, 3, 4, 4), torch.randn(2, 3, 4, 4)
    found = sample(Straight(picture), noise, torch.zeros(2, 5), steps, 1.0)
    torch.testing.assert_close(found, picture.expand_as(noise), rtol=1e-4, atol=1e-4)


def test_sampling_is_of_second_order_but_for_its_last_step():
    noise, end = torch.zeros(1, 3, 2, 2), np.sin(3) / 3
    away = []
    for steps in (8, 16, 32, 64):
        found = sample(Curved(), noise, torch.zeros(1, 5), steps, 1.0)
        times = np.linspace(0, 1, steps + 1)
        moves = np.cos(3 * times) * (1 - times) / np.maximum(1 - times, 0.05)
        by_hand = ((moves[:-2] + moves[1:-1]) / 2).sum() / steps + moves[-2] / steps
        assert float(found.mean()) == pytest.approx(by_hand, abs=1e-4)
        away.append(abs(by_hand - end))
    assert away[0] > away[1]


# What they learn from


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
    readout = encoded_readout("toy/clip", torch.from_numpy(images)).float()
    expected = vit.adapter.readout_features(own[-1]).detach()
    assert (readout - expected).norm() / expected.norm() < 0.02


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
    embeddings = torch.randn(4, 20)
    monkeypatch.setattr(paint, "encoded_readout", lambda *_: embeddings)
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


def test_an_encoder_that_is_not_there_is_refused():
    with refused(UsageError):
        encoded_readout("toy/nothing", torch.zeros(1, 112, 112, 3, dtype=torch.uint8))


# As they are used


def test_a_decoder_of_tokens_is_its_network(of_tokens):
    decoder = vl.load_decoder(of_tokens)
    assert (decoder.name, decoder.size, decoder.steps) == ("painter", (112, 112), 1)
    reads = decoder.reads
    assert (reads.what, reads.encoder, reads.shape) == ("tokens", "toy/p32", (50, 192))
    vit = vl.load("toy/p32")
    decoder.check_reads(vit)
    states = vit.trace([world.scene(seed).image for seed in (1, 2, 3)]).states[2]
    hidden = torch.arange(50) > 30
    found = np.stack(list(decoder.decode(states, state=2, hidden=hidden)))
    network = randomised(PatchNetwork(PATCHES)).half().float()
    with torch.no_grad():
        own = network(states, torch.tensor([2, 2, 2]), hidden.expand(3, -1))
    levels = ((own + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1).numpy()
    assert np.abs(found - levels).max() <= 0.51
    other = np.stack(list(decoder.decode(states, state=3, hidden=hidden)))
    assert (other != found).any()


def test_hidden_tokens_are_not_seen(of_tokens):
    decoder, hidden = vl.load_decoder(of_tokens), torch.arange(50) % 3 == 1
    tokens = torch.randn(50, 192)
    changed = torch.where(hidden[:, None], torch.randn(50, 192), tokens)
    (one,), (other,) = (decoder.decode(t, state=1, hidden=hidden) for t in (tokens, changed))
    assert (one == other).all()
    (open_one,) = decoder.decode(changed, state=1)
    assert (open_one != one).any()


def test_a_decoder_of_readouts_begins_with_one_noise(of_readout):
    decoder = vl.load_decoder(str(of_readout))
    assert (decoder.size, decoder.steps, decoder.guidance) == ((28, 28), 12, 2.0)
    led = torch.randn(10, 20)
    found = list(decoder.decode(led, seed=3, steps=2))
    (third,) = decoder.decode(led[9], seed=3, steps=2)
    assert np.abs(third.astype(int) - found[9]).max() <= 1  # alone or among others
    (again,), (other,) = (decoder.decode(led[0], seed=seed, steps=2) for seed in (3, 4))
    assert np.abs(again.astype(int) - found[0]).max() <= 1
    assert (other != again).any()
    noise = torch.randn((1, 3, 28, 28), generator=torch.Generator().manual_seed(3))
    network = randomised(FlowNetwork(FLOW)).half().float()
    with torch.no_grad():
        own = sample(network, noise, led[:1], 2, 2.0)[0]
    levels = ((own + 1) * 127.5).clamp(0, 255).permute(1, 2, 0).numpy()
    assert np.abs(found[0] - levels).max() <= 0.6


def test_files_of_another_kind_are_refused_by_each(of_tokens):
    with refused(UsageError):
        vl.load(str(of_tokens))
    with refused(UsageError):
        vl.load_decoder(weights_file("toy/attn-only-1l"))
    with refused(UsageError):
        vl.load_decoder("toy/nothing")
    with refused(UsageError):
        vl.load_decoder(7)


# How they are measured


def test_scenes_themselves_are_judged_right():
    judge = vl.load("toy/p32-taught")
    scenes = [world.scene(seed, size=112) for seed in range(20)]
    found = judged(judge, np.stack([scene.image for scene in scenes]), scenes)
    assert found.color.all()
    assert found.named.mean() > 0.9
    assert found.iou.mean() > 0.75
    grey = judged(judge, np.full((20, 112, 112, 3), 128, np.uint8), scenes)
    assert grey.named.mean() < 0.3
    assert not grey.color.any()


def test_the_main_colour_is_that_of_most_pixels():
    scene = world.scene(5, size=64)
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[scene.instance_mask > 0] = (250, 20, 20)
    assert main_color(picture, scene) == "red"
    rows, cols = np.nonzero(scene.instance_mask)
    picture[rows[: int(0.6 * len(rows))], cols[: int(0.6 * len(rows))]] = (30, 90, 240)
    assert main_color(picture, scene) == "blue"


def test_a_decoder_has_a_card(of_tokens):
    found = measure_file(of_tokens, scenes=6)
    assert found.states == tuple(vl.load("toy/p32").state_names)
    assert len(found.named) == len(found.iou) == len(found.color) == 7
    assert found.of_scenes[2] == 1
    card = own_card(of_tokens)
    assert card.measured == found
    for part in ("Judged by toy/p32-taught on 6 held-out scenes", "named right", "5_pre"):
        assert part in repr(card)


def test_a_recipe_may_be_of_a_model_that_is_not_embedded_yet(of_tokens, tmp_path):
    measure_file(of_tokens, scenes=2)
    for file in (of_tokens, of_tokens.with_suffix(".json")):
        (tmp_path / f"toy-patch-decoder{file.suffix}").write_bytes(file.read_bytes())
    card = read_card("toy/patch-decoder", tmp_path)
    assert "world train toy/patch-decoder" in card.command
    assert Recipe(PaintTokens(PATCHES), 64).facts()["encoder"] == "toy/p32"
    assert embedded.build("toy/p32") is not None

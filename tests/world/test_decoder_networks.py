"""The networks of the world's decoders, and sampling, against loops by hand."""

# ruff: noqa: ARG002  # networks that stand in for others take what those take

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from tests.world.small_decoders import FLOW, randomised
from vitlens_widgets.world.decoders.canvas import Canvas, positions, unscaled_norm
from vitlens_widgets.world.decoders.flow import FlowNetwork, sample, velocity


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
    """Moves what is there by cos(3 time) of it: from 1 to exp(sin(3) / 3)."""

    def forward(self, noisy, time, embedding, dropped=None):
        rate = torch.cos(3 * time)[:, None, None, None]
        return noisy * (1 + (1 - time[:, None, None, None]) * rate)


def sampled(network, noise, steps):
    return sample(network, noise, torch.zeros(len(noise), 5), steps, 1.0)


@pytest.mark.parametrize("steps", [1, 2, 7, 50, 1000])
def test_sampling_follows_a_straight_flow_to_its_end(steps):
    picture, noise = torch.rand(1, 3, 4, 4), torch.randn(2, 3, 4, 4)
    found = sampled(Straight(picture), noise, steps)
    torch.testing.assert_close(found, picture.expand_as(noise), rtol=1e-4, atol=1e-4)


def test_sampling_is_heuns_method_and_a_last_step_of_eulers():
    noise, steps = torch.randn(2, 3, 2, 2, dtype=torch.float64), 6
    by_hand, rate = noise.numpy(), np.cos(3 * np.arange(steps) / steps)
    for now, then in pairwise(rate):
        moved = by_hand * (1 + now / steps)
        by_hand = by_hand + (by_hand * now + moved * then) / (2 * steps)
    by_hand = by_hand * (1 + rate[-1] / steps)
    np.testing.assert_allclose(sampled(Curved(), noise, steps), by_hand, rtol=1e-6)


def test_twice_the_steps_leave_a_quarter_of_the_error():
    one, end = torch.ones(1, 3, 2, 2, dtype=torch.float64), np.exp(np.sin(3) / 3)
    away = [abs(float(sampled(Curved(), one, n).mean()) - end) for n in (64, 128, 256, 512)]
    for coarse, fine in pairwise(away):
        assert coarse / fine == pytest.approx(4, rel=0.05)


def test_the_last_step_ends_at_what_is_painted():
    network, noise, led = (
        randomised(FlowNetwork(FLOW)),
        torch.randn(2, 3, 28, 28),
        torch.randn(2, 20),
    )
    seen = []
    watching = network.register_forward_hook(lambda *told: seen.append(told[-1]))
    with torch.no_grad():
        found = sample(network, noise, led, 30, 1.0)
    watching.remove()
    assert len(seen) == 2 * 29 + 1
    torch.testing.assert_close(found, seen[-1], rtol=1e-3, atol=1e-3)

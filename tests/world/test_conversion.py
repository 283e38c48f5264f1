"""The served network at 224 pixels is the trained network at 112 pixels, exactly."""

from __future__ import annotations

import numpy as np
import torch

from vitlens_widgets import world
from vitlens_widgets.world.network import (
    doubled_patch,
    make_network,
    normalized,
)


def test_each_pixel_doubled_gives_the_same_logits():
    torch.manual_seed(2)
    trained, served = make_network(patch=16).eval(), make_network(patch=32).eval()
    served.load_state_dict(doubled_patch(trained.state_dict()))
    small = np.stack([world.scene(seed, 2, size=112).image for seed in range(3)])
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    with torch.no_grad():
        expected = trained(normalized(torch.from_numpy(small)))
        found = served(normalized(torch.from_numpy(large)))
    assert torch.allclose(found, expected, atol=1e-5)


def test_only_averages_of_two_by_two_pixels_count():
    trained = make_network(patch=16)
    kernel = doubled_patch(trained.state_dict())["patch_embed.proj.weight"]
    assert kernel.shape == (192, 3, 32, 32)
    original = trained.state_dict()["patch_embed.proj.weight"]
    for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
        assert torch.equal(kernel[:, :, y::2, x::2], original / 4)


def test_pictures_are_normalized_to_minus_one_to_one():
    image = torch.tensor([[[[0, 255, 51]], [[102, 204, 153]]]], dtype=torch.uint8)
    expected = torch.tensor([[[[-1.0], [-0.2]], [[1.0], [0.6]], [[-0.6], [0.2]]]])
    assert torch.allclose(normalized(image), expected)

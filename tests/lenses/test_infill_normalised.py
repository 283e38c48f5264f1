"""Models of normalised pixels: brightness without a look at the hidden patches."""

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import mae_model, pixels_for
from vitlens_widgets.lenses.infill.brightness import cut, join, patch_statistics

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

LAYOUT = vl.TokenLayout(4, 6, ("CLS",))


@pytest.fixture(scope="module")
def mae():
    return vl.load(mae_model(norm_pix_loss=True))


def target_of(pixels, layout):
    """What a model of normalised pixels is trained to paint, in NumPy (ddof 1)."""
    patches = cut(pixels, layout).numpy().astype(float)
    mean = patches.mean(axis=-1, keepdims=True)
    return (patches - mean) / np.sqrt(patches.var(axis=-1, ddof=1, keepdims=True) + 1e-6)


def test_cutting_and_joining_are_inverse():
    pixels = pixels_for((24, 60), 2)
    pictures = join(cut(pixels, LAYOUT), LAYOUT, (6, 10))
    assert torch.equal(pictures, pixels.permute(0, 2, 3, 1))


def test_a_perfect_painting_with_the_targets_statistics_is_the_image():
    pixels = pixels_for((24, 60), 2)
    mean, deviation = patch_statistics(pixels, torch.ones(2, 24, dtype=bool), LAYOUT, "target")
    painted = target_of(pixels, LAYOUT) * deviation.numpy() + mean.numpy()
    np.testing.assert_allclose(painted, cut(pixels, LAYOUT), atol=1e-5)


@pytest.mark.parametrize("name", ["neighbours", "visible", "target"])
def test_visible_patches_keep_their_own(name):
    pixels = pixels_for((24, 60), 2)
    mask = torch.rand(2, 24, generator=torch.Generator().manual_seed(0)) < 0.6
    mean, deviation = patch_statistics(pixels, mask, LAYOUT, name)
    patches = cut(pixels, LAYOUT)[~mask]
    torch.testing.assert_close(mean[~mask][:, 0], patches.mean(-1))
    torch.testing.assert_close(deviation[~mask][:, 0], (patches.var(-1) + 1e-6).sqrt())


def test_neighbours_weigh_by_the_inverse_fourth_power_of_their_distance():
    pixels = pixels_for((24, 60), 1)
    mask = torch.rand(1, 24, generator=torch.Generator().manual_seed(3)) < 0.7
    mean, deviation = patch_statistics(pixels, mask, LAYOUT, "neighbours")
    patches = cut(pixels, LAYOUT)[0].numpy().astype(float)
    for hidden in mask[0].nonzero()[:, 0].tolist():
        weights, means, variances = [], [], []
        for other in (~mask[0]).nonzero()[:, 0].tolist():
            (r, c), (row, col) = divmod(hidden, 6), divmod(other, 6)
            weights.append(((r - row) ** 2 + (c - col) ** 2) ** -2)
            means.append(patches[other].mean())
            variances.append(patches[other].var(ddof=1))
        assert mean[0, hidden].item() == pytest.approx(np.average(means, weights=weights), abs=1e-5)
        expected = np.sqrt(np.average(variances, weights=weights) + 1e-6)
        assert deviation[0, hidden].item() == pytest.approx(expected, abs=1e-5)


def test_visible_takes_the_plain_mean():
    pixels = pixels_for((24, 60), 1)
    mask = torch.rand(1, 24, generator=torch.Generator().manual_seed(3)) < 0.7
    mean, deviation = patch_statistics(pixels, mask, LAYOUT, "visible")
    patches = cut(pixels, LAYOUT)[~mask]
    hidden = mask[0]
    torch.testing.assert_close(mean[0, hidden, 0], patches.mean().expand(int(hidden.sum())))
    expected = (patches.var(-1).mean() + 1e-6).sqrt()
    torch.testing.assert_close(deviation[0, hidden, 0], expected.expand(int(hidden.sum())))


@pytest.mark.parametrize("name", ["neighbours", "visible"])
def test_with_nothing_visible_it_is_the_middle(name):
    mask = torch.ones(1, 24, dtype=bool)
    mean, deviation = patch_statistics(pixels_for((24, 60), 1), mask, LAYOUT, name)
    assert (mean == 0).all()
    torch.testing.assert_close(deviation, torch.ones_like(deviation))


@pytest.mark.parametrize("name", ["neighbours", "visible", None])
def test_what_is_hidden_does_not_leak(mae, name):
    """Other pixels under the mask change nothing of what is shown."""
    pixels = pixels_for((48, 48), 1)
    lens = vl.InfillLens(mae, statistics=name)
    infilling = lens.read(pixels, preprocessed=True)
    noise = 0.3 * torch.randn(1, 3, 48, 48)
    changed = pixels + torch.from_numpy(infilling.hidden)[:, None] * noise
    again = lens.read(changed, preprocessed=True)
    for state in range(4):
        assert np.array_equal(again.pixels(state), infilling.pixels(state))


def test_the_leaking_choice_leaks_and_says_so(mae):
    pixels = pixels_for((48, 48), 1)
    lens = vl.InfillLens(mae, statistics="target")
    infilling = lens.read(pixels, preprocessed=True)
    changed = pixels + torch.from_numpy(infilling.hidden)[:, None] * 2
    again = lens.read(changed, preprocessed=True)
    assert not np.array_equal(again.pixels(2, clip=False), infilling.pixels(2, clip=False))
    assert "LEAKS the answer" in repr(infilling)
    assert "own statistics" in infilling.lens_name


def test_brightness_is_painted_times_deviation_plus_mean(mae):
    pixels = pixels_for((48, 48), 2)
    infilling = vl.InfillLens(mae).read(pixels, preprocessed=True)
    mask = torch.from_numpy(infilling.mask)
    mean, deviation = patch_statistics(pixels, mask, mae.layout, "neighbours")
    patches = torch.from_numpy(infilling.painted(1)) * deviation + mean
    expected = join(patches, mae.layout, (8, 8))
    per_colour = (torch.tensor(v) for v in (mae.preprocessing.std, mae.preprocessing.mean))
    std, middle = per_colour
    np.testing.assert_allclose(infilling.pixels(1, clip=False), expected * std + middle, atol=1e-5)


def test_statistics_are_for_normalised_pixels_alone(mae):
    assert vl.InfillLens(mae).statistics == "neighbours"
    plain = vl.load(mae_model())
    assert vl.InfillLens(plain).statistics is None
    with refused(vl.UsageError):
        vl.InfillLens(plain, statistics="visible")
    with refused(vl.UsageError):
        vl.InfillLens(mae, statistics="mine")

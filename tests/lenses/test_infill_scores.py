"""Scores of infillings against NumPy and scikit-image."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import mae_model, pixels_for
from vitlens_widgets.lenses.infill.scores import first_near

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")


@pytest.fixture(scope="module")
def infilling():
    lens = vl.InfillLens(vl.load(mae_model()))
    return lens.read(pixels_for((48, 48), 3), mask_ratio=0.6, seed=4, preprocessed=True)


def references(infilling, reference):
    if reference == "final":
        return infilling.pixels(3, paste=True)
    return (infilling.original / 255).astype(np.float32)


EACH_REFERENCE = pytest.mark.parametrize("reference", ["original", "final"])


@EACH_REFERENCE
def test_mse_and_psnr_are_scikit_images_on_hidden_pixels(infilling, reference):
    compared = references(infilling, reference)
    for state in range(3):
        pictures = infilling.pixels(state, paste=True)
        for i, hidden in enumerate(infilling.hidden):
            target, painted = compared[i][hidden], pictures[i][hidden]
            mse = mean_squared_error(target, painted)
            psnr = peak_signal_noise_ratio(target, painted, data_range=1)
            assert infilling.score("mse", reference)[state, i] == pytest.approx(mse, rel=1e-6)
            assert infilling.score("psnr", reference)[state, i] == pytest.approx(psnr, rel=1e-6)


@EACH_REFERENCE
def test_ssim_is_scikit_images_map_on_hidden_pixels(infilling, reference):
    compared = references(infilling, reference).astype(float)
    for state in range(4):
        pictures = infilling.pixels(state, paste=True).astype(float)
        for i, hidden in enumerate(infilling.hidden):
            by_colour = [
                structural_similarity(
                    compared[i, ..., c],
                    pictures[i, ..., c],
                    data_range=1,
                    gaussian_weights=True,
                    sigma=1.5,
                    use_sample_covariance=False,
                    full=True,
                )[1][hidden].mean()
                for c in range(3)
            ]
            found = infilling.score("ssim", reference)[state, i]
            assert found == pytest.approx(np.mean(by_colour), abs=1e-5)


@EACH_REFERENCE
def test_perceptual_distance_is_that_of_unit_features(infilling, reference):
    vit = infilling.vit

    def features(brightness):
        pixels = torch.from_numpy(brightness).permute(0, 3, 1, 2)
        mean, std = (
            torch.tensor(v)[:, None, None] for v in (vit.preprocessing.mean, vit.preprocessing.std)
        )
        states = vit.trace((pixels - mean) / std, preprocessed=True).states[1:, :, 1:].numpy()
        return states / np.linalg.norm(states, axis=-1, keepdims=True)

    target = features(references(infilling, reference))
    for state in range(4):
        away = ((features(infilling.pixels(state, paste=True)) - target) ** 2).sum(-1).mean(0)
        expected = [a[hidden].mean() for a, hidden in zip(away, infilling.mask, strict=True)]
        found = infilling.score("perceptual", reference)[state]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_many_images_go_through_the_encoder_in_pieces(infilling, monkeypatch):
    whole, sizes = infilling.score("perceptual"), set()
    embed = type(infilling.vit.adapter).embed
    monkeypatch.setattr("vitlens_widgets.lenses.infill.shown.TOKENS_AT_ONCE", 80)
    again = infilling.rerun(mask=infilling.mask)
    monkeypatch.setattr(
        type(infilling.vit.adapter),
        "embed",
        lambda self, pixels: sizes.add(len(pixels)) or embed(self, pixels),
    )
    np.testing.assert_allclose(again.score("perceptual"), whole, rtol=1e-4, atol=1e-6)
    assert sizes == {1, 2}


def test_the_final_state_is_itself(infilling):
    assert (infilling.score("mse", "final")[-1] == 0).all()
    assert (infilling.score("psnr", "final")[-1] == np.inf).all()
    assert infilling.score("ssim", "final")[-1] == pytest.approx(np.ones(3))
    assert infilling.score("perceptual", "final")[-1] == pytest.approx(np.zeros(3), abs=1e-6)


def test_a_perfect_painting_has_perfect_scores(infilling):
    """An image that is, under the mask, what the model paints there."""
    painted = infilling.pixels(3, paste=True)
    lens = vl.InfillLens(infilling.vit)
    again = lens.read(list(painted), mask=infilling.mask)
    assert (again.score("mse")[-1] < 1e-5).all()  # rounded to levels on the way
    assert (again.score("ssim")[-1] > 0.99).all()


def test_visible_patches_do_not_count(infilling):
    """Error maps are zero there, and scores are means over the others."""
    for reference in ("original", "final"):
        for state in range(4):
            error = infilling.error(state, reference)
            assert (error[~infilling.hidden] == 0).all()
            compared = references(infilling, reference)
            expected = np.abs(infilling.pixels(state) - compared).mean(-1) * infilling.hidden
            np.testing.assert_allclose(error, expected, atol=1e-6)


def test_nothing_hidden_has_no_score():
    lens = vl.InfillLens(vl.load(mae_model()))
    masks = [[True] * 36, [False] * 36]
    infilling = lens.read(pixels_for((48, 48), 2), mask=masks, preprocessed=True)
    for metric in ("mse", "psnr", "ssim", "perceptual"):
        score = infilling.score(metric)
        assert np.isfinite(score[:, 0]).all()
        assert np.isnan(score[:, 1]).all()
    assert infilling.converged()[1] == 0


def test_unknown_words_are_refused(infilling):
    with refused(vl.UsageError):
        infilling.score("sim")
    with refused(vl.UsageError):
        infilling.score("mse", "first")
    for share in (0, "a", None):
        with refused(vl.UsageError):
            infilling.converged(share)


@pytest.mark.parametrize(
    ("distances", "expected"),
    [
        ([4, 3, 2, 0], 3),
        ([4, 0.3, 0.2, 0], 1),
        ([4, 0.3, 2, 0], 3),  # near once, but not from there on
        ([0.1, 4, 0.3, 0], 2),
        ([0, 0, 0, 0], 0),
    ],
)
def test_converged_is_the_first_state_that_stays_near(distances, expected):
    assert first_near(np.array(distances, float)[:, None], 0.1).tolist() == [expected]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.01, 0.99))
def test_from_the_converged_state_on_all_are_near_and_the_one_before_is_not(distances, share):
    distance = np.array([*distances, 0.0])[:, None]
    found = first_near(distance, share)[0]
    near = distance[:, 0] <= share * distance.max()
    assert near[found:].all()
    assert found == 0 or not near[found - 1]


def test_the_table_has_a_row_per_state(infilling):
    table = infilling.table(1)
    assert table.attrs["title"].endswith("image 1")
    assert table["state"].tolist() == ["0_pre", "1_pre", "2_pre", "final"]
    assert table["mse to original"].tolist() == infilling.score("mse")[:, 1].tolist()
    assert table["ssim to final"].tolist() == infilling.score("ssim", "final")[:, 1].tolist()

"""Objects found in what is painted, against the world's own scores."""

import copy

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import mae_model
from vitlens_widgets.analysis.infilling import object_iou
from vitlens_widgets.lenses.segmentation import mean_iou, pixel_labels
from vitlens_widgets.models.preprocessing import DEFAULTS, from_timm_config

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

SCENES = [vl.world.scene(seed, objects=1 + seed % 2, size=112) for seed in range(3)]
TRUTH = np.stack([scene.class_mask for scene in SCENES])


@pytest.fixture(scope="module")
def segmenter():
    return vl.load("toy/p32-taught")


@pytest.fixture(scope="module")
def infilling():
    lens = vl.InfillLens(vl.load(mae_model(image_size=112)))
    return lens.read([scene.image for scene in SCENES], mask_ratio=0.5)


def labels(segmenter, pictures):
    """By the logit lens, as a user would."""
    reading = vl.LogitLens(segmenter).read(segmenter.trace(list(pictures)))
    chances = reading.logits(segmenter.n_layers)[:, 1:].softmax(-1)
    return pixel_labels(chances, (7, 7), (112, 112))


def test_each_state_is_scored_by_what_the_segmenter_finds(infilling, segmenter):
    found = object_iou(infilling, TRUTH, segmenter)
    final = labels(segmenter, infilling.pictures(3))
    for state in range(4):
        given = labels(segmenter, infilling.pictures(state))
        for i, hidden in enumerate(infilling.hidden):
            assert found.truth[state, i] == mean_iou(given[i][hidden], TRUTH[i][hidden])
            assert found.final[state, i] == mean_iou(given[i][hidden], final[i][hidden])
    assert (found.final[-1] == 1).all()


def test_the_original_is_the_mark(infilling, segmenter):
    found = object_iou(infilling, TRUTH, segmenter)
    given = labels(segmenter, infilling.original)
    expected = [
        mean_iou(g[h], t[h]) for g, t, h in zip(given, TRUTH, infilling.hidden, strict=True)
    ]
    assert found.original.tolist() == expected
    assert found.original.mean() > 0.5


@pytest.mark.parametrize("crop", [0.5, 0.875])
def test_a_crop_of_the_segmenters_preprocessing_does_not_shift_its_labels(
    infilling, segmenter, crop
):
    words = {"mean": (0.5,) * 3, "std": (0.5,) * 3, "interpolation": "bicubic", "crop_pct": crop}
    cropping = copy.copy(segmenter)
    cropping.preprocessing = from_timm_config({**DEFAULTS, **words}, segmenter.preprocessing.size)
    found, expected = (
        object_iou(infilling, TRUTH, cropping),
        object_iou(infilling, TRUTH, segmenter),
    )
    assert found.original.tolist() == expected.original.tolist()
    assert found.truth.tolist() == expected.truth.tolist()


def test_many_pictures_go_through_in_pieces(infilling, segmenter, monkeypatch):
    whole, sizes = object_iou(infilling, TRUTH, segmenter), set()
    trace = segmenter.trace
    seeing = copy.copy(segmenter)
    seeing.trace = lambda pixels, **words: sizes.add(len(pixels)) or trace(pixels, **words)
    monkeypatch.setattr("vitlens_widgets.lenses.infill.shown.TOKENS_AT_ONCE", 100)
    pieces = object_iou(infilling, TRUTH, seeing)
    assert sizes == {1, 2}
    np.testing.assert_allclose(pieces.truth, whole.truth, atol=1e-3)
    np.testing.assert_allclose(pieces.original, whole.original, atol=1e-3)


def test_a_segmenter_of_yes_or_no_is_read_as_one(infilling, segmenter):
    alone = copy.copy(segmenter)
    alone.probabilities = "sigmoid"
    reading = vl.LogitLens(segmenter).read(segmenter.trace(list(infilling.original)))
    chances = torch.sigmoid(reading.logits(segmenter.n_layers)[:, 1:])
    given = pixel_labels(chances, (7, 7), (112, 112))
    assert (given != labels(segmenter, infilling.original)).any()
    expected = [
        mean_iou(g[h], t[h]) for g, t, h in zip(given, TRUTH, infilling.hidden, strict=True)
    ]
    assert object_iou(infilling, TRUTH, alone).original.tolist() == expected


def test_nothing_hidden_has_no_score(infilling, segmenter):
    visible = infilling.rerun(mask=np.zeros(196, bool))
    assert np.isnan(object_iou(visible, TRUTH, segmenter).truth).all()


def test_a_truth_or_a_model_that_does_not_fit_is_refused(infilling, segmenter):
    with refused(vl.UsageError):
        object_iou(infilling, TRUTH[:2], segmenter)
    with refused(vl.UsageError):
        object_iou(infilling, TRUTH.astype(float), segmenter)
    with refused(vl.UsageError):
        object_iou(infilling, TRUTH, infilling.vit)

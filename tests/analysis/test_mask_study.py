"""A mask study holds what single readings give, with intervals over images."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import mae_model
from vitlens_widgets.analysis.infilling import mask_study

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")


@pytest.fixture(scope="module")
def study():
    lens = vl.InfillLens(vl.load(mae_model()))
    words = {"ratios": (0.3, 0.8), "seeds": (1, 2, 5), "metrics": ("mse", "ssim")}
    return mask_study(lens, _pictures(4), **words)


def _pictures(n):
    return list(np.random.default_rng(0).integers(0, 256, (n, 48, 48, 3), dtype=np.uint8))


def test_a_study_holds_what_single_readings_give(study):
    lens = vl.InfillLens(vl.load(mae_model()))
    for r, ratio in enumerate(study.ratios):
        for s, seed in enumerate(study.seeds):
            infilling = lens.read(_pictures(4), mask_ratio=ratio, seed=seed)
            for metric, reference in study.values:
                found = study.values[metric, reference][r, s]
                np.testing.assert_allclose(found, infilling.score(metric, reference), rtol=1e-6)
            assert study.converged[r, s].tolist() == infilling.converged().tolist()


def test_its_intervals_are_students_over_images(study):
    low, high = study.interval("mse", "original", level=0.9)
    for r in range(2):
        for state in range(4):
            of_images = study.values["mse", "original"][r, :, state].mean(axis=0)
            expected = stats.t.interval(0.9, 3, loc=of_images.mean(), scale=stats.sem(of_images))
            assert (low[r, state], high[r, state]) == pytest.approx(expected)
    middle = study.mean("mse")
    assert ((low < middle) & (middle < high)).all()


def test_one_image_has_intervals_over_seeds():
    lens = vl.InfillLens(vl.load(mae_model()))
    study = mask_study(lens, _pictures(1), ratios=[0.5], seeds=range(4), metrics="mse")
    values = study.values["mse", "original"][0, :, 0, 0]
    low, _ = study.interval("mse")
    expected = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    assert low[0, 0] == pytest.approx(expected[0])
    once = mask_study(lens, _pictures(1), ratios=[0.5], seeds=[0], metrics="mse")
    assert np.isnan(once.interval("mse")[0]).all()


def test_an_infinite_score_has_no_interval():
    lens = vl.InfillLens(vl.load(mae_model()))
    study = mask_study(lens, _pictures(2), ratios=[0.5], seeds=[0], metrics="psnr")
    assert study.mean("psnr", "final")[0, -1] == np.inf
    assert math.isnan(study.interval("psnr", "final")[0][0, -1])


def test_a_studys_table(study):
    table = study.table()
    assert len(table) == 8
    assert "95 % intervals" in table.attrs["title"]
    assert table["mask ratio"].tolist() == [0.3] * 4 + [0.8] * 4
    assert table["mse"].tolist() == study.mean("mse").ravel().tolist()
    low, high = study.interval("mse")
    assert table["mse ±"].tolist() == pytest.approx(((high - low) / 2).ravel().tolist())
    with refused(vl.UsageError):
        study.mean("psnr", "final")


def test_an_empty_study_is_refused():
    with refused(vl.UsageError):
        mask_study(vl.InfillLens(vl.load(mae_model())), _pictures(1), ratios=[])


def test_a_study_takes_single_values_and_paints_each_cell_once(monkeypatch):
    lens, painted = vl.InfillLens(vl.load(mae_model())), []
    paint = type(lens).paint
    monkeypatch.setattr(
        type(lens), "paint", lambda self, *given: painted.append(1) or paint(self, *given)
    )
    study = mask_study(lens, _pictures(2), ratios=0.5, seeds=3, metrics="mse")
    assert (study.ratios, study.seeds, study.metrics) == ((0.5,), (3,), ("mse",))
    mask_study(lens, _pictures(1), ratios=(0.3, 0.6), seeds=range(2), metrics="mse")
    assert len(painted) == 1 + 4


@pytest.mark.parametrize(
    "words",
    [
        {"ratios": (0.5, 2)},
        {"ratios": None},
        {"seeds": (1, -1)},
        {"seeds": "two"},
        {"metrics": ("mse", "msee")},
        {"metrics": 3},
        {"metrics": [["mse"]]},
    ],
)
def test_what_a_study_cannot_use_is_refused_before_anything_is_painted(words, monkeypatch):
    lens = vl.InfillLens(vl.load(mae_model()))
    monkeypatch.setattr(type(lens), "paint", None)  # not to be called
    with refused(vl.UsageError):
        mask_study(lens, _pictures(1), **words)


@pytest.mark.parametrize("level", [0, 1, "x", None])
def test_a_level_that_is_none_is_refused(study, level):
    with refused(vl.UsageError):
        study.interval("mse", level=level)

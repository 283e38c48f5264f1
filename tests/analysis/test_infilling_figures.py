"""The curves hold the infillings' numbers."""

from __future__ import annotations

import numpy as np
import pytest
from bokeh.models import ColumnDataSource, VArea

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import mae_model, pixels_for

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")


@pytest.fixture(scope="module")
def lens():
    return vl.InfillLens(vl.load(mae_model()))


def curves(plot):
    sources = [s for s in plot.select(ColumnDataSource) if "curve" in s.data]
    return {source.data["curve"][0]: source.data["value"] for source in sources}


@pytest.mark.parametrize("metric", ["mse", "psnr", "ssim", "perceptual"])
def test_a_score_against_the_original_and_the_final(lens, metric):
    infilling = lens.read(pixels_for((48, 48)), preprocessed=True)
    plot = vl.analysis.infilling.score(infilling, metric, image=1)
    found = curves(plot)
    np.testing.assert_allclose(found["against the original"], infilling.score(metric)[:, 1])
    to_final = infilling.score(metric, "final")[:, 1]
    np.testing.assert_allclose(found["against the final"][:3], to_final[:3])
    if metric == "psnr":
        assert np.isnan(found["against the final"][3])
    assert list(plot.x_range.factors) == ["0_pre", "1_pre", "2_pre", "final"]


def test_a_study_has_a_curve_and_a_band_for_each_state(lens):
    images = list(np.random.default_rng(0).integers(0, 256, (3, 48, 48, 3), dtype=np.uint8))
    study = vl.analysis.infilling.mask_study(
        lens, images, ratios=(0.2, 0.5, 0.8), seeds=(0, 1), metrics=("mse",)
    )
    plot = study.figure("mse", states=[0, 3])
    found = curves(plot)
    assert set(found) == {"0_pre", "final"}  # bokeh gives no order
    np.testing.assert_allclose(found["final"], study.mean("mse")[:, 3])
    bands = [r for r in plot.renderers if isinstance(r.glyph, VArea)]
    low, high = study.interval("mse")
    data = bands[1].data_source.data
    np.testing.assert_allclose(data[bands[1].glyph.y1], low[:, 3])
    np.testing.assert_allclose(data[bands[1].glyph.y2], high[:, 3])


def test_what_is_not_there_is_refused(lens):
    infilling = lens.read(pixels_for((48, 48)), preprocessed=True)
    with refused(vl.UsageError):
        vl.analysis.infilling.score(infilling, image=2)
    with refused(vl.UsageError):
        vl.analysis.infilling.score(infilling, "accuracy")

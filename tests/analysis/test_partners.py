"""Which features fire together, against NumPy's correlations of all activations at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.stats import t

import vitlens_widgets as vl
from tests.analysis.test_activations import KINDS, all_values, noise_images
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis.activations.partners_join import GROUPS


def plain(asked, values):
    """Pearson's of `[image, patch]` with `[image, patch, layer, feature]`."""
    one = asked.ravel() - asked.mean()
    all_ = values.reshape(-1, *values.shape[2:])
    all_ = all_ - all_.mean(0)
    with np.errstate(invalid="ignore"):
        return np.einsum("r,rlf->lf", one, all_) / np.sqrt((one**2).sum() * (all_**2).sum(0))


@pytest.fixture(scope="module", params=KINDS)
def seen(request):
    vit = vl.load(timm_model(request.param))
    data = noise_images(vit, 23, masks=False)
    found = vl.analysis.partners(vit, data, 1, [4, 9], batch_size=5)
    return vit, data, found, all_values(vit, data, "mlp_post").astype(float)[order()]


def order(n=23, seed=0):
    """In which images are read."""
    return np.random.default_rng(seed).permutation(n)


def test_of_sorted_images_some_are_some_of_all(seen):
    vit, data, _, values = seen
    words = {"batch_size": 4, "n_images": 6}
    found = vl.analysis.partners(vit, data, 1, 4, **words)
    some = values[:6]
    assert sorted(order()[:6]) != list(range(6))
    np.testing.assert_allclose(found.correlation[0], plain(some[:, :, 1, 4], some), atol=2e-5)
    other = vl.analysis.partners(vit, data, 1, 4, seed=3, **words)
    some = values[np.argsort(order())][order(seed=3)][:6]
    np.testing.assert_allclose(other.correlation[0], plain(some[:, :, 1, 4], some), atol=2e-5)
    np.testing.assert_allclose(other.null[0], plain(some[:-1, :, 1, 4], some[1:]), atol=2e-5)


def test_what_can_only_be_gone_through_is():
    from vitlens_widgets.data.shuffled import shuffled

    stream = vl.data.Streamed([(np.zeros((8, 8, 3), np.uint8), 0)] * 4, ["thing"], count=4)
    assert shuffled(stream, 0) is stream
    endless = vl.world.Scenes()
    assert shuffled(endless, 0) is endless


def test_correlations_are_numpys(seen):
    _, _, found, values = seen
    for at, feature in enumerate(found.asked):
        expected = plain(values[:, :, 1, feature], values)
        np.testing.assert_allclose(found.correlation[at], expected, atol=2e-5)
        assert found.correlation[at, 1, feature] == pytest.approx(1)


def test_the_null_is_of_the_image_before(seen):
    _, _, found, values = seen
    asked = values[:-1, :, 1, 9]
    np.testing.assert_allclose(found.null[1], plain(asked, values[1:]), atol=2e-5)


def test_the_interval_leaves_out_one_group_of_images_after_the_other(seen):
    _, _, found, values = seen
    groups = np.arange(len(values)) % GROUPS
    left = [plain(values[groups != g][:, :, 1, 4], values[groups != g]) for g in range(GROUPS)]
    scaled = np.arctanh(np.stack(left)[:, 0])
    error = np.sqrt((GROUPS - 1) / GROUPS * ((scaled - scaled.mean(0)) ** 2).sum(0))
    middle = np.arctanh(plain(values[:, :, 1, 4], values)[0])
    low, high = (np.tanh(middle + s * t.ppf(0.975, GROUPS - 1) * error) for s in (-1, 1))
    np.testing.assert_allclose(found.low[0, 0], low, atol=2e-3)
    np.testing.assert_allclose(found.high[0, 0], high, atol=2e-3)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    from vitlens_widgets.analysis.activations.partners_result import Partners

    rng, hits, n = np.random.default_rng(2), [], 300
    for _ in range(n):
        shared = rng.normal(size=(40, 1))  # of an image: its patches are not independent
        own = shared + rng.normal(size=(40, 9))
        other = 0.5 * shared + rng.normal(size=(40, 9))
        sums = {name: np.zeros((GROUPS, *shape)) for name, shape in SHAPES.items()}
        for image, (a, b) in enumerate(zip(own, other, strict=True)):
            parts = (9, a.sum(), (a * a).sum(), b.sum(), (b * b).sum(), (a * b).sum())
            for name, part in zip(SHAPES, parts, strict=True):
                sums[name][image % GROUPS] += part
        nulls = {f"null {name}": one.sum(0) for name, one in sums.items()}
        found = Partners.of("", 0, (0,), (0,), {**sums, **nulls})
        truth = 0.5 / np.sqrt(2 * 1.25)
        hits.append(bool(found.low[0, 0, 0] <= truth <= found.high[0, 0, 0]))
    assert 0.91 <= np.mean(hits) <= 0.985


SHAPES = {
    "n": (),
    "asked": (1,),
    "asked squared": (1,),
    "sum": (1,),
    "squared": (1,),
    "products": (1, 1),
}


def test_batches_and_stops_do_not_matter(tmp_path):
    vit = vl.load(timm_model("CLS"))
    data = noise_images(vit, 11, masks=False)
    whole = vl.analysis.partners(vit, data, 1, 4, site="resid_pre", batch_size=11)
    words = {"site": "resid_pre", "batch_size": 3, "save_to": tmp_path}
    vl.analysis.partners(vit, data, 1, 4, n_images=6, **words)
    found = vl.analysis.partners(vit, data, 1, 4, **words)
    for name in ("correlation", "low", "high", "null"):
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), atol=1e-4)
    with refused(vl.UsageError):
        vl.analysis.partners(vit, data, 1, 5, **words)


@pytest.mark.filterwarnings("ignore:Threads of one process")
def test_workers_find_the_same():
    vit = vl.load(timm_model("CLS"))
    data = noise_images(vit, 23, masks=False)
    words = {"site": "resid_pre", "batch_size": 3}
    whole = vl.analysis.partners(vit, data, 1, [4, 9], **words)
    with ThreadPoolExecutor(2) as pool:
        found = vl.analysis.partners(vit, data, 1, [4, 9], executor=pool, **words)
    others = np.abs(whole.correlation) < 1 - 1e-6  # of a feature with itself ends are rounding
    for name in ("correlation", "low", "high", "null"):
        one, many = (getattr(of, name)[others] for of in (whole, found))
        np.testing.assert_allclose(many, one, atol=1e-4)


def test_a_channel_far_from_zero_is_told_from_noise():
    """Sums of squares are of what moves."""
    import torch

    vit = vl.load(timm_model("CLS"))
    with torch.no_grad():
        vit.model.pos_embed[..., 3] += 3000.0
    data = noise_images(vit, 6, masks=False)
    found = vl.analysis.partners(vit, data, 0, 3, site="resid_pre", layers=[0])
    values = all_values(vit, data, "resid_pre").astype(float)
    expected = plain(values[:, :, 0, 3], values)[0]
    np.testing.assert_allclose(found.correlation[0, 0], expected, atol=1e-3)


def test_the_first_partners_are_of_the_blocks_asked_for_and_never_itself(seen):
    _, _, found, values = seen
    expected = plain(values[:, :, 1, 4], values)
    for where, layer in (("earlier", [0]), ("same", [1]), ("later", range(2, values.shape[2]))):
        first = found.top(5, where)
        assert set(first.layer) <= set(layer)
        assert (np.diff(first.value) <= 0).all()
        assert not ((first.layer == 1) & (first.feature == 4)).any()
        some = expected.copy()
        some[1, 4] = -2
        if len(layer):
            assert first.value[0] == pytest.approx(some[list(layer)].max(), abs=2e-5)
    assert found.top(5).value[0] == pytest.approx(
        np.delete(expected.ravel(), 192 + 4).max(), abs=2e-5
    )
    table = found.table(2)
    assert set(table["of"]) == {4, 9}
    assert (table["low"] <= table["correlation"]).all()
    later = table[(table["of"] == 4) & (table["where"] == "later")]
    assert (later["largest null"] == np.nanmax(found.null[0, 2:])).all()
    assert "±" in found.summary()


def test_what_cannot_be_asked_is_refused():
    vit = vl.load(timm_model("CLS"))
    data = noise_images(vit, 2, masks=False)
    for layer, feature in ((9, 0), (0, 10**6), (0, []), (0, range(17)), (0, "x"), (0, 2.5)):
        with refused(vl.UsageError):
            vl.analysis.partners(vit, data, layer, feature)
    found = vl.analysis.partners(vit, data, 0, 2, layers=[1])
    for words in ({"k": 0}, {"where": "before"}, {"asked": 1}):
        with refused(vl.UsageError):
            found.top(**words)

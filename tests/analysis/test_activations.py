"""What makes neurons fire, against a plain computation over all images at once."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis.activations.bins import EDGES, N_BINS, bins_of
from vitlens_widgets.analysis.activations.counting import Counts
from vitlens_widgets.analysis.activations.spotlight import spotlight
from vitlens_widgets.analysis.activations.tenths import lots, nearest_to_tenths
from vitlens_widgets.analysis.class_space.token_labels import class_tokens

KINDS = ["CLS", "mean of patches", "distillation", "four registers and layer scale", "qk-norm"]


def noise_images(vit, n, masks=True):
    """Images of noise of unlike strength, two classes of three, and masks of unlike size."""
    rng = np.random.default_rng(5)
    height, width = vit.image_size
    items = []
    for i in range(n):
        image = rng.integers(0, 60 + 25 * i, (height, width, 3)).astype(np.uint8)
        mask = np.zeros((height, width), bool)
        mask[: height * (i + 1) // (n + 2), : width // 2] = True
        items.append((image, i % 2, mask) if masks else (image, i % 2))
    return vl.data.Examples(items, ["a", "b", "c"])


def drawn_json(figure):
    from bokeh.embed import json_item

    return json.dumps(json_item(figure))


def all_values(vit, data, site):
    """`[image, patch, layer, feature]`, float32."""
    images = [data[i].image for i in range(data.count)]
    trace = vit.trace(images)
    every = [trace.sites(layer, site)[0][:, vit.layout.patches] for layer in range(vit.n_layers)]
    return torch.stack([one.flatten(2) for one in every], 2).numpy()


@pytest.fixture(scope="module", params=KINDS)
def seen(request):
    vit = vl.load(timm_model(request.param))
    data = noise_images(vit, 7)
    found = vl.analysis.activations(vit, data, k=3, batch_size=3)
    return vit, data, found, all_values(vit, data, "mlp_post")


def test_the_strongest_images_are_those_of_a_plain_sort(seen):
    vit, _, found, values = seen
    peaks = values.max(1)
    for layer in range(vit.n_layers):
        for feature in range(0, found.width, 7):
            order = np.argsort(-peaks[:, layer, feature], kind="stable")[:3]
            best = found.images(layer, feature)
            np.testing.assert_allclose(best.value, peaks[order, layer, feature], rtol=1e-4)
            assert best.image.tolist() == order.tolist()
            maps = values[order, :, layer, feature]
            np.testing.assert_allclose(best.map.reshape(3, -1), maps, rtol=2e-3, atol=1e-4)
            assert best.patch.tolist() == maps.argmax(1).tolist()


def test_counts_shares_and_means_are_those_of_numpy(seen):
    vit, _, found, values = seen
    flat = values.reshape(-1, vit.n_layers, found.width)
    np.testing.assert_allclose(found.mean, flat.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.share_above, (flat > 0).mean(0), atol=1e-3)
    np.testing.assert_allclose(found.largest, flat.max(0), rtol=1e-4)
    assert (found.counts.sum(-1) == len(flat)).all()
    plain = np.histogram(flat[:, 1, 4], found.edges[1:])[0]
    assert np.abs(plain - found.counts[1, 4, 1:]).sum() <= 2  # rounding at an edge
    assert found.counts[1, 4, 0] == pytest.approx((flat[:, 1, 4] <= 0).sum(), abs=1)


def test_means_of_classes_on_the_thing_and_on_the_rest(seen):
    vit, data, found, values = seen
    table = found.classes(1, 4)
    on = class_tokens(vit, [data[i].mask for i in range(7)], "majority")
    of = values[:, :, 1, 4]
    for label in (0, 1):
        rows = np.arange(7) % 2 == label
        expected = (
            of[rows].mean(),
            (of[rows] > 0).mean(),
            of[rows][on[rows]].mean(),
            of[rows][~on[rows]].mean(),
        )
        np.testing.assert_allclose(table.iloc[label, 1:].astype(float), expected, rtol=1e-3)
    assert table.iloc[2, 1:].isna().all()  # a class without images


@pytest.mark.parametrize("site", ["mlp_post", "resid_pre", "z", "mlp_out"])
def test_batches_do_not_matter_and_blocks_are_chosen(site):
    vit = vl.load(timm_model("CLS"))
    data = noise_images(vit, 7, masks=False)
    whole = vl.analysis.activations(vit, data, site=site, batch_size=7)
    parts = vl.analysis.activations(vit, data, site=site, layers=[1], batch_size=2)
    of_block = slice(whole.width, 2 * whole.width)
    for name, value in parts.tallies.items():
        place = (..., of_block) if name.startswith("class") else of_block
        if name in ("counts", "peaks"):
            place = (slice(None), of_block)
        if name == "above":
            place = (..., [1])
        if name.startswith("strongest"):
            continue  # slots depend on who came when: what is read out of them does not
        theirs = whole.tallies[name] if name == "class tokens" else whole.tallies[name][place]
        if value.dtype.kind == "i":
            assert (value == theirs).mean() > 0.999  # rounding at an edge of a bin
        else:
            np.testing.assert_allclose(value, theirs, rtol=2e-3, atol=1e-4)
    for feature in range(0, whole.width, 3):
        theirs, ours = whole.images(1, feature), parts.images(1, feature)
        assert theirs.image.tolist() == ours.image.tolist()
        for name in ("value", "map"):
            values = getattr(theirs, name).astype(float), getattr(ours, name).astype(float)
            np.testing.assert_allclose(*values, rtol=2e-3, atol=2e-3)
    with refused(vl.UsageError):
        parts.images(0, 3)


def test_a_run_that_was_stopped_goes_on_to_the_same(tmp_path):
    vit = vl.load(timm_model("CLS"))
    data = noise_images(vit, 6)
    whole = vl.analysis.activations(vit, data, batch_size=2)
    vl.analysis.activations(vit, data, batch_size=2, n_images=4, save_to=tmp_path / "run")
    onward = vl.analysis.activations(vit, data, batch_size=2, save_to=tmp_path / "run")
    for name, value in whole.tallies.items():
        np.testing.assert_array_equal(value, onward.tallies[name])


def test_the_tenths_are_of_what_is_above_zero():
    vit = vl.load(timm_model("CLS"))
    data = noise_images(vit, 40, masks=False)
    found = vl.analysis.activations(vit, data, batch_size=8)
    values = all_values(vit, data, "mlp_post")
    feature = int(found.share_above[1].argmax())
    of = found.tenths(1, feature)
    np.testing.assert_allclose(
        of.value, values[of.image, of.patch, 1, feature], rtol=1e-4, atol=1e-6
    )
    above = np.sort(values[:, :, 1, feature][values[:, :, 1, feature] > 0])
    rank = np.searchsorted(above, of.value) / len(above)
    assert (np.diff(of.value) >= 0).all()
    np.testing.assert_allclose(rank, (np.arange(10) + 0.5) / 10, atol=0.12)


def test_images_of_no_class_count_for_none():
    vit = vl.load(timm_model("CLS"))
    data = noise_images(vit, 4, masks=False)
    items = [(data[i].image, None if i % 2 else data[i].label) for i in range(4)]
    some = vl.analysis.activations(vit, vl.data.Examples(items, ["a", "b", "c"]))
    even = vl.analysis.activations(vit, vl.data.Examples(items[::2], ["a", "b", "c"]))
    np.testing.assert_allclose(some.classes(1, 4)["mean"], even.classes(1, 4)["mean"], rtol=1e-4)
    none = vl.analysis.activations(vit, vl.data.Examples([(image, None) for image, _ in items]))
    assert none.table()["class of largest mean"].isna().all()
    np.testing.assert_allclose(none.largest, some.largest, rtol=1e-4)


def test_lots_are_of_the_image_alone_and_cover_all_patches():
    drawn = np.concatenate([lots(number, 6)[0] for number in range(60)])
    assert set(drawn.tolist()) == set(range(6))
    assert lots(7, 6)[1].tolist() == lots(7, 6)[1].tolist()


def test_a_feature_that_never_fires_has_no_tenths():
    counts = np.zeros(N_BINS, int)
    counts[0] = 9
    assert (nearest_to_tenths(np.array([-1.0, 0.0]), np.array([0.0]), counts) == -1).all()


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40))
def test_a_bin_has_its_lower_end(values):
    of = np.array(values, np.float32)
    found = bins_of(torch.from_numpy(of.copy())).numpy()
    silent = of <= 0
    assert (found[silent] == 0).all()
    expected = np.searchsorted(EDGES[2:-1], of[~silent].astype(float), side="right") + 1
    assert found[~silent].tolist() == expected.tolist()


def test_counts_are_of_each_feature_and_group():
    values = torch.tensor([[1.0, -1.0], [1.1, 3.0], [1.3, 1e9], [2.0, 1e-9]])
    found = np.zeros((3, 4, N_BINS), np.int32)
    counts = Counts(found, 1, 2)
    parts, groups = torch.tensor([[1.0, 1, 1, 0], [0, 0, 0, 1]]), torch.tensor([2, 0])
    above = counts.add_tokens(values, parts, groups)
    assert above.tolist() == [[3, 2], [1, 1]]
    counts.set_silent(parts.sum(1)[:, None] - above, groups)
    for group, rows in ((2, [0, 1, 2]), (0, [3])):
        for feature in (0, 1):
            bins = bins_of(values[rows, feature]).tolist()
            expected = np.bincount(bins, minlength=N_BINS)
            assert found[group, 1 + feature].tolist() == expected.tolist()
    assert found.sum() == 8
    counts.add(values[:2], groups)
    assert found.sum() == 12


def test_where_it_fires_the_picture_keeps_its_colour():
    picture = np.zeros((4, 8, 3), np.uint8)
    picture[:] = (200, 40, 90)
    shown = spotlight(picture, np.array([[0.0, 2.0]]), 2.0)
    assert (shown[:, 4:] == (200, 40, 90)).all()
    assert (shown[:, :4] == round(0.299 * 200 + 0.587 * 40 + 0.114 * 90)).all()
    assert (spotlight(picture, np.array([[-1.0, 0.0]]), 0.0) == shown[0, 0]).all()


def test_what_is_no_data_set_is_refused_before_it_is_asked_for_classes():
    vit = vl.load(timm_model("CLS"))
    for no_data in ("photos", ["cat.jpg"]):
        with refused(vl.UsageError):
            vl.analysis.activations(vit, no_data)


def test_what_cannot_be_looked_at_is_refused():
    vit = vl.load(timm_model("CLS"))
    data = noise_images(vit, 2)
    for words in ({"site": "pattern"}, {"site": "mlp_pst"}, {"layers": 9}, {"k": 0}):
        with refused(vl.UsageError):
            vl.analysis.activations(vit, data, **words)
    found = vl.analysis.activations(vit, data)
    for layer, feature, name in ((9, 0, "images"), (0, 10**6, "images"), (0, 0, "curve")):
        with refused(vl.UsageError):
            found.figure_of(layer, feature, name)


def test_neurons_that_are_not_finite_are_said():
    vit = vl.load(timm_model("CLS"))
    block = vit.model.blocks[1].mlp.fc1
    with torch.no_grad():
        block.bias[3] = float("nan")
    with refused(vl.UsageError):
        vl.analysis.activations(vit, noise_images(vit, 2))


def test_it_needs_no_classifier_and_is_drawn():
    vit = vl.load(timm_model("CLS", num_classes=0))
    found = vl.analysis.activations(vit, noise_images(vit, 5, masks=False))
    assert len(found.images(0, 2).image) == 5  # fewer images than places
    assert len(found.table()) == vit.n_layers * found.width
    assert "mean on thing" not in found.classes(0, 2)
    assert "of 192 features never" in found.summary()
    for name in ("images", "histogram"):
        assert "block 0" in drawn_json(found.figure_of(0, 2, name))


def test_the_strongest_images_fill_tenths_of_which_none_was_drawn():
    vit = vl.load(timm_model("CLS"))
    data = noise_images(vit, 5, masks=False)
    found = vl.analysis.activations(vit, data, batch_size=2)
    values = all_values(vit, data, "mlp_post")
    for feature in range(0, found.width, 9):
        of = found.tenths(1, feature)
        every = values[:, :, 1, feature]
        above = np.sort(every[every > 0])
        if len(above) < 20:
            continue
        np.testing.assert_allclose(of.value, every[of.image, of.patch], rtol=2e-3, atol=1e-4)
        rank = np.searchsorted(above, of.value) / len(above)
        assert np.abs(rank - (np.arange(10) + 0.5) / 10).max() < 0.2  # a bin may be that wide
        assert rank[-1] > 0.8

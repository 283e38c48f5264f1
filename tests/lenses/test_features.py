"""Patch features against NumPy: components by a singular value decomposition, cosines by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.linalg import orthogonal_procrustes
from sklearn.decomposition import PCA

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, mae_model, pixels_for, shaken, timm_model
from tests.zoo_sweep import small_hf
from vitlens_widgets.lenses.features import tokens as feature_tokens

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

MODELS = {
    "no prefix": lambda: timm_model("mean of patches, norm before"),
    "CLS": lambda: timm_model("CLS", num_classes=0),
    "five": lambda: timm_model("four registers and layer scale"),
    "eight": lambda: timm_model("CLS", reg_tokens=7),
}


def traced(model, n_images=3, **words):
    vit = vl.load(model)
    return vit.trace(pixels_for(vit.image_size, n_images), preprocessed=True, **words)


def by_numpy(trace, k):
    """The final norm written out: `[image, token, d]`, float64."""
    module = trace.vit.model
    norm = module.norm if isinstance(module.norm, torch.nn.LayerNorm) else module.fc_norm
    x = trace.states[k].double().numpy()
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + norm.eps)
    return x * norm.weight.detach().double().numpy() + norm.bias.detach().double().numpy()


def by_svd(x):
    """(scores on three axes, shares of variance) of `[patch, d]`."""
    centred = x - x.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    return u[:, :3] * s[:3], s[:3] ** 2 / (s**2).sum()


def scaled(scores):
    low, high = np.percentile(scores, [2, 98], axis=0)
    return np.clip(2 * (scores - low) / (high - low) - 1, -1, 1)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("per_image", [False, True], ids=["batch", "image"])
def test_components_are_those_of_the_svd(kind, per_image):
    trace = traced(MODELS[kind]())
    features = vl.read_features(trace, per_image=per_image)
    layout, last = trace.layout, trace.n_states - 1
    patches = by_numpy(trace, last)[:, layout.patches]
    groups = list(patches) if per_image else [patches.reshape(-1, patches.shape[-1])]
    found = features.state(last)
    assert found.components.shape == (3, layout.rows, layout.cols, 3)
    shown = found.components.reshape(len(groups), -1, 3)
    for of_group, group, shares in zip(shown, groups, found.variance, strict=True):
        scores, variance = by_svd(group)
        np.testing.assert_allclose(shares, variance, rtol=1e-5)
        for axis in range(3):
            both = scaled(scores[:, axis]), scaled(-scores[:, axis])
            assert min(np.abs(of_group[:, axis] - one).max() for one in both) < 2e-4


def test_a_state_is_turned_towards_the_next():
    trace = traced(MODELS["CLS"]())
    features = vl.read_features(trace)
    towards = None
    for k in reversed(range(trace.n_states)):
        patches = by_numpy(trace, k)[:, 1:]
        flat = patches.reshape(-1, patches.shape[-1])
        scores = PCA(3, svd_solver="full").fit_transform(flat)
        if towards is None:  # the signs, of which the next test is about
            own = features.components[k].reshape(-1, 3)
            towards = scores * np.sign((scores * own).sum(0))
        else:
            turn, _ = orthogonal_procrustes(scores, towards)
            towards = scores @ turn
        np.testing.assert_allclose(
            features.components[k].reshape(-1, 3), scaled(towards), rtol=0, atol=5e-4
        )
        share = towards.var(0) / flat.var(0).sum()
        np.testing.assert_allclose(features.variance[k, 0], share, rtol=1e-4)


def test_the_border_is_dark_and_the_longer_tail_is_above():
    trace = traced(MODELS["no prefix"](), 6)
    features = vl.read_features(trace, per_image=True)
    edge = np.ones(trace.layout.grid, bool)
    edge[1:-1, 1:-1] = False
    for image, own in enumerate(features.components[-1]):
        raw = by_svd(by_numpy(trace, -1)[image])[0]
        raw = raw * np.sign((raw * own.reshape(-1, 3)).sum(0))
        assert raw[edge.ravel(), 0].mean() < raw[~edge.ravel(), 0].mean()
        low, middle, high = np.percentile(raw[:, 1:], [2, 50, 98], axis=0)
        assert (high - middle >= middle - low).all()


def test_the_figure_is_above_otsus_threshold():
    features = vl.read_features(traced(MODELS["CLS"](), 2))
    first = features.components[1, ..., 0].ravel().astype(float)
    cuts = np.unique(first)[:-1]  # between classes: the variance that Otsu (1979) makes largest

    def between(cut):
        above = first > cut
        return above.mean() * (1 - above.mean()) * (first[above].mean() - first[~above].mean()) ** 2

    best = max(map(between, cuts))
    figure = features.foreground[1].ravel()
    assert between(first[~figure].max()) > 0.95 * best  # its histogram has 256 bins
    assert first[figure].min() > first[~figure].max()


@pytest.mark.parametrize("kind", MODELS)
def test_similarity_is_the_cosine_with_the_tokens_own_vector(kind):
    trace = traced(MODELS[kind]())
    features, layout = vl.read_features(trace), trace.layout
    places = [(1, 2), layout.token(1, 2), *layout.prefix[-1:]]
    for place in places:
        token = layout.find(place)
        found = features.similarity(2, place)
        for k in range(trace.n_states):
            x = by_numpy(trace, k)
            cosine = x @ x[2, token]
            cosine /= np.linalg.norm(x, axis=-1) * np.linalg.norm(x[2, token])
            patches = layout.to_grid(cosine[:, layout.patches])
            np.testing.assert_allclose(found.patches[k], patches, rtol=0, atol=1e-5)
            np.testing.assert_allclose(
                found.prefix[k], cosine[:, : layout.n_prefix], rtol=0, atol=1e-5
            )
        alone = features.similarity(2, place, state=1)
        np.testing.assert_array_equal(alone.patches[0], found.patches[1])
    own = features.vector(2, (1, 2), 3)
    np.testing.assert_allclose(own, by_numpy(trace, 3)[2, layout.token(1, 2)], atol=1e-4)
    to_own = features.similarity_to(own)
    np.testing.assert_allclose(
        to_own.patches[3], features.similarity(2, (1, 2)).patches[3], rtol=0, atol=1e-6
    )


def test_dropped_patches_are_left_out():
    whole = traced(MODELS["five"]())
    drop = np.zeros(whole.layout.grid, bool)
    drop[1, 2] = drop[3, 0] = True
    trace = whole.vit.trace(
        pixels_for(whole.vit.image_size, 3), preprocessed=True, edits=[vl.edits.DropTokens(drop)]
    )
    features = vl.read_features(trace)
    assert (features.present == ~drop).all()
    patches = by_numpy(trace, 3)[:, 5:]
    _, shares = by_svd(patches.reshape(-1, patches.shape[-1]))
    np.testing.assert_allclose(features.variance[3, 0], shares, rtol=1e-5)
    assert (np.isnan(features.components).all((0, 1, 4)) == drop).all()
    assert not features.foreground[:, :, drop].any()
    cosines = features.similarity(0, (0, 0)).patches
    assert (np.isnan(cosines).all((0, 1)) == drop).all()
    with refused(vl.UsageError):
        features.similarity(0, (1, 2))


def test_a_masked_autoencoder_and_its_visible_patches():
    vit = vl.load(mae_model())
    drop = np.zeros((6, 6), bool)
    drop[::2] = True
    pixels = pixels_for(vit.image_size, 2)
    trace = vit.trace(pixels, preprocessed=True, edits=[vl.edits.DropTokens(drop)])
    features = vl.read_features(trace)
    with torch.no_grad():
        normed = vit.model.vit.layernorm(trace.states[-1]).double().numpy()
    _, shares = by_svd(normed[:, 1:].reshape(-1, normed.shape[-1]))
    np.testing.assert_allclose(features.variance[-1, 0], shares, rtol=1e-5)
    assert features.similarity(1, "CLS").prefix.shape == (4, 2, 1)


def test_some_states_are_turned_towards_the_next_that_is_read():
    trace = traced(MODELS["CLS"]())
    some = vl.read_features(trace, states=[0, 2])
    assert some.state_names == ["0_pre", "2_pre"]
    alone = vl.read_features(trace, states=[2])
    np.testing.assert_array_equal(some.components[1], alone.components[0])
    assert some.similarity(0, "CLS").patches.shape[0] == 2
    assert some.state("2_pre") is some.state(-2)
    named = vl.read_features(trace, states=["0_pre", -1])
    assert named.states == [0, 3]
    assert (named.similarity(0, 1, "final").patches == named.similarity(0, 1, 3).patches).all()
    for state in (1, "3_pre", -5, 2.0, None):
        with refused(vl.UsageError):
            some.state(state)


def test_it_is_the_same_whatever_is_asked_first_and_kept(monkeypatch):
    trace = traced(MODELS["CLS"]())
    features = vl.read_features(trace)
    first = features.state(1)
    assert features.state(1) is first
    again = vl.read_features(trace)
    np.testing.assert_array_equal(again.components[1], first.components)
    monkeypatch.setattr(feature_tokens, "KEEP_BYTES", 0)
    unkept = vl.read_features(trace)
    np.testing.assert_array_equal(
        unkept.similarity(0, 3).patches, features.similarity(0, 3).patches
    )


def test_features_that_do_not_vary_have_no_components():
    model = timm_model("CLS")
    vit = vl.load(model)
    trace = vit.trace(torch.zeros(1, 3, *vit.image_size), preprocessed=True)
    flat = trace.rerun([vl.edits.Replace("resid_post", 2, torch.ones(1, 16, 48))])
    last = vl.read_features(flat).state(3)
    assert not last.components.any()
    assert not last.variance.any()
    assert not last.foreground.any()


def test_a_projecting_model_is_read_before_its_projection():
    for kind in ("CLIPVisionModelWithProjection", "SiglipVisionModel"):
        vit = vl.load(shaken(small_hf.small(kind)))
        state = torch.randn(2, vit.layout.n_tokens, vit.width)
        tower = getattr(vit.model, "vision_model", vit.model)
        with torch.no_grad():
            found, expected = vit.adapter.normed(state), tower.post_layernorm(state)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("given", ["cat", None, hf_model])
def test_what_is_no_trace_is_refused(given):
    with refused(vl.UsageError):
        vl.read_features(given)


def test_what_is_not_there_is_refused():
    features = vl.read_features(traced(MODELS["CLS"]()))
    for place in ("dog", (9, 9), (1, 2, 3), 77, None, -1):
        with refused(vl.UsageError):
            features.similarity(0, place)
    with refused(vl.UsageError):
        features.similarity(3, 1)
    with refused(vl.UsageError):
        vl.read_features(features.trace, states=[2, 1])
    with refused(vl.UsageError):
        vl.read_features(features.trace, states=[])
    width = features.trace.vit.width
    for vector in (torch.zeros(7), "cat", None, ["cat"] * width, [float("nan")] * width):
        with refused(vl.UsageError):
            features.similarity_to(vector)
    with refused(vl.UsageError):
        vl.read_features(features.trace, per_image="yes")


def test_unit_vectors_are_handed_out_as_copies():
    features = vl.read_features(traced(MODELS["CLS"]()))
    before = features.similarity(0, 1).patches
    features.units(3).zero_()
    features.units("final").mul_(2)
    np.testing.assert_array_equal(features.similarity(0, 1).patches, before)


def test_states_may_be_numbers_of_numpy():
    features = vl.read_features(traced(MODELS["CLS"]()))
    for k in (np.int64(-1), np.int32(3), -1, "final"):
        assert torch.equal(features.units(k), features.units(3))


def test_other_weights_are_read_no_more():
    features = vl.read_features(traced(MODELS["CLS"]()))
    features.similarity(0, 1)  # all states are kept now
    with torch.no_grad():
        features.trace.vit.model.norm.weight.mul_(-1)
    for ask in (
        lambda: features.similarity(0, 1),
        lambda: features.similarity_to(torch.ones(features.trace.vit.width)),
        lambda: features.units(3),
        lambda: features.units_at([3], [(0, 1)]),
        lambda: vl.PatchClassifier(features.trace.vit, features).fit({"a": [(0, (1, 2))]}),
    ):
        with refused(vl.UsageError):
            ask()


@pytest.mark.parametrize("per_image", [False, True])
@pytest.mark.parametrize("kind", MODELS)
def test_groups_are_those_of_k_means_and_keep_their_numbers(kind, per_image):
    trace = traced(MODELS[kind]())
    features = vl.read_features(trace, per_image=per_image)
    k, seed, n = 3, 5, trace.layout.n_prefix
    found = features.groups(k, seed)
    assert found.shape == (trace.n_states, 3, *trace.layout.grid)
    assert np.array_equal(found, features.groups(k, seed))
    bases = [[0], [1], [2]] if per_image else [[0, 1, 2]]
    for state, images in ((s, b) for s in range(trace.n_states) for b in bases):
        x = by_numpy(trace, state)[images, n:]
        x = (x / np.linalg.norm(x, axis=-1, keepdims=True)).reshape(-1, x.shape[-1])
        own = found[state, images].ravel()
        centres = [x[own == one].mean(0) for one in range(k)]
        nearest = ((x[:, None] - centres) ** 2).sum(-1).argmin(-1)
        assert np.array_equal(nearest, own)  # where Lloyd's steps end
        if state < trace.n_states - 1:  # no other numbers share more with the next state
            later = found[state + 1, images].ravel()
            orders = [np.array(one)[own] for one in itertools.permutations(range(k))]
            assert (own == later).sum() == max((one == later).sum() for one in orders)
        else:
            assert (np.diff(np.bincount(own, minlength=k)) <= 0).all()


def test_groups_of_dropped_patches_and_numbers_that_do_not_go():
    features = vl.read_features(traced(MODELS["CLS"](), edits=[vl.edits.DropTokens([4])]))
    row, col = features.layout.row_col(4)
    found = features.groups(2)
    assert features.groups(2, 2**62).shape == found.shape  # scikit-learn's own seeds end at 2**32
    assert (found[..., row, col] == -1).all()
    assert (found >= 0).sum() == found.size - found.shape[0] * found.shape[1]
    for wrong in ({"k": 1}, {"k": 10**4}, {"k": 2.5}, {"seed": -1}):
        with refused(vl.UsageError):
            features.groups(**wrong)

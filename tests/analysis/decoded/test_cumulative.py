"""Heads switched off one after the other, against a plain loop of edited runs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.lenses.pictures.fixed import SIZE, Fixed
from tests.sentences import refused
from tests.small_models import timm_model
from tests.zoo_sweep import texts
from vitlens_widgets.analysis import CumulativeAblation, ablation_effects, cumulative_ablation
from vitlens_widgets.analysis.over_images import over_images
from vitlens_widgets.analysis.stream import spread, tally
from vitlens_widgets.trace.batch import as_batch
from vitlens_widgets.trace.frozen_features import FrozenFeatures

N = 4


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS", depth=2))


@pytest.fixture(scope="module")
def data(vit):
    return examples(vit, N)


def likeness(vit, run, trace, image):
    read = vit.adapter.readout_features
    both = (read(one.states[-1])[image].double() for one in (run, trace))
    return float(torch.cosine_similarity(*both, dim=0).detach())


def likenesses(found, own):
    return torch.cosine_similarity(found.double(), own.double(), dim=-1).detach().numpy()


def curve(vit, trace, image, order):
    """One more head off at each point, `[point]`."""
    found = [1.0]
    for count in range(1, len(order) + 1):
        edits = [vl.edits.Zero("z", k, head=h) for k, h in order[:count]]
        found.append(likeness(vit, trace.rerun(edits), trace, image))
    return np.array(found)


def ranked(heads, scores):
    return [heads[i] for i in np.argsort(-np.asarray(scores), kind="stable")]


def test_curves_and_areas_are_those_of_edited_runs(vit, data):
    lens = vl.SteeringLens(vit, Fixed(vit))
    found = cumulative_ablation(vit, data, lens=lens, strength=20.0, batch_size=N, n_random=2)
    trace = vit.trace([data[i].image for i in range(N)])
    heads = list(np.ndindex(vit.n_layers, vit.n_heads))
    pictures = lens.read(trace, "heads", strength=20.0)
    effects = ablation_effects(trace).reshape(len(heads), N)
    own = vit.adapter.readout_features(trace.states[-1])
    of_pictures = vit.adapter.pooled(
        as_batch(vit, list(pictures.pictures.reshape(-1, *SIZE, 3)), False)[0]
    )
    scores = {
        "picture": likenesses(of_pictures.unflatten(0, (len(heads), N)), own),
        "embedding": likenesses(pictures.embeddings, own),
        "effect": effects,
    }
    areas = {}
    for name, of_heads in scores.items():
        curves = [curve(vit, trace, i, ranked(heads, of_heads[:, i])) for i in range(N)]
        at = found.names.index(name)
        np.testing.assert_allclose(found.curves.mean[at], np.mean(curves, 0), atol=1e-4)
        areas[name] = np.array([np.trapezoid(one, dx=1 / len(heads)) for one in curves])
        assert found.areas.mean[at] == pytest.approx(areas[name].mean(), abs=1e-4)
    apart = areas["embedding"] - areas["effect"]
    less = found.less("effect", "embedding")
    assert float(less.mean) == pytest.approx(apart.mean(), abs=1e-4)
    half = apart.std(ddof=1) / N**0.5 * stats.t.ppf(0.975, N - 1)
    assert float(less.half) == pytest.approx(half, abs=1e-3)
    assert found.counts.tolist() == list(range(len(heads) + 1))
    assert found.curves.mean[:, 0].tolist() == [1.0] * 5
    np.testing.assert_allclose(found.curves.mean[:, -1], found.curves.mean[0, -1], atol=1e-6)


def test_attribution_is_along_the_intact_embedding_and_adds_up_to_it(tmp_path):
    texts.saved("CLIP", tmp_path)
    vit = vl.load(str(tmp_path), prompts=texts.PROMPTS)
    data = examples(vit, 1)
    found = cumulative_ablation(vit, data, n_random=1)
    trace = vit.trace(data[0].image)
    frozen = FrozenFeatures(trace)
    intact = frozen.features[0].double()
    heads = list(np.ndindex(vit.n_layers, vit.n_heads))
    scores = []
    for layer, head in heads:
        z = torch.zeros_like(trace["z", layer])
        z[:, :, head] = trace["z", layer][:, :, head]
        weight = vit.adapter.blocks[layer].self_attn.out_proj.weight
        scores.append(float(frozen.of(z.flatten(2) @ weight.T)[0].double() @ intact))
    expected = curve(vit, trace, 0, ranked(heads, scores))
    at = found.names.index("attribution")
    np.testing.assert_allclose(found.curves.mean[at], expected, atol=1e-5)


def test_the_order_of_effects_is_among_the_best_and_random_orders_are_the_mean(vit, data):
    found = cumulative_ablation(vit, data, n_random=40, n_points=3)
    half = vit.n_layers * vit.n_heads // 2
    assert found.counts.tolist() == [0, half, 2 * half]
    assert found.names == ("embedding", "effect", "attribution", "random")
    assert found.less("effect").mean > 0
    other = cumulative_ablation(vit, data, n_random=40, n_points=3, seed=1)
    assert other.areas.mean[-1] != found.areas.mean[-1]
    assert other.areas.mean[-1] == pytest.approx(found.areas.mean[-1], abs=0.05)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8, 1.0])
def test_more_than_a_share_of_anothers_gain_is_told_image_by_image(share):
    rng = np.random.default_rng(3)
    areas = rng.random((9, 1)) + 0.1 * rng.random((9, 3)) - [0.3, 0.4, 0.0]
    measured = (spread(tally(one)) for one in (areas, areas[:, :, None] - areas[:, None]))
    names = ("picture", "effect", "random")
    found = CumulativeAblation("x", names, np.arange(3), known(3), *measured)
    own, exact, luck = areas.T
    expected = over_images((luck - own) - share * (luck - exact))
    beyond = found.beyond("picture", share)
    assert float(beyond.mean) == pytest.approx(float(expected.mean))
    assert float(beyond.deviation) == pytest.approx(float(expected.deviation), abs=1e-9)
    assert float(beyond.half) == pytest.approx(float(expected.half), abs=1e-9)
    with refused(vl.UsageError):
        found.beyond("picture", "half")


def known(n):
    return over_images(np.ones((n, n, 2)))


def test_what_is_said_is_what_was_found(vit, data):
    found = cumulative_ablation(vit, data, n_random=1, n_images=2)
    table, points = found.table(), found.points()
    assert table["area"].tolist() == found.areas.mean.tolist()
    assert table["less than random"].iloc[-1] == 0
    assert points["effect"].tolist() == found.curves.mean[1].tolist()
    assert "heads by effect" in found.summary()
    with refused(vl.UsageError):
        found.less("size")
    for words in ({"n_points": 1}, {"n_points": 99}, {"n_random": 0}, {"lens": 3}):
        with refused(vl.UsageError):
            cumulative_ablation(vit, data, **words)

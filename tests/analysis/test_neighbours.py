"""Which features write alike, against what the stream gains when a neuron fires a little more."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, timm_model
from vitlens_widgets.analysis.activations.nearest import nearest


def plain(vit, layer):
    """What each neuron adds, by its columns and scale: `[neuron, d]`."""
    block = vit.model.blocks[layer]
    scale = getattr(block.ls2, "gamma", torch.ones(()))
    return (block.mlp.fc2.weight.T * scale).detach().numpy()


@pytest.mark.parametrize("kind", ["CLS", "mean of patches", "four registers and layer scale"])
def test_cosines_are_those_of_what_neurons_add(kind):
    vit = vl.load(timm_model(kind))
    found = vl.analysis.neighbours(vit, 1, 7)
    vectors = np.stack([plain(vit, layer) for layer in range(vit.n_layers)])
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    np.testing.assert_allclose(found.cosine, vectors @ vectors[1, 7], atol=1e-4)
    assert found.cosine[1, 7] == pytest.approx(1, abs=1e-5)
    other = found.of(2, 3)
    assert "neuron 3 of block 2" in other.title
    np.testing.assert_allclose(other.cosine, vectors @ vectors[2, 3], atol=1e-4)
    again = vl.analysis.neighbours(vit, 2, 3)
    np.testing.assert_array_equal(other.cosine, again.cosine)
    assert (other.title, other.null) == (again.title, again.null)


def test_other_libraries_models_have_neighbours_too():
    vit = vl.load(hf_model())
    found = vl.analysis.neighbours(vit, 0, 1, layers=[1])
    assert found.layers == (0, 1)
    first = found.top(1)
    assert (first.layer[0], first.feature[0]) != (0, 1)


def test_luck_is_what_directions_spread_as_features_reach():
    """Features that crowd along one axis: what is drawn evenly would seldom be so near to one."""
    vit = vl.load(timm_model("CLS"))
    with torch.no_grad():
        for block in vit.model.blocks:
            block.mlp.fc2.weight[3] *= 6
    found = vl.analysis.neighbours(vit, 0, 2)
    directions = found.directions.numpy().reshape(-1, vit.width).astype(float)
    rng = np.random.default_rng(99)

    def mark(covariance):
        drawn = rng.multivariate_normal(np.zeros(vit.width), covariance, 400)
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
        return np.quantile((drawn @ directions.T).max(1), 0.95)

    spread = directions.T @ directions
    assert found.null == pytest.approx(mark(spread), abs=0.02)
    assert found.null > mark(np.eye(vit.width)) + 0.05
    assert found.of(1, 5).null == found.null
    assert vl.analysis.neighbours(vit, 0, 2, seed=3).null != found.null


def test_a_copy_is_the_nearest_neighbour():
    vit = vl.load(timm_model("CLS"))
    with torch.no_grad():
        weights = vit.model.blocks[2].mlp.fc2.weight
        weights[:, 11] = 3 * vit.model.blocks[0].mlp.fc2.weight[:, 5]
        weights[:, 12] = 0
    found = vl.analysis.neighbours(vit, 0, 5)
    first = found.top(1, "later")
    assert (int(first.layer[0]), int(first.feature[0])) == (2, 11)
    assert first.value[0] == pytest.approx(1, abs=1e-5)
    assert np.isnan(found.cosine[2, 12])
    assert len(found.top(10**6, "later").value) == 2 * 192 - 1


def test_the_nearest_are_sorted_and_leave_out_itself():
    values = np.array([[0.5, np.nan, 0.9], [0.9, 1.0, -0.2]])
    found = nearest(values, (3, 7), (7, 1), 10, "any")
    assert found.value.tolist() == [0.9, 0.9, 0.5, -0.2]
    assert found.layer.tolist() == [3, 7, 3, 7]
    assert nearest(values, (3, 7), (7, 1), 10, "earlier").layer.tolist() == [3, 3]
    assert not len(nearest(values, (3, 7), (7, 1), 10, "later").value)


def test_what_there_is_not_is_refused():
    vit = vl.load(timm_model("CLS"))
    for words in ({"layer": 9, "feature": 0}, {"layer": 0, "feature": 192}):
        with refused(vl.UsageError):
            vl.analysis.neighbours(vit, **words)
    with refused(vl.UsageError):
        vl.analysis.neighbours(vit, 0, 0, layers=[1], seed="x")
    found = vl.analysis.neighbours(vit, 0, 0, layers=[1])
    with refused(vl.UsageError):
        found.of(2, 0)
    with refused(vl.UsageError):
        found.top(3, "behind")

"""Noise on the embedding, and means over data, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model

E = vl.edits


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("four registers and layer scale"))


@pytest.fixture(scope="module")
def trace(vit):
    return vit.trace(pixels_for(vit.image_size), preprocessed=True)


def test_patches_get_noise_of_so_many_deviations_and_nothing_else_does(vit, trace):
    found = vl.analysis.noised(trace, times=2.0, seed=4)
    noise = (found.states[0] - trace.states[0])[:, vit.layout.patches]
    n_prefix = vit.layout.n_prefix
    assert torch.equal(found.states[0][:, :n_prefix], trace.states[0][:, :n_prefix])
    expected = 2.0 * trace.states[0][:, n_prefix:].std()
    assert noise.std() == pytest.approx(float(expected), rel=0.05)
    assert (noise[0] - noise[1]).abs().max() > expected  # each image has its own
    whole = vit.trace(
        pixels_for(vit.image_size),
        edits=[E.Add("resid_pre", 0, noise, token=vit.layout.patches)],
        preprocessed=True,
    )
    torch.testing.assert_close(found.logits, whole.logits)
    torch.testing.assert_close(found.logits, vl.analysis.noised(trace, 2.0, seed=4).logits)
    assert not torch.allclose(found.logits, vl.analysis.noised(trace, 2.0, seed=5).logits)


def test_chosen_tokens_alone_get_noise(vit, trace):
    mask = np.zeros(vit.layout.grid, dtype=bool)
    mask[1, 2] = True
    found = vl.analysis.noised(trace, token=mask)
    changed = (found.states[0] != trace.states[0]).any(-1).any(0)
    assert changed.nonzero().flatten().tolist() == [vit.layout.token(1, 2)]
    fewer = trace.rerun([E.DropTokens([vit.layout.n_prefix])])
    assert vl.analysis.noised(fewer).states.shape == fewer.states.shape


def test_what_makes_no_noise_is_refused(trace):
    for times in (0, -1, "much", float("inf")):
        with refused(vl.UsageError):
            vl.analysis.noised(trace, times)
    with refused(vl.UsageError):
        vl.analysis.noised("cat.jpg")
    with refused(vl.UsageError):
        vl.analysis.noised(trace, seed=-3)


def test_means_are_those_of_a_trace_of_all_images(vit, tmp_path):
    data = examples(vit, 5)
    found = vl.analysis.mean_values(vit, data, ["z", "mlp_out"], batch_size=2, save_to=tmp_path)
    trace = vit.trace([data[i].image for i in range(5)])
    for site in ("z", "mlp_out"):
        for layer in range(vit.n_layers):
            expected = trace[site, layer].mean(0, keepdim=True)
            torch.testing.assert_close(found[site, layer], expected, rtol=1e-4, atol=1e-5)
    again = vl.analysis.mean_values(vit, data, ["z", "mlp_out"], save_to=tmp_path)
    assert torch.equal(again["z", 1], found["z", 1])
    assert again.n_images == 5
    ablated = trace.rerun([E.Replace("z", 1, found["z", 1][:, :, [2]], head=2)])
    torch.testing.assert_close(
        ablated["z", 1][:, :, 2], found["z", 1][:, :, 2].expand_as(ablated["z", 1][:, :, 2])
    )
    with refused(vl.UsageError):
        found["q", 1]
    with refused(vl.UsageError):
        found["z", 3]
    with refused(vl.UsageError):
        found[1]


def test_sites_that_are_not_there_are_refused(vit):
    for sites in ("zz", [], 3):
        with refused(vl.UsageError):
            vl.analysis.mean_values(vit, examples(vit, 2), sites)

"""What is copied is equal and lives on its own; what cannot be pickled says what to keep."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, mae_model, pixels_for, timm_model
from tests.widgets.fake_activations import random_activations
from tests.widgets.fake_causes import random_pair
from tests.widgets.fake_features import random_features
from tests.widgets.fake_infilling import random_infilling
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_pictures import random_paints
from tests.widgets.fake_reading import random_reading
from tests.widgets.fake_relevance import random_relevances
from vitlens_widgets.models.live import Live

MODELS = {
    "CLS": lambda: timm_model("CLS"),
    "registers": lambda: timm_model("four registers and layer scale"),
    "transformers": hf_model,
}


def traced(name="CLS", **words):
    vit = vl.load(MODELS[name]())
    return vit.trace(pixels_for(vit.image_size), preprocessed=True, **words)


@pytest.mark.parametrize("name", MODELS)
def test_a_deep_copy_of_a_model_is_a_model_of_its_own(name):
    vit = vl.load(MODELS[name]())
    pixels = pixels_for(vit.image_size)
    before = vit.trace(pixels, keep="z", preprocessed=True)
    twin = copy.deepcopy(vit)
    assert torch.equal(twin.trace(pixels, preprocessed=True).states, before.states)
    assert copy.copy(vit).model is vit.model
    with torch.no_grad():
        for weight in twin.adapter.blocks[1].parameters():
            weight.mul_(1.5)
    changed = twin.trace(pixels, preprocessed=True)
    assert not torch.equal(changed.states, before.states)
    assert torch.equal(vit.trace(pixels, preprocessed=True).states, before.states)
    with torch.no_grad():
        answer = twin.model(pixels)
    torch.testing.assert_close(changed.logits, getattr(answer, "logits", answer))
    assert torch.equal(before["z", 1], vit.trace(pixels, preprocessed=True)["z", 1])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy])
def test_a_copied_trace_is_read_like_the_first(name, how):
    trace = traced(name, keep="q").rerun([vl.edits.Scale("mlp_out", 1, 0.5)])
    twin = how(trace)
    assert twin.vit is trace.vit
    for site in ("q", "z", "attn_out", "pattern"):
        assert torch.equal(twin[site, 2], trace[site, 2])
    more = [vl.edits.Zero("z", 2, head=1)]
    assert torch.equal(twin.rerun(more).states, trace.rerun(more).states)
    assert np.array_equal(twin.pictures, trace.pictures)
    lens = vl.FrozenNormLens(trace.vit)
    assert torch.equal(lens.read(twin).entropy(), lens.read(trace).entropy())
    own = how is copy.deepcopy
    assert (twin.states.data_ptr() != trace.states.data_ptr()) == own
    twin.states[:] = 0
    assert bool(trace.states.any()) == own
    assert not any(module._forward_hooks for module in trace.vit.model.modules())
    with torch.no_grad():
        next(trace.vit.model.parameters()).mul_(2)
    with pytest.raises(vl.UsageError, match="have changed or moved"):
        twin["z", 0]


@pytest.mark.parametrize("first", [True, False])
def test_a_trace_that_is_copied_along_with_its_model_is_of_the_copy(first):
    trace = traced()
    pair = (trace.vit, trace) if first else (trace, trace.vit)
    twins = copy.deepcopy({"pair": pair})["pair"]
    twin = twins[first]
    assert twin.vit is twins[not first]
    assert (twin.vit is trace.vit) != first  # a trace that comes first keeps its model
    assert torch.equal(twin["z", 1], trace["z", 1])
    with torch.no_grad():
        next(trace.vit.model.parameters()).mul_(2)
    stale = copy.deepcopy(pair)[first]
    for one in (stale, trace):
        with pytest.raises(vl.UsageError, match="have changed or moved"):
            one["z", 0]


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy])
def test_copied_lenses_and_readings_give_the_same_numbers(how):
    trace = traced()
    for lens in (vl.LogitLens(trace.vit), vl.FrozenNormLens(trace.vit, bias=True)):
        twin = how(lens)
        assert twin.vit is trace.vit
        for site in ("resid", "mlp_out"):
            reading, again = lens.read(trace, site), twin.read(trace, site)
            copied = how(reading)
            for one in (again, copied):
                assert torch.equal(one.entropy(), reading.entropy())
                assert torch.equal(one.readout.logits(1), reading.readout.logits(1))
                assert one.table().equals(reading.table())
            assert vl.PatchGrid(copied)._meta == vl.PatchGrid(reading)._meta


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy])
def test_copied_infillings_paint_the_same(how):
    mae = vl.load(mae_model())
    lens = vl.InfillLens(mae)
    infilling = lens.read(pixels_for((48, 48)), preprocessed=True)
    for twin in (how(infilling), how(lens).read(pixels_for((48, 48)), preprocessed=True)):
        assert np.array_equal(twin.pixels(1), infilling.pixels(1))
        assert np.array_equal(twin.score("mse"), infilling.score("mse"))
        assert np.array_equal(twin.rerun(seed=5).pixels(2), infilling.rerun(seed=5).pixels(2))


def test_a_trace_with_gradients_is_not_copied_deeply():
    trace = traced(grad=True, keep="z")
    assert copy.copy(trace)["z", 1] is trace["z", 1]
    with refused(vl.UsageError):
        copy.deepcopy(trace)


def test_what_cannot_be_pickled_says_what_to_keep():
    trace = traced()
    lens = vl.LogitLens(trace.vit)
    mae = vl.InfillLens(vl.load(mae_model()))
    infilling = mae.read(pixels_for((48, 48)), preprocessed=True)
    for one in (trace.vit, trace, lens, lens.read(trace), mae, infilling):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(vl.UsageError):
                pickle.dumps(one, protocol)
        with refused(vl.UsageError):
            pickle.dumps([one])


def test_every_live_class_says_what_to_keep():
    def kinds(of):
        for kind in of.__subclasses__():
            yield kind
            yield from kinds(kind)

    every = [kind for kind in kinds(Live) if kind.__module__.startswith("vitlens_widgets")]
    assert {"ViT", "Trace", "Reading", "LogitLens", "Infilling"} <= {k.__name__ for k in every}
    assert all(kind.kept_by for kind in every)


def test_a_widget_is_neither_copied_nor_pickled():
    for widget in (
        vl.PatchGrid(random_reading(1)),
        vl.AttentionMaps(random_maps(2)),
        vl.InfillStrip(random_infilling(3)),
        vl.PatchFeatures(random_features(3)),
        vl.RelevanceMaps(random_relevances(3), [2, 4]),
        vl.Causes(random_pair(3)),
        vl.DecodedImages(random_paints(3)),
        vl.Features(random_activations(3)),
    ):
        for copied in (copy.copy, copy.deepcopy, pickle.dumps):
            with refused(vl.UsageError):
                copied(widget)


def test_what_holds_no_model_is_copied_and_pickled():
    trace = traced()
    reading = vl.LogitLens(trace.vit).read(trace)
    plain = (
        trace.layout,
        trace.vit.labels,
        vl.world.Scenes(seed=3),
        vl.edits.Zero("z", 1, head=2),
        reading.table(),
        reading.top(3),
    )
    found = vl.analysis.convergence(reading)
    for one in plain:
        for how in (copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
            assert repr(how(one)) == repr(one)
    for how in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        assert how(found).table().equals(found.table())

"""Direct logit attribution against NumPy, a plain loop, and the model's own logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.analysis.attribution_oracle import frozen_at, in_numpy, total, traced
from tests.analysis.class_space_oracle import MODELS, examples
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis.over_images import over_images


@pytest.mark.parametrize("kind", ["CLS", "four registers and layer scale", "qk-norm"])
def test_heads_biases_and_mlps_are_what_the_definition_says(kind):
    model = timm_model(kind)
    trace = traced(model)
    found = vl.analysis.attribution(trace, [3, 8]).parts
    for row, c in enumerate((3, 8)):
        heads, biases, mlps = in_numpy(model, trace, c)
        np.testing.assert_allclose(found.heads[row], heads, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.attention_biases[row], biases, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.mlps[row], mlps, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_the_parts_sum_to_the_model_s_logit(kind):
    trace = traced(MODELS[kind]())
    found = vl.analysis.attribution(trace, [0, 5], against=2)
    logits = trace.logits.double().numpy()
    expected = np.stack([logits[:, c] for c in (0, 5, 2)])
    expected = np.concatenate([expected, expected[:2] - expected[2]])
    largest = np.abs(logits).max()
    np.testing.assert_allclose(total(found.parts), expected, rtol=0, atol=1e-5 * largest)
    np.testing.assert_allclose(found.parts.logits, expected, rtol=0, atol=1e-6 * largest)
    assert found.rest < 1e-5
    assert found.rows == ("class 0", "class 5", "class 2", "class 0 - class 2", "class 5 - class 2")


@pytest.mark.parametrize("kind", MODELS)
def test_the_curve_is_the_state_read_by_the_frozen_norm(kind):
    trace = traced(MODELS[kind]())
    found = vl.analysis.attribution(trace, 4, center=True).parts
    lens = vl.FrozenNormLens(trace.vit, center=True).read(trace).readout
    for k in range(trace.n_states):
        expected = lens.logits(k)[:, 4].double().numpy()
        np.testing.assert_allclose(found.cumulative[0, :, 2 * k], expected, rtol=1e-4, atol=2e-5)
    steps = np.diff(found.cumulative[0], axis=-1)
    attention = found.heads[0].sum(-1) + found.attention_biases[0]
    np.testing.assert_allclose(steps[:, ::2], attention, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(steps[:, 1::2], found.mlps[0], rtol=1e-4, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(classes=st.lists(st.integers(0, 10), min_size=2, max_size=4, unique=True))
def test_a_difference_is_the_difference_of_what_is_asked_alone(classes):
    trace = _TRACES.setdefault("CLS", traced(timm_model("CLS")))
    *targets, against = classes
    together = vl.analysis.attribution(trace, targets, against, sources=True, neurons=True)
    other = vl.analysis.attribution(trace, against, sources=True, neurons=True).parts
    for i, target in enumerate(targets):
        alone = vl.analysis.attribution(trace, target, sources=True, neurons=True).parts
        row = len(targets) + 1 + i
        for name in ("heads", "mlps", "sources", "neurons", "cumulative", "logits"):
            expected = getattr(alone, name)[0] - getattr(other, name)[0]
            found = getattr(together.parts, name)[row]
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


_TRACES: dict[str, vl.Trace] = {}


@pytest.mark.parametrize("kind", ["CLS", "mean of patches"])
def test_a_head_s_part_is_split_over_what_it_read(kind):
    trace = traced(MODELS[kind]())
    found = vl.analysis.attribution(trace, 1, sources=True)
    parts, layer = found.parts, 1
    np.testing.assert_allclose(parts.sources.sum(-1), parts.heads, rtol=1e-4, atol=1e-5)
    # one key at a time: the head's z made of that key alone, run through the rest of the block
    pattern, v = trace["pattern", layer], trace["v", layer]
    model, state = trace.vit.model, trace.states[-1]
    for key in (0, 4):
        alone = torch.einsum("ihq,ihd->iqhd", pattern[..., key], v[:, key])
        others = trace["z", layer] - alone
        without = trace.rerun([vl.edits.Replace("z", layer, others)])
        moved = trace["attn_out", layer] - without["attn_out", layer]
        expected = frozen_at(model, state, moved, 1).double().numpy()
        np.testing.assert_allclose(
            parts.sources[0, :, layer, :, key].sum(-1), expected, rtol=1e-3, atol=1e-5
        )


def test_neurons_add_up_to_their_mlp():
    model = timm_model("four registers and layer scale")
    trace = traced(model)
    parts = vl.analysis.attribution(trace, 6, neurons=True).parts
    summed = parts.neurons.sum(-1) + parts.mlp_biases
    np.testing.assert_allclose(summed, parts.mlps, rtol=1e-4, atol=1e-5)
    block = model.blocks[2]
    post = trace["mlp_post", 2][:, 0]
    with torch.no_grad():
        column = block.mlp.fc2.weight[:, 9] * block.ls2.gamma
        written = (post[:, 9, None] * column)[:, None].expand(-1, trace.states.shape[2], -1)
        expected = frozen_at(model, trace.states[-1], written, 6).numpy()
    np.testing.assert_allclose(parts.neurons[0, :, 2, 9], expected, rtol=1e-3, atol=1e-6)


def test_patches_are_those_of_the_keys(cats):
    found = vl.analysis.attribution(cats, "cat", "dog", sources=True)
    layout, sources = cats.layout, found.parts.sources
    every = found.patches(1)
    assert every.shape == layout.grid
    np.testing.assert_allclose(
        every.ravel(), sources[2, 1].sum((0, 1))[layout.patches], rtol=1e-5, atol=1e-6
    )
    one = found.patches(0, "dog", layer=3, head=1)
    np.testing.assert_allclose(one.ravel(), sources[1, 0, 3, 1][layout.patches], rtol=1e-6)
    for wrong in (
        {"image": 2},
        {"row": "car"},
        {"head": 1},
        {"layer": 9},
        {"layer": 1, "head": 7},
    ):
        with refused(vl.UsageError):
            found.patches(**wrong)
    with refused(vl.UsageError):
        vl.analysis.attribution(cats, "cat").patches()


@pytest.fixture(scope="module")
def cats():
    vit = vl.load("toy/p32")
    return vit.trace([vl.world.scene(seed, objects=2).image for seed in (4, 5)])


def test_tables_and_figures_say_the_same_numbers(cats):
    found = vl.analysis.attribution(cats, "cat", "dog")
    table = found.table()
    names = [str(name) for name in table["component"]]
    assert names[:2] == ["CLS", "L0 H0"]
    assert names[-2:] == ["norm bias", "classifier bias"]
    of_head = table[table["component"] == "L3 H1"].iloc[0]
    values = over_images(found.parts.heads[2, :, 3, 1])
    assert of_head["cat - dog"] == pytest.approx(float(values.mean))
    assert of_head["± (cat - dog)"] == pytest.approx(float(values.half))
    assert (of_head["layer"], of_head["head"]) == (3, 1)
    one = found.table(1)
    assert one["cat"].sum() == pytest.approx(
        float(cats.logits[1][cats.vit.labels.index("cat")]), rel=1e-4
    )
    assert "± (cat)" not in one
    assert found.over_images().heads("dog")[3, 1] == pytest.approx(
        found.parts.heads[1, :, 3, 1].mean()
    )
    for name in ("curve", "steps", "heads"):
        assert found.figure(name).renderers
    with refused(vl.UsageError):
        found.figure("patches")
    with refused(vl.UsageError):
        found.figure("bars")
    summary = found.summary()
    assert "cat - dog" in summary
    assert "sum to the logits within" in summary


def test_a_run_over_data_is_the_mean_of_traces(tmp_path):
    vit = vl.load(timm_model("mean of patches"))
    data = examples(vit, 7)
    found = vl.analysis.mean_attribution(vit, data, against=3, target=[1, 2], batch_size=3)
    trace = vit.trace([data[i].image for i in range(7)])
    once = vl.analysis.attribution(trace, [1, 2], 3).over_images()
    assert found.rows == once.rows
    assert found.components == once.components
    for one, other in ((found.adds, once.adds), (found.curve, once.curve)):
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(one.half, other.half, rtol=1e-3, atol=1e-4)
    first = vl.analysis.mean_attribution(vit, data, n_images=4, save_to=tmp_path)
    goes_on = vl.analysis.mean_attribution(vit, data, save_to=tmp_path)
    read = vl.analysis.mean_attribution(vit, data, save_to=tmp_path)
    whole = vl.analysis.mean_attribution(vit, data)
    assert (first.n_images, goes_on.n_images) == (4, 7)
    np.testing.assert_allclose(goes_on.adds.mean, whole.adds.mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(read.adds.mean, goes_on.adds.mean)
    assert whole.rows == ("true class",)
    own = [float(trace.logits[i, data[i].label]) for i in range(7)]
    assert whole.curve.mean[0, -1] == pytest.approx(np.mean(own), rel=1e-4)


WRONG = {
    "no such class": ("class 99", None, {}),
    "an index too large": (11, None, {}),
    "compared with itself": (2, 2, {}),
    "no class at all": ([], None, {}),
    "one class twice": ([3, "class 3"], None, {}),
    "not a flag": (3, None, {"sources": "yes"}),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_makes_no_sense_is_refused(what):
    trace = _TRACES.setdefault("CLS", traced(timm_model("CLS")))
    target, against, words = WRONG[what]
    with refused(vl.UsageError):
        vl.analysis.attribution(trace, target, against, **words)


def test_other_things_than_traces_are_refused():
    vit = vl.load(timm_model("CLS"))
    for wrong in (vit, "cat.jpg"):
        with refused(vl.UsageError):
            vl.analysis.attribution(wrong, 3)
    with refused(vl.UsageError):
        vl.analysis.attribution(traced(timm_model("CLS"), grad=True), 3)
    trace = traced(timm_model("CLS"))
    with torch.no_grad():
        trace.vit.model.blocks[1].mlp.fc1.weight.mul_(2)
    with refused(vl.UsageError):
        vl.analysis.attribution(trace, 3)

"""Weights that changed since a trace are noticed, also past PyTorch's own count of changes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, mae_model, pixels_for, timm_model
from vitlens_widgets.trace.fingerprint import fingerprint
from vitlens_widgets.trace.weights import _sample, _step


def matrix(vit):
    """A weight of the second block that is no square."""
    return next(
        p for p in vit.adapter.blocks[1].parameters() if p.ndim == 2 and len(set(p.shape)) > 1
    )


def bias(vit):
    return next(p for p in vit.adapter.blocks[1].parameters() if p.ndim == 1)


def all_of(vit):
    matrix(vit).data *= 1.01


def a_row(vit):
    matrix(vit).data[7] = 0


def a_column(vit):
    matrix(vit).data[:, 5] = 0


def a_row_by_numpy(vit):
    matrix(vit).detach().cpu().numpy()[-1] += 1


def one_bias(vit):
    bias(vit).data[3] += 1e-3


def a_buffer(vit):
    next(vit.model.buffers()).data[..., -1] += 1


def the_classifier(vit):
    vit.adapter.classifier.weight.data[4] *= 2


CHANGES = (all_of, a_row, a_column, a_row_by_numpy, one_bias, a_buffer, the_classifier)
MODELS = {
    "no prefix": lambda: timm_model("mean of patches, norm before"),
    "CLS": lambda: timm_model("CLS"),
    "CLS and four registers": lambda: timm_model("four registers and layer scale"),
    "transformers": hf_model,
}


def loaded(name):
    model = MODELS[name]()
    model.register_buffer("table", torch.arange(4.0).reshape(2, 2), persistent=False)
    width = vl.load(model).adapter.n_features
    torch.manual_seed(2)
    return vl.load(model, classifier=nn.Linear(width, 6))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", MODELS)
def test_a_change_past_the_count_is_noticed_wherever_a_trace_is_read_again(name, change):
    vit = loaded(name)
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    reading = vl.LogitLens(vit).read(trace)
    versions = [p._version for p in vit.model.parameters()]
    with torch.no_grad():
        change(vit)
    assert versions == [p._version for p in vit.model.parameters()]
    for read in (
        lambda: trace["z", 1],
        lambda: trace.attention(0),
        lambda: trace.rerun([vl.edits.Zero("mlp_out", 1)]),
        lambda: reading.top(1),
    ):
        with pytest.raises(vl.UsageError, match="have changed or moved since this trace"):
            read()
    fresh = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    assert torch.isfinite(fresh["z", 1]).all()


class OfParts(torch.Tensor):
    """A weight as quantising and sharding libraries make them: no values, but tensors inside."""

    @staticmethod
    def __new__(cls, inside):
        return torch.Tensor._make_wrapper_subclass(cls, inside.shape, dtype=inside.dtype)

    def __init__(self, inside):
        self.inside = inside

    def __tensor_flatten__(self):
        return ["inside"], None

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        if func.__name__.startswith("detach"):
            return args[0]
        if func.__name__.startswith(("as_strided", "view", "cat")):
            raise NotImplementedError(func.__name__)
        return func(*(one.inside if isinstance(one, cls) else one for one in args), **kwargs or {})


def test_a_weight_of_a_librarys_own_kind_is_looked_into():
    model = timm_model("CLS")
    inside = model.blocks[1].mlp.fc1.weight.detach().clone()
    model.blocks[1].mlp.fc1.weight = nn.Parameter(OfParts(inside), requires_grad=False)
    vit = vl.load(model)
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    before = fingerprint(vit)
    assert torch.equal(
        trace.states, vit.trace(pixels_for(vit.image_size), preprocessed=True).states
    )
    assert trace["z", 1].isfinite().all()
    inside.data[7] = 0
    assert fingerprint(vit)["sha256"] != before["sha256"]
    with pytest.raises(vl.UsageError, match="have changed or moved since this trace"):
        trace["z", 1]


class Positions(nn.Module):
    """Adds a table that it makes when it first sees so many tokens."""

    def forward(self, x):
        if getattr(self, "table", x[:0]).shape[0] != x.shape[1]:
            self.register_buffer("table", torch.linspace(0, 1, x.shape[1])[:, None], False)
        return x + self.table


def test_a_buffer_that_is_made_when_the_model_first_runs_is_no_change():
    model = timm_model("CLS", dynamic_img_size=True)
    model.norm_pre = Positions()
    vit = vl.load(model.eval())
    traces = [vit.trace(pixels_for(size), preprocessed=True) for size in ((48, 80), (64, 64))]
    assert traces[-1]["z", 1].isfinite().all()
    again = traces[-1].rerun([vl.edits.Zero("z", 1)])
    assert again["z", 2].isfinite().all()
    model.norm_pre.table.data[3] += 1
    for trace in (again, traces[-1]):
        with pytest.raises(vl.UsageError, match="have changed or moved since this trace"):
            trace["z", 1]


def test_an_infilling_notices_them_too():
    mae = vl.load(mae_model())
    infilling = vl.InfillLens(mae).read(pixels_for((48, 48)), preprocessed=True)
    mae.model.decoder.decoder_pred.weight.data[:, 2] += 1
    with refused(vl.UsageError):
        infilling.rerun(seed=3)


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=4))
def test_the_sample_comes_by_every_row_and_every_column(shape):
    places = _sample(torch.arange(math.prod(shape)).reshape(shape))
    rows = shape[0] if shape[0] > 1 else math.prod(shape[:-1])
    columns = math.prod(shape) // rows
    assert set((places // columns).tolist()) == set(range(rows))
    assert set((places % columns).tolist()) == set(range(columns))


def test_the_sample_of_a_large_matrix_is_small():
    assert _step(torch.Size((768, 3072))) == 767
    assert _step(torch.Size((768,))) == 1
    assert _step(torch.Size((0, 5))) == 1
    turned = torch.arange(12.0).reshape(3, 4).T
    assert torch.equal(_sample(turned), turned.reshape(-1)[:: _step(turned.shape)])


@pytest.mark.parametrize("classes", [0, 11])
def test_a_run_again_that_leads_to_no_number_is_refused(classes):
    vit = vl.load(timm_model("CLS", num_classes=classes))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    for factor in (float("nan"), float("inf")):
        with refused(vl.UnsupportedModelError):
            trace.rerun([vl.edits.Scale("mlp_out", 1, factor)])


def test_a_patch_that_the_answer_does_not_hear_must_be_a_number_too():
    model = timm_model("CLS")
    model.blocks[2].register_forward_hook(lambda _m, _a, out: poisoned(out))
    vit = vl.load(model)
    with torch.no_grad():
        assert model(pixels_for(vit.image_size)).isfinite().all()
    with refused(vl.UnsupportedModelError):
        vit.trace(pixels_for(vit.image_size), preprocessed=True)


def poisoned(state):
    state = state.clone()
    state[0, -1, 4] = float("inf")
    return state


def test_a_lens_and_a_decoder_that_make_no_numbers_are_refused():
    class Broken(vl.Lens):
        name = "broken lens"

        def transform(self, states, first, final):  # noqa: ARG002
            return states * (float("nan") if first == 0 else 1)

    vit = vl.load(timm_model("CLS"))
    reading = Broken(vit).read(vit.trace(pixels_for(vit.image_size), preprocessed=True))
    for read in (lambda: reading.top(1), lambda: vl.PatchGrid(reading)):
        with refused(vl.UsageError):
            read()
    mae = vl.load(mae_model())
    mae.model.decoder.decoder_pred.weight.data[3, 2] = float("nan")
    with refused(vl.UnsupportedModelError):
        vl.InfillLens(mae).read(pixels_for((48, 48)), preprocessed=True)


def test_a_module_in_train_mode_is_refused_when_it_is_loaded():
    model = timm_model("CLS").train()
    with refused(vl.UsageError):
        vl.load(model)
    assert model.training
    assert vl.load(model.eval()).n_layers == 3

"""A lens of one's own in twenty lines: it reads, shows, is measured, saved and loaded like any."""

# ruff: noqa: ARG002  # a transform takes what every transform is given

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from tests.zoo_sweep import small_hf
from vitlens_widgets.lenses import decoded
from vitlens_widgets.lenses.saved import SCHEMA


class ShiftedLens(vl.Lens):
    """Each state moved by what the blocks after it add on average, then read by the logit lens.

    A tuned lens (Belrose et al. 2023) that learns its biases alone.
    """

    name = "shifted lens"

    def __init__(self, vit, shift):
        super().__init__(vit)
        self.shift = shift  # [state, d]

    @classmethod
    def fit(cls, trace):
        means = trace.states.mean((1, 2))  # over images and tokens
        return cls(trace.vit, means[-1] - means)

    def transform(self, states, first, final):
        return states + self.shift[first : first + len(states), None, None]


@pytest.fixture(scope="module", params=["CLS", "mean of patches"])
def fitted(request):
    vit = vl.load(timm_model(request.param))
    trace = vit.trace(pixels_for(vit.image_size, 3), preprocessed=True)
    return ShiftedLens.fit(trace), trace


def test_the_final_readout_is_the_models_own_answer(fitted):
    lens, trace = fitted
    found = lens.read(trace).readout.logits(trace.n_states - 1)
    assert (found - trace.logits).abs().max() <= 1e-5 * trace.logits.abs().max()


def test_each_state_is_read_through_the_means(fitted):
    lens, trace = fitted
    adapter, reading = trace.vit.adapter, lens.read(trace)
    for k, state in enumerate(trace.states):
        moved = state + trace.states[-1].mean((0, 1)) - state.mean((0, 1))
        with torch.no_grad():
            expected = adapter.token_logits(moved), adapter.readout_logits(moved)
        torch.testing.assert_close(reading.logits(k), expected[0], rtol=0, atol=1e-5)
        torch.testing.assert_close(reading.readout.logits(k), expected[1], rtol=0, atol=1e-5)
    shifted = vl.LogitLens(trace.vit).read(trace).logits(0)
    assert (reading.logits(0) - shifted).abs().max() > 1e-3


def test_pieces_of_states_are_moved_as_the_whole(fitted, monkeypatch):
    lens, trace = fitted
    whole = lens.read(trace).entropy()
    monkeypatch.setattr(decoded, "KEEP_BYTES", 0)
    monkeypatch.setattr(decoded, "PIECE_BYTES", 1)
    torch.testing.assert_close(lens.read(trace).entropy(), whole)


def test_it_works_wherever_a_lens_does(fitted):
    lens, trace = fitted
    reading = lens.read(trace)
    assert "shifted lens" in repr(reading)
    assert vl.PatchGrid(reading)._meta["lens_name"] == "shifted lens"
    assert "shifted lens" in vl.analysis.convergence(reading).title
    explorer = vl.explore(trace.vit, np.zeros((32, 32, 3), np.uint8), lens=lens)
    assert explorer._meta["lens_name"] == "shifted lens"
    on_blocks = lens.read(trace, site="mlp_out")
    assert on_blocks.state_names[0] == "0_mlp_out"


def test_a_saved_lens_is_loaded_again(fitted, tmp_path):
    lens, trace = fitted
    lens.save(tmp_path / "lens.safetensors")
    for again in (
        kind.load(tmp_path / "lens.safetensors", trace.vit) for kind in (ShiftedLens, vl.Lens)
    ):
        assert type(again) is ShiftedLens
        assert torch.equal(again.read(trace).logits(1), lens.read(trace).logits(1))


def test_settings_are_saved_too(tmp_path):
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    for lens in (
        vl.LogitLens(vit),
        vl.FrozenNormLens(vit),
        vl.FrozenNormLens(vit, bias=True, center=True),
    ):
        lens.save(tmp_path / "lens.safetensors")
        again = vl.Lens.load(tmp_path / "lens.safetensors", vit)
        assert type(again) is type(lens)
        assert torch.equal(again.read(trace).logits(0), lens.read(trace).logits(0))


def test_a_lens_of_another_model_is_refused(fitted, tmp_path):
    lens, _ = fitted
    lens.save(tmp_path / "lens.safetensors")
    other = vl.load(timm_model("distillation"))
    with refused(vl.UsageError):
        vl.Lens.load(tmp_path / "lens.safetensors", other)
    with refused(vl.UsageError):
        vl.Lens.load(tmp_path / "lens.safetensors", "toy/p32")
    with refused(vl.UsageError):
        vl.LogitLens.load(tmp_path / "lens.safetensors", lens.vit)


def test_a_lens_of_the_same_model_at_another_size_is_refused_with_both_sizes(tmp_path):
    module = small_hf.small("Dinov2Model").eval()
    given = {"classifier": (torch.ones(3, vl.load(module).adapter.n_features), None)}
    at = [vl.load(module, image_size=size, **given) for size in ((16, 24), (24, 16))]
    path = tmp_path / "lens.safetensors"
    ShiftedLens(at[0], torch.ones(3, at[0].width)).save(path)
    with refused(vl.UsageError) as caught:
        ShiftedLens.load(path, at[1])
    assert "at 16 x 24" in str(caught.value)
    assert "images of 24 x 16" in str(caught.value)
    with torch.no_grad():
        next(module.parameters()).add_(1)
    with refused(vl.UsageError):  # other weights, too
        ShiftedLens.load(path, at[1])


def test_other_files_are_refused(tmp_path):
    vit, path = vl.load(timm_model("CLS")), tmp_path / "weights.safetensors"
    with refused(vl.UsageError):
        vl.Lens.load(path, vit)
    save_file({"w": torch.zeros(2)}, path)
    with refused(vl.UsageError):
        vl.Lens.load(path, vit)
    path.write_bytes(b"of another kind")
    with refused(vl.UsageError):
        vl.Lens.load(path, vit)
    for about in ('{"schema": 1}', f'{{"schema": {SCHEMA}}}', "[]", "3", "null"):
        save_file({}, path, {"vitlens_widgets lens": about})
        with refused(vl.UsageError):
            vl.Lens.load(path, vit)


def test_what_cannot_be_saved_is_refused(tmp_path):
    class Forgetful(vl.Lens):
        def __init__(self, vit, scale):
            super().__init__(vit)
            self._scale = scale

        def transform(self, states, first, final):
            return states * self._scale

    class Odd(Forgetful):
        def __init__(self, vit, scale):
            super().__init__(vit, 1)
            self.scale = scale

    vit = vl.load(timm_model("CLS"))
    with refused(vl.UsageError):
        Forgetful(vit, 2).save(tmp_path / "lens.safetensors")
    with refused(vl.UsageError):
        Odd(vit, lambda: 1).save(tmp_path / "lens.safetensors")
    assert Odd.name == "Odd"


def test_a_transform_that_changes_the_shape_is_refused():
    class Shorter(vl.Lens):
        def transform(self, states, first, final):
            return states[..., 1:, :]

    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    with refused(vl.UsageError):
        Shorter(vit).read(trace).top(1)
    with pytest.raises(TypeError, match=r"abstract"):
        vl.Lens(vit)

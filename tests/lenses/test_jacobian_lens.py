"""The Jacobian lens against derivatives made in other ways, and what it does to a rotated model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import vitlens_widgets as vl
from tests.lenses.fitted_by_hand import SPECIAL, small, token_names
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.lenses.fitted.kinds import kinds_of
from vitlens_widgets.lenses.jacobian import fitting
from vitlens_widgets.lenses.jacobian.mean import MeanMap
from vitlens_widgets.lenses.jacobian.products import linear

FEW = ["CLS", "mean of all tokens", "four registers and layer scale"]


def some(vit, n=3, seed=5):
    """A data set of random pictures, larger than what the model sees."""
    height, width = vit.image_size
    pictures = np.random.default_rng(seed).integers(0, 256, (n, height, width, 3), np.uint8)
    return vl.data.Examples([(picture, 0) for picture in pictures], ["thing"], name="noise")


def what_is_read(vit, last):
    """The mean that the readout takes of a last state `[image, token, d]`."""
    weights = vit.adapter.readout_weights(last.detach())
    return (weights[..., None] * last).sum(1)


def onward(vit, k, state):
    for layer in range(k, vit.n_layers):
        state = vit.adapter.run_block(layer, state)
    return state


def jacobians(vit, trace, k):
    """Of what is read in every token of state k, `[image, d, token, d]`, by torch's own."""

    def read(state):
        return what_is_read(vit, onward(vit, k, state))

    every = [
        torch.autograd.functional.jacobian(read, trace.states[k, i : i + 1])[0, :, 0]
        for i in range(trace.n_images)
    ]
    return torch.stack(every)


def by_hand(vit, trace, k, kind, names=None):
    """The mean over images of J and c of one kind of token, where one mean is read."""
    chosen = np.array([name == kind for name in names or token_names(vit)])
    weights = vit.adapter.readout_weights(trace.states[-1])[:, chosen].sum(1)
    share = torch.where(weights > 0, weights, 1.0)
    each = jacobians(vit, trace, k)[:, :, chosen]
    whole = each.sum(2) / share[:, None, None]
    brought = torch.einsum("iatd,itd->ia", each, trace.states[k][:, chosen]) / share[:, None]
    return whole.mean(0), (what_is_read(vit, trace.states[-1]) - brought).mean(0)


@pytest.mark.parametrize("special", [*SPECIAL, "transformers"])
def test_jacobians_are_those_of_autograd(special):
    vit = small(special)
    data = some(vit)
    lens = vl.JacobianLens.fit(vit, data, batch_size=2)
    trace = vit.trace([one.image for one in (data[i] for i in range(3))])
    assert lens.weight.shape == (3, len(kinds_of(vit)), vit.width, vit.width)
    for k in range(3):
        for place, kind in enumerate(kinds_of(vit)):
            weight, bias = by_hand(vit, trace, k, kind)
            found = lens.weight[k, place] + torch.eye(vit.width)
            torch.testing.assert_close(found, weight, rtol=1e-4, atol=1e-4 * weight.abs().max())
            torch.testing.assert_close(
                lens.bias[k, place], bias, rtol=1e-4, atol=1e-4 * bias.abs().max()
            )


def attention_pooled():
    words = {"global_pool": "map", "class_token": False, "img_size": (48, 64), "depth": 2}
    return vl.load(timm_model("CLS", **words))


def test_an_attention_pooling_is_led_to_by_its_weights():
    vit = attention_pooled()
    data = some(vit, 2)
    lens = vl.JacobianLens.fit(vit, data)
    trace = vit.trace([data[i].image for i in range(2)])
    weight = by_hand(vit, trace, 1, "patch", ["patch"] * 12)[0].detach()
    found = lens.weight[1, 0] + torch.eye(vit.width)
    torch.testing.assert_close(found, weight, rtol=1e-4, atol=1e-5 * weight.abs().max())


def test_means_side_by_side_are_led_to_each_by_its_own_tokens():
    vit = _dinov2()
    assert vit.readout.name == "CLS and mean of patches"
    data = some(vit, 2)
    lens = vl.JacobianLens.fit(vit, data)
    trace = vit.trace([data[i].image for i in range(2)])
    for place, tokens in ((0, slice(0, 1)), (1, slice(1, None))):

        def read(state, tokens=tokens):
            return onward(vit, 1, state)[:, tokens].mean(1).sum(0)

        each = torch.autograd.functional.jacobian(read, trace.states[1])  # [d, image, token, d]
        expected = each[:, :, tokens].sum(2).mean(1)
        found = lens.weight[1, place] + torch.eye(vit.width)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * expected.abs().max())


def _dinov2():
    import transformers

    torch.manual_seed(0)
    config = transformers.Dinov2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
        num_labels=5,
    )
    return vl.load(transformers.Dinov2ForImageClassification(config).eval())


@pytest.mark.parametrize("special", FEW)
def test_jacobians_are_those_of_finite_differences(special):
    vit = small(special)
    vit = vl.load(vit.model.double())
    data = some(vit, 1)
    lens = vl.JacobianLens.fit(vit, data)
    trace = vit.trace(data[0].image)
    generator = torch.Generator().manual_seed(2)
    for place, kind in enumerate(kinds_of(vit)):
        chosen = torch.tensor([name == kind for name in token_names(vit)])
        direction = torch.randn(vit.width, generator=generator).double()
        share = vit.adapter.readout_weights(trace.states[-1])[:, chosen].sum()
        step = 1e-5 * direction * chosen[:, None]
        with torch.no_grad():
            up, down = (
                what_is_read(vit, onward(vit, 1, trace.states[1] + sign * step)) for sign in (1, -1)
            )
        slope = (up - down)[0] / 2e-5 / (share if share > 0 else 1)
        found = direction + lens.weight[1, place] @ direction
        torch.testing.assert_close(found, slope, rtol=1e-6, atol=1e-7 * slope.abs().max())


class Affine(nn.Module):
    """A block that is an affine map of all tokens together."""

    def __init__(self, n_tokens, width, seed):
        super().__init__()
        g = torch.Generator().manual_seed(seed)
        self.mix = nn.Parameter(torch.randn(n_tokens, n_tokens, generator=g) / n_tokens)
        self.turn = nn.Parameter(torch.randn(width, width, generator=g) / width**0.5)
        self.shift = nn.Parameter(torch.randn(n_tokens, width, generator=g))

    def forward(self, state):
        return state + self.mix @ state @ self.turn.mT + self.shift


@pytest.mark.parametrize("special", FEW)
def test_of_an_affine_model_it_is_the_model(special):
    """Its derivatives are products of matrices, and with the offset nothing is lost."""
    vit = small(special)
    n_tokens, width = vit.layout.n_tokens, vit.width
    blocks = [Affine(n_tokens, width, seed) for seed in range(2)]
    weights = vit.adapter.readout_weights(vit.adapter.blank_state(1))[0]
    states = torch.randn(2, n_tokens, width, generator=torch.Generator().manual_seed(4))
    last = blocks[1](blocks[0](states)).detach()

    class Run:
        """What is asked of a trace, of two affine blocks."""

        n_images = 2

        def __init__(self):
            self.first = states.clone().requires_grad_()
            self.second = blocks[0](self.first)
            self.last = blocks[1](self.second)
            self.vit, self.states = Shallow(), torch.stack([self.first, self.second, self.last])

        def __getitem__(self, key):
            return {
                ("resid_pre", 0): self.first,
                ("resid_pre", 1): self.second,
                ("resid_post", 1): self.last,
            }[key]

    class Shallow:
        n_layers, adapter, readout, layout = 2, vit.adapter, vit.readout, vit.layout
        model, name = vit.model, vit.name

    Shallow.width = width
    found = linear(Run(), kinds_of(vit))
    eye = torch.eye(n_tokens * width)
    whole = eye
    for block in blocks:
        step = torch.kron(block.mix.detach(), block.turn.detach())
        whole = whole + step @ whole
    maps = whole.view(n_tokens, width, n_tokens, width)
    read = torch.einsum("t,tdse->dse", weights, maps)
    for place, kind in enumerate(kinds_of(vit)):
        chosen = torch.tensor([name == kind for name in token_names(vit)])
        share = weights[chosen].sum() if weights[chosen].any() else torch.tensor(1.0)
        expected = read[:, chosen].sum(1) / share
        torch.testing.assert_close(found.jacobian[0, place] / 2, expected, rtol=1e-4, atol=1e-4)
        brought = torch.einsum("dse,ise->id", read[:, chosen], states[:, chosen]) / share
        rest = torch.einsum("t,itd->id", weights, last) - brought
        torch.testing.assert_close(found.intercept[0, place], rest.sum(0), rtol=1e-4, atol=1e-3)
        squares = 2 * expected.square().sum()
        torch.testing.assert_close(found.squares[0, place], squares, rtol=1e-4, atol=0)


@pytest.mark.parametrize("special", [*SPECIAL, "transformers"])
def test_the_last_state_is_exact(special):
    vit = small(special)
    data = some(vit, 1)
    trace = vit.trace(pixels_for(vit.image_size, 2), preprocessed=True)
    lens = vl.JacobianLens.fit(vit, data)
    for one in (lens, lens.with_offset()):
        reading = one.read(trace)
        off = (reading.readout.logits(3) - trace.logits).abs().max()
        assert off <= 1e-5 * trace.logits.abs().max()
        assert torch.equal(reading.logits(3), vl.LogitLens(vit).read(trace).logits(3))


def test_a_state_is_read_through_its_jacobian():
    vit = small("four registers and layer scale")
    trace = vit.trace(pixels_for(vit.image_size, 2), preprocessed=True)
    lens = vl.JacobianLens.local(trace)
    maps = lens.weight + torch.eye(vit.width)
    names, kinds = token_names(vit), kinds_of(vit)
    for offset in (False, True):
        reading = lens.with_offset(offset).read(trace)
        for k in range(3):
            which = [kinds.index(name) for name in names]
            moved = torch.einsum("tde,ite->itd", maps[k][which], trace.states[k])
            moved = moved + offset * lens.bias[k][which]
            with torch.no_grad():
                expected = vit.adapter.token_logits(moved)
            torch.testing.assert_close(reading.logits(k), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("special", ["CLS", "mean of patches"])
def test_of_one_image_with_offset_the_readout_says_what_the_model_does(special):
    vit = small(special)
    trace = vit.trace(pixels_for(vit.image_size, 1), preprocessed=True)
    reading = vl.JacobianLens.local(trace, offset=True).read(trace).readout
    for k in range(4):
        if special == "CLS" or k == 3:  # one token, so that its share of the sum is all of it
            torch.testing.assert_close(reading.logits(k), trace.logits, rtol=0, atol=1e-4)


def rotated(vit, k, turn):
    """The same model with state k turned: written so by block k - 1, turned back by block k."""
    before, after = (vit.adapter.blocks[layer] for layer in (k - 1, k))
    write, read = before.forward, after.forward
    before.forward = lambda state: write(state) @ turn.mT
    after.forward = lambda state: read(state @ turn)
    return vl.load(vit.model)


def kl(lens, trace):
    return lens.read(trace).readout.kl_to_final().mean(1)


def test_a_turned_state_breaks_the_logit_lens_and_not_this_one():
    trained = vl.load("toy/attn-mlp-3l")
    data = vl.world.Scenes()
    words = {"n_images": 6, "batch_size": 6}
    held_out = [data[i].image for i in range(100, 116)]
    straight = vl.JacobianLens.fit(trained, data, **words)
    before = trained.trace(held_out)
    plain, logit = kl(straight, before), kl(vl.LogitLens(trained), before)
    g = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(trained.width, trained.width, generator=g)).Q
    vit = rotated(trained, 2, turn)
    after = vit.trace(held_out)
    torch.testing.assert_close(after.logits, before.logits, rtol=0, atol=1e-4)
    turned = vl.JacobianLens.fit(vit, data, **words)
    found = kl(turned, after)
    assert kl(vl.LogitLens(vit), after)[2] > 1.5 * logit[2]
    assert kl(straight_of(straight, vit), after)[2] > 1.5 * plain[2]  # that of the unturned state
    assert abs(found[2] - plain[2]) <= 0.05 * plain[2]
    torch.testing.assert_close(found, plain, rtol=1e-2, atol=1e-4)


def straight_of(lens, vit):
    return vl.JacobianLens(vit, lens.weight, lens.bias, lens.kinds)


def test_the_standard_error_is_that_of_the_images():
    vit = small("CLS")
    data = some(vit, 5)
    lens = vl.JacobianLens.fit(vit, data, batch_size=2)
    each = [
        vl.JacobianLens.local(vit.trace(data[i].image)).weight + torch.eye(vit.width)
        for i in range(5)
    ]
    stacked = torch.stack(each).double()
    size = stacked.mean(0).square().sum((-2, -1)).sqrt()
    expected = (stacked.var(0).sum((-2, -1)) / 5).sqrt() / size
    torch.testing.assert_close(
        torch.tensor(lens.fitted["standard_error"]).double(), expected, rtol=1e-3, atol=1e-6
    )


def test_it_ends_when_it_is_sure():
    vit = small("CLS")
    data = some(vit, 6)
    whole = vl.JacobianLens.fit(vit, data, batch_size=2)
    errors = [
        np.max(vl.JacobianLens.fit(vit, data, n_images=n, batch_size=2).fitted["standard_error"])
        for n in (2, 4)
    ]
    asked = (errors[0] + errors[1]) / 2
    found = vl.JacobianLens.fit(vit, data, batch_size=2, tolerance=asked)
    assert whole.fitted["images"] == 6
    assert found.fitted["images"] == (4 if errors[1] < errors[0] else 2)


def test_without_a_tolerance_it_takes_all_images_however_sure_it_is():
    vit = small("CLS")
    sure = fitting.Fitting(vit, some(vit, 3), None, 1, None)
    mean = MeanMap(*(torch.zeros(3, 2, *end) for end in ((48, 48), (48,))), torch.zeros(3, 2), 2)
    assert mean.standard_error().max() == 0
    assert not sure.is_sure(fitting.Done(mean))


def test_a_fit_goes_on_where_it_stopped(tmp_path, monkeypatch):
    vit, path = small("CLS"), tmp_path / "lens.safetensors"
    data = some(vit, 5)
    whole = vl.JacobianLens.fit(vit, data, batch_size=2)
    real, calls = fitting.linear, []

    def stops(*given):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(fitting, "linear", stops)
    with pytest.raises(KeyboardInterrupt, match=r"the first 2 of 5 images"):
        vl.JacobianLens.fit(vit, data, batch_size=2, save_to=path)
    assert vl.JacobianLens.load(path, vit).fitted["images"] == 2
    found = vl.JacobianLens.fit(vit, data, batch_size=2, save_to=path)
    assert len(calls) == 4
    assert torch.equal(found.weight, whole.weight)
    assert torch.equal(found.bias, whole.bias)
    assert found.fitted == whole.fitted
    again = vl.JacobianLens.fit(vit, data, batch_size=2, save_to=path, offset=True)
    assert len(calls) == 4
    assert again.offset
    assert torch.equal(again.weight, whole.weight)


def test_it_does_not_depend_on_batches_but_for_rounding():
    vit = small("four registers and layer scale")
    one, other = (vl.JacobianLens.fit(vit, some(vit, 4), batch_size=n) for n in (1, 4))
    torch.testing.assert_close(one.weight, other.weight, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(one.bias, other.bias, rtol=1e-4, atol=1e-5)


def test_a_saved_lens_is_loaded_again(tmp_path):
    vit, path = small("mean of patches"), tmp_path / "lens.safetensors"
    lens = vl.JacobianLens.fit(vit, some(vit, 2), offset=True)
    trace = vit.trace(pixels_for(vit.image_size, 2), preprocessed=True)
    lens.save(path)
    again = vl.Lens.load(path, vit)
    assert type(again) is vl.JacobianLens
    assert again.fitted == lens.fitted
    assert torch.equal(again.read(trace).logits(1), lens.read(trace).logits(1))
    lens.save(path, half=True)
    rounded = vl.Lens.load(path, vit).read(trace)
    torch.testing.assert_close(rounded.logits(1), lens.read(trace).logits(1), rtol=0, atol=2e-2)


def test_what_cannot_be_fitted_is_refused(tmp_path):
    vit, path = small("CLS"), tmp_path / "lens.safetensors"
    data = some(vit, 3)
    with refused(vl.UsageError):
        vl.JacobianLens.fit(vl.load(timm_model("CLS").bfloat16()), data)
    with refused(vl.UsageError):
        vl.JacobianLens.fit(vl.load("toy/mae"), data)
    with refused(vl.UsageError):
        vl.JacobianLens.fit(vit, [data[0].image])
    with refused(vl.UsageError):
        vl.JacobianLens.fit(vit, data, n_images=4)
    with refused(vl.UsageError):
        vl.JacobianLens.fit(vit, data, tolerance=0)
    with refused(vl.UsageError):
        vl.JacobianLens.fit(vit, data, offset="mean")
    with refused(vl.UsageError):
        vl.JacobianLens.local(data)
    with torch.inference_mode(), refused(vl.UsageError):
        vl.JacobianLens.fit(vit, data)
    vl.JacobianLens.fit(vit, data, save_to=path)
    with refused(vl.UsageError):
        vl.JacobianLens.fit(vit, data, n_images=2, save_to=path)
    with refused(vl.UsageError):
        vl.JacobianLens.fit(vit, some(vit, 3, seed=6), save_to=path)
    with refused(vl.UsageError):
        vl.JacobianLens.fit(small("distillation"), data, save_to=path)
    vl.JacobianLens.load(path, vit).save(path, half=True)
    with refused(vl.UsageError):
        vl.JacobianLens.fit(vit, data, save_to=path)
    local = vl.JacobianLens.local(vit.trace(data[0].image))
    for other in (local, vl.JacobianLens(vit, local.weight, local.bias)):
        other.save(path)
        with refused(vl.UsageError):
            vl.JacobianLens.fit(vit, data, save_to=path)


def test_a_readout_that_is_no_mean_is_refused():
    vit = small("CLS")
    trace = vit.trace(pixels_for(vit.image_size, 1), preprocessed=True)
    taught = vl.PatchClassifier(vit, trace, readout="best").fit({"a": [(0, 1)], "b": [(0, 2)]})
    with refused(vl.UsageError):
        vl.JacobianLens.fit(vit.taught(taught), some(vit, 1))

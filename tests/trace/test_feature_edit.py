"""Features set, scaled and switched off against hooks that do the same by hand."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, timm_model
from tests.trace.latents import RandomLatents
from vitlens_widgets.features import SAE, Activation, Scaling
from vitlens_widgets.trace import feature_edit
from vitlens_widgets.trace.feature_edit import latents_of

Feature = vl.edits.Feature
MODELS = {
    "CLS": lambda: timm_model("CLS"),
    "no prefix": lambda: timm_model("mean of patches, norm before"),
    "5 prefix tokens": lambda: timm_model("four registers and layer scale"),
    "8 prefix tokens": lambda: timm_model("CLS", reg_tokens=7),
    "distillation": lambda: timm_model("distillation"),
    "CLIP's tower": lambda: timm_model("pre-norm tower"),
}
SITES = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "mlp_post", "z", "q")


@pytest.fixture(scope="module", params=MODELS)
def vit(request):
    return vl.load(MODELS[request.param]())


def traced(vit, *edits, **words):
    return vit.trace(pixels_for(vit.image_size), preprocessed=True, edits=edits, **words)


def latents_at(vit, site, layer=1, **words):
    width = traced(vit)[site, layer].flatten(2).shape[-1]
    return RandomLatents(site, layer, width, **words)


def by_hand(vit, module, change, *, output=False):
    """The model's own answer with what a module is given, or gives, changed."""
    if output:
        hook = module.register_forward_hook(lambda _m, _x, y: change(y))
    else:
        hook = module.register_forward_pre_hook(lambda _m, x: (change(x[0]), *x[1:]))
    with torch.no_grad():
        answer = vit.model(pixels_for(vit.image_size))
    hook.remove()
    return answer


def spliced(sae, x, index, new):
    """The decoder's answer to changed latents, with the error of the unchanged ones."""
    own = sae.encode(x)
    changed = own.clone()
    changed[..., index] = new(own[..., index])
    return sae.decode(changed) + (x - sae.decode(own))


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("k", [None, 4])
def test_an_untouched_autoencoder_changes_nothing_bitwise(vit, site, k):
    base, sae = traced(vit), latents_at(vit, site, k=k)
    for words in ({"scale": 1.0}, {"scale": torch.ones(2, 1, 1)}):
        for edit in (Feature(sae, slice(None), **words), Feature(sae, 3, **words)):
            trace = traced(vit, edit)
            assert torch.equal(trace.states, base.states)
            assert torch.equal(trace.logits, base.logits)
    assert [*{id(one) for one in sae.checked}] == [id(vit)]


def test_a_latent_that_fires_nowhere_is_switched_off_without_a_trace(vit):
    base, sae = traced(vit), latents_at(vit, "resid_post")
    sae.bias[7] = -1e6
    assert torch.equal(traced(vit, Feature(sae, 7, zero=True)).states, base.states)
    assert not torch.equal(traced(vit, Feature(sae, 7, set=1.0)).states, base.states)


@pytest.mark.parametrize("how", ["zero", "set", "scale"])
def test_latents_are_changed_as_by_a_splice_with_the_error_kept(vit, how):
    sae = latents_at(vit, "mlp_post", k=9)
    index = [2, 5, 30]
    new = {"zero": lambda a: 0 * a, "set": lambda a: 0 * a + 1.5, "scale": lambda a: 4 * a}[how]
    words = {"zero": {"zero": True}, "set": {"set": 1.5}, "scale": {"scale": 4.0}}[how]
    proj = vit.model.blocks[1].mlp.fc2
    expected = by_hand(vit, proj, lambda x: spliced(sae, x, index, new))
    found = traced(vit, Feature(sae, index, **words)).logits
    assert not torch.allclose(expected, traced(vit).logits, atol=1e-3)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("layer", [0, 2])
def test_states_are_changed_at_chosen_tokens_alone(vit, layer):
    sae = latents_at(vit, "resid_pre", layer)
    first = vit.layout.n_prefix
    chosen = [first + 1, first + 4]

    def change(x):
        out = x.clone()
        out[:, chosen] = spliced(sae, x[:, chosen], 3, lambda a: 0 * a + 2.0)
        return out

    expected = by_hand(vit, vit.model.blocks[layer], change)
    found = traced(vit, Feature(sae, 3, set=2.0, token=chosen)).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)
    grid = torch.zeros(vit.layout.rows, vit.layout.cols, dtype=torch.bool)
    grid.view(-1)[[1, 4]] = True
    again = traced(vit, Feature(sae, 3, set=2.0, token=grid))
    assert torch.equal(again.logits, found)


@pytest.mark.parametrize("how", [{"zero": True}, {"set": -0.7}, {"scale": 3.0}])
def test_neurons_are_single_channels(vit, how):
    def change(x):
        out = x.clone()
        own = out[..., [4, 11]]
        new = 0 * own - 0.7 if "set" in how else own * how.get("scale", 0.0)
        out[..., [4, 11]] = new
        return out

    expected = by_hand(vit, vit.model.blocks[2].mlp.fc2, change)
    edit = Feature.neuron(2, [4, 11], **how)
    assert (edit.layer, edit.site) == (2, "mlp_post")
    found = traced(vit, edit)
    torch.testing.assert_close(found.logits, expected, rtol=0, atol=1e-5)
    if "set" in how:
        assert (found["mlp_post", 2][..., [4, 11]] == torch.tensor(-0.7)).all()


@pytest.mark.parametrize("tokens", ["all", "patches", "readout"])
def test_latents_of_some_tokens_touch_these_alone(vit, tokens):
    sae = latents_at(vit, "resid_post", 1, tokens=tokens)
    edit = Feature(sae, 3, set=5.0)
    if tokens == "readout" and not vit.readout.prefix_alone:
        with refused(vl.UsageError):
            traced(vit, edit)
        return
    touched = (traced(vit, edit).states[2] != traced(vit).states[2]).any(-1).all(0)
    n = vit.layout.n_prefix
    expected = torch.ones_like(touched)
    if tokens == "patches":
        expected[:n] = False
    elif tokens == "readout":
        expected[2 if "distillation" in vit.readout.name else 1 :] = False
    assert torch.equal(touched, expected)


def test_strengths_of_one_run_differ_from_image_to_image(vit):
    sae = latents_at(vit, "mlp_out", 0)
    strengths = torch.tensor([0.0, 4.0])
    together = traced(vit, Feature(sae, [1, 2], scale=strengths[:, None, None])).logits
    for image, strength in enumerate(strengths.tolist()):
        alone = traced(vit, Feature(sae, [1, 2], scale=strength)).logits
        torch.testing.assert_close(together[image], alone[image], rtol=0, atol=1e-5)


def test_a_run_again_is_the_edited_run_and_later_blocks_alone_are_run(vit):
    sae, base = latents_at(vit, "mlp_out", 1), traced(vit)
    for edit in (Feature(sae, 3, set=2.0), Feature.neuron(1, 5, set=2.0)):
        ran = {}
        again = base.rerun([edit], watch={"resid_pre": ran.setdefault})
        assert {*ran} == {1, 2}
        assert torch.equal(again.logits, traced(vit, edit).logits)
        one = base.rerun([edit, vl.edits.Zero("z", 2, head=1)])
        assert torch.equal(one.logits, traced(vit, edit, vl.edits.Zero("z", 2, head=1)).logits)


def test_latents_of_patches_that_are_left_are_changed():
    vit = vl.load(timm_model("CLS"))
    sae = latents_at(vit, "resid_post", 0, tokens="patches")
    drop = vl.edits.DropTokens([3, 5])
    trace = traced(vit, drop, Feature(sae, 3, set=2.0))
    changed = (trace.states[1] != traced(vit, drop).states[1]).any(-1).all(0)
    assert changed.tolist() == [False] + [True] * (len(trace.tokens) - 1)
    with refused(vl.UsageError):
        traced(vit, drop, Feature(sae, 3, set=2.0, token=3))


@pytest.mark.parametrize("kind", ["constant", "layer norm", "norm"])
def test_an_autoencoder_that_scales_its_input_adds_in_the_sites_own_units(kind):
    vit = vl.load(timm_model("CLS"))
    rng = torch.Generator().manual_seed(2)
    encoder, decoder = torch.randn(2, 30, 48, generator=rng)
    factor = torch.rand(48, generator=rng) + 1 if kind == "constant" else None
    sae = SAE(
        "mlp_out",
        1,
        "patches",
        encoder,
        torch.zeros(30),
        decoder,
        torch.randn(48, generator=rng),
        Activation("topk", k=6),
        Scaling(kind, factor=factor),
    )
    base = traced(vit)
    x = base["mlp_out", 1]
    changed = sae.encode(x)
    changed[..., [3, 8]] *= 4
    expected = x + sae.decode(changed, x) - sae.decode(sae.encode(x), x)
    expected[:, 0] = x[:, 0]  # CLS
    found = traced(vit, Feature(sae, [3, 8], scale=4.0))["mlp_out", 1]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
    same = traced(vit, Feature(sae, slice(None), scale=1.0))
    assert torch.equal(same.logits, base.logits)


def test_many_latents_are_looked_at_some_tokens_at_a_time(monkeypatch):
    vit = vl.load(timm_model("CLS"))
    sae = RandomLatents("resid_post", 1, 48, k=5)
    edit = Feature(sae, 3, scale=torch.rand(2, 16, 1) + 1)
    whole, site = traced(vit, edit), traced(vit)["resid_post", 1]
    latents = latents_of(sae, site, torch.tensor([3, 9]))
    monkeypatch.setattr(feature_edit, "AT_ONCE", 4 * 40 * 5)
    torch.testing.assert_close(traced(vit, edit).states, whole.states, rtol=0, atol=1e-5)
    in_parts = latents_of(sae, site, torch.tensor([3, 9]))
    torch.testing.assert_close(in_parts, latents, rtol=0, atol=1e-5)
    torch.testing.assert_close(latents, sae.encode(site)[..., [3, 9]], rtol=0, atol=1e-6)


def test_half_precision_is_encoded_finely_and_untouched_bitwise():
    vit = vl.load(timm_model("CLS").half())
    pixels = pixels_for(vit.image_size).half()
    base = vit.trace(pixels, preprocessed=True)
    sae = RandomLatents("resid_post", 0, 48)
    same = vit.trace(pixels, preprocessed=True, edits=[Feature(sae, slice(None), scale=1.0)])
    assert torch.equal(same.states, base.states)
    off = vit.trace(pixels, preprocessed=True, edits=[Feature(sae, 3, set=2.0)])
    expected = spliced(sae, base.states[1].float(), 3, lambda a: 0 * a + 2.0)
    assert off.states.dtype == torch.float16
    torch.testing.assert_close(off.states[1].float(), expected, rtol=1e-3, atol=2e-3)


def test_gradients_go_through_changed_latents():
    vit = vl.load(timm_model("CLS"))
    sae = RandomLatents("resid_post", 0, 48)
    trace = traced(vit, Feature(sae, 3, scale=2.0), grad=True, keep="resid_mid")
    (gradient,) = torch.autograd.grad(trace.logits[:, 2].sum(), trace["resid_mid", 0])
    assert gradient.abs().sum() > 0


def test_a_hugging_face_model_is_changed_likewise():
    vit = vl.load(hf_model())
    sae = RandomLatents("resid_post", 1, 48, k=5)
    base, trace = traced(vit), traced(vit, Feature(sae, 3, set=2.0))
    expected = spliced(sae, base.states[2], 3, lambda a: 0 * a + 2.0)
    torch.testing.assert_close(trace.states[2], expected, rtol=0, atol=1e-5)


def test_it_says_what_it_does():
    sae = RandomLatents("resid_post", 1, 48)
    assert repr(Feature(sae, 3, zero=True)) == "Feature(RandomLatents of resid_post 1, 3, set=0.0)"
    assert repr(Feature.neuron(2, [4], scale=2.0)) == "Feature.neuron(2, [4], scale=2.0)"


def test_what_is_no_feature_is_refused():
    vit = vl.load(timm_model("CLS"))
    sae = RandomLatents("resid_post", 1, 48, tokens="patches")
    for wrong in (
        lambda: Feature(sae, 3),
        lambda: Feature(sae, 3, zero=True, set=1.0),
        lambda: Feature(None, 3, zero=True),
        lambda: Feature(sae, 3, zero=True, layer=1),
        lambda: Feature("sae", 3, zero=True),
        lambda: Feature(sae, 3, zero="yes"),
        lambda: traced(vit, Feature(sae, 40, zero=True)),
        lambda: traced(vit, Feature(sae, 3, zero=True, token=0)),
        lambda: traced(vit, Feature(sae, 3, set=torch.ones(2, 1, 48))),
        lambda: traced(vit, Feature(sae, 3, set="much")),
        lambda: traced(vit, Feature.neuron(1, 192, zero=True)),
        lambda: traced(vit, Feature.neuron(3, 1, zero=True)),
    ):
        with refused(vl.UsageError):
            wrong()

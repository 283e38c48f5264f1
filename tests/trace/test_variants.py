"""Many variants of a run in one batch: each equal to a run of its own with edits."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.patching_oracle import SITES, STATES, off, one_by_one, places_at
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, shaken, timm_model
from tests.zoo_sweep import small_hf, small_timm, small_torchvision
from vitlens_widgets.analysis import Exchange, Place
from vitlens_widgets.trace import variants as engine

SPECIAL = ("CLS", "mean of patches", "distillation", "four registers and layer scale", "qk-norm")
TIMM_KINDS = {
    "position bias": "beit_base_patch16_224",
    "rotary, gated MLP": "eva02_base_patch14_224",
    "post-norm": "vit_srelpos_small_patch16_224",
    "side by side": "vit_base_patch16_xp_224",
    "RMSNorm, eight registers, gate": "vit_so150m_patch16_reg4_gap_256",
    "NaFlex": "naflexvit_base_patch16_par_gap",
}
HF_KINDS = ("DINOv3ViTModel", "MLCDVisionModel", "SiglipVisionModel", "BeitForImageClassification")


def loaded(model, **words):
    """The model; one without a classifier is given one."""
    vit = vl.load(model, **words)
    if vit.adapter.has_classifier:
        return vit
    generator = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(5, vit.adapter.n_features, generator=generator), torch.arange(5.0)
    return vl.load(model, classifier=(weight, bias), **words)


def runs(vit, n_images=2, **words):
    """Two runs of other images."""
    pixels = (pixels_for(vit.image_size, n_images, seed) for seed in (1, 2))
    return [vit.trace(one, preprocessed=True, **words) for one in pixels]


def answers(exchange, exchanges, order=None):
    """All of them, `[exchange, image, class]`."""
    found = dict(exchange.answers(exchanges, order))
    return torch.stack([found[i] for i in sorted(found)])


def check(vit, wanted=(*STATES, *SITES)):
    """Every site at once, in an order that no layer is done in."""
    base, source = runs(vit)
    exchange = Exchange(base, source)
    has = vit.adapter.hook_points(0)
    sites = [site for site in wanted if site == "pattern" or site in has]
    places = [place for site in sites for place in places_at(site, vit)]
    order = torch.randperm(len(places), generator=torch.Generator().manual_seed(3)).tolist()
    expected = one_by_one(base, source, places)
    assert off(expected, base.logits) > 1e-2  # something happens
    assert off(answers(exchange, places, order), expected) <= 1e-5
    return exchange


@pytest.mark.parametrize("special", SPECIAL)
def test_every_site_of_timm_is_as_by_edits_one_by_one(special):
    exchange = check(loaded(timm_model(special)))
    assert exchange._variants._shared == {}  # no way was given up
    one = exchange.base.vit.readout.groups == ("cls",)
    assert (exchange._variants._read_tokens is not None) == one


@pytest.mark.parametrize("kind", TIMM_KINDS)
def test_so_are_timms_other_blocks(kind):
    model = shaken(small_timm.small(TIMM_KINDS[kind]))
    check(loaded(model, image_size=small_timm.run_at(model)))


@pytest.mark.parametrize("kind", HF_KINDS)
def test_so_are_those_of_transformers(kind):
    check(loaded(shaken(small_hf.small(kind)), image_size=small_hf.run_at(kind)))


def test_so_is_torchs_own_attention_whose_queries_can_only_be_read():
    vit = loaded(shaken(small_torchvision.small(next(iter(small_torchvision.KINDS)))))
    exchange = check(vit, ("z", "pattern", "resid_mid", "mlp_post"))
    with refused(vl.UsageError):
        answers(exchange, [Place("q", 1)])


@pytest.fixture(scope="module")
def pair():
    return runs(loaded(timm_model("four registers and layer scale")))


@pytest.fixture(scope="module")
def one_image():
    return runs(loaded(timm_model("CLS")), n_images=1)


@st.composite
def joint(draw):
    """Places in several blocks, of one site each, exchanged together."""
    layers = draw(st.sets(st.integers(0, 2), min_size=1))
    places = []
    for layer in sorted(layers):
        site = draw(st.sampled_from((*SITES, *STATES)))
        heads, tokens = st.sets(st.integers(0, 3), min_size=1), st.sets(st.integers(0, 15))
        chosen = {}
        if site in ("q", "k", "v", "z", "pattern") and draw(st.booleans()):
            chosen["head"] = sorted(draw(heads))
        if draw(st.booleans()):
            axis = draw(st.sampled_from(("query", "key"))) if site == "pattern" else "token"
            chosen[axis] = sorted(draw(tokens)) or [2]
        places.append(Place(site, layer, **chosen))
    return places


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(joint(), min_size=1, max_size=9))
def test_places_of_several_blocks_together_are_as_by_edits(one_image, exchanges):
    base, source = one_image
    assert (
        off(answers(Exchange(base, source), exchanges), one_by_one(base, source, exchanges)) <= 1e-5
    )


def test_heads_and_neurons_of_one_block_go_together(pair):
    base, source = pair
    together = [Place("z", 1, head=2), Place("z", 1, head=0, token=3), Place("mlp_post", 1)]
    edits = [vl.edits.Replace("z", 1, source, head=2)]
    edits += [vl.edits.Replace("z", 1, source, head=0, token=3)]
    edits += [vl.edits.Replace("mlp_post", 1, source)]
    found = answers(Exchange(base, source), [together])
    assert off(found[0], base.rerun(edits).logits) <= 1e-5


def test_a_block_that_cannot_be_shared_or_cut_is_run_whole(pair, monkeypatch):
    base, source = pair
    places = places_at("z", base.vit)
    expected = one_by_one(base, source, places)
    own = engine.RowsBlock.run

    def run(block, state, words):
        if len(state) != block._n_rows or block._read is not None:
            raise RuntimeError("a view of another shape")
        return own(block, state, words)

    monkeypatch.setattr(engine.RowsBlock, "run", run)
    monkeypatch.setattr(engine, "_FEW", 2)
    exchange = Exchange(base, source)
    assert off(answers(exchange, places), expected) <= 1e-5
    assert set(exchange._variants._shared.values()) == {False}
    assert exchange._variants._read_tokens is None


def test_a_way_that_leads_elsewhere_is_not_gone(pair, monkeypatch):
    base, source = pair
    places = places_at("z", base.vit)
    expected = one_by_one(base, source, places)
    own = engine.RowsBlock.run

    def run(block, state, words):
        wrong = len(state) != block._n_rows or block._read is not None
        return own(block, state, words) + wrong * 0.1

    monkeypatch.setattr(engine.RowsBlock, "run", run)
    monkeypatch.setattr(engine, "_FEW", 2)
    assert off(answers(Exchange(base, source), places), expected) <= 1e-5
    monkeypatch.setattr(engine.RowsBlock, "run", lambda *given: own(*given) + 0.1)
    with refused(vl.UnsupportedModelError):
        answers(Exchange(base, source), places)


def test_what_does_not_fit_into_memory_is_halved(pair, monkeypatch):
    base, source = pair
    places = places_at("z", base.vit)
    expected = one_by_one(base, source, places)
    own, sizes = engine.Variants._answers, []

    def run(variants, some):
        sizes.append(len(some))
        if len(some) > 5:
            raise torch.OutOfMemoryError("too many")
        return own(variants, some)

    monkeypatch.setattr(engine.Variants, "_answers", run)
    assert off(answers(Exchange(base, source), places), expected) <= 1e-5
    assert max(sizes) > 5 >= min(sizes)

    monkeypatch.setattr(engine.Variants, "_answers", lambda *_: run(None, [0] * 6))
    with pytest.raises(torch.OutOfMemoryError):
        answers(Exchange(*runs(base.vit, 1)), places[:1])


def test_batches_are_as_large_as_memory_allows(pair, monkeypatch):
    base, source = pair
    exchange = Exchange(base, source)
    n_tokens = base.states.shape[2]
    assert exchange.at_once == engine._MOST_TOKENS // n_tokens
    monkeypatch.setattr(engine, "_MEMORY", 1)
    assert exchange.at_once == 1
    places = places_at("attn_out", base.vit)
    assert off(answers(exchange, places), one_by_one(base, source, places)) <= 1e-5


def test_one_image_of_a_batch_can_be_asked_for(pair):
    exchange, places = Exchange(*pair), places_at("z", pair[0].vit)
    one = torch.stack([logits for _, logits in exchange.answers(places, image=1)])
    torch.testing.assert_close(one[:, 0], answers(exchange, places)[:, 1], rtol=0, atol=1e-5)
    with refused(vl.UsageError):
        list(exchange.answers(places, image=2))


def test_nothing_stays_behind(pair):
    base, source = pair
    vit = base.vit
    before = vit.model(pixels_for(vit.image_size))
    answers(Exchange(base, source), places_at("pattern", vit))
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in vit.model.modules())
    assert torch.equal(vit.model(pixels_for(vit.image_size)), before)
    assert torch.is_grad_enabled()


def test_dropped_tokens_and_changed_states_may_be_in_both_runs(pair):
    vit = pair[0].vit
    edits = [vl.edits.DropTokens([7, 9]), vl.edits.Scale("resid_pre", 0, 1.1, token=6)]
    base, source = runs(vit, edits=edits)
    places = [Place("z", 1, head=1), Place("resid_pre", 2, token=[6, 10]), Place("v", 0, token=11)]
    assert off(answers(Exchange(base, source), places), one_by_one(base, source, places)) <= 1e-5
    with refused(vl.UsageError):
        answers(Exchange(base, source), [Place("z", 1, token=7)])


def test_patched_and_hooked_blocks_are_run_as_they_are():
    model = timm_model("CLS")
    model.blocks[1].mlp.register_forward_hook(lambda _module, _args, out: out * 1.5)
    base, source = runs(loaded(model))
    places = [*places_at("z", base.vit), *places_at("mlp_post", base.vit)]
    assert off(answers(Exchange(base, source), places), one_by_one(base, source, places)) <= 1e-5


def test_shorter_types_run_too():
    vit = loaded(timm_model("CLS").bfloat16())
    pixels = (pixels_for(vit.image_size, 2, seed).bfloat16() for seed in (1, 2))
    base, source = (vit.trace(one, preprocessed=True) for one in pixels)
    places = places_at("z", vit)
    found = answers(Exchange(base, source), places)
    assert found.dtype == torch.float32
    assert off(found, one_by_one(base, source, places).float()) <= 5e-2


def test_two_runs_that_do_not_fit_are_refused(pair):
    base, source = pair
    vit = base.vit
    others = [
        vit.trace(pixels_for(vit.image_size, 3), preprocessed=True),
        loaded(timm_model("CLS")).trace(pixels_for((48, 80)), preprocessed=True),
        vit.trace(pixels_for(vit.image_size), preprocessed=True, edits=[vl.edits.Zero("z", 1)]),
        "a trace",
    ]
    for other in others:
        with refused(vl.UsageError):
            Exchange(base, other)
    with refused(vl.UsageError):
        Exchange(others[2], source)
    without = loaded(hf_model()).trace(pixels_for((48, 80)), preprocessed=True)
    without.vit.model.vit.layernorm.weight.data.mul_(1.1)
    with refused(vl.UsageError):
        answers(Exchange(without, without), [Place("z", 1)])


def test_heads_that_share_keys_and_what_can_only_be_read_are_refused():
    vit = loaded(shaken(small_hf.small("Dinov2ForImageClassification")))
    exchange = Exchange(*runs(vit))
    for place in (Place("z", 9), Place("z", 1, neuron=2), Place("attn_scores", 1), Place("y", 1)):
        with refused(vl.UsageError):
            answers(exchange, [place])
    branches = loaded(shaken(small_timm.small("vit_small_patch16_36x1_224")))
    assert branches.n_heads
    for wrong in ([], [3], "z"):
        with refused(vl.UsageError):
            answers(exchange, [wrong])

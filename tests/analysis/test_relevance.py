"""Every method against its definition, gradients against finite differences, what is refused."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.analysis import relevance_oracle as oracle
from tests.analysis.class_space_oracle import MODELS
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, shaken, timm_model
from tests.zoo_sweep.small_timm import small
from vitlens_widgets.analysis import heads, relevance
from vitlens_widgets.analysis.relevance import METHODS, ClassEmbedding, Parts

E = vl.edits
CLASSES = [4, 2]


@pytest.fixture(scope="module", params=[*MODELS, "mean of all tokens"])
def case(request):
    """A model's trace of two images, and the same images by hand."""
    special = request.param
    model = MODELS[special]() if special in MODELS else timm_model(special)
    vit = vl.load(model)
    pixels = pixels_for(vit.image_size)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    yield vit.trace(pixels, preprocessed=True), [oracle.Pass(model, one) for one in pixels]
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


def close(found, expected):
    expected = np.asarray(torch.stack(list(expected)).detach())
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * scale)


@pytest.mark.parametrize("rule", ["released", "text"])
@pytest.mark.parametrize("of", ["cross-entropy", "logit"])
def test_class_embedding_is_the_gradient_of_each_blocks_own_answer(case, rule, of):
    trace, by_hand = case
    found = relevance(trace, CLASSES, method=ClassEmbedding(rule=rule, of=of))
    pairs = zip(by_hand, CLASSES, strict=True)
    expected = [oracle.class_embedding(run, cls, rule, of) for run, cls in pairs]
    close(found.heads, expected)
    close(found.tokens, [one.sum((0, 1)) for one in expected])
    assert found.tokens.dtype == found.heads.dtype == np.float32


def test_chefers_rule(case):
    trace, by_hand = case
    found = relevance(trace, CLASSES, method="chefer")
    expected = [oracle.chefer(run, cls) for run, cls in zip(by_hand, CLASSES, strict=True)]
    close(found.tokens, [one[0] for one in expected])
    close(found.heads, [one[1] for one in expected])


def test_gradient_rollout(case):
    trace, by_hand = case
    found = relevance(trace, CLASSES, method="gradient_rollout")
    pairs = zip(by_hand, CLASSES, strict=True)
    close(found.tokens, [oracle.gradient_rollout(run, cls) for run, cls in pairs])
    close(
        found.heads, [oracle.chefer(run, cls)[1] for run, cls in zip(by_hand, CLASSES, strict=True)]
    )


def test_gradient_rollout_differs_from_the_released_class_in_three_things():
    model = timm_model("CLS")
    with torch.no_grad():
        model.head.weight *= 1000  # else hardly anything beside the skip connections
    vit = vl.load(model)
    run = oracle.Pass(model, pixels_for(vit.image_size)[1])
    found = relevance(
        vit.trace(pixels_for(vit.image_size), preprocessed=True), 4, method="gradient_rollout"
    ).tokens[1]
    released = partial(oracle.released_gradient_rollout, run, 4)
    close([found], [released(0, False, False)])
    for habits in [(0.9, False, False), (0, True, False), (0, False, True)]:
        other = released(*habits).numpy()
        assert np.abs(other - found).max() > 1e-3 * np.abs(found).max()


def test_a_rollout_needs_no_classifier():
    pixels = pixels_for((48, 80))
    with_one, without = (
        vl.load(timm_model("CLS", num_classes=n)).trace(pixels, preprocessed=True) for n in (11, 0)
    )
    without.vit.model.load_state_dict(with_one.vit.model.state_dict(), strict=False)
    trace = without.vit.trace(pixels, preprocessed=True)
    found = relevance(trace, method="rollout")
    expected = relevance(with_one, method="rollout")
    np.testing.assert_array_equal(found.tokens, expected.tokens)
    np.testing.assert_array_equal(found.heads, expected.heads)
    assert "image 0, no class" in found.summary()
    assert len(found.table()) == 16
    assert found.figure(1) is not None
    assert found.target.tolist() == [-1, -1]
    for target, method in ((4, "rollout"), (None, "chefer")):
        with refused(vl.UsageError):
            relevance(trace, target, method=method)


def test_rollout_is_the_readouts_row_whatever_the_class(case):
    trace, by_hand = case
    found = relevance(trace, CLASSES, method="rollout")
    close(found.tokens, [oracle.attention_rollout(run) for run in by_hand])
    np.testing.assert_allclose(found.tokens.sum(1), 1, rtol=1e-5)
    row = heads.readout_row(trace, heads.rollout(trace, 1)[-1], image=1)
    np.testing.assert_allclose(found.tokens[1], row, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found.tokens, relevance(trace, 0, method="rollout").tokens)
    pattern = trace.attention(1)[1].detach().numpy()
    np.testing.assert_allclose(
        found.heads[1, 1], heads.readout_row(trace, pattern, image=1), rtol=0, atol=1e-6
    )


def siglip():
    """A model that pools its patches by attention."""
    model = shaken(small("vit_base_patch16_siglip_224"))
    weight = torch.randn(7, model.num_features, generator=torch.Generator().manual_seed(0))
    return model, {"classifier": (weight, None)}


NEUTRAL = {"preprocessing": {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}}
FINE = {
    "CLS": lambda: (timm_model("CLS"), {}),
    "distillation": lambda: (timm_model("distillation"), {}),
    "attention pooling": siglip,
    "transformers": lambda: (hf_model(), {}),
    "scaled attention norm": lambda: (timm_model("scaled attention and MLP norms"), {}),
}


@pytest.fixture(scope="module", params=FINE)
def fine(request):
    """A model in double precision."""
    model, words = FINE[request.param]()
    vit = vl.load(model.double(), **NEUTRAL, **words)
    return vit.trace(pixels_for(vit.image_size).double(), preprocessed=True)


@pytest.mark.parametrize("site", ["attn_out", "resid_post"])
def test_class_embedding_is_what_a_little_more_attention_does(fine, site):
    vit, step, layer, head, key = fine.vit, 1e-5, 1, 2, 5
    rule = "released" if site == "attn_out" else "text"
    found = relevance(fine, CLASSES, method=ClassEmbedding(rule=rule, of="logit"))
    sides = []
    for sign in (1, -1):
        more = E.Add("pattern", layer, sign * step, head=head, key=key)
        value = fine.rerun([more])[site, layer]
        with torch.no_grad():
            sides.append(vit.adapter.readout_logits(value)[[0, 1], CLASSES])
    expected = (sides[0] - sides[1]) / (2 * step)
    np.testing.assert_allclose(found.heads[:, layer, head, key], expected, rtol=1e-4, atol=1e-7)


def test_chefers_weights_are_pattern_times_what_more_attention_does(fine):
    vit, step, layer = fine.vit, 1e-5, 1
    found = relevance(fine, CLASSES, method="chefer")
    pattern = fine["pattern", layer]
    with torch.no_grad():
        reads = vit.adapter.readout_weights(fine.states[-1])
    for head, key in ((0, 3), (1, 6)):
        expected = torch.zeros(2, dtype=torch.float64)
        for query in range(pattern.shape[2]):
            if (reads[:, query] == 0).all():
                continue
            sides = [
                fine.rerun(
                    [E.Add("pattern", layer, sign * step, head=head, query=query, key=key)]
                ).logits[[0, 1], CLASSES]
                for sign in (1, -1)
            ]
            gradient = (sides[0] - sides[1]).detach() / (2 * step)
            weighed = (gradient * pattern[:, head, query, key]).clamp(min=0)
            expected += reads[:, query] * weighed
        np.testing.assert_allclose(found.heads[:, layer, head, key], expected, rtol=1e-4, atol=1e-8)


def test_the_class_is_a_name_an_index_one_each_or_the_models_answer():
    vit = vl.load(timm_model("CLS"), labels=[f"thing {i}" for i in range(11)])
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    answers = trace.logits.argmax(-1).tolist()
    assert relevance(trace).target.tolist() == answers
    for target in (3, "thing 3", np.int64(3), torch.tensor(3)):
        assert relevance(trace, target).target.tolist() == [3, 3]
    for target in ([3, "thing 5"], np.array([3, 5]), torch.tensor([3, 5])):
        assert relevance(trace, target).target.tolist() == [3, 5]
    both = relevance(trace, [3, 5]).tokens
    np.testing.assert_array_equal(both[0], relevance(trace, 3).tokens[0])
    np.testing.assert_array_equal(both[1], relevance(trace, 5).tokens[1])
    assert not np.allclose(both[0], relevance(trace, 5).tokens[0])


@pytest.mark.parametrize("method", METHODS)
def test_it_is_the_same_with_and_without_gradients_around(method):
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for((48, 80))
    first = relevance(vit.trace(pixels, preprocessed=True), 3, method=method)
    with torch.no_grad():
        again = relevance(vit.trace(pixels, preprocessed=True), 3, method=method)
    np.testing.assert_array_equal(first.tokens, again.tokens)
    traced = vit.trace(pixels, preprocessed=True, grad=True, keep=["pattern"])
    graph = relevance(traced, 3, method=method)
    np.testing.assert_allclose(graph.tokens, first.tokens, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_edits_are_part_of_what_is_explained(method):
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for((48, 80))
    edits = [E.DropTokens([2, 9]), E.Zero("z", 1, head=2)]
    trace = vit.trace(pixels, edits=edits, preprocessed=True)
    found = relevance(trace, 3, method=method)
    assert found.title.startswith(f"{vit.name} (edited), ")
    assert found.tokens.shape == (2, 14)
    grid = found.patches(1)
    assert grid.shape == (3, 5)
    assert np.isnan([grid[0, 1], grid[1, 3]]).all()
    assert np.isnan(grid).sum() == 2
    assert grid[0, 2] == found.tokens[1, 2]
    plain = relevance(vit.trace(pixels, edits=edits[:1], preprocessed=True), 3, method=method)
    if "rollout" not in method:
        assert not np.allclose(plain.heads[:, 2], found.heads[:, 2])
    if "class_embedding" in method:  # a head that was switched off moves nothing
        assert (found.heads[:, 1, 2] == 0).all()


def test_maps_of_blocks_and_heads():
    vit = vl.load(timm_model("four registers and layer scale"))
    found = relevance(vit.trace(pixels_for((56, 84)), preprocessed=True), 3)
    layout = vit.layout
    first = layout.n_prefix
    assert found.patches(1).shape == (layout.rows, layout.cols) == (4, 6)
    assert found.patches(1)[2, 3] == found.tokens[1, layout.token(2, 3)]
    assert found.patches(0, 2, 1)[0, 0] == found.heads[0, 2, 1, first]
    np.testing.assert_allclose(
        found.patches(0, 2).ravel(), found.heads[0, 2, :, first:].sum(0), rtol=1e-6
    )
    for words in [
        {"image": 2},
        {"layer": 3},
        {"layer": 0, "head": 4},
        {"head": 1},
    ]:
        with refused(vl.UsageError):
            found.patches(**words)


class Own:
    """A method of a user's own, which says nothing of heads."""

    name, settings = "own", {"power": 2}

    def __call__(self, trace, _classes):
        return (trace.states[-1] ** 2).sum(-1).numpy()


def test_any_method_will_do():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    found = relevance(trace, method=Own())
    np.testing.assert_allclose(found.tokens, (trace.states[-1] ** 2).sum(-1))
    assert (found.method, found.heads) == ("own", None)
    with refused(vl.UsageError):
        found.patches(layer=1)


def test_names_say_what_is_not_the_default():
    assert ClassEmbedding().name == "class_embedding"
    assert ClassEmbedding("text", "logit").name == "class_embedding_text_logit"
    assert list(METHODS)[:3] == [
        "class_embedding",
        "class_embedding_text",
        "class_embedding_logit",
    ]


def test_a_readout_without_weights_has_the_gradient_method_alone():
    vit = vl.load(timm_model("CLS", global_pool="max", class_token=False, fc_norm=False))
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    assert np.isfinite(relevance(trace, 3).tokens).all()
    for method in ("chefer", "rollout", "gradient_rollout"):
        with refused(vl.UsageError):
            relevance(trace, 3, method=method)


def test_blocks_of_several_attentions_have_rollout_alone():
    vit = vl.load(small("vit_small_patch16_18x2_224").eval())
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    assert np.isfinite(relevance(trace, 3, method="rollout").tokens).all()
    for method in METHODS:
        if method != "rollout":
            with refused(vl.UsageError):
                relevance(trace, 3, method=method)


def test_inference_mode_has_no_gradients():
    vit = vl.load(timm_model("CLS"))
    with torch.inference_mode():
        trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
        with refused(vl.UsageError):
            relevance(trace, 3, method="chefer")
        assert np.isfinite(relevance(trace, 3, method="rollout").tokens).all()
    with refused(vl.UsageError):
        relevance(trace, 3)


def test_what_does_not_fit_is_said_in_a_sentence():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    own = Own()
    own.__class__ = type("Wrong", (Own,), {"__call__": lambda *_: np.zeros((2, 3))})
    nan = Own()
    nan.__class__ = type("NaN", (Own,), {"__call__": lambda *_: Parts(torch.full((2, 16), np.nan))})
    for words in [
        {"target": 11},
        {"target": [1, 2, 3]},
        {"method": "Chefer"},
        {"method": 3},
        {"method": own},
        {"method": nan},
    ]:
        with refused(vl.UsageError):
            relevance(trace, **words)
    with refused(vl.UsageError):
        relevance("cat.jpg")
    with refused(vl.UsageError):
        ClassEmbedding(rule="paper")
    with torch.no_grad():
        vit.model.head.weight.add_(1)
    for method in METHODS:
        with refused(vl.UsageError):
            relevance(trace, 3, method=method)

"""Key-value memories against loops over tokens, memories and classes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import timm
import torch

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import MODELS, examples, pixels_of, run_one, token_logits
from tests.sentences import refused
from tests.small_models import hf_model, shaken, timm_model
from vitlens_widgets.analysis import class_value_agreement, key_value_agreement, value_vectors
from vitlens_widgets.analysis.value_vectors.weights import vectors_of

K = 3
KINDS = {"attention": "attn_out", "MLP": "mlp_out"}


def gated(name="vit_small_patch14_dinov2", **words):
    torch.manual_seed(0)
    words = {"img_size": (28, 42), "depth": 3, "embed_dim": 48, "num_heads": 4, **words}
    return shaken(timm.create_model(name, num_classes=11, **words))


@pytest.fixture(scope="module", params=MODELS)
def measured(request):
    vit = vl.load(MODELS[request.param]())
    data = examples(vit, 6)
    before = {key: weight.clone() for key, weight in vit.model.state_dict().items()}
    versions = [weight._version for weight in vit.model.parameters()]
    found = key_value_agreement(vit, data, k=K, batch_size=4)
    class_value_agreement(vit)
    value_vectors(vit, 1, k=K)
    assert all(torch.equal(w, vit.model.state_dict()[key]) for key, w in before.items())
    assert versions == [weight._version for weight in vit.model.parameters()]
    seen = [coefficients_of(vit.model, pixels) for pixels in pixels_of(vit, data)]
    runs = [run_one(vit.model, pixels) for pixels in pixels_of(vit, data)]
    return vit, data, found, seen, runs


def coefficients_of(model, pixels):
    """Before the activation, after it, and heads side by side: each `[block][token, memory]`."""
    seen = {"pre": [], "post": [], "attention": []}
    hooks = []

    def keep(into, value):
        seen[into].append(value[0].numpy())

    for block in model.blocks:
        hooks += [
            block.mlp.fc1.register_forward_hook(lambda _m, _x, y: keep("pre", y)),
            block.mlp.fc2.register_forward_pre_hook(lambda _m, x: keep("post", x[0])),
            block.attn.proj.register_forward_pre_hook(lambda _m, x: keep("attention", x[0])),
        ]
    with torch.no_grad():
        model(pixels[None])
    for hook in hooks:
        hook.remove()
    return seen


def weights_of(model, kind, block):
    """Class directions `[class, d]` and value vectors `[d, memory]`."""
    part = model.blocks[block]
    linear = part.mlp.fc2 if kind == "MLP" else part.attn.proj
    return model.head.weight.detach().double().numpy(), linear.weight.detach().double().numpy()


def largest(values, k):
    """The places of the k largest."""
    return set(np.argsort(-values)[:k].tolist())


def memories_of(logits, true, rule):
    """The memories of a class, from logits `[class, memory]`."""
    if rule == "released":
        return largest(logits[true], K)
    return {m for m, promoted in enumerate(logits.T) if true in largest(promoted, K)}


def by_hand(vit, data, seen, kind, rule="released", coefficients="pre"):
    """Agreement, that of a random class, and agreement at the first token, for every block."""
    agreement, chance, first = [], [], []
    for block in range(vit.n_layers):
        directions, values = weights_of(vit.model, kind, block)
        logits = directions @ values
        of_class = [memories_of(logits, c, rule) for c in range(len(vit.labels))]
        rates, random, at_first = {}, {}, []
        for i, one in enumerate(seen):
            tokens = one["attention" if kind == "attention" else coefficients][block]
            called = [largest(token, K) for token in tokens]
            true = data[i].label
            hits = [bool(top & of_class[true]) for top in called]
            any_class = [[bool(top & mine) for mine in of_class] for top in called]
            rates.setdefault(true, []).append(np.mean(hits))
            random.setdefault(true, []).append(np.mean(any_class))
            at_first.append(hits[0])
        agreement.append([np.mean(one) for one in rates.values()])
        chance.append([np.mean(one) for one in random.values()])
        first.append(at_first)
    return np.array(agreement), np.array(chance), np.array(first)


@pytest.mark.parametrize("kind", KINDS)
def test_agreement_is_as_counted_by_hand(measured, kind):
    vit, data, found, seen, _ = measured
    agreement, chance, _ = by_hand(vit, data, seen, kind)
    mine = found.values[kind, "agreement"]
    np.testing.assert_allclose(mine.mean, agreement.mean(1))
    np.testing.assert_allclose(mine.deviation, agreement.std(1, ddof=1))
    np.testing.assert_allclose(found.values[kind, "chance"].mean, chance.mean(1), rtol=1e-6)
    assert found.table()[kind].tolist() == mine.mean.tolist()


def test_the_papers_text_and_coefficients_after_the_activation(measured):
    vit, data, found, seen, _ = measured
    words = {"rule": "text", "coefficients": "post"}
    other = key_value_agreement(vit, data, k=K, **words)
    for kind in KINDS:
        agreement, _, _ = by_hand(vit, data, seen, kind, **words)
        np.testing.assert_allclose(other.values[kind, "agreement"].mean, agreement.mean(1))
    rates = (one.values["MLP", "agreement"].mean for one in (found, other))
    assert not np.allclose(*rates)


@pytest.mark.parametrize("kind", KINDS)
def test_single_memories_are_as_counted_by_hand(measured, kind):
    vit, _, found, seen, runs = measured
    for block in range(vit.n_layers):
        directions, values = weights_of(vit.model, kind, block)
        first = (directions @ values).argmax(0)
        shares = []
        for one, run in zip(seen, runs, strict=True):
            says = token_logits(vit.model, getattr(run, KINDS[kind])[block]).argmax(-1)
            tokens = one["attention" if kind == "attention" else "pre"][block]
            called = [largest(token, K) for token in tokens]
            shares.append(
                np.mean([s in first[list(top)] for s, top in zip(says, called, strict=True)])
            )
        assert found.values[kind, "single"].mean[block] == pytest.approx(np.mean(shares))


def test_right_and_wrong_answers_are_compared_at_the_first_token(measured):
    vit, data, _, seen, _ = measured
    with torch.no_grad():
        answers = vit.model(pixels_of(vit, data)).argmax(-1).tolist()
    # the first half of the images is given the class that the model answers
    items = [(data[i].image, answers[i] if i < 3 else (answers[i] + 1) % 7) for i in range(6)]
    known = vl.data.Examples(items, vit.labels)
    found = key_value_agreement(vit, known, k=K)
    for kind in KINDS:
        _, _, first = by_hand(vit, known, seen, kind)
        mine = found.answers[kind]
        np.testing.assert_allclose(mine.right, first[:, :3].mean(1))
        np.testing.assert_allclose(mine.wrong, first[:, 3:].mean(1))
        for block, hits in enumerate(first):
            every = [
                np.mean(hits[list(some)]) - np.mean(np.delete(hits, list(some)))
                for some in combinations(range(6), 3)
            ]
            expected = np.mean(np.array(every) >= every[0] - 1e-9)  # the first is as it is
            assert mine.p[block] == pytest.approx(expected)
    assert found.table("answers")["MLP, right"].tolist() == pytest.approx(
        found.answers["MLP"].right.tolist(), abs=0, nan_ok=True
    )


@pytest.mark.parametrize("kind", KINDS)
def test_class_value_agreement_is_the_largest_cosine(measured, kind):
    vit = measured[0]
    baseline = vl.untrained(vit)
    found = class_value_agreement(vit, baseline=baseline)
    assert len(found.table()["block"]) == vit.n_layers
    for block in range(vit.n_layers):
        scores = {}
        for model in (vit, baseline):
            directions, values = weights_of(model.model, kind, block)
            scores[model] = np.array(
                [
                    [c @ v / np.linalg.norm(c) / np.linalg.norm(v) for v in values.T]
                    for c in directions
                ]
            )
        best = scores[vit].max(1)
        np.testing.assert_allclose(found.best[kind].score[block], best, rtol=1e-5)
        assert found.best[kind].vector[block].tolist() == scores[vit].argmax(1).tolist()
        assert found.values[kind].mean[block] == pytest.approx(best.mean(), rel=1e-5)
        assert found.p[kind][block] == pytest.approx(
            signed_rank_by_hand(best - scores[baseline].max(1)), rel=1e-6
        )
    table = found.classes(1, kind)
    assert table["class"].tolist() == list(vit.labels)
    assert table["score"].tolist() == found.best[kind].score[1].tolist()


def signed_rank_by_hand(differences):
    """The exact one-sided p: over every choice of signs, how often the sum of ranks is as large."""
    n = len(differences)
    ranks = np.argsort(np.argsort(np.abs(differences))) + 1
    signs = np.array(np.meshgrid(*[[0, 1]] * n)).reshape(n, -1)
    return np.mean(ranks @ signs >= ranks @ (differences > 0))


def test_tables_of_memories_name_the_classes_that_they_promote(measured):
    vit = measured[0]
    for kind in KINDS:
        found = value_vectors(vit, 1, kind, k=K)
        directions, values = weights_of(vit.model, kind, 1)
        logits = directions @ values
        table = found.table()
        assert table["logit"].tolist() == sorted(table["logit"], reverse=True)
        for row in table.to_dict("records")[:9]:
            order = sorted(range(len(vit.labels)), key=lambda c: -logits[c, row["vector"]])
            named = [row[f"class {place}"] for place in (1, 2, 3)]
            assert named == [vit.labels[c] for c in order[:3]]
            assert row["logit"] == pytest.approx(logits[order[0], row["vector"]], abs=1e-6)
        by_class = found.classes().to_dict("records")[5]
        assert [by_class[f"vector {n}"] for n in (1, 2, 3)] == np.argsort(-logits[5])[:3].tolist()
        assert (
            found.promoting(vit.labels[5])["vector"][:3].tolist()
            == np.argsort(-logits[5])[:3].tolist()
        )
        first = int(logits[:, 4].argmax())
        assert found.vector(4)["class"][0] == vit.labels[first]


def test_value_vectors_and_coefficients_make_what_is_added():
    """Of other layouts: what multiplies the vectors, and a bias, is what the sub-block adds."""
    models = {
        "Hugging Face": hf_model(),
        "gated": gated("vit_small_patch14_dinov2", mlp_layer=timm.layers.SwiGLU),
        "parallel": timm_model("CLS", block_fn=timm.models.vision_transformer.ParallelScalingBlock),
        "branches": timm_model("CLS", block_fn=timm.models.vision_transformer.ParallelThingsBlock),
    }
    for name, model in models.items():
        vit = vl.load(model)
        trace = vit.trace(torch.randn(2, 3, *vit.image_size), preprocessed=True)
        for kind, site in (("attention", "z"), ("MLP", "mlp_post")):
            coefficients = trace[site, 1].flatten(2)
            summed = coefficients @ vectors_of(vit, kind, 1).T
            scale = trace[KINDS[kind], 1]
            if name == "gated":  # its layer scale stands behind the memories
                scale = scale / getattr(model.blocks[1], f"ls{1 + (kind == 'MLP')}").gamma
            bias = scale - summed  # the same for all tokens
            assert torch.allclose(bias, bias[:1, :1].expand_as(bias), atol=1e-4), (name, kind)


def test_gated_mlps_have_coefficients_after_the_gate_only():
    for layer in (timm.layers.SwiGLU, timm.layers.SwiGLUPacked):
        vit = vl.load(gated(mlp_layer=layer))
        data = examples(vit, 2)
        with refused(vl.UsageError):
            key_value_agreement(vit, data)
        found = key_value_agreement(vit, data, coefficients="post")
        assert found.n_blocks == 3
    plain = vl.load(timm_model("CLS", mlp_ratio=1.0))  # both layers of its MLPs are square
    assert key_value_agreement(plain, examples(plain, 2), k=2).n_images == 2


def test_a_model_without_mlps_has_memories_in_attention_alone():
    vit = vl.load("toy/attn-only-2l")
    assert list(class_value_agreement(vit).values) == ["attention"]
    found = key_value_agreement(vit, vl.world.Scenes(), n_images=2)
    assert found.kinds == ["attention"]
    with refused(vl.UsageError):
        value_vectors(vit, 0)


@pytest.mark.parametrize(
    "special",
    [
        "distillation",
        "scaled attention and MLP norms",
    ],
)
def test_models_whose_memories_are_not_defined_are_refused(special):
    vit = vl.load(timm_model(special))
    with refused(vl.UnsupportedModelError):
        class_value_agreement(vit)
    with refused(vl.UnsupportedModelError):
        key_value_agreement(vit, examples(vit, 2))


def test_classifiers_that_do_not_read_the_stream_are_refused():
    pooled = vl.load(timm_model("CLS", global_pool="map", class_token=False))
    with refused(vl.UnsupportedModelError):
        value_vectors(pooled, 0)
    bare = vl.load(timm_model("CLS", num_classes=0))
    with refused(vl.UsageError):
        value_vectors(bare, 0)


def test_a_run_that_was_stopped_goes_on(tmp_path):
    vit = vl.load(MODELS["CLS"]())
    data = examples(vit, 6)
    whole = key_value_agreement(vit, data)
    key_value_agreement(vit, data, n_images=2, save_to=tmp_path)
    again = key_value_agreement(vit, data, batch_size=3, save_to=tmp_path)
    for key, one in whole.values.items():
        np.testing.assert_allclose(again.values[key].mean, one.mean, rtol=1e-6)
        np.testing.assert_allclose(again.values[key].half, one.half, rtol=1e-6)
    for kind in KINDS:
        for mine, other in zip(whole.answers[kind], again.answers[kind], strict=True):
            np.testing.assert_array_equal(mine, other)
    with refused(vl.UsageError):
        key_value_agreement(vit, data, rule="text", save_to=tmp_path)


def test_published_values_stand_at_their_blocks():
    vit = vl.load(timm_model("CLS", depth=12, embed_dim=24, num_heads=2))
    data = examples(vit, 2)
    assert class_value_agreement(vit).published == key_value_agreement(vit, data).published == {}
    vit.paper = "ViT-B/32"
    found = key_value_agreement(vit, data)
    assert found.table()["attention, Vilas et al. 2023"].tolist() == pytest.approx(
        [np.nan] * 11 + [0.44], nan_ok=True
    )
    assert found.table("single")["MLP, Vilas et al. 2023"][10] == 0.565
    assert class_value_agreement(vit).peaks()["Vilas et al. 2023"].tolist() == pytest.approx(
        [np.nan, 0.327], nan_ok=True
    )


def test_deep_models_are_compared_in_groups_of_blocks():
    """As figure 4 shows ViT-L/16: means over pairs of its 24 blocks."""
    vit = vl.load(timm_model("CLS", depth=24, embed_dim=12, num_heads=2))
    data = examples(vit, 2)
    vit.paper = "ViT-L/16"
    found = key_value_agreement(vit, data)
    table = found.normalised_table()
    for kind in KINDS:
        mean = found.values[kind, "agreement"].mean
        assert table[kind].tolist() == pytest.approx(
            [(mean[2 * i] + mean[2 * i + 1]) / 2 for i in range(12)]
        )
    assert table["MLP, Vilas et al. 2023"].tolist() == pytest.approx(
        [np.nan] * 10 + [0.38, np.nan], nan_ok=True
    )
    assert table["attention, Vilas et al. 2023"].iloc[-1] == 0.37
    assert not any("Vilas" in column for column in found.normalised_table(blocks=8))
    assert not any("Vilas" in column for column in found.normalised_table("single"))
    agreement = class_value_agreement(vit)
    summary = agreement.peaks()
    mlp, attention = (agreement.values[kind].mean for kind in ("MLP", "attention"))
    expected = {
        "attention, last group of 2 blocks": (attention[-2] + attention[-1]) / 2,
        "MLP, group of 2 blocks where it is largest": max(
            (mlp[2 * i] + mlp[2 * i + 1]) / 2 for i in range(12)
        ),
    }
    measured = dict(zip(summary["class-value agreement"], summary["measured"], strict=True))
    assert measured == pytest.approx(expected)
    assert summary["Vilas et al. 2023"].tolist() == [0.174, 0.393]
    pairs = found.values["MLP", "agreement"].mean.reshape(12, 2).mean(1)
    np.testing.assert_allclose(found.normalised("MLP"), pairs)
    with refused(vl.UsageError):
        found.normalised("MLP", blocks=7)
    with refused(vl.UsageError):
        found.normalised("mlp")


def test_wrong_words_are_refused():
    vit = vl.load(MODELS["CLS"]())
    data = examples(vit, 2)
    refusal = {
        "rule": {"rule": "code"},
        "coefficients": {"coefficients": "both"},
        "k must be": {"k": 12},
    }
    for words in refusal.values():
        with refused(vl.UsageError):
            key_value_agreement(vit, data, **words)
    with refused(vl.UsageError):
        key_value_agreement(vit, data).table("rate")
    with refused(vl.UsageError):
        value_vectors(vit, 3)
    with refused(vl.UsageError):
        value_vectors(vit, 0, "heads")
    with refused(vl.UsageError):
        class_value_agreement(vit, baseline=vl.load(MODELS["five blocks"]()))
    with refused(vl.UsageError):
        class_value_agreement(vit, baseline=vl.load(timm_model("CLS", embed_dim=24)))
    with refused(vl.UsageError):
        class_value_agreement(vit, baseline="toy/p32")

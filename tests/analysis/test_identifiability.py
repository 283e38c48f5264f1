"""Class identifiability against the definitions, token by token."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import wilcoxon

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import (
    MODELS,
    examples,
    pixels_of,
    place,
    readout_logits,
    run_one,
    token_logits,
)
from tests.sentences import refused
from tests.small_models import hf_model, timm_model
from vitlens_widgets.analysis import identifiability
from vitlens_widgets.analysis.class_space.signed_rank import counted_differences, signed_rank_p


@pytest.fixture(scope="module", params=MODELS)
def measured(request):
    """A model, its images, and what was found of both, in batches of two."""
    vit = vl.load(MODELS[request.param]())
    data = examples(vit)
    before = {name: weight.clone() for name, weight in vit.model.state_dict().items()}
    baseline = vl.untrained(vit, seed=3)
    found = identifiability(vit, data, baseline=baseline, batch_size=2)
    after = vit.model.state_dict()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
    return vit, data, found, baseline


def by_hand(vit, data):
    """Places of the true class: `[image][state][token]`, and the readout's `[image][state]`."""
    tokens, readout = [], []
    for i, pixels in enumerate(pixels_of(vit, data)):
        states, true = run_one(vit.model, pixels).states, data[i].label
        tokens.append([[place(x, true) for x in token_logits(vit.model, s)] for s in states])
        readout.append([place(readout_logits(vit.model, s), true) for s in states])
    return np.array(tokens), np.array(readout)


def test_every_measure_is_as_counted_by_hand(measured):
    vit, data, found, _ = measured
    tokens, readout = by_hand(vit, data)
    n, prefix = len(vit.labels), vit.layout.n_prefix
    for state in range(vit.n_layers + 1):
        scores, rates, any_first = [], [], []
        for image in range(data.count):
            patches = tokens[image, state, prefix:]
            counted = patches if prefix else patches[1:]  # as released: without the first token
            scores.append(np.mean([1 - place / n for place in patches]))
            rates.append(sum(place == 0 for place in counted) / len(counted))
            any_first.append(any(place == 0 for place in counted))
        expected = {
            "score": scores,
            "rate": rates,
            "images": any_first,
            "readout_score": [1 - place / n for place in readout[:, state]],
            "readout_rate": [place == 0 for place in readout[:, state]],
        }
        for name, values in expected.items():
            one = found.mean(name)
            assert one.mean[state] == pytest.approx(np.mean(values)), name
            assert one.deviation[state] == pytest.approx(np.std(values, ddof=1), abs=1e-7), name
    assert found.rate == found.mean("rate").mean[-1]
    assert found.mean("score").n.tolist() == [data.count] * (vit.n_layers + 1)


def test_the_readout_is_the_models_own_answer(measured):
    vit, data, found, _ = measured
    with torch.no_grad():
        answers = vit.model(pixels_of(vit, data)).argmax(-1).tolist()
    right = [answer == data[i].label for i, answer in enumerate(answers)]
    assert found.mean("readout_rate").mean[-1] == pytest.approx(np.mean(right))


def test_the_test_against_random_weights_is_scipys(measured):
    vit, data, found, baseline = measured
    ours, theirs = by_hand(vit, data)[0], by_hand(baseline, data)[0]
    for name, start in (("all_tokens", 0), ("image_tokens", vit.layout.n_prefix)):
        for state in range(vit.n_layers + 1):
            # places, not scores: differences of scores that are equal are not so in floating point
            higher = (theirs - ours)[:, state, start:].ravel()
            expected = wilcoxon(higher, alternative="greater", method="approx").pvalue
            assert found.p[name][state] == pytest.approx(expected)
    mean = np.mean(1 - theirs[:, -1, vit.layout.n_prefix :] / len(vit.labels))
    assert found.baseline["score"].mean[-1] == pytest.approx(mean)


def test_classes_are_the_means_of_their_images(measured):
    vit, data, found, _ = measured
    tokens, _ = by_hand(vit, data)
    rows = {row["class"]: row for row in found.classes(state=1).to_dict("records")}
    labels = [data[i].label for i in range(data.count)]
    assert set(rows) == {vit.labels[label] for label in labels}
    for label in set(labels):
        mine = [i for i in range(data.count) if labels[i] == label]
        scores = 1 - tokens[mine, 1, vit.layout.n_prefix :] / len(vit.labels)
        row = rows[vit.labels[label]]
        assert (row["images"], row["score"]) == (len(mine), pytest.approx(scores.mean()))
    assert found.classes().to_dict("records") == found.classes(vit.n_layers).to_dict("records")
    with refused(vl.UsageError):
        found.classes(99)


@pytest.mark.parametrize(
    "make",
    [
        lambda: timm_model("distillation"),
        hf_model,
        lambda: hf_model("DeiTForImageClassificationWithTeacher"),
    ],
)
def test_other_libraries_and_readouts_agree_with_the_logit_lens(make):
    vit = vl.load(make(), preprocessing={"mean": (0.4,) * 3, "std": (0.3,) * 3})
    data = examples(vit)
    found = identifiability(vit, data)
    reading = vl.LogitLens(vit).read(vit.trace([data[i].image for i in range(data.count)]))
    for name, read in (("score", reading), ("readout_score", reading.readout)):
        places = [read.rank(data[i].label)[:, i].numpy() - 1 for i in range(data.count)]
        if name == "score":
            places = [one[:, vit.layout.patches].mean(-1) for one in places]
        expected = 1 - np.mean(places, axis=0) / len(vit.labels)
        np.testing.assert_allclose(found.mean(name).mean, expected)


def test_the_papers_text_counts_the_first_patch_too():
    vit = vl.load(MODELS["post-norm"]())
    data = examples(vit)
    tokens, _ = by_hand(vit, data)
    text = identifiability(vit, data, rule="text")
    assert text.rate == pytest.approx((tokens[:, -1] == 0).mean())


def test_deep_models_are_read_in_groups_of_blocks():
    vit = vl.load(MODELS["CLS"]())
    found = identifiability(vit, examples(vit))
    means = found.mean("score").mean
    assert found.normalised("score", blocks=1) == pytest.approx([means[1:].mean()])
    assert found.normalised("score", blocks=3) == pytest.approx(means[1:])
    with refused(vl.UsageError):
        found.normalised(blocks=2)
    deep = vl.load(timm_model("CLS", depth=6))
    found = identifiability(deep, examples(deep, 2))
    means = found.mean("readout_score").mean
    pairs = [(means[1] + means[2]) / 2, (means[3] + means[4]) / 2, (means[5] + means[6]) / 2]
    assert found.normalised("readout_score", blocks=3) == pytest.approx(pairs)


def test_counted_differences_give_scipys_p():
    rng = np.random.default_rng(1)
    for shift in (-2, 0, 1):
        ours, theirs = rng.integers(0, 20, (2, 60))
        ours = np.clip(ours + shift, 0, 20)
        p = signed_rank_p(counted_differences(ours, theirs, 20))
        words = {"alternative": "greater", "method": "approx"}
        assert p == pytest.approx(wilcoxon(ours, theirs, **words).pvalue)
    assert np.isnan(signed_rank_p(counted_differences(ours, ours, 20)))


def test_published_values_stand_beside_the_papers_models_only():
    vit = vl.load(MODELS["CLS"]())
    data = examples(vit)
    found = identifiability(vit, data)
    assert found.published == {}
    assert not any("Vilas" in column for column in [*found.table(), *found.rates()])
    vit.paper = "ViT-B/32"
    assert vl.untrained(vit).paper == ""
    found = identifiability(vit, data)
    assert found.rates()["Vilas et al. 2023"].tolist() == [0.60726, 0.95582, 0.8171]
    assert found.published["rate"].tolist()[-1] == 0.60726
    random = dataclasses.replace(found, baseline=found.values).rates()
    assert random["random weights, Vilas et al. 2023"].tolist() == [
        0.000664,
        0.01275,
        pytest.approx(np.nan, nan_ok=True),
    ]


def test_tables_say_what_was_measured(measured):
    vit, _, found, _ = measured
    table = found.table()
    assert table["state"].tolist() == vit.state_names
    assert table["rate"].tolist() == pytest.approx(found.mean("rate").mean)
    assert table["p, all tokens"].tolist() == pytest.approx(found.p["all_tokens"])
    assert found.rates()["measured"][0] == pytest.approx(found.rate)
    with refused(vl.UsageError):
        found.mean("scores")


@pytest.mark.parametrize(
    "words",
    [
        {"rule": "code"},
        {"baseline": "random"},
        {"baseline": "five blocks"},
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(words):
    vit = vl.load(MODELS["CLS"]())
    if words.get("baseline") in MODELS:
        words = {"baseline": vl.load(MODELS[words["baseline"]]())}
    with refused(vl.UsageError):
        identifiability(vit, examples(vit), **words)


def test_a_baseline_of_larger_patches_is_refused():
    """The same grid, of images that are twice as large."""
    vit = vl.load(MODELS["CLS"]())
    larger = vl.load(timm_model("CLS", img_size=(96, 160), patch_size=32))
    assert larger.layout == vit.layout
    with refused(vl.UsageError):
        identifiability(vit, examples(vit), baseline=larger)


def test_logits_that_are_no_numbers_are_refused():
    model = MODELS["CLS"]()
    vit = vl.load(model)
    with torch.no_grad():
        model.head.bias[3] = float("inf")
        model.head.bias[4] = float("nan")
    with refused(vl.UsageError):
        identifiability(vit, examples(vit))

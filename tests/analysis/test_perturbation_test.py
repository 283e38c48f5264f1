"""Patches removed by relevance, one image and one number of patches at a time, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import t as student

import vitlens_widgets as vl
from tests.analysis import relevance_oracle as oracle
from tests.analysis.class_space_oracle import MODELS, examples, pixels_of
from tests.analysis.test_stream import Interrupted
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import perturbation_test, relevance, removal_curves
from vitlens_widgets.analysis.relevance import (
    ClassEmbedding,
    growing_removal_curves,
    removal_shares,
)
from vitlens_widgets.analysis.relevance.auc import area

METHODS = ["class_embedding", "chefer"]


@pytest.fixture(scope="module", params=["CLS", "mean of patches", "registers and layer scale"])
def measured(request):
    """A model, its images, what was found in batches of two, and what is counted by hand."""
    vit = vl.load(MODELS[request.param]())
    data = examples(vit)
    before = {name: weight.clone() for name, weight in vit.model.state_dict().items()}
    found = perturbation_test(vit, data, methods=METHODS, n_random=2, batch_size=2)
    after = vit.model.state_dict()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
    assert all(weight.grad is None for weight in vit.model.parameters())
    return vit, data, found, by_hand(vit, data)


def by_hand(vit, data):
    """Logits by curve, `[image][kept - 1]`, and of all patches, `[image]`."""
    model, first, n = vit.model, vit.layout.n_prefix, vit.layout.n_patches
    prefix = list(range(first))
    found, whole = {}, []
    for i, pixels in enumerate(pixels_of(vit, data)):
        run, true = oracle.Pass(model, pixels), data[i].label
        whole.append(run.logits.detach())
        by_method = {
            "class_embedding": oracle.class_embedding(run, true, "released", "cross-entropy"),
            "chefer": oracle.chefer(run, true)[0],
        }
        orders = {}
        for method, values in by_method.items():
            importance = values.sum((0, 1)) if values.ndim == 3 else values
            falling = importance[first:].topk(n)[1].tolist()
            orders |= {f"{method}_negative": falling, f"{method}_positive": falling[::-1]}
        for seed in range(2):
            orders[f"random {seed}"] = torch.randperm(n, generator=torch.manual_seed(seed)).tolist()
        for name, order in orders.items():
            kept = [prefix + [first + p for p in order[:count]] for count in range(1, n)]
            rows = [oracle.logits_of_kept(model, run.states[0], tokens) for tokens in kept]
            found.setdefault(name, []).append(rows)
    return found, whole


def right(rows, data):
    """`[image, kept - 1]`: whether the true class comes first."""
    return np.array(
        [[float(row.argmax() == data[i].label) for row in of] for i, of in enumerate(rows)]
    )


def test_accuracy_is_as_counted_one_image_and_one_number_at_a_time(measured):
    vit, data, found, (logits, whole) = measured
    assert found.kept.tolist() == list(range(vit.layout.n_patches - 1, 0, -1))
    for method in METHODS:
        for order in ("negative", "positive"):
            hits = right(logits[f"{method}_{order}"], data)[:, ::-1]
            one = found.curve(f"{method}_{order}")
            np.testing.assert_allclose(one.mean, hits.mean(0), atol=1e-12)
            half = hits.std(0, ddof=1) / np.sqrt(len(hits)) * student.ppf(0.975, len(hits) - 1)
            np.testing.assert_allclose(one.half, half, atol=1e-9)
            sure = np.array(
                [
                    [row.softmax(-1)[data[i].label].item() for row in of]
                    for i, of in enumerate(logits[f"{method}_{order}"])
                ]
            )[:, ::-1]
            mean = found.probability[f"{method}_{order}"].mean
            np.testing.assert_allclose(mean, sure.mean(0), atol=1e-5)
    by_seed = [right(logits[f"random {seed}"], data).mean(0)[::-1] for seed in range(2)]
    np.testing.assert_allclose(found.random_orders, by_seed, atol=1e-12)
    np.testing.assert_allclose(found.curve("random").mean, np.mean(by_seed, 0), atol=1e-12)
    assert found.all_patches.mean == pytest.approx(right([[one] for one in whole], data).mean())


def test_the_area_is_the_released_formula_or_a_plain_mean(measured):
    vit, data, found, (logits, _) = measured
    n = vit.layout.n_patches
    assert list(found.auc["released"]) == list(found.accuracy)
    for name in ("chefer_negative", "class_embedding_positive"):
        accuracy = right(logits[name], data).mean(0)
        mean = found.auc["mean"][name]
        assert mean.mean == pytest.approx(accuracy.mean())
        each = right(logits[name], data).mean(1)
        assert mean.deviation == pytest.approx(each.std(ddof=1))
        if accuracy.max() > 0:
            released = accuracy.sum() / (accuracy.max() * n)
            assert found.auc["released"][name].mean == pytest.approx(released)
    rows = {row["patches removed by"]: row for row in found.table("mean").to_dict("records")}
    assert rows["random"]["AUC (mean)"] == pytest.approx(found.random_orders.mean())
    with refused(vl.UsageError):
        found.table("text")


def test_areas_have_the_jackknifes_intervals():
    rng = np.random.default_rng(0)
    falling = np.linspace(0.9, 0.1, 12)
    hits = (rng.random((300, 1)) < falling).astype(float)

    def value(of, how):
        found = area(len(of), of.sum(0), of.T @ of, 13, how)
        return found.mean, found.half

    for how in ("released", "mean"):
        mean, half = value(hits, how)
        without = [value(np.delete(hits, i, 0), how)[0] for i in range(len(hits))]
        error = np.std(without) * np.sqrt(len(hits) - 1)
        assert half == pytest.approx(1.968 * error, rel=0.02)
        curve = hits.mean(0)
        expected = curve.sum() / (curve.max() * 13) if how == "released" else curve.mean()
        assert mean == pytest.approx(expected)
    assert np.isnan(value(np.zeros((5, 12)), "released")).all()
    assert value(np.zeros((5, 12)), "mean") == (0, 0)
    assert np.isnan(value(hits[:1], "mean")[1])


def test_a_flat_curves_area_is_the_share_of_points_as_released():
    hits = np.ones((6, 48))
    found = area(6, hits.sum(0), hits.T @ hits, 49, "released")
    assert found.mean == pytest.approx(48 / 49)


@pytest.fixture(scope="module")
def vit():
    return vl.load(MODELS["CLS"]())


def same(one, other):
    for name in one.accuracy:
        for field in ("mean", "deviation", "half", "n"):
            ours, theirs = (getattr(found.accuracy[name], field) for found in (one, other))
            np.testing.assert_array_equal(ours, theirs)
            for how in ("released", "mean"):
                np.testing.assert_array_equal(
                    getattr(one.auc[how][name], field), getattr(other.auc[how][name], field)
                )
    np.testing.assert_array_equal(one.random_orders, other.random_orders)


def test_a_run_that_was_stopped_goes_on_to_the_same_numbers(vit, tmp_path):
    data, words = examples(vit, 6), {"n_points": 5, "n_random": 2, "batch_size": 2}
    whole = perturbation_test(vit, data, **words)
    stopped = Interrupted(data, 3)
    with pytest.raises(KeyboardInterrupt):
        perturbation_test(vit, stopped, save_to=tmp_path, **words)
    same(perturbation_test(vit, stopped, save_to=tmp_path, **words), whole)
    for other in ({"target": "answer"}, {"n_points": 4}, {"methods": ["rollout"]}, {"n_random": 3}):
        with refused(vl.UsageError):
            perturbation_test(vit, data, save_to=tmp_path, **{**words, **other})


def test_fewer_points_are_some_of_the_curve(vit):
    data, words = examples(vit, 3), {"methods": ["chefer"], "n_random": 1}
    every = perturbation_test(vit, data, **words)
    some = perturbation_test(vit, data, n_points=5, **words)
    assert some.kept.tolist() == [14, 11, 8, 4, 1]
    at = [every.kept.tolist().index(count) for count in some.kept]
    np.testing.assert_array_equal(
        some.curve("chefer_negative").mean, every.curve("chefer_negative").mean[at]
    )


def test_the_numbers_do_not_depend_on_the_batches(vit):
    data, words = examples(vit, 5), {"n_points": 4, "n_random": 2}
    one, all_ = (perturbation_test(vit, data, batch_size=n, **words) for n in (1, 5))
    for name in one.accuracy:
        np.testing.assert_array_equal(one.accuracy[name].mean, all_.accuracy[name].mean)
        for field in ("mean", "half"):
            ours, theirs = (getattr(found.probability[name], field) for found in (one, all_))
            np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def test_the_models_own_answer_may_be_what_relevance_is_about(vit):
    data = examples(vit, 4)
    found = perturbation_test(
        vit, data, target="answer", methods=["chefer"], n_random=0, n_points=3
    )
    assert list(found.accuracy) == ["chefer_negative", "chefer_positive"]
    assert found.random_orders.shape == (0, 3)
    pixels = pixels_of(vit, data)
    chosen = relevance(vit.trace(pixels, preprocessed=True), method="chefer")
    curves = removal_curves(vit.trace(pixels, preprocessed=True), chosen, n_points=3, n_random=0)
    true = np.array([data[i].label for i in range(4)])
    hits = (curves.answers["negative"] == true[:, None])[:, 1:]
    np.testing.assert_array_equal(found.curve("chefer_negative").mean, hits.mean(0))
    assert (chosen.target != true).any()  # of which maps of the true class are others
    other = perturbation_test(vit, data, methods=["chefer"], n_random=0, n_points=3)
    sure = np.zeros(3)
    for i, label in enumerate(true):
        order = np.argsort(-chosen.tokens[i, 1:], kind="stable")
        for point, count in enumerate(found.kept):
            gone = [1 + int(patch) for patch in order[count:]]
            edits = [vl.edits.DropTokens(gone)]
            left = vit.trace(pixels[[i]], edits=edits, preprocessed=True).logits[0]
            sure[point] += left.softmax(-1)[label].item() / len(true)
    np.testing.assert_allclose(found.probability["chefer_negative"].mean, sure, rtol=1e-4)
    assert not np.allclose(other.probability["chefer_negative"].mean, sure, rtol=1e-3)


def test_no_more_tokens_run_at_once_than_were_traced(vit, monkeypatch):
    ran, run_block = [], type(vit.adapter).run_block

    def counting(self, layer, state):
        ran.append(state.shape[0] * state.shape[1])
        return run_block(self, layer, state)

    monkeypatch.setattr(type(vit.adapter), "run_block", counting)
    perturbation_test(
        vit, examples(vit, 9), methods=["rollout"], n_random=5, n_points=6, batch_size=9
    )
    assert max(ran) <= 9 * vit.layout.n_tokens
    assert max(ran) > 8 * vit.layout.n_tokens  # and not one image after the other


def test_published_areas_stand_beside_the_papers_model_only(vit):
    data = examples(vit, 2)
    plain = perturbation_test(vit, data, methods=["chefer", "rollout"], n_points=2, n_random=1)
    assert plain.published == {}
    assert not any("Vilas" in column for column in plain.table())
    other = vl.load(MODELS["CLS"]())
    other.paper = "ViT-B/32"
    found = perturbation_test(other, data, methods=["chefer", "rollout"], n_points=2, n_random=1)
    assert found.table()["Vilas et al. 2023"].tolist() == pytest.approx(
        [0.84540, 0.39287, np.nan, np.nan, 0.71589], nan_ok=True
    )
    assert "Vilas et al. 2023" not in found.table("mean")


@pytest.mark.parametrize("special", ["CLS", "mean of patches", "distillation"])
def test_curves_of_single_images(special):
    vit = vl.load(timm_model(special))
    pixels = pixels_for(vit.image_size)
    trace = vit.trace(pixels, preprocessed=True)
    found = relevance(trace, [3, 7], method="rollout")
    curves = removal_curves(trace, found, n_random=2)
    layout = vit.layout
    assert curves.removed == pytest.approx(np.arange(layout.n_patches) / layout.n_patches)
    probability = trace.logits.softmax(-1)
    for kind in ("negative", "positive", "random"):
        np.testing.assert_allclose(
            curves.probability[kind][:, 0], probability[[0, 1], [3, 7]], rtol=1e-5
        )
    for image, cls in enumerate([3, 7]):
        falling = np.argsort(-found.tokens[image, layout.patches], kind="stable")
        for kind, order in (("negative", falling), ("positive", falling[::-1])):
            for point in (1, layout.n_patches // 2, layout.n_patches - 1):
                kept = [layout.n_prefix + p for p in order[: layout.n_patches - point]]
                gone = sorted(set(range(layout.n_prefix, layout.n_tokens)) - set(kept))
                edit = vl.edits.DropTokens(gone)
                left = vit.trace(pixels[[image]], edits=[edit], preprocessed=True).logits[0]
                assert curves.probability[kind][image, point] == pytest.approx(
                    left.softmax(-1)[cls].item(), rel=1e-4
                )
                assert curves.answers[kind][image, point] == left.argmax()
    row = curves.table(1).to_dict("records")[0]
    assert row["answer, negative"] == vit.labels[int(trace.logits[1].argmax())]


def test_curves_can_be_had_as_they_grow():
    vit = vl.load(timm_model("distillation"))
    trace = vit.trace(pixels_for(vit.image_size, 3), preprocessed=True)
    found = relevance(trace, [3, 7, 0], method="rollout")
    whole = removal_curves(trace, found, n_points=4, n_random=2)
    grown = list(growing_removal_curves(trace, found, 1, n_points=4, n_random=2))
    np.testing.assert_array_equal(removal_shares(vit.layout.n_patches, 4), whole.removed)
    assert len(grown) == 5
    for n, one in enumerate(grown, 1):
        assert one.target.tolist() == [7]
        np.testing.assert_array_equal(one.removed, whole.removed[:n])
        for kind, values in whole.probability.items():
            np.testing.assert_allclose(one.probability[kind], values[[1], :n], rtol=1e-5)
        for kind, values in whole.answers.items():
            np.testing.assert_array_equal(one.answers[kind], values[[1], :n])
    with refused(vl.UsageError):
        growing_removal_curves(trace, found, 3)


def test_what_does_not_fit_is_said_in_a_sentence(vit):
    data = examples(vit, 2)
    for words in [
        {"methods": ["chefer", "chefer"]},
        {"methods": ["cheffer"]},
        {"methods": None},
        {"target": "cat"},
        {"n_points": 15},
        {"n_random": -1},
        {"n_random": 0, "methods": []},
    ]:
        with refused(vl.UsageError):
            perturbation_test(vit, data, **words)
    with refused(vl.UsageError):
        perturbation_test("toy/p32", data)
    found = perturbation_test(vit, data, methods=ClassEmbedding("text"), n_random=1, n_points=2)
    assert next(iter(found.accuracy)) == "class_embedding_text_negative"
    with refused(vl.UsageError):
        found.curve("chefer_negative")


def test_curves_need_the_whole_sequence_and_its_own_relevance(vit):
    pixels = pixels_for((48, 80))
    trace = vit.trace(pixels, preprocessed=True)
    found = relevance(trace, 3, method="rollout")
    edited = vit.trace(pixels, edits=[vl.edits.DropTokens([3])], preprocessed=True)
    for given, with_ in [
        (edited, found),
        (trace, found.tokens),
        (vit.trace(pixels[:1], preprocessed=True), found),
    ]:
        with refused(vl.UsageError):
            removal_curves(given, with_)


def test_blocks_that_place_their_tokens_are_refused():
    from tests.zoo_sweep.small_timm import small

    model = small("eva02_tiny_patch14_224", num_classes=5)
    vit = vl.load(model.eval())
    with refused(vl.UsageError):
        perturbation_test(vit, examples(vit, 1))

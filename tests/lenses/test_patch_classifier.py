"""Classes taught by examples against NumPy: fits, readouts, what is left out, scores, files."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.metrics import jaccard_score

import vitlens_widgets as vl
from tests.lenses import taught_by_hand as oracle
from tests.sentences import refused
from tests.small_models import mae_model, pixels_for, shaken, timm_model
from tests.zoo_sweep import small_hf
from vitlens_widgets.lenses import Teaching
from vitlens_widgets.lenses.segmentation import pixel_labels

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

EXAMPLES = {
    "⛑️ helmet": [(0, (1, 2)), (1, (2, 4)), (0, (2, 0))],
    "flag": [(1, (0, 0)), (0, (0, 3))],
    "grey wall 🧱": [(2, (1, 1))],
}


def traced(n_images=3, special="CLS", **words):
    vit = vl.load(timm_model(special, num_classes=0, **words))
    return vit.trace(pixels_for(vit.image_size, n_images), preprocessed=True)


@pytest.fixture(scope="module")
def trace():
    return traced()


@pytest.fixture(scope="module")
def fitted(trace):
    return vl.PatchClassifier(trace.vit, trace).fit(EXAMPLES)


def test_a_class_is_the_mean_direction_of_its_examples(trace, fitted):
    reading = vl.LogitLens(trace.vit.taught(fitted)).read(trace)
    own = oracle.units_of(trace, -1, EXAMPLES)
    for k in range(trace.n_states):
        expected = oracle.prototype_logits(own, oracle.unit(oracle.normed(trace, k)))
        np.testing.assert_allclose(reading.logits(k), expected, rtol=0, atol=1e-4)
    assert list(reading.labels) == ["helmet", "flag", "grey wall"]
    assert reading.labels.emoji == ("⛑️", "🚩", "🧱")


@pytest.mark.parametrize("rule", ["share", "mean", "best"])
@pytest.mark.parametrize("special", ["CLS", "four registers and layer scale"])
def test_the_readout_is_what_the_patches_answer(rule, special):
    trace = traced(special=special)
    vit = trace.vit
    classifier = vl.PatchClassifier(vit, trace, readout=rule).fit(EXAMPLES)
    twin = vit.taught(classifier)
    own = oracle.units_of(trace, -1, EXAMPLES)
    patches = oracle.unit(oracle.normed(trace, -1))[:, vit.layout.patches]
    expected = oracle.image_probabilities(oracle.prototype_logits(own, patches), rule)
    again = twin.trace(pixels_for(vit.image_size, 3), preprocessed=True)
    for logits in (again.logits, trace.answered_by(twin).logits):
        np.testing.assert_allclose(logits.softmax(-1), expected, rtol=0, atol=1e-5)
    assert again.vit is twin
    assert trace.logits is None  # the model itself was not taught anything
    assert not vit.adapter.has_classifier
    assert vl.check_adapter(twin)["exact"].all()


def test_weights_of_the_readout_are_on_patches_alone(trace):
    for rule in ("share", "mean"):
        classifier = vl.PatchClassifier(trace.vit, trace, readout=rule).fit(EXAMPLES)
        twin = trace.vit.taught(classifier)
        with torch.no_grad():
            weights = twin.adapter.readout_weights(trace.states[-1])
        torch.testing.assert_close(weights, torch.tensor([[0.0] + [1 / 15] * 15] * 3))
        own = trace.answered_by(twin)
        for image, of_image in enumerate(weights.numpy()):
            rows = vl.analysis.heads.rollout(own, image)[-1]
            found = vl.analysis.heads.readout_row(own, rows, image)
            np.testing.assert_allclose(found, of_image @ rows, rtol=0, atol=1e-6)


def test_the_best_patch_is_another_one_for_each_class(trace):
    """So that no weights stand for it, whatever class is asked, and no map can begin with them."""
    twin = trace.vit.taught(vl.PatchClassifier(trace.vit, trace, readout="best").fit(EXAMPLES))
    own = trace.answered_by(twin)
    best = twin.adapter.token_logits(trace.states[-1])[:, 1:].argmax(1)  # [image, class]
    assert (best != best[:, :1]).any(1).all()
    for method in ("chefer", "gradient_rollout", "rollout"):
        with refused(vl.UsageError):
            vl.analysis.relevance(own, "flag", method=method)
    rows = vl.analysis.heads.rollout(own)[-1]
    with refused(vl.UsageError):
        vl.analysis.heads.readout_row(own, rows)
    maps = [vl.analysis.relevance(own, target).tokens for target in range(3)]
    assert all(np.abs(maps[i] - maps[i - 1]).max() > 0.01 for i in range(3))


@pytest.mark.parametrize(("n", "c"), [(3, 100), (2, 50)])  # two are binomial: half of its C
def test_the_logistic_regression_is_the_one_of_its_formula(trace, n, c):
    """Minimised by hand: cross-entropy, every class weighing the same, and |W|^2 / (2 C)."""
    examples = dict(list(EXAMPLES.items())[:n])
    classifier = vl.PatchClassifier(trace.vit, trace, method="logistic").fit(examples)
    own = oracle.units_of(trace, -1, examples)
    x = np.concatenate(list(own.values()))
    y = np.repeat(np.arange(n), [len(v) for v in own.values()])
    weigh = len(y) / (n * np.bincount(y))[y]

    def cost(flat):
        w, b = flat[:-n].reshape(n, -1), flat[-n:]
        p = oracle.softmax(x @ w.T + b)
        off = (p - np.eye(n)[y]) * weigh[:, None]
        value = -(weigh * np.log(p[np.arange(len(y)), y])).sum() + (w**2).sum() / (2 * c)
        return value, np.concatenate([(off.T @ x + w / c).ravel(), off.sum(0)])

    best = minimize(cost, np.zeros(n * x.shape[1] + n), jac=True, tol=1e-12)
    w, b = best.x[:-n].reshape(n, -1), best.x[-n:]
    patches = oracle.unit(oracle.normed(trace, -1))
    found = vl.LogitLens(trace.vit.taught(classifier)).read(trace).logits(3).softmax(-1)
    np.testing.assert_allclose(found, oracle.softmax(patches @ w.T + b), rtol=0, atol=2e-3)


def test_two_classes_by_logistic_regression_answer_alike_whichever_comes_first(trace):
    pair = {name: EXAMPLES[name] for name in ("⛑️ helmet", "flag")}
    found = [
        vl.LogitLens(
            trace.vit.taught(vl.PatchClassifier(trace.vit, trace, method="logistic").fit(examples))
        )
        .read(trace)
        .probability("flag")
        for examples in (pair, dict(reversed(pair.items())))
    ]
    torch.testing.assert_close(*found, rtol=0, atol=1e-4)
    assert (found[0] > 0.5).any()
    assert (found[0] < 0.5).any()


def test_each_example_is_left_out_in_turn(trace, fitted):
    found, final = fitted.held_out(), oracle.units_of(trace, -1, EXAMPLES)
    assert found.classes.tolist() == [0, 0, 0, 1, 1, 2]
    for k in range(trace.n_states):
        own = oracle.units_of(trace, k, EXAMPLES)
        assert found.by_state[k].tolist() == oracle.left_out(own, own)
        assert found.by_final[k].tolist() == oracle.left_out(final, own)
    right = (found.by_state == found.classes)[:, :5].mean(1)  # the last is alone in its class
    np.testing.assert_allclose(found.state_agreement, right)
    assert found.tested.tolist() == [True] * 5 + [False]
    assert found.chance == 1 / 3


def test_what_is_left_out_of_a_logistic_regression_is_unknown_to_it(trace):
    examples = {name: pairs for name, pairs in EXAMPLES.items() if len(pairs) > 1}
    classifier = vl.PatchClassifier(trace.vit, trace, method="logistic").fit(examples)
    found = classifier.held_out().by_final[1]
    names = list(examples)
    for i, (name, gone) in enumerate((n, p) for n, pairs in examples.items() for p in pairs):
        rest = {n: [p for p in pairs if p != gone] for n, pairs in examples.items()}
        without = vl.PatchClassifier(trace.vit, trace, method="logistic").fit(rest)
        logits = vl.LogitLens(trace.vit.taught(without)).read(trace).logits(1)
        assert names[found[i]] == names[int(logits[gone[0], trace.layout.find(gone[1])].argmax())]
        assert name in names


def test_one_class_answers_everywhere(trace):
    one = vl.PatchClassifier(trace.vit, trace).fit({"helmet": [(0, (1, 2)), (0, (1, 3))]})
    twin = trace.vit.taught(one)
    assert (vl.LogitLens(twin).read(trace).probability("helmet") == 1).all()
    assert np.isfinite(one.held_out().state_agreement).all()
    with refused(vl.UsageError):
        vl.PatchClassifier(trace.vit, trace, method="logistic").fit({"helmet": [(0, (1, 2))]})


def test_everything_that_reads_the_readout_reads_the_patches(trace, fitted):
    twin = trace.vit.taught(fitted)
    pixels = pixels_for(twin.image_size, 1)
    whole = twin.trace(pixels, preprocessed=True)
    # an edit of CLS after the last attention changes nothing that is read
    late = [vl.edits.Add("mlp_out", 2, torch.ones(48), token=0)]
    torch.testing.assert_close(whole.rerun(late).logits, whole.logits)
    edit = [vl.edits.Zero("z", 1, head=2)]
    edited = twin.trace(pixels, preprocessed=True, edits=edit)
    torch.testing.assert_close(whole.rerun(edit).logits, edited.logits, rtol=0, atol=1e-5)
    last = [vl.edits.Zero("resid_post", 2, token=4)]
    torch.testing.assert_close(
        twin.trace(pixels, preprocessed=True, edits=last).logits, whole.rerun(last).logits
    )
    grad = twin.trace(pixels, preprocessed=True, grad=True)
    (slope,) = torch.autograd.grad(grad.logits[0, 1], grad["resid_pre", 2])
    assert slope[0, 1:].abs().sum() > 0
    for method in ("chefer", "class_embedding_logit", "rollout"):
        found = vl.analysis.relevance(whole, "flag", method=method)
        assert np.ptp(found.patches()) > 0
    assert len(vl.untrained(twin).labels) == 3
    assert vl.untrained(twin).readout.name == "share of patches"
    with refused(vl.UsageError):
        vl.FrozenNormLens(twin)


def test_dropped_patches_answer_nothing(trace, fitted):
    twin = trace.vit.taught(fitted)
    drop = np.zeros((3, 5), bool)
    drop[0] = True
    pixels = pixels_for(twin.image_size, 2)
    some = twin.trace(pixels, preprocessed=True, edits=[vl.edits.DropTokens(drop)])
    own = oracle.units_of(trace, -1, EXAMPLES)
    patches = oracle.unit(oracle.normed(some, -1))[:, 1:]
    expected = oracle.softmax(oracle.prototype_logits(own, patches)).mean(1)
    np.testing.assert_allclose(some.logits.softmax(-1), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        mae_model,
        lambda: shaken(small_hf.small("SiglipVisionModel")),
        lambda: shaken(small_hf.small("CLIPVisionModelWithProjection")),
        lambda: shaken(small_hf.small("Dinov2ForImageClassification")),
        lambda: timm_model("distillation"),
        lambda: timm_model("mean of patches, norm before"),
    ],
)
def test_models_of_every_pooling_are_taught(make):
    vit = vl.load(make())
    trace = vit.trace(pixels_for(vit.image_size, 2), preprocessed=True)
    examples = {"one": [(0, (0, 0)), (1, (1, 2))], "other": [(1, (0, 1)), (1, (2, 2))]}
    twin = vit.taught(vl.PatchClassifier(vit, trace).fit(examples))
    again = twin.trace(pixels_for(vit.image_size, 2), preprocessed=True)
    torch.testing.assert_close(again.logits, trace.answered_by(twin).logits, rtol=0, atol=1e-5)
    final = vl.LogitLens(twin).read(again).readout.logits(vit.n_layers)
    torch.testing.assert_close(final, again.logits, rtol=0, atol=1e-5)


def test_examples_may_name_their_pictures():
    vit = vl.load(timm_model("CLS", num_classes=0))
    rng = np.random.default_rng(3)
    pictures = [rng.integers(0, 256, (48, 80, 3), dtype=np.uint8) for _ in range(2)]
    named = {"a": [(pictures[0], (1, 2)), (pictures[1], 9)], "b": [(pictures[0], (0, 0))]}
    by_index = {"a": [(0, (1, 2)), (1, 9)], "b": [(0, (0, 0))]}
    one = vl.PatchClassifier(vit).fit(named)
    other = vl.PatchClassifier(vit, pictures).fit(by_index)
    torch.testing.assert_close(one.classifier.weight, other.classifier.weight)
    assert one.examples == other.examples


def test_masks_score_the_classes(trace, fitted):
    truth = np.random.default_rng(5).integers(-1, 3, (3, 6, 10)).repeat(4, 1).repeat(4, 2)
    twin = trace.vit.taught(fitted)
    chances = vl.LogitLens(twin).read(trace).logits(3)[:, 1:].softmax(-1)
    given = pixel_labels(chances, (3, 5), (24, 40))
    table = fitted.score(truth).set_index("class")
    for index, name in enumerate(fitted.labels):
        iou = jaccard_score((truth == index).ravel(), (given == index).ravel())
        assert table.loc[name, "IoU"] == pytest.approx(iou)
        right = (given == index)[truth == index].mean()
        assert table.loc[name, "accuracy"] == pytest.approx(right)
    assert table.loc["mean", "IoU"] == pytest.approx(table["IoU"][:3].mean())
    by_name = fitted.score({"flag": truth == 1}).set_index("class")
    assert by_name.loc["flag", "IoU"] == table.loc["flag", "IoU"]


def test_it_is_saved_and_loaded(trace, fitted, tmp_path):
    path = tmp_path / "classifier.safetensors"
    for classifier in (
        fitted,
        vl.PatchClassifier(trace.vit, trace, method="logistic", readout="best").fit(EXAMPLES),
    ):
        classifier.save(path)
        again = vl.PatchClassifier.load(path, trace.vit)
        assert again.labels == classifier.labels
        assert again.examples == classifier.examples
        assert (again.method, again.readout) == (classifier.method, classifier.readout)
        answers = [trace.answered_by(trace.vit.taught(c)).logits for c in (classifier, again)]
        torch.testing.assert_close(*answers)
        np.testing.assert_array_equal(again.held_out().by_state, classifier.held_out().by_state)
    with refused(vl.UsageError):
        again.score(np.zeros((3, 24, 40), int))
    other = vl.load(timm_model("four registers and layer scale"))
    with refused(vl.UsageError):
        vl.PatchClassifier.load(path, other)
    with refused(vl.UsageError):
        other.taught(again)
    vl.LogitLens(trace.vit.taught(fitted)).save(tmp_path / "lens.safetensors")
    with refused(vl.UsageError):
        vl.PatchClassifier.load(tmp_path / "lens.safetensors", trace.vit)
    with refused(vl.UsageError):
        vl.Lens.load(path, trace.vit)


def test_a_file_needs_its_model(trace, fitted, tmp_path):
    fitted.save(tmp_path / "c.safetensors")
    vl.LogitLens(trace.vit.taught(fitted)).save(tmp_path / "l.safetensors")
    for load in (
        lambda: vl.PatchClassifier.load(tmp_path / "c.safetensors"),
        lambda: vl.PatchClassifier.load("no such file"),
        lambda: vl.Lens.load(tmp_path / "l.safetensors"),
    ):
        with refused(vl.UsageError):
            load()


def test_what_was_taught_is_of_the_weights_that_taught_it(tmp_path):
    path = tmp_path / "classifier.safetensors"
    trace = traced()
    vit = trace.vit
    fitted = vl.PatchClassifier(vit, trace).fit(EXAMPLES)
    fitted.save(path)
    loaded = vl.PatchClassifier.load(path, vit)
    before = vit.taught(loaded).trace(pixels_for(vit.image_size, 1), preprocessed=True).logits
    masks = {"flag": np.ones((3, 24, 40), bool)}
    pixels = trace.pictures
    with torch.no_grad():
        vit.model.norm.weight.mul_(-1)
    for classifier in (fitted, loaded):
        for ask in (
            vit.taught,
            lambda one: one.save(tmp_path / "other.safetensors"),
            lambda one: one.score(masks, pixels),
        ):
            with refused(vl.UsageError):
                ask(classifier)
    assert not (tmp_path / "other.safetensors").exists()
    with refused(vl.UsageError):
        vl.PatchClassifier.load(path, vit)
    same = vl.load(timm_model("CLS", num_classes=0))
    again = same.taught(vl.PatchClassifier.load(path, same))
    found = again.trace(pixels_for(vit.image_size, 1), preprocessed=True).logits
    torch.testing.assert_close(found, before)


def test_a_file_is_for_the_model_whatever_else_it_answers(trace, fitted, tmp_path):
    """Other classes that were taught, given or prompted do not change what the patches are."""
    path, vit = tmp_path / "classifier.safetensors", trace.vit
    twin = vit.taught(vl.PatchClassifier(vit, trace, readout="mean").fit({"a": [(0, 1)]}))
    given = vl.load(vit.model, classifier=(torch.randn(4, vit.width), None))
    for taught_on, loaded_for in ((vit, twin), (twin, vit), (vit, given), (given, vit)):
        one = vl.PatchClassifier(taught_on, trace).fit(EXAMPLES)
        one.save(path)
        again = vl.PatchClassifier.load(path, loaded_for)
        torch.testing.assert_close(again.classifier.weight, fitted.classifier.weight)
        assert list(loaded_for.taught(again).labels) == list(fitted.labels)


def hf_at(size, seed=0):
    return vl.load(shaken(small_hf.small("Dinov2Model"), seed), image_size=size)


def timm_at(size, seed=0):
    """Its table of positions resampled, as timm does when it loads one for another size."""
    model = timm_model("four registers and layer scale", num_classes=0)
    model = shaken(model, seed) if seed else model
    model.set_input_size(img_size=size)
    return vl.load(model)


@pytest.mark.parametrize("load", [hf_at, timm_at])
def test_a_file_is_for_its_model_at_any_image_size(load, tmp_path):
    path = tmp_path / "classifier.safetensors"
    small, wide = load((56, 112)), load((112, 56))
    seen = small.trace(pixels_for(small.image_size, 1), preprocessed=True)
    taught = vl.PatchClassifier(small, seen).fit({"a": [(0, (0, 1))], "b": [(0, (3, 2))]})
    taught.save(path)
    loaded = vl.PatchClassifier.load(path, wide)
    twin = wide.taught(loaded)
    trace = twin.trace(pixels_for(wide.image_size, 1), preprocessed=True)
    normed = twin.adapter.normed(trace.states[-1])
    units = torch.nn.functional.normalize(normed, dim=-1).detach().numpy()
    expected = units @ taught.classifier.weight.numpy().T
    found = vl.LogitLens(twin).read(trace).logits(twin.n_layers)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    loaded.save(path)  # and back
    again = vl.PatchClassifier.load(path, small)
    torch.testing.assert_close(again.classifier.weight, taught.classifier.weight)
    for other in (load((112, 56), seed=1), load((56, 112), seed=1)):
        with refused(vl.UsageError):
            vl.PatchClassifier.load(path, other)


def test_what_an_edited_run_taught_is_not_the_models(trace, tmp_path):
    edited = trace.rerun([vl.edits.Zero("z", 1, head=0)])
    one = vl.PatchClassifier(trace.vit, edited).fit(EXAMPLES)
    assert one.held_out().by_final.shape == (trace.n_states, 6)  # of that run
    with refused(vl.UsageError):
        trace.vit.taught(one)
    with refused(vl.UsageError):
        one.save(tmp_path / "classifier.safetensors")


def test_what_cannot_be_taught_is_refused(trace, fitted):
    untaught = vl.PatchClassifier(trace.vit, trace)
    for examples in (
        {},
        "cat",
        {"cat": []},
        {"cat": [3]},
        {"cat": 3},
        {3: [(0, 1)]},
        {" ": [(0, 1)]},
        {"cat": [(0, 1)], "🐱 Cat": [(0, 2)]},
        {"cat": [(0, "CLS")]},
        {"cat": [(3, 1)]},
        {"cat": [(0, (9, 9))]},
        {"cat": [(0, 1)], "dog": [(0, (0, 0))]},
    ):
        with refused(vl.UsageError):
            untaught.fit(examples)
    with refused(vl.UsageError):
        untaught.held_out()
    with refused(vl.UsageError):
        trace.vit.taught(untaught)
    with refused(vl.UsageError):
        trace.vit.taught("cat")
    with refused(vl.UsageError):
        vl.PatchClassifier(trace.vit, method="svm")
    with refused(vl.UsageError):
        vl.PatchClassifier(trace.vit, readout="CLS")
    with refused(vl.UsageError):
        vl.PatchClassifier("toy/p32")
    with refused(vl.UsageError):
        vl.PatchClassifier(vl.load(timm_model("CLS")), trace)
    for masks in (
        np.zeros((3, 24, 40)),
        np.full((3, 24, 40), 7),
        {"dog": np.ones((3, 24, 40))},
        {"flag": np.ones((2, 24, 40))},
        {"flag": np.ones((3, 24, 24))},
        np.full((3, 24, 40), -1),
    ):
        with refused(vl.UsageError):
            fitted.score(masks)


def test_another_model_does_not_answer_a_trace(trace, fitted):
    with refused(vl.UsageError):
        trace.answered_by(vl.load(timm_model("CLS")))
    with refused(vl.UsageError):
        trace.answered_by("toy/p32")
    vit = trace.vit
    graph = vit.trace(pixels_for(vit.image_size, 1), preprocessed=True, grad=True)
    with refused(vl.UsageError):
        graph.answered_by(vit.taught(fitted))


def test_copies_answer_the_same_and_share_what_is_the_models(trace, fitted):
    pixels = pixels_for(trace.vit.image_size, 1)
    for rule in ("share", "best"):
        twin = trace.vit.taught(vl.PatchClassifier(trace.vit, trace, readout=rule).fit(EXAMPLES))
        expected = twin.trace(pixels, preprocessed=True)
        for again in (copy.copy(twin), copy.deepcopy(twin)):
            found = again.trace(pixels, preprocessed=True)
            torch.testing.assert_close(found.logits, expected.logits)
            if rule == "share":
                weights = [
                    one.vit.adapter.readout_weights(one.states[-1].detach())
                    for one in (found, expected)
                ]
                torch.testing.assert_close(*weights)
        alone = copy.deepcopy(twin)
        with torch.no_grad():
            alone.model.norm.weight.mul_(-1)
        assert not torch.allclose(alone.trace(pixels, preprocessed=True).logits, expected.logits)
        torch.testing.assert_close(twin.trace(pixels, preprocessed=True).logits, expected.logits)
    teaching = Teaching(vl.read_features(trace))
    teaching.add("flag", 0, (0, 3))
    for one in (fitted, teaching, vl.read_features(trace)):
        again = copy.deepcopy(one)
        assert again is not one
        with refused(vl.UsageError):
            pickle.dumps(one)
    again = copy.deepcopy(fitted)
    assert again.vit is fitted.vit
    torch.testing.assert_close(again.classifier.weight, fitted.classifier.weight)
    again = copy.deepcopy(teaching)
    again.add("wall", 0, (0, 0))
    assert len(teaching.classes) == 1


def test_experiments_read_the_taught_readout(trace, fitted):
    """Identifiability of three images, from the taught model's own logits."""
    twin = trace.vit.taught(fitted)
    rng = np.random.default_rng(2)
    names = list(twin.labels)
    pictures = [rng.integers(0, 256, (48, 80, 3), dtype=np.uint8) for _ in range(3)]
    data = vl.data.Examples([(picture, i) for i, picture in enumerate(pictures)], names)
    found = vl.analysis.identifiability(twin, data)
    reading = vl.LogitLens(twin).read(twin.trace(pictures)).readout
    ranks = torch.stack([reading.rank(i)[:, i] for i in range(3)], dim=1).double()
    rates = (ranks == 1).double().mean(1)
    np.testing.assert_allclose(found.values["readout_rate"].mean, rates, rtol=0, atol=1e-12)

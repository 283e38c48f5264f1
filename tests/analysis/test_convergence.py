"""How near states are to the final answer and to the truth, against loops over probabilities."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import convergence
from vitlens_widgets.analysis.over_images import over_images
from vitlens_widgets.data import Kinship

TREE = {f"{i}": ["even" if i % 2 == 0 else "odd", "small" if i < 4 else "all"] for i in range(10)}
TREE |= {"even": ["all"], "odd": ["all"], "small": ["all"]}
TRUTH = [3, ["class 7", 1], None, (0,), "class 10"]
RIGHT = [[3], [7, 1], [], [0], [10]]


@pytest.fixture(scope="module", params=["CLS", "mean of patches", "distillation"])
def reading(request):
    vit = vl.load(timm_model(request.param))
    pixels = pixels_for(vit.image_size, n_images=5)
    return vl.LogitLens(vit).read(vit.trace(pixels, preprocessed=True))


@pytest.fixture(scope="module")
def kinship():
    return Kinship([*(str(i) for i in range(10)), None], TREE)


def chances(reading):
    """Probabilities of the readout, float64 `[state, image, class]`."""
    logits = np.stack([reading.readout.logits(k).double().numpy() for k in range(4)])
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def by_hand(p, f, right, kinship, k):
    """Every measure of one state of one image: probabilities p against f and the right classes."""
    order, final = np.argsort(-p), np.argsort(-f)
    similar = [kinship.similarity(order[0], c) for c in right]
    return {
        "kl_to_final": (f * np.log(f / p)).sum(),
        "rank_of_final": 1 + list(order).index(final[0]),
        "overlap_with_final": len({*order[:k]} & {*final[:k]}) / k,
        "similarity_to_final": kinship.similarity(order[0], final[0]),
        "entropy": -(p * np.log(p)).sum(),
        "kl_to_truth": -np.log(p[right].sum()) if right else np.nan,
        "rank_of_truth": min((1 + list(order).index(c) for c in right), default=np.nan),
        "similarity_to_truth": max(similar, default=np.nan),
    }


def test_every_measure_is_as_defined(reading, kinship):
    found = convergence(reading, TRUTH, kinship=kinship, k=3)
    p = chances(reading)
    for state in range(4):
        for image in range(5):
            expected = by_hand(p[state, image], p[-1, image], RIGHT[image], kinship, 3)
            assert list(expected) == found.names
            measured = {name: found.of(name)[state, image] for name in found.names}
            assert measured == pytest.approx(expected, rel=1e-6, abs=1e-9, nan_ok=True)
    np.testing.assert_array_equal(found.answers, p.argmax(-1))
    np.testing.assert_allclose(found.of("kl_to_final"), reading.readout.kl_to_final(), atol=1e-5)


def test_others_are_the_same_measures_against_other_images(reading, kinship):
    found = convergence(reading, TRUTH, kinship=kinship, k=3)
    p = chances(reading)
    for state in range(4):
        pairs = [
            by_hand(p[state, i], p[-1, j], RIGHT[j], kinship, 3)
            for i in range(5)
            for j in range(5)
            if i != j
        ]
        for name, others in found.others.items():
            assert others[state] == pytest.approx(np.nanmean([pair[name] for pair in pairs]))
    assert set(found.others) == set(found.names) - {"entropy"}


def test_the_final_state_is_its_own_answer(reading, kinship):
    found = convergence(reading, kinship=kinship)
    assert found.names == [
        *("kl_to_final", "rank_of_final", "overlap_with_final", "similarity_to_final", "entropy")
    ]
    perfect = {"kl_to_final": 0, "rank_of_final": 1, "overlap_with_final": 1}
    for name, value in (perfect | {"similarity_to_final": 1}).items():
        np.testing.assert_allclose(found.of(name)[-1], value, atol=1e-12)


def test_without_a_known_tree_there_is_no_similarity(reading):
    found = convergence(reading, TRUTH)
    assert found.kinship == ""
    assert not [name for name in found.names if "similarity" in name]
    assert found.mean("rank_of_truth").n.tolist() == [4, 4, 4, 4]


def test_converged_is_the_first_state_of_the_last_run_of_the_final_answer():
    answers = np.array([[7, 1, 2, 3], [7, 2, 5, 3], [7, 1, 5, 3], [7, 1, 4, 3], [6, 1, 4, 3]])
    found = vl.analysis.Convergence("", None, [], answers, {}, {}, "")
    assert found.converged().tolist() == [4, 2, 3, 0]


def test_one_image_has_no_others_and_no_interval():
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for(vit.image_size, n_images=1)
    found = convergence(vl.LogitLens(vit).read(vit.trace(pixels, preprocessed=True)), ["class 4"])
    assert found.others == {}
    assert np.isnan(found.mean("entropy").half).all()
    np.testing.assert_allclose(found.mean("entropy").mean, found.of("entropy")[:, 0])


def test_labels_of_the_world_bring_their_tree():
    vit = vl.load("toy/p32")
    scenes = [vl.world.scene(seed) for seed in range(3)]
    reading = vl.LogitLens(vit).read(vit.trace([scene.image for scene in scenes]))
    found = convergence(reading, [scene.names for scene in scenes])
    assert found.kinship == "WordNet 3.0"
    cat, dog = vit.labels.index("cat"), vit.labels.index("dog")
    assert vl.data.Kinship.of(vit.labels).similarity(cat, dog) == pytest.approx(0.2)
    assert found.of("similarity_to_truth").max() == 1


def test_tables_have_the_numbers(reading, kinship):
    found = convergence(reading, TRUTH, kinship=kinship)
    one = found.table(image=1)
    assert one["kl_to_truth"].tolist() == found.of("kl_to_truth")[:, 1].tolist()
    assert one["answer"].tolist() == [reading.labels[i] for i in found.answers[:, 1]]
    every = found.table()
    assert every["rank_of_final"].tolist() == found.of("rank_of_final").mean(1).tolist()
    values = found.of("entropy")
    half = 2.7764451 * values.std(1, ddof=1) / np.sqrt(5)  # t of 4 degrees of freedom
    np.testing.assert_allclose(every["± (entropy)"], half, rtol=1e-6)


def test_images_without_a_value_do_not_count():
    values = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, 2.0], [np.nan] * 3])
    found = over_images(values)
    np.testing.assert_array_equal(found.mean, [2.0, 2.0, np.nan])
    np.testing.assert_array_equal(found.n, [2, 1, 0])
    np.testing.assert_allclose(found.deviation, [np.sqrt(2), np.nan, np.nan])
    np.testing.assert_allclose(found.high - found.low, 2 * found.half)


@pytest.mark.parametrize(
    "ask",
    [
        lambda r: convergence(r.trace),
        lambda r: convergence(vl.LogitLens(r.trace.vit).read(r.trace, site="mlp_out")),
        lambda r: convergence(r, ["class 1"]),
        lambda r: convergence(r, "class 1"),
        lambda r: convergence(r, ["clas 1", 0, 0, 0, 0]),
        lambda r: convergence(r, kinship=Kinship(["a"], {})),
        lambda r: convergence(r, k=12),
        lambda r: convergence(r).of("rank_of_truth"),
        lambda r: convergence(r).table(image=5),
    ],
)
def test_what_cannot_be_measured_is_said_in_a_sentence(reading, ask):
    with refused(vl.UsageError):
        ask(reading)


class Blind(vl.LogitLens):
    """A lens that has no logit for one class."""

    def classify(self, to_logits, states, final):
        logits = super().classify(to_logits, states, final)
        logits[..., 3] = torch.nan
        return logits


def test_a_class_whose_logit_is_no_number_is_refused():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    with refused(vl.UsageError):
        convergence(Blind(vit).read(trace), [3, 4])


def test_with_many_images_only_the_next_ones_are_the_others(reading, kinship, monkeypatch):
    module = importlib.import_module("vitlens_widgets.analysis.convergence.measure")
    assert module._OTHERS_AT_MOST == 16
    monkeypatch.setattr(module, "_OTHERS_AT_MOST", 2)
    found = convergence(reading, TRUTH, kinship=kinship, k=3)
    assert set(found.others) == set(found.names) - {"entropy"}
    p = chances(reading)
    for state in range(4):
        pairs = [(i, (i + shift) % 5) for shift in (1, 2) for i in range(5)]
        every = [by_hand(p[state, i], p[-1, j], RIGHT[j], kinship, 3) for i, j in pairs]
        for name, others in found.others.items():
            assert others[state] == pytest.approx(np.nanmean([one[name] for one in every]))

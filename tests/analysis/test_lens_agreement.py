"""How lenses stand to the model's final answer: loops over probabilities, in NumPy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.lenses.fitted_by_hand import random_translators, small
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis.lens_agreement.result import QUANTITIES
from vitlens_widgets.analysis.over_images import over_images

N = 5


@pytest.fixture(scope="module", params=["CLS", "mean of patches"])
def compared(request):
    vit = small(request.param)
    n_kinds = 1 + (request.param == "CLS")
    random = vl.untrained(vit, seed=1)
    lenses = {
        "affine": vl.AffineLens(vit, **random_translators(vit, 3, n_kinds)),
        "random weights": vl.AffineLens(random, **random_translators(vit, 2, n_kinds, seed=4)),
    }
    data = examples(vit, N)
    found = vl.analysis.lens_agreement(vit, data, lenses=lenses, batch_size=2)
    return found, {"logit lens": vl.LogitLens(vit), **lenses}, data


def kl(p, q):
    p, q = log_softmax(p.double().numpy(), -1), log_softmax(q.double().numpy(), -1)
    return (np.exp(p) * (p - q)).sum(-1)


def by_hand(lens, data):
    """Each measure, `[state, image]`, one image and state at a time."""
    vit = lens.vit
    found = {name: np.full((4, N), np.nan) for name in QUANTITIES}
    for i in range(N):
        trace = vit.trace(data[i].image)
        truth, final = data[i].label, trace.logits[0]
        with torch.no_grad():
            own = vit.adapter.token_logits(trace.states[-1])[0, vit.layout.patches]
            moved = lens.transform(trace.states, 0, trace.states[-1])
            for k in range(4):
                readout = vit.adapter.readout_logits(moved[k])[0]
                patches = vit.adapter.token_logits(moved[k])[0, vit.layout.patches]
                says, answer = int(readout.argmax()), int(final.argmax())
                found["kl"][k, i] = kl(final, readout)
                found["agreement"][k, i] = says == answer
                found["patch_kl"][k, i] = kl(own, patches).mean()
                same = patches.argmax(-1) == own.argmax(-1)
                found["patch_agreement"][k, i] = same.double().mean()
                if answer != truth:
                    leaning = (says == truth) - (says == answer)
                    found["truth_minus_model"][k, i] = leaning
    return found


def test_every_measure_is_as_defined(compared):
    found, lenses, data = compared
    for name, lens in lenses.items():
        for measure, values in by_hand(lens, data).items():
            expected, of = over_images(values), found.values[measure][name]
            np.testing.assert_allclose(of.mean, expected.mean, atol=2e-5)
            np.testing.assert_array_equal(of.n, expected.n)
            if measure != "agreement":  # a share, whose interval is Wilson's
                np.testing.assert_allclose(of.half, expected.half, atol=5e-4)


def test_at_the_end_every_lens_is_its_model(compared):
    found, lenses, _ = compared
    for name in lenses:
        for measure, value in (("kl", 0), ("agreement", 1), ("patch_agreement", 1)):
            assert found.values[measure][name].mean[-1] == pytest.approx(value, abs=1e-5)
        of = found.values["truth_minus_model"][name]
        assert of.n[-1] == 0 or of.mean[-1] == -1


def test_same_answers_are_of_lenses_of_the_model(compared):
    found, lenses, data = compared
    assert list(found.same) == [("logit lens", "affine")]
    traces = [lenses["affine"].vit.trace(data[i].image) for i in range(N)]
    one, other = (
        np.array([lenses[name].read(t).readout.top(1).index[..., 0, 0].numpy() for t in traces])
        for name in ("logit lens", "affine")
    )
    np.testing.assert_allclose(found.same["logit lens", "affine"].mean, (one == other).mean(0))
    table = found.same_answers()
    assert list(table["state"]) == found.state_names
    np.testing.assert_allclose(table["same"], (one == other).mean(0))


def test_the_table_and_the_figures(compared):
    found, lenses, _ = compared
    table = found.table().set_index(["lens", "state"])
    assert len(table) == 4 * len(lenses)
    of = found.values["kl"]["affine"]
    row = table.loc[("affine", "1_pre")]
    assert row["kl"] == of.mean[1]
    assert row["kl low"] <= row["kl"] <= row["kl high"]
    assert row["kl (bits)"] == pytest.approx(of.mean[1] / np.log(2))
    titles = {found.figure(name).title.text for name in QUANTITIES}
    assert len(titles) == len(QUANTITIES)
    with refused(vl.UsageError):
        found.figure("patch")


def test_other_lenses_are_another_setting(tmp_path):
    vit = small("CLS")
    data, words = examples(vit, 2), random_translators(vit, 3, 2)
    lens = vl.AffineLens(vit, **words)
    vl.analysis.lens_agreement(vit, data, lenses=lens, save_to=tmp_path)
    again = vl.analysis.lens_agreement(vit, data, lenses=[lens], save_to=tmp_path)
    assert list(again.values["kl"]) == ["logit lens", "affine lens"]
    words["bias"] = words["bias"] + 1
    for other in (vl.AffineLens(vit, **words), {"mine": lens}, ()):
        with refused(vl.UsageError):
            vl.analysis.lens_agreement(vit, data, lenses=other, save_to=tmp_path)


def test_what_does_not_belong_together_is_refused():
    vit = small("CLS")
    data = examples(vit, 2)
    deeper, darker = vl.load(timm_model("CLS", depth=2)), timm_model("CLS")
    darker.pretrained_cfg = {**darker.pretrained_cfg, "mean": (0.7, 0.7, 0.7)}
    for wrong in (
        ["logit lens"],
        [vl.LogitLens(vit)],
        {"other": vl.LogitLens(deeper)},
        {"other": vl.LogitLens(small("distillation"))},
        {"other": vl.LogitLens(vl.load(timm_model("CLS", num_classes=7)))},
        {"other": vl.LogitLens(vl.load(darker))},
    ):
        with refused(vl.UsageError):
            vl.analysis.lens_agreement(vit, data, lenses=wrong)


def test_a_lens_that_knows_the_images_is_told_of():
    vit = small("CLS")
    data = examples(vit, 6)
    tuned = vl.TunedLens.fit(vit, data, held_out=2, steps=1)
    jacobian = vl.JacobianLens.fit(vit, data, n_images=2)
    for lens in (tuned, jacobian):
        with pytest.warns(UserWarning, match=f'The lens "{lens.name}" was fitted to images of'):
            vl.analysis.lens_agreement(vit, data, lenses=lens, n_images=2)
    scenes = vl.world.Scenes
    drawn = vl.load("toy/attn-only-1l")
    lens = vl.TunedLens.fit(drawn, scenes(seed=50), n_images=6, held_out=2, steps=1, rank=0)
    with pytest.warns(UserWarning, match="was fitted to images of"):
        vl.analysis.lens_agreement(drawn, scenes(seed=54), lenses=lens, n_images=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for apart in (scenes(seed=56), scenes(seed=50, objects=2), scenes(seed=47)):
            vl.analysis.lens_agreement(drawn, apart, lenses=lens, n_images=2)
        other = vl.data.Examples([(data[0].image, 0)], vit.labels, name="others")
        vl.analysis.lens_agreement(vit, other, lenses=[tuned, jacobian])


def test_images_of_no_known_class_say_all_but_the_truth(tmp_path):
    vit = small("CLS")
    known, alike = examples(vit, 4), {"lenses": {"again": vl.LogitLens(vit)}, "batch_size": 3}
    unlabelled = vl.data.Examples([(known[i].image, None) for i in range(4)], name="photographs")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = vl.analysis.lens_agreement(vit, unlabelled, save_to=tmp_path, **alike)
    truth = vl.analysis.lens_agreement(vit, known, **alike)
    for measure in ("kl", "agreement", "patch_kl", "patch_agreement"):
        of, other = found.values[measure]["again"], truth.values[measure]["again"]
        np.testing.assert_allclose(of.mean, other.mean, atol=1e-6)
    assert (found.n_known, truth.n_known) == (0, 4)
    assert not found.values["truth_minus_model"]["again"].n.any()
    assert "what is true is not known" in found.summary()
    with refused(vl.UsageError):
        found.figure("truth_minus_model")
    assert vl.analysis.lens_agreement(vit, unlabelled, save_to=tmp_path, **alike).n_known == 0


def test_some_images_of_known_class_say_the_truth_of_these():
    vit = small("CLS")
    known = examples(vit, 4)
    items = [(known[i].image, known[i].label if i % 2 else None) for i in range(4)]
    found = vl.analysis.lens_agreement(vit, vl.data.Examples(items, vit.labels), batch_size=4)
    only = vl.data.Examples([items[1], items[3]], vit.labels)
    alone = vl.analysis.lens_agreement(vit, only)
    assert found.n_known == 2
    of, other = (one.values["truth_minus_model"]["logit lens"] for one in (found, alone))
    np.testing.assert_array_equal(of.n, other.n)
    np.testing.assert_allclose(of.mean, other.mean)


def test_of_classes_that_a_model_does_not_have_the_truth_alone_is_left_out():
    clip = vl.load("toy/clip", prompts=["a star", "a cat"])
    scenes = vl.world.Scenes(seed=5)
    with pytest.warns(UserWarning, match="Agreement with the truth is not measured. The model has"):
        found = vl.analysis.lens_agreement(clip, scenes, n_images=2)
    assert found.n_known == 0
    assert np.isfinite(found.values["kl"]["logit lens"].mean).all()

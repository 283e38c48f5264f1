"""Whether what moves a lens moves the model: definitions in NumPy, and lenses known to be true."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, log_softmax, softmax

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.lenses.fitted_by_hand import random_translators, small
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis.lens_causality.aitchison import alignment, inner
from vitlens_widgets.analysis.lens_causality.basis import (
    Influence,
    causal_basis,
    random_directions,
)
from vitlens_widgets.analysis.lens_causality.erasing import donors, erased, read_tokens
from vitlens_widgets.analysis.lens_causality.result import (
    CAUSAL,
    KINDS,
    MEASURES,
    PRINCIPAL,
    RANDOM,
    key_of,
)
from vitlens_widgets.data import Examples

COSINES = ("alignment", "mismatched")
QUICK = {"n_train": 8, "n_directions": 2, "batch_size": 2}


def by_parts(one, other, weights):
    """The weighted Aitchison inner product of two changes of log-parts, as it is defined."""
    centred = [log - (weights * log).sum() for log in (one, other)]  # log of part / geometric mean
    return (weights * centred[0] * centred[1]).sum()


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(0, 10_000))
def test_the_inner_product_is_aitchisons(n, seed):
    rng = np.random.default_rng(seed)
    a, b, w = (rng.normal(size=n) for _ in range(3))
    given_ = [torch.from_numpy(x) for x in (a, b, w)]
    expected = by_parts(log_softmax(a), log_softmax(b), softmax(w))
    assert inner(*given_, "softmax").item() == pytest.approx(expected, abs=1e-9)
    assert inner(given_[0] + 3, *given_[1:], "softmax").item() == pytest.approx(expected, abs=1e-9)
    parts = 0.0
    for c in range(n):
        change = [np.array([np.log(expit(x[c])), np.log(expit(-x[c]))]) for x in (a, b)]
        parts += by_parts(*change, np.array([expit(w[c]), expit(-w[c])]))
    assert inner(*given_, "sigmoid").item() == pytest.approx(parts, abs=1e-9)


def test_alignment_is_of_directions_in_bits():
    g = torch.Generator().manual_seed(0)
    one, w = torch.randn(4, 7, generator=g), torch.randn(4, 7, generator=g)
    found = alignment(one, -2 * one + 5, w, "softmax")
    np.testing.assert_allclose(found.cosine, -1, atol=1e-6)
    np.testing.assert_allclose(found.response, 2 * found.stimulus)
    expected = [
        by_parts(x, x, softmax(y)) ** 0.5 / np.log(2)
        for x, y in zip(one.double().numpy(), w.double().numpy(), strict=True)
    ]
    np.testing.assert_allclose(found.stimulus, expected, rtol=1e-5)
    assert alignment(one, torch.ones(4, 7), w, "softmax").cosine.isnan().all()


def test_erasing_is_a_projection():
    g = torch.Generator().manual_seed(1)
    h, other = torch.randn(3, 2, 5, generator=g), torch.randn(3, 2, 5, generator=g)
    v = random_directions(1, 5, 0, 0)[0]
    found = erased(h, other, v)
    np.testing.assert_allclose(found @ v, other @ v, atol=1e-6)
    keep = torch.eye(5) - v.outer(v)
    np.testing.assert_allclose(found @ keep, h @ keep, atol=1e-6)


def kl(p, q):
    p, q = log_softmax(p, -1), log_softmax(q, -1)
    return (np.exp(p) * (p - q)).sum(-1)


def test_the_first_direction_is_the_best_on_the_sphere():
    """Against a search of the whole sphere in three dimensions."""
    g = torch.Generator().manual_seed(3)
    tokens = torch.randn(20, 1, 3, generator=g) * torch.tensor([1.0, 2.0, 0.5])
    matrix = torch.randn(3, 4, generator=g)
    influence = Influence(lambda h: h[:, 0] @ matrix, tokens, "softmax")
    basis = causal_basis(influence, 3)
    h, w = tokens[:, 0].double().numpy(), matrix.double().numpy()
    angles = np.linspace(0, np.pi, 91)
    best = 0.0
    for up in angles:
        for round_ in 2 * angles:
            v = np.array([np.sin(up) * np.cos(round_), np.sin(up) * np.sin(round_), np.cos(up)])
            best = max(best, kl(h @ w, (h + ((h.mean(0) - h) @ v)[:, None] * v) @ w).mean())
    assert basis.energies[0] >= 0.999 * best
    np.testing.assert_allclose(basis.directions @ basis.directions.T, np.eye(3), atol=1e-5)
    assert basis.energies.tolist() == sorted(basis.energies.tolist(), reverse=True)
    for v, energy in zip(basis.directions.double().numpy(), basis.energies, strict=True):
        expected = kl(h @ w, (h + ((h.mean(0) - h) @ v)[:, None] * v) @ w).mean()
        assert energy == pytest.approx(expected, rel=1e-4)


def test_directions_that_do_not_matter_come_last():
    """An answer that reads one dimension alone has that as the first, and no other."""
    g = torch.Generator().manual_seed(3)
    tokens = torch.randn(20, 1, 6, generator=g) * torch.tensor([0.01, 0.01, 0.01, 0.01, 1, 0.01])
    row = torch.tensor([1.0, -1.0, 0.5])
    basis = causal_basis(Influence(lambda h: h[:, 0, 4:5] * row, tokens, "softmax"), 3)
    assert abs(basis.directions[0, 4]) > 0.9999
    assert basis.energies[1:].max() < 1e-3 * basis.energies[0]


def measured_by_hand(vit, lens, data, train, k, kind, how):
    """Each measure, `[image, direction]`: one image at a time, states changed by an edit."""
    where = read_tokens(vit)
    known = torch.cat([vit.trace(train[i].image).states[k] for i in range(8)])[:, where]
    flat = known.flatten(0, 1)
    if kind == RANDOM:
        directions = random_directions(2, vit.width, 0, k)
    else:
        middle = (flat - flat.mean(0)).double().numpy()
        values, vectors = np.linalg.eigh(middle.T @ middle)
        directions = torch.from_numpy(vectors[:, np.argsort(-values)[:2]].T.copy()).float()
    found = {name: np.zeros((3, 2)) for name in MEASURES}
    for i in range(3):
        trace = vit.trace(data[i].image)
        instead = known[donors([data[i]], 8)[0]] if how == "resample" else flat.mean(0)
        says = [lens.read(trace).readout.logits(k)[0].double().numpy()]
        answers = [trace.logits[0].double().numpy()]
        for v in directions:
            change = ((instead - trace.states[k][0, where]) @ v)[:, None] * v
            edit = vl.edits.Add("resid_pre", k, change, token=where)
            again = vit.trace(data[i].image, edits=[edit])
            says.append(lens.read(again).readout.logits(k)[0].double().numpy())
            answers.append(again.logits[0].double().numpy())
        w = softmax(answers[0])
        for j in (0, 1):
            one = says[1 + j] - says[0]
            own, other = (answers[1 + of] - answers[0] for of in (j, 1 - j))
            length = [by_parts(x, x, w) ** 0.5 for x in (one, own, other)]
            row = {
                "lens": kl(says[0], says[1 + j]) / np.log(2),
                "model": kl(answers[0], answers[1 + j]) / np.log(2),
                "alignment": by_parts(one, own, w) / (length[0] * length[1]),
                "mismatched": by_parts(one, other, w) / (length[0] * length[2]),
                "stimulus": length[0] / np.log(2),
                "response": length[1] / np.log(2),
            }
            for name, value in row.items():
                found[name][i, j] = value
    return found


@pytest.mark.parametrize("how", ["resample", "mean"])
@pytest.mark.parametrize(
    "special", ["CLS", "mean of patches", "distillation", "four registers and layer scale"]
)
def test_every_measure_is_as_defined(special, how):
    vit = small(special)
    n_kinds = len(vl.AffineLens(vit, None).kinds)
    lens = vl.AffineLens(vit, **random_translators(vit, 3, n_kinds))
    train, data = examples(vit, 8, seed=4), examples(vit, 3)
    found = vl.analysis.lens_causality(vit, train, data, lenses=lens, how=how, **QUICK)
    assert found.lenses == ["logit lens", "affine lens"]
    for kind in (RANDOM, PRINCIPAL):
        expected = measured_by_hand(vit, lens, data, train, 2, kind, how)
        for name, values in expected.items():
            of = found.values[key_of(name, "affine lens", kind)]
            atol = 5e-3 if name in COSINES else 2e-4  # of changes that are small in float32
            np.testing.assert_allclose(of.mean[1], values.mean(0), rtol=5e-3, atol=atol)
            mean = found.mean(name, "affine lens", kind)
            half = 4.302653 * values.mean(1).std(ddof=1) / 3**0.5
            assert mean.half[1] == pytest.approx(half, rel=0.02, abs=5e-3)


def cut_short(n_idle=2):
    """A model whose last blocks do nothing, so that the logit lens before them is the model."""
    model = timm_model("CLS")
    with torch.no_grad():
        for block in model.blocks[3 - n_idle :]:
            for layer in (block.attn.proj, block.mlp.fc2):
                layer.weight.zero_()
                layer.bias.zero_()
    return vl.load(model)


def test_a_lens_that_is_the_model_moves_as_it_does():
    """And one that reads turned states does not, by intervals that are apart."""
    vit = cut_short()
    g = torch.Generator().manual_seed(0)
    turned = torch.linalg.qr(torch.randn(48, 48, generator=g))[0] - torch.eye(48)
    false = vl.AffineLens(vit, turned.expand(3, 2, 48, 48), torch.zeros(3, 2, 48))
    found = vl.analysis.lens_causality(
        vit,
        examples(vit, 8, seed=4),
        examples(vit, 6),
        lenses={"turned": false},
        **{**QUICK, "n_directions": 4},
    )
    true = found.mean("alignment", "logit lens")
    np.testing.assert_allclose(true.mean, 1, atol=1e-3)
    for kind in KINDS:
        lens, model = (found.mean(of, "logit lens", kind).mean for of in ("lens", "model"))
        np.testing.assert_allclose(lens, model, rtol=2e-3, atol=1e-7)
    other = found.mean("alignment", "turned")
    assert (other.high < 0.9).all()
    correlation, p = found.rank_correlation("logit lens")
    np.testing.assert_allclose(correlation, 1, atol=0.05)
    assert (p < 0.05).all()
    # what the true lens finds moves the model more than what the false one finds
    own, others = (found.mean("model", name).mean for name in ("logit lens", "turned"))
    assert (own > others).all()


def test_images_of_a_batch_do_not_depend_on_one_another():
    vit = small("CLS")
    sets = examples(vit, 8, seed=4), examples(vit, 5)
    one, other = (
        vl.analysis.lens_causality(vit, *sets, states=2, **{**QUICK, "batch_size": size})
        for size in (1, 4)
    )
    for key, of in one.values.items():
        np.testing.assert_allclose(of.mean, other.values[key].mean, rtol=2e-3, atol=1e-5)


def test_a_state_that_is_the_same_in_all_images_moves_nothing():
    """CLS before the first block."""
    vit = small("CLS")
    found = vl.analysis.lens_causality(
        vit, examples(vit, 8, seed=4), examples(vit, 3), states=0, **QUICK
    )
    np.testing.assert_allclose(found.mean("model", "logit lens").mean, 0, atol=1e-9)
    assert np.isnan(found.mean("alignment", "logit lens").mean).all()


def test_the_table_and_the_directions():
    vit = small("CLS")
    found = vl.analysis.lens_causality(vit, examples(vit, 8, seed=4), examples(vit, 4), **QUICK)
    table = found.table()
    assert list(table["state"]) == ["1_pre", "2_pre"]
    own, random = (found.mean("model", "logit lens", kind).mean for kind in (CAUSAL, RANDOM))
    np.testing.assert_allclose(table["more than random directions"], own - random, atol=1e-9)
    every = found.directions()
    assert len(every) == 2 * len(KINDS) * 2
    of = every[(every["kind"] == CAUSAL) & (every["state"] == "2_pre")]
    assert of["model moves (bits)"].mean() == pytest.approx(own[1])
    own = found.mean("lens", "logit lens", CAUSAL).mean
    assert of["lens moves (bits)"].mean() == pytest.approx(own[1])
    assert set(every["lens"]) == {"logit lens"}
    for kind in KINDS:
        of = every[(every["kind"] == kind) & (every["state"] == "1_pre")]
        ranks = of["lens moves (bits)"].rank(), of["model moves (bits)"].rank()
        expected = np.corrcoef(*ranks)[0, 1]
        assert found.rank_correlation("logit lens", kind)[0][0] == pytest.approx(expected)
    for call in (
        lambda: found.mean("kl", "logit lens"),
        lambda: found.mean("model", "tuned lens"),
        lambda: found.mean("model", "logit lens", "mine"),
        lambda: found.more("model", "logit lens", CAUSAL),
        lambda: found.figure("kl"),
    ):
        with refused(vl.UsageError):
            call()


def test_a_run_goes_on_and_other_settings_are_refused(tmp_path):
    vit = small("CLS")
    train, data = examples(vit, 9, seed=4), examples(vit, 4)
    words = {**QUICK, "save_to": tmp_path, "states": [2]}
    whole = vl.analysis.lens_causality(vit, train, data, **{**words, "save_to": None})
    vl.analysis.lens_causality(vit, train, data, n_images=2, **words)
    again = vl.analysis.lens_causality(vit, train, data, **words)
    for key, of in whole.values.items():
        np.testing.assert_allclose(of.mean, again.values[key].mean, rtol=1e-5, atol=1e-9)
    for other in ({"how": "mean"}, {"seed": 1}, {"n_train": 9}, {"n_directions": 3}, {"states": 1}):
        with refused(vl.UsageError):
            vl.analysis.lens_causality(vit, train, data, **{**words, **other})


def test_images_need_no_class():
    vit = small("CLS")
    sets = [examples(vit, 8, seed=4), examples(vit, 3)]
    bare = [Examples([(one[i].image, None) for i in range(one.count)]) for one in sets]
    words = {name: value for name, value in QUICK.items() if name != "n_train"}
    known, unknown = (
        vl.analysis.lens_causality(vit, *two, states=2, **words) for two in (sets, bare)
    )
    assert known.n_train == 8  # all there are
    one, other = (found.mean("lens", "logit lens", RANDOM).n for found in (known, unknown))
    assert list(one) == list(other) == [3]


def test_what_cannot_be_asked_is_refused():
    vit = small("CLS")
    train, data = examples(vit, 8, seed=4), examples(vit, 3)
    other = vl.LogitLens(vl.untrained(vit, seed=1))
    scenes = vl.world.Scenes
    for sets, words in (
        ((train, train), {}),
        ((scenes(seed=0), scenes(seed=5)), {"n_images": 3}),
        ((train, data), {"states": []}),
        ((train, data), {"states": 3}),
        ((train, data), {"how": "zero"}),
        ((train, data), {"n_train": 1}),
        ((train, data), {"n_train": 9}),
        ((train, data), {"n_directions": 0}),
        ((train, data), {"lenses": {"random": other}}),
        (([], data), {}),
    ):
        with refused(vl.UsageError):
            vl.analysis.lens_causality(vit, *sets, **{**QUICK, **words})

"""Activation patching: its conventions, what must hold exactly, and what it says."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.patching_oracle import one_by_one
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import Patching, Place, activation_patching, metrics
from vitlens_widgets.analysis.patching import activation
from vitlens_widgets.analysis.patching.exchange import Exchange
from vitlens_widgets.analysis.patching.gap import Gap
from vitlens_widgets.trace.variants import Variants

METRIC = (3, 7)
LAYERS, HEADS = 3, 4


def traced(vit, seed, n_images=2):
    return vit.trace(pixels_for((48, 80), n_images, seed), preprocessed=True)


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS"))


@pytest.fixture(scope="module")
def clean(vit):
    return traced(vit, 1)


@pytest.fixture(scope="module")
def corrupted(vit):
    return traced(vit, 2)


def found_of(clean, corrupted, metric=METRIC, **words):
    return activation_patching(clean, corrupted, metric, least_gap=1e-4, **words)


@pytest.mark.parametrize("how", ["denoising", "noising"])
def test_metric_effect_and_share_are_by_their_formulas(clean, corrupted, how):
    found = found_of(clean, corrupted, how=how)
    base, source = (corrupted, clean) if how == "denoising" else (clean, corrupted)
    places = [Place("z", layer, head=head) for layer in range(LAYERS) for head in range(HEADS)]
    logits = one_by_one(base, source, places).double().numpy()
    expected = (logits[..., 3] - logits[..., 7]).T.reshape(2, LAYERS, HEADS)
    np.testing.assert_allclose(found.metric, expected, atol=1e-5)
    m_clean, m_corrupted = (
        (one.logits[:, 3] - one.logits[:, 7]).double().numpy()[:, None, None]
        for one in (clean, corrupted)
    )
    np.testing.assert_allclose(found.gap.clean, m_clean.ravel())
    effect = (found.metric - m_corrupted) / (m_clean - m_corrupted)
    np.testing.assert_allclose(found.effect, effect)
    m_base, m_other = (m_corrupted, m_clean) if how == "denoising" else (m_clean, m_corrupted)
    share = (found.metric - m_base) / (m_other - m_base)
    np.testing.assert_allclose(found.share, share, atol=1e-12)
    assert found.axes == ("layer", "head")
    assert found.along == {"layer": [0, 1, 2], "head": [0, 1, 2, 3]}
    assert np.abs(found.share).max() > 1e-2


def test_own_values_change_nothing_to_the_bit_in_states_and_by_rounding_elsewhere(clean):
    twin = clean.rerun([], first=0)
    patching = Patching(clean, twin, METRIC, least_gap=1e-9)
    own = {answer.which: answer.logits for answer in patching.run([Place("resid_pre", 1, token=4)])}
    assert torch.equal(own[0], twin.logits)
    for site in ("z", "q", "pattern", "mlp_post"):
        for answer in patching.run([Place(site, layer) for layer in range(LAYERS)]):
            torch.testing.assert_close(answer.logits, twin.logits, rtol=0, atol=1e-5)


def test_a_whole_state_gives_the_other_run_exactly(clean, corrupted):
    found = found_of(clean, corrupted, site="resid_pre", by="layer")
    assert np.array_equal(found.metric, np.repeat(found.gap.clean[:, None], LAYERS, 1))
    assert (found.share == 1).all()
    # so do all its tokens in two halves, which is run
    halves = [[Place("resid_pre", 1, token=range(8)), Place("resid_pre", 1, token=range(8, 16))]]
    run = found_of(clean, corrupted, places=halves)
    np.testing.assert_allclose(run.metric[:, 0], run.gap.clean, atol=1e-5)


def test_images_of_one_exchange_run_as_many_at_once_as_memory_allows(vit, monkeypatch):
    exchange = Exchange(traced(vit, 2, 5), traced(vit, 1, 5))
    places = [Place("z", 1, head=2), Place("attn_out", 0)]
    expected = dict(exchange.answers(places))
    asked, answers = [], Variants.answers

    def counted(self, variants):
        asked.append(len(variants))
        return answers(self, variants)

    monkeypatch.setattr(Variants, "answers", counted)
    monkeypatch.setattr(Variants, "at_once", 2)
    found = dict(exchange.answers(places))
    assert asked == [2, 2, 1] * 2
    for at in (0, 1):
        assert (found[at] - expected[at]).abs().max() <= 1e-5 * expected[at].abs().max()


def test_unread_tokens_of_the_last_block_change_nothing_to_the_bit(clean, corrupted):
    for site in ("z", "attn_out", "mlp_out", "mlp_post", "q"):
        found = found_of(clean, corrupted, site=site, by=("layer", "token"), layer=[LAYERS - 1])
        assert (found.metric[:, 0, 1:] == found.gap.corrupted[:, None]).all(), site
        assert (found.metric[:, 0, 0] != found.gap.corrupted).all(), site
    for site, by in (("k", ("layer", "token")), ("pattern", ("layer", "key"))):
        found = found_of(clean, corrupted, site=site, by=by, layer=[LAYERS - 1])
        assert (found.metric[:, 0, 1:] != found.gap.corrupted[:, None]).all(), site
    found = found_of(clean, corrupted, site="pattern", by=("layer", "query"), layer=[LAYERS - 1])
    assert (found.metric[:, 0, 1:] == found.gap.corrupted[:, None]).all()


def test_a_sweep_can_be_narrowed_and_its_other_axes_go_together(clean, corrupted):
    some = {"layer": [0, 2], "token": [0, 5, 9], "head": [1, 3]}
    found = found_of(clean, corrupted, site="v", by=("layer", "token"), **some)
    assert found.along == {"layer": [0, 2], "token": [0, 5, 9]}
    places = [Place("v", k, token=t, head=[1, 3]) for k in some["layer"] for t in some["token"]]
    listed = found_of(clean, corrupted, places=places)
    assert np.array_equal(listed.metric.reshape(found.metric.shape), found.metric)
    assert listed.axes == ("place",)
    assert listed.along["place"][1] == "L0 H1, 3 value, token 5"


def test_neurons_are_swept(clean, corrupted):
    found = found_of(
        clean, corrupted, site="mlp_post", by=("layer", "neuron"), neuron=[2, 5], layer=1
    )
    places = [Place("mlp_post", 1, neuron=n) for n in (2, 5)]
    logits = one_by_one(corrupted, clean, places).double().numpy()
    np.testing.assert_allclose(found.metric[:, 0], (logits[..., 3] - logits[..., 7]).T, atol=1e-5)


def test_the_strongest_estimates_are_done_first(clean, corrupted, monkeypatch):
    done = []
    own = Patching.run

    def run(patching, exchanges, order=None, _executor=None):
        for answer in own(patching, exchanges, order):
            done.append(answer.which)
            yield answer

    monkeypatch.setattr(Patching, "run", run)
    estimate = np.linspace(-3, 2, LAYERS * HEADS).reshape(LAYERS, HEADS)
    ordered = found_of(clean, corrupted, order=estimate)
    assert done == np.argsort(-np.abs(estimate.ravel()), kind="stable").tolist()
    assert np.array_equal(ordered.metric, found_of(clean, corrupted).metric)
    for wrong in (estimate[0], "strongest"):
        with refused(vl.UsageError):
            found_of(clean, corrupted, order=wrong)


def test_an_interrupt_keeps_what_is_done(clean, corrupted, monkeypatch):
    own = Patching.run

    def run(patching, exchanges, order=None, _executor=None):
        for n_done, answer in enumerate(own(patching, exchanges, order)):
            if n_done == 5:
                raise KeyboardInterrupt
            yield answer

    whole = found_of(clean, corrupted)
    monkeypatch.setattr(Patching, "run", run)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = found_of(clean, corrupted)
    assert "5 of 12 places are done" in str(caught[0].message)
    assert found.is_done.ravel().tolist() == [True] * 5 + [False] * 7
    assert np.array_equal(found.metric[:, found.is_done], whole.metric[:, found.is_done])
    assert "(5 of 12 places)" in found.title
    assert all(found.is_done[at] for at in found.strongest(12))
    found.figure()
    found.table()
    assert "of the way" in found.summary()
    monkeypatch.setattr(
        activation, "progress_bar", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt, match="before the first place was done"):
        found_of(clean, corrupted)


def test_a_gap_too_small_to_divide_by_is_said(clean, corrupted):
    found = activation_patching(clean, corrupted, METRIC, least_gap=1e3)
    assert np.isnan(found.effect).all()
    assert not np.isnan(found.metric).any()
    assert "too small to divide by" in found.summary()
    found.figure("metric")
    with refused(vl.UsageError):
        found.figure()


def test_every_metric_can_be_asked_for(clean, corrupted):
    for metric in (metrics.kl(), metrics.rank(3), metrics.probability([3, 7]), 3):
        found = activation_patching(clean, corrupted, metric, layer=[1])
        assert found.metric.shape == (2, 1, HEADS)
        assert found.gap.metric in found.summary()
    spread = activation_patching(clean, corrupted, lambda logits: logits.std(1))
    assert spread.gap.least == pytest.approx(1e-3 * np.abs(spread.gap.clean).max(), rel=0.5)


def test_pairs_are_taken_together_by_the_ratio_of_means():
    rng = np.random.default_rng(3)
    gap = Gap(rng.normal(3, 1, 9), rng.normal(-2, 1, 9), 0.1, "logit")
    values = rng.normal(0, 1, (9, 4))
    found = gap.over_pairs(values)
    change = values - gap.corrupted[:, None]
    np.testing.assert_allclose(found.mean, change.mean(0) / gap.size.mean())
    again = np.empty((9, 4))  # the interval against the jackknife's
    for i in range(9):
        rest = np.arange(9) != i
        again[i] = change[rest].mean(0) / gap.size[rest].mean()
    jackknife = np.sqrt(8 / 9 * ((again - again.mean(0)) ** 2).sum(0))
    np.testing.assert_allclose(found.half / 2.306, jackknife, rtol=0.35)
    same = gap.over_pairs(np.repeat(gap.clean[:, None], 2, 1))
    np.testing.assert_allclose(same.mean, 1)
    np.testing.assert_allclose(same.half, 0, atol=1e-12)
    assert "the gap is positive in" in gap.sentence()


def test_tables_figures_and_words(clean, corrupted):
    found = found_of(clean, corrupted)
    table = found.table()
    assert list(table.columns[:3]) == ["layer", "head", "share"]
    assert len(table) == LAYERS * HEADS
    np.testing.assert_allclose(table["share"], found.over_pairs().mean.ravel())
    assert "± (share)" in table
    by_token = found_of(clean, corrupted, site="mlp_out", by=("layer", "token"))
    assert by_token.table()["token is"][1] == "row 0, col 0"
    source = by_token.figure("effect").renderers[0].data_source.data
    assert len(source["value"]) == LAYERS * 16
    np.testing.assert_allclose(source["value"], by_token.over_pairs("effect").mean.T.ravel())
    cube = found_of(clean, corrupted, by=("layer", "head", "token"), token=[0, 3])
    assert cube.metric.shape == (2, LAYERS, HEADS, 2)
    cube.figure(token=3)
    cube.figure(token=3, layer=1)
    for wrong in ({}, {"token": 9}, {"query": 0}, {"name": "no such number"}):
        with refused(vl.UsageError):
            cube.figure(**wrong)
    strongest = found.strongest(2)
    assert abs(found.over_pairs().mean[strongest[0]]) == np.abs(found.over_pairs().mean).max()
    one = found_of(traced(clean.vit, 1, 1), traced(clean.vit, 2, 1))
    assert "± (share)" not in one.table()
    assert np.isnan(one.over_pairs().half).all()


def test_what_cannot_be_swept_is_refused(clean, corrupted):
    wrong = [
        {"by": ("head",)},
        {"by": ("layer", "query")},
        {"site": "pattern", "by": ("layer",), "token": 3},
        {"site": "attn_scores"},
        {"how": "both"},
        {"places": [Place("z", 1)], "head": 2},
        {"places": 3},
        {"head": 99},
        {"neuron": 2},
        {"by": 3},
    ]
    for words in wrong:
        with refused(vl.UsageError):
            found_of(clean, corrupted, **words)
    for least in (0, True, "0.1"):
        with refused(vl.UsageError):
            activation_patching(clean, corrupted, METRIC, least_gap=least)
    with refused(vl.UsageError):
        activation_patching(clean, "a picture", METRIC)
    huge = vl.load(timm_model("CLS", img_size=(256, 256)))
    pixels = (pixels_for((256, 256), 1, seed) for seed in (1, 2))
    with refused(vl.UsageError):
        found_of(
            *(huge.trace(one, preprocessed=True) for one in pixels),
            site="pattern",
            by=("layer", "head", "query", "key"),
        )


def test_the_head_that_makes_the_cat_is_found():
    vit = vl.load("toy/p32")
    scene = vl.world.scene(5045, objects=2, classes=["cat", "dog"])
    without, cat = scene.image.copy(), scene.class_mask == vl.world.CLASSES.index("cat")
    grown = cat.copy()
    for _ in range(4):
        grown[1:] |= grown[:-1]
        grown[:-1] |= grown[1:]
        grown[:, 1:] |= grown[:, :-1]
        grown[:, :-1] |= grown[:, 1:]
    without[grown] = scene.image[scene.class_mask == 16].mean(0).astype(np.uint8)
    found = activation_patching(
        vit.trace(scene.image), vit.trace(without), ("cat", "dog"), how="noising"
    )
    assert found.strongest(1) == [(3, 1)]
    assert found.share[0, 3, 1] > 0.5
    assert found.summary().splitlines()[2].startswith("L3 H1: ")


@pytest.mark.parametrize(
    ("far", "words"),
    [(0, "both images get the same answer"), (0.06, "the answers differ too little")],
)
def test_only_the_same_answer_is_called_the_same(far, words):
    gap = Gap(np.array([1 + far]), np.array([1.0]), 0.1, "logit")
    assert f"; {words}: a gap below 0.1 is too small to divide by" in gap.sentence()

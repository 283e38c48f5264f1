"""Activation patching by workers: the same numbers, and nothing lost that was done."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.small_models import pixels_for, timm_model
from tests.workers.in_place import AtOnce
from vitlens_widgets.analysis.patching.by_workers import _SentRun
from vitlens_widgets.analysis.patching.exchange import Exchange
from vitlens_widgets.workers.crew import Crew


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS"))


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.mark.parametrize(
    ("dropped", "words"),
    [
        ([], {"how": "noising"}),
        ([], {"site": "resid_pre", "by": ("layer", "token"), "layer": [1, 2], "order": True}),
        ([vl.edits.DropTokens([2, 5])], {"site": "mlp_out", "by": "layer"}),
    ],
)
def test_pairs_are_patched_by_workers(vit, dropped, words):
    pixels = [pixels_for(vit.image_size, 3, seed) for seed in (1, 2)]
    clean = vit.trace(pixels[0], preprocessed=True, edits=dropped)
    corrupted = vl.analysis.noised(clean) if dropped else vit.trace(pixels[1], preprocessed=True)
    pair, at_once = (clean, corrupted, (3, 7)), AtOnce()
    if "order" in words:
        first = vl.analysis.activation_patching(*pair, **words | {"order": None})
        words = words | {"order": first.metric[0]}
    one, many = (
        vl.analysis.activation_patching(*pair, **words, executor=executor)
        for executor in (None, at_once)
    )
    assert len(at_once.orders) > 0
    assert np.array_equal(one.metric, many.metric)
    assert one.table().equals(many.table())


class Behind(AtOnce):
    """The first order is never done."""

    def submit(self, work, order):
        return super().submit(work, order) if order.start else Future()


def test_pairs_that_were_patched_behind_a_gap_are_in_a_stopped_result(vit, monkeypatch):
    traces = [vit.trace(pixels_for(vit.image_size, 2, seed), preprocessed=True) for seed in (1, 2)]
    monkeypatch.setattr(Exchange, "step", 2)
    whole = vl.analysis.activation_patching(*traces, 3).metric.reshape(2, -1)
    executor, own, asked = Behind(), Crew.next_outcome, []

    def struck(crew, *words):
        asked.append(words)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return own(crew, *words)

    monkeypatch.setattr(Crew, "next_outcome", struck)
    with pytest.warns(UserWarning, match="Stopped by you: 10 of 12 places are done"):
        found = vl.analysis.activation_patching(*traces, 3, executor=executor).metric
    some = found.reshape(2, -1)
    done = sorted({2 * order.start + i for order in executor.orders for i in (0, 1)})
    assert len(done) >= 4
    assert np.array_equal(some[:, done], whole[:, done])
    assert np.isnan(some[:, [i for i in range(12) if i not in done]]).all()


def test_pairs_of_a_model_that_reads_no_pictures_are_patched_by_workers():
    model = timm_model("CLS", in_chans=4)
    words = {"mean": (0.5,) * 4, "std": (0.5,) * 4, "shown": (0, 1, 2)}
    vit = vl.load(model, preprocessing=words)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(2, 1, 4, *vit.image_size, generator=generator)
    traces = [vit.trace(one, preprocessed=True) for one in pixels]
    one, many = (
        vl.analysis.activation_patching(*traces, 3, executor=executor)
        for executor in (None, AtOnce())
    )
    assert np.array_equal(one.metric, many.metric)


def test_pairs_reach_other_processes(vit, pool):
    traces = [vit.trace(pixels_for(vit.image_size, 2, seed), preprocessed=True) for seed in (1, 2)]
    asked = vl.analysis.metrics.probability(5)
    one, many = (
        vl.analysis.activation_patching(*traces, asked, executor=executor)
        for executor in (None, pool)
    )
    assert np.array_equal(one.metric, many.metric)
    places = [vl.analysis.Place("z", 1, head=99)]
    with pytest.raises(vl.UsageError, match="head"):
        vl.analysis.activation_patching(*traces, asked, places=places, executor=pool)


def test_a_run_that_is_another_in_a_worker_is_refused(vit):
    trace = vit.trace(pixels_for(vit.image_size, 1, 1), preprocessed=True)
    sent = _SentRun(trace)
    assert torch.equal(sent.again(vit).states, trace.states)
    sent._logits = sent._logits * 1.01
    with pytest.raises(vl.UsageError, match="another answer in a worker than here"):
        sent.again(vit)

"""Which head decides, over a data set, against a plain loop of one edit after the other."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from bokeh.models import ColorBar
from scipy import stats

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis import deciding_heads
from vitlens_widgets.data import Examples

N = 20
SCENES = vl.world.Scenes(seed=500, objects=2)


@pytest.fixture(scope="module")
def vit():
    return vl.load("toy/attn-only-2l")


def in_a_loop(vit, target, how):
    """By half, `[(moved [layer, head], gap, turned [layer, head])]` of the pairs that count."""
    halves = ([], [])
    for example in (SCENES[i] for i in range(N)):
        grey = example.image.copy()
        grey[example.mask] = example.image[~example.mask].mean(0).round()
        runs = [vit.trace(one) for one in (example.image, grey)]
        told, other = (int(run.logits[0].argmax()) for run in runs)
        wanted = told if target == "answer" else vit.labels.index(SCENES.labels[example.label])
        if told != wanted or other == wanted:
            continue

        def metric(run, wanted=wanted, other=other):
            return float(run.logits[0, wanted] - run.logits[0, other])

        base, source = runs if how == "noising" else runs[::-1]
        exchanged = np.array(
            [
                [
                    metric(base.rerun([vl.edits.Replace("z", layer, source, head=head)]))
                    for head in range(vit.n_heads)
                ]
                for layer in range(vit.n_layers)
            ]
        )
        towards = 1 if how == "denoising" else -1
        moved, gap = towards * (exchanged - metric(base)), metric(runs[0]) - metric(runs[1])
        half = zlib.crc32(example.name.encode()) % 2
        halves[half].append((moved, gap, towards * exchanged > 0))
    return halves


def ratio(values, gaps):
    """Mean over mean, with half its interval, `[layer, head]`."""
    values, gaps = np.array(values), np.array(gaps)
    share = values.mean(0) / gaps.mean()
    off = (values - share * gaps[:, None, None]) / gaps.mean()
    deviation = np.sqrt((off**2).sum(0) / (len(off) - 1) / len(off))
    return share, deviation * stats.t.ppf(0.975, len(off) - 1)


@pytest.mark.parametrize(("target", "how"), [("answer", "noising"), ("true", "denoising")])
def test_it_is_a_loop_of_edits(vit, target, how):
    found = deciding_heads(vit, SCENES, n_images=N, target=target, how=how, batch_size=7)
    halves = in_a_loop(vit, target, how)
    assert found.n_pairs == tuple(map(len, halves))
    assert min(found.n_pairs) >= 3
    assert float(found.counts.mean) == pytest.approx(sum(found.n_pairs) / N)
    (chosen_on, gaps, _), judged = (list(zip(*half, strict=True)) for half in halves)
    judged_by, own_gaps, turned = judged
    np.testing.assert_allclose(found.to_choose.mean, ratio(chosen_on, gaps)[0], atol=1e-3)
    others = [(one.sum() - one) / (one.size - 1) for one in judged_by]
    ahead = [one - other for one, other in zip(judged_by, others, strict=True)]
    for mine, values in ((found.share, judged_by), (found.others, others), (found.ahead, ahead)):
        share, half = ratio(values, own_gaps)
        np.testing.assert_allclose(mine.mean, share, atol=1e-3)
        np.testing.assert_allclose(mine.half, half, atol=2e-3)
    np.testing.assert_allclose(found.turned.mean, np.mean(turned, axis=0))
    for place in np.ndindex(found.turned.mean.shape):
        so = stats.binomtest(int(np.sum(turned, axis=0)[place]), found.n_pairs[1])
        ends = found.turned.low[place], found.turned.high[place]
        assert ends == pytest.approx(tuple(so.proportion_ci(method="wilson")))
    so = stats.binomtest(sum(found.n_pairs), N).proportion_ci(method="wilson")
    assert (float(found.counts.low), float(found.counts.high)) == pytest.approx(tuple(so))
    best = np.unravel_index(ratio(chosen_on, gaps)[0].argmax(), found.share.mean.shape)
    assert found.chosen == best
    assert found.rank == 1 + (found.share.mean > found.share.mean[best]).sum()


def test_it_costs_two_passes_for_each_image(vit, monkeypatch):
    traced, trace = [], type(vit).trace

    def counted(self, images, **words):
        traced.append(len(images))
        return trace(self, images, **words)

    monkeypatch.setattr(type(vit), "trace", counted)
    found = deciding_heads(vit, SCENES, n_images=N, target="answer", batch_size=7)
    assert 0 < sum(found.n_pairs) < N
    assert sum(traced) == 2 * N


def test_what_is_said_is_of_the_chosen_head(vit):
    found = deciding_heads(vit, SCENES, n_images=N, target="answer")
    layer, head = found.chosen
    table = found.table()
    assert len(table) == vit.n_layers * vit.n_heads
    (row,) = table[table["chosen"]].itertuples()
    assert (row.layer, row.head) == (layer, head)
    assert row.share == pytest.approx(found.share.mean[layer, head])
    assert table["share"].is_monotonic_decreasing
    summary = found.summary()
    assert f"L{layer} H{head} was chosen" in summary
    assert f"{found.ahead.mean[layer, head]:.3f} ±" in summary
    low, high = found.turned.low[layer, head], found.turned.high[layer, head]
    assert (
        f"pairs turned: {found.turned.mean[layer, head]:.3f} ({low:.3f} to {high:.3f})" in summary
    )
    (of_chosen,) = table[table["chosen"]].to_dict("records")
    assert (of_chosen["turned, from"], of_chosen["turned, to"]) == pytest.approx((low, high))
    (bar,) = found.figure("turned").select({"type": ColorBar})
    assert "turned" in bar.title
    with refused(vl.UsageError):
        found.figure("effect")


def test_images_of_which_nothing_or_all_is_marked_do_not_count(vit):
    scenes = [SCENES[i] for i in range(4)]
    masks = [np.zeros((224, 224), bool), np.ones((224, 224), bool)]
    items = [(one.image, one.label, mask) for one, mask in zip(scenes, masks * 2, strict=True)]
    found = deciding_heads(vit, Examples(items, SCENES.labels), target="answer")
    assert found.n_pairs == (0, 0)
    assert found.chosen is found.rank is None
    assert "too few" in found.summary()
    assert np.isnan(found.table()["share"]).all()


def test_a_coarse_mask_covers_the_same_pixels(vit):
    fine = [SCENES[i] for i in range(6)]
    blocks = [np.kron(one.mask[::8, ::8], np.ones((8, 8), bool)) for one in fine]
    found = []
    for masks in (blocks, [one[::8, ::8] for one in blocks]):
        items = [(one.image, one.label, mask) for one, mask in zip(fine, masks, strict=True)]
        found.append(deciding_heads(vit, Examples(items, SCENES.labels), target="answer"))
    assert found[0].n_pairs == found[1].n_pairs != (0, 0)
    np.testing.assert_array_equal(found[0].share.mean, found[1].share.mean)


def test_words_and_data_that_do_not_fit_are_refused(vit):
    for words in ({"target": "cat"}, {"by": "pink"}, {"how": "both"}):
        with refused(vl.UsageError):
            deciding_heads(vit, SCENES, n_images=1, **words)
    small = vl.load(timm_model("CLS"))
    plain = examples(small, 2)
    bare = Examples([(one.image, one.label) for one in (plain[0], plain[1])], plain.labels)
    with refused(vl.UsageError):
        deciding_heads(small, bare)

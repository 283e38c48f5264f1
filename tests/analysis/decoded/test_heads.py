"""Likeness of heads' pictures against their effects, one image and head at a time."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch
from scipy import stats

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.lenses.pictures.fixed import Fixed
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis import decoded_heads
from vitlens_widgets.data import Examples
from vitlens_widgets.lenses.head_outputs import HeadOutputs
from vitlens_widgets.ranks import permuted, spearman
from vitlens_widgets.trace.batch import as_batch

N, STRENGTH = 5, 6.0


def test_rank_correlations_are_scipys_with_ties():
    rng = np.random.default_rng(0)
    first, second = (rng.integers(0, 6, (4, 9)).astype(float) for _ in range(2))
    expected = [stats.spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(spearman(first, second), expected)
    assert np.isnan(spearman(np.ones(9), second)).all()
    with_nan = np.where(np.arange(9) == 2, np.nan, first)
    assert np.isnan(spearman(with_nan, second)).all()


def test_luck_is_as_wide_as_it_is_known_to_be():
    rng = np.random.default_rng(1)
    luck = permuted(rng.random((2, 12)), rng.random(12), 20000, rng)
    assert luck.shape == (2, 20000)
    np.testing.assert_allclose(luck.mean(-1), 0, atol=0.01)
    np.testing.assert_allclose(luck.std(-1), 1 / np.sqrt(11), rtol=0.03)


def test_what_kinds_differ_by_is_no_luck():
    rng = np.random.default_rng(1)
    first, second = rng.random(8), rng.random(8)
    alone = permuted(first, second, 50, rng, [1] * 8)  # nobody to change places with
    np.testing.assert_allclose(alone, spearman(first, second))
    high = np.arange(8) >= 4
    luck = permuted(high + 0.1 * first, high + 0.1 * second, 5000, rng, [4, 4])
    assert luck.min() > 0  # each in its half
    between = 8 * 2**2 / 42  # of the squares of eight ranks less their mean
    np.testing.assert_allclose(luck.mean(), between, atol=0.01)


def test_more_images_of_the_same_heads_are_no_more_heads(vit, data):
    """Luck is as wide of one image as of the same one three times: heads go in one order in all."""
    image = data[0].image
    one, three = (
        decoded_heads(vit, Examples([(image, 0)] * n, vit.labels), n_permutations=40)
        for n in (1, 3)
    )
    np.testing.assert_allclose(one.luck[0], three.luck[0], atol=0.02)
    assert three.luck[0].std() > 0.1


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("four registers and layer scale"))


@pytest.fixture(scope="module")
def data(vit):
    return examples(vit, N)


@pytest.fixture(scope="module")
def found(vit, data):
    lens = vl.SteeringLens(vit, Fixed(vit))
    return decoded_heads(
        vit, data, lens=lens, strength=STRENGTH, seeds=[0, 3], n_permutations=200, batch_size=2
    )


def unit(features):
    return torch.nn.functional.normalize(features.detach().double(), dim=-1)


def by_hand(vit, data):
    """Effects `[image, head]`, and likenesses of pictures and embeddings, own and of another."""
    read, decoder = vit.adapter.readout_features, Fixed(vit)
    runs = [vit.trace(data[i].image) for i in range(N)]
    places = list(np.ndindex(vit.n_layers, vit.n_heads))
    effects, pictures, embeddings = [], [], []
    for i, run in enumerate(runs):
        intact = unit(read(run.states[-1])[0])
        off = [run.rerun([vl.edits.Zero("z", k, head=h)]).states[-1] for k, h in places]
        effects.append([1 - float(unit(read(one)[0]) @ intact) for one in off])
        start = zlib.crc32(data[i].name.encode()) % N
        other = runs[start if start != i else (start + 1) % N]
        of_image = [[], []], [[], []]
        for kind, source in enumerate((run, other)):
            for k, h in places:
                moved = run.states[-1] + (STRENGTH - 1) * HeadOutputs(source, k).of(h)
                embedding = read(moved)[0]
                of_image[1][kind].append(float(unit(embedding) @ intact))
                painted = [next(decoder.decode(embedding, seed=s)) for s in (0, 3)]
                seen = vit.adapter.pooled(as_batch(vit, painted, False)[0])
                of_image[0][kind].append(float((unit(seen) @ intact).mean()))
        pictures.append(of_image[0])
        embeddings.append(of_image[1])
    return np.array(effects), np.array(pictures), np.array(embeddings)


def test_it_is_a_loop_of_runs_and_pictures(vit, data, found):
    effects, pictures, embeddings = by_hand(vit, data)
    heads = (vit.n_layers, vit.n_heads)
    np.testing.assert_allclose(
        found.effect.mean, effects.mean(0).reshape(heads), rtol=1e-3, atol=1e-6
    )
    expected = {
        "picture": pictures[:, 0],
        "embedding": embeddings[:, 0],
        "picture of another image": pictures[:, 1],
        "embedding of another image": embeddings[:, 1],
    }
    assert found.names == (
        *expected,
        "picture of a random direction",
        "embedding of a random direction",
    )
    of_pictures = None
    for i, (name, values) in enumerate(expected.items()):
        np.testing.assert_allclose(
            found.of(name).mean, values.mean(0).reshape(heads), rtol=1e-3, atol=2e-4
        )
        both = zip(values, effects, strict=True)
        each = np.array([stats.spearmanr(a, b).statistic for a, b in both])
        of_pictures = each if i == 0 else of_pictures
        assert found.correlation.mean[i] == pytest.approx(each.mean(), abs=0.03)
        half = each.std(ddof=1) / N**0.5 * stats.t.ppf(0.975, N - 1)
        assert found.correlation.half[i] == pytest.approx(half, abs=0.03)
        assert found.ahead.mean[i] == pytest.approx((of_pictures - each).mean(), abs=0.03)
    assert (found.correlation.n == N).all()


def test_a_random_direction_is_as_long_as_what_the_head_writes(vit, data):
    """At a strength at which all but the norm of the final state is the direction's own."""
    small = decoded_heads(vit, data, strength=1 + 1e-3, n_permutations=1)
    large = decoded_heads(vit, data, strength=1e4, n_permutations=1)
    for one, near in ((small, 1), (large, 0)):
        alike = one.of("embedding of a random direction").mean
        assert abs(alike.mean() - near) < 0.35
    assert (small.of("embedding of a random direction").mean > 0.999).all()


def test_p_is_that_of_the_orders_and_small_where_likeness_is_the_effect(found, vit, data):
    larger = (found.luck >= found.correlation.mean[:, None] - 1e-9).sum(1)
    np.testing.assert_allclose(found.p, (1 + larger) / 201)
    plain = decoded_heads(vit, data, strength=0.0, n_permutations=500)
    assert plain.names[0] == "embedding"
    # a head taken away by its direct path turns the embedding much as one switched off does
    assert plain.correlation.mean[0] < 0
    assert plain.p[0] > 0.99


def test_numbers_do_not_depend_on_batches_and_are_said(found, vit, data):
    lens = vl.SteeringLens(vit, Fixed(vit))
    other = decoded_heads(
        vit, data, lens=lens, strength=STRENGTH, seeds=[0, 3], n_permutations=200, batch_size=5
    )
    np.testing.assert_allclose(other.luck, found.luck, atol=0.02)
    np.testing.assert_allclose(other.alike.mean, found.alike.mean, atol=2e-3)
    table, heads = found.table(), found.heads()
    assert table["rank correlation"].tolist() == found.correlation.mean.tolist()
    assert len(heads) == vit.n_layers * vit.n_heads
    assert heads["picture"].tolist() == found.of("picture").mean.ravel().tolist()
    assert "decoder='fixed'" in found.title
    for name in ("correlation", "heads"):
        assert found.figure(name).title.text


def test_one_image_alone_has_no_other(vit):
    data = examples(vit, 1)
    alone = decoded_heads(vit, data, n_permutations=3)
    assert np.isnan(alone.correlation.mean[1])
    assert alone.correlation.n.tolist() == [1, 0, 1]
    same = Examples([(data[0].image, 0)] * 3, vit.labels)
    assert decoded_heads(vit, same, n_permutations=3).correlation.n.tolist() == [3, 0, 3]


def test_a_stopped_picture_stops_the_run(vit, data, tmp_path):
    decoder = Fixed(vit)
    lens = vl.SteeringLens(vit, decoder)
    words = {"lens": lens, "n_permutations": 5, "save_to": tmp_path, "batch_size": 2}
    whole = decoded_heads(vit, data, **{**words, "save_to": None})
    again = vl.SteeringLens(vit, decoder)
    decoder.stop_after = decoder.painted + 3 * 2 * vit.n_layers * vit.n_heads + 5
    with pytest.raises(KeyboardInterrupt, match="holds the first 2 of 5 images"):
        decoded_heads(vit, data, **{**words, "lens": again})
    decoder.stop_after = None
    found = decoded_heads(vit, data, **{**words, "lens": again})
    assert found.table().equals(whole.table())


def test_what_does_not_fit_is_refused(vit, data, tmp_path):
    lens = vl.SteeringLens(vit, Fixed(vit))
    other = vl.load(timm_model("CLS"))
    decoded_heads(vit, data, lens=lens, n_permutations=2, n_images=2, save_to=tmp_path)
    darker = Fixed(vit)
    darker.weight = darker.weight * 0.5
    for wrong in (
        lambda: decoded_heads(vit, data, lens=Fixed(vit)),
        lambda: decoded_heads(other, data, lens=lens),
        lambda: decoded_heads(vit, data, lens=vl.PatchDecoderLens(vit, Fixed(vit, "tokens"))),
        lambda: decoded_heads(vit, data, n_permutations=0),
        lambda: decoded_heads(vit, data, strength="x"),
        lambda: decoded_heads(vit, data, lens=lens, seeds=[]),
        lambda: decoded_heads(vit, data, n_permutations=2).figure("bars"),
        lambda: decoded_heads(
            vit,
            data,
            lens=vl.SteeringLens(vit, darker),
            n_permutations=2,
            n_images=2,
            save_to=tmp_path,
        ),
    ):
        with refused(vl.UsageError):
            wrong()


def test_without_nulls_its_own_are_the_same(vit, data, found):
    lens = vl.SteeringLens(vit, Fixed(vit))
    own = decoded_heads(
        vit,
        data,
        lens=lens,
        strength=STRENGTH,
        seeds=[0, 3],
        nulls=False,
        n_permutations=200,
        batch_size=2,
    )
    assert own.names == ("picture", "embedding")
    for name in own.names:
        np.testing.assert_array_equal(own.of(name).mean, found.of(name).mean)
    np.testing.assert_array_equal(own.correlation.half, found.correlation.half[:2])
    np.testing.assert_array_equal(own.luck, found.luck[:2])
    assert "nulls=False" in own.title
    (row,) = (
        one
        for one in vl.analysis.steering_claims("x", heads=own).rows
        if "random direction" in one["claim"]
    )
    assert row["x"].endswith("not measured")
    with refused(vl.UsageError):
        decoded_heads(vit, data, nulls="no")

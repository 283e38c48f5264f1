"""What is laid on an image, head by head, against a plain loop of runs and pictures."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.lenses.pictures.fixed import Fixed
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis import overlay_study
from vitlens_widgets.analysis.decoded.pasted import cut_out, pasted
from vitlens_widgets.data import Examples
from vitlens_widgets.lenses.head_outputs import HeadOutputs
from vitlens_widgets.trace.batch import as_batch

N, STRENGTH = 6, 6.0


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS", depth=2))


@pytest.fixture(scope="module")
def data(vit):
    return examples(vit, N)


def test_a_thing_is_cut_out_by_its_mask_and_laid_in_a_corner():
    rng = np.random.default_rng(0)
    image, other = (rng.integers(0, 100, (40, 60, 3), dtype=np.uint8) for _ in range(2))
    mask = np.zeros((20, 30), bool)
    mask[5:15, 10:15] = True  # of half the resolution
    thing = cut_out(Image.fromarray(other), mask)
    assert thing.size == (10, 20)
    np.testing.assert_array_equal(np.asarray(thing)[..., :3], other[10:30, 20:30])
    assert (np.asarray(thing)[..., 3] == 255).all()
    both, alone = pasted(Image.fromarray(image), thing, 0.5, 3)
    both, alone = np.asarray(both), np.asarray(alone)
    put = other[10:30, 20:30]
    np.testing.assert_array_equal(both[18:38, 48:58], put)
    np.testing.assert_array_equal(alone[18:38, 48:58], put)
    kept = np.ones((40, 60), bool)
    kept[18:38, 48:58] = False
    np.testing.assert_array_equal(both[kept], image[kept])
    assert (alone[kept] == 128).all()
    whole = cut_out(Image.fromarray(other), None)
    at_the_top = np.asarray(pasted(Image.fromarray(image), whole, 0.9, 0)[0])
    assert (at_the_top[2:26, 2:38] != image[2:26, 2:38]).any()
    np.testing.assert_array_equal(at_the_top[26:], image[26:])


def unit(features):
    return torch.nn.functional.normalize(features.detach().double(), dim=-1)


def by_hand(vit, data):
    """`(holds, loses) [image, head]` of pictures, embeddings and a judge, image by image."""
    read, decoder = vit.adapter.readout_features, Fixed(vit)
    heads = list(np.ndindex(vit.n_layers, vit.n_heads))
    every = []
    for i in range(N):
        start = zlib.crc32(data[i].name.encode()) % N
        other = data[start if start != i else (start + 1) % N]
        thing = cut_out(Image.fromarray(other.image), other.mask)
        corner = zlib.crc32(f"0 {data[i].name}".encode()) % 4
        both, alone = pasted(Image.fromarray(data[i].image), thing, 0.5, corner)
        image, run, overlay = (vit.trace(one) for one in (data[i].image, both, alone))
        a, o = (unit(read(one.states[-1])[0]) for one in (image, overlay))

        def scores(embedding, a=a, o=o, label=other.label):
            picture = next(decoder.decode(embedding))
            seen = unit(vit.adapter.pooled(as_batch(vit, [picture], False)[0])[0])
            named = vit.trace(picture).logits[0].double().softmax(-1)[label]
            own = unit(embedding)
            found = [seen @ o - seen @ a, own @ o - own @ a, named]
            return np.array([float(one) for one in found])

        own = scores(read(run.states[-1])[0])
        of_image = []
        for layer, head in heads:
            more = run.states[-1] + (STRENGTH - 1) * HeadOutputs(run, layer).of(head)
            off = run.rerun([vl.edits.Zero("z", layer, head=head)]).states[-1]
            stronger, without = (scores(read(one)[0]) for one in (more, off))
            of_image.append([stronger - own, own - without])
        every.append(np.array(of_image).transpose(2, 1, 0))  # [kind, holds or loses, head]
    return np.array(every).reshape(N, 6, len(heads))


def test_it_is_a_loop_of_runs_and_pictures(vit, data):
    lens = vl.SteeringLens(vit, Fixed(vit))
    found = overlay_study(
        vit, data, lens=lens, judge=vit, size=0.5, strength=STRENGTH, batch_size=4
    )
    assert found.names == tuple(
        f"{kind} {what}"
        for kind in ("picture", "embedding", "judge")
        for what in ("holds", "loses")
    )
    every = by_hand(vit, data)
    first = np.array([zlib.crc32(data[i].name.encode()) % 2 == 0 for i in range(N)])
    assert found.n_images == (first.sum(), (~first).sum())
    assert min(found.n_images) >= 2
    heads = vit.n_layers, vit.n_heads
    chosen = every[first, 0].mean(0).reshape(heads)
    np.testing.assert_allclose(found.to_choose.mean, chosen, atol=2e-3)
    judged = every[~first].reshape(-1, 6, *heads)
    np.testing.assert_allclose(found.judged.mean, judged.mean(0), atol=2e-3)
    lead = judged - (judged.sum((2, 3), keepdims=True) - judged) / (judged[0, 0].size - 1)
    np.testing.assert_allclose(found.ahead.mean, lead.mean(0), atol=2e-3)
    n = len(judged)
    half = lead.std(0, ddof=1) / n**0.5 * stats.t.ppf(0.975, n - 1)
    np.testing.assert_allclose(found.ahead.half, half, atol=6e-3)
    layer, head = np.unravel_index(chosen.argmax(), heads)
    assert found.chosen == (layer, head)
    table, of_heads = found.table(), found.heads()
    assert table["ahead"].tolist() == found.ahead.mean[:, layer, head].tolist()
    (row,) = of_heads[of_heads["chosen"]].itertuples()
    assert (row.layer, row.head) == (layer, head)
    assert f"L{layer} H{head} was chosen by what its picture holds" in found.summary()


def test_what_is_laid_on_is_seen_and_needs_no_lens(vit, data):
    found = overlay_study(vit, data)
    assert found.names == ("embedding holds", "embedding loses")
    assert found.seen.n == N
    large = overlay_study(vit, data, size=0.9)
    assert large.seen.mean > found.seen.mean > 0
    photographs = Examples([(data[i].image, data[i].label) for i in range(N)], vit.labels)
    assert overlay_study(vit, photographs).seen.mean > 0


def test_images_without_another_do_not_count(vit):
    found = overlay_study(vit, examples(vit, 1))
    assert (found.chosen, found.n_images) == (None, (0, 0))
    assert "too few" in found.summary()
    assert len(found.table()) == 2


def test_what_does_not_fit_is_refused(vit, data):
    lens = vl.SteeringLens(vit, Fixed(vit))
    for words in (
        {"judge": vit},
        {"lens": lens, "judge": vl.load("toy/p32-taught"), "n_images": 2},
        {"lens": lens, "judge": "toy/p32-taught"},
        {"size": 0},
        {"size": 1.0},
        {"strength": 1.0},
        {"lens": vl.PatchDecoderLens(vit, Fixed(vit, "tokens"))},
    ):
        with refused(vl.UsageError):
            overlay_study(vit, data, **words)
    with refused(vl.UsageError):
        overlay_study(vit, data, n_images=2).figure("judge holds")

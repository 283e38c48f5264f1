"""Pictures of states against their nulls, one image and state at a time."""

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
from vitlens_widgets.analysis import decoded_similarity, decoded_states

N = 4


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("four registers and layer scale", depth=2))


@pytest.fixture(scope="module")
def data(vit):
    return examples(vit, N)


def lens_of(vit, what):
    decoder = Fixed(vit, what, steps=1 if what == "tokens" else 3)
    return (vl.PatchDecoderLens if what == "tokens" else vl.DiffusionLens)(vit, decoder)


@pytest.mark.parametrize("what", ["readout", "tokens"])
def test_likenesses_are_those_of_the_lens_image_by_image(vit, data, what):
    lens = lens_of(vit, what)
    seeds = 1 if what == "tokens" else 2
    found = decoded_states(vit, data, lens=lens, seeds=seeds, batch_size=3)
    words = {} if what == "tokens" else {"seeds": 2}
    runs = [vit.trace(data[i].image) for i in range(N)]
    own, another = [], []
    for i, run in enumerate(runs):
        start = zlib.crc32(data[i].name.encode()) % N
        other = runs[start if start != i else (start + 1) % N]
        pictures = [lens.read(one, **words) for one in (run, other)]
        own.append(pictures[0].similarity().mean((1, 2)))
        pictures[1].__dict__["_of_input"] = pictures[0]._of_input
        another.append(pictures[1].similarity().mean((1, 2)))
    own, another = np.array(own), np.array(another)
    np.testing.assert_allclose(found.of("picture").mean, own.mean(0), atol=1e-3)
    np.testing.assert_allclose(
        found.of("picture of another image").mean, another.mean(0), atol=1e-3
    )
    lead = own - another
    at = found.names.index("picture of another image")
    np.testing.assert_allclose(found.ahead.mean[at], lead.mean(0), atol=1e-3)
    half = lead.std(0, ddof=1) / N**0.5 * stats.t.ppf(0.975, N - 1)
    np.testing.assert_allclose(found.ahead.half[at], half, atol=2e-3)
    at = found.names.index("embedding of another image")
    between = found.of("embedding").mean - found.alike.mean[at]
    np.testing.assert_allclose(found.ahead.mean[at], between, atol=1e-9)


def test_embeddings_need_no_lens_and_the_last_state_is_the_image_itself(vit, data):
    found = decoded_states(vit, data)
    assert found.names == (
        "embedding",
        "embedding of another image",
        "embedding of a random direction",
    )
    assert found.of("embedding").mean[-1] == pytest.approx(1)
    read, trace = vit.adapter.readout_features, vit.trace([data[i].image for i in range(N)])
    last = read(trace.states[-1])
    for k, state in enumerate(trace.states):
        alike = torch.cosine_similarity(read(state).double(), last.double(), dim=-1)
        assert found.of("embedding").mean[k] == pytest.approx(
            float(alike.mean().detach()), abs=1e-4
        )
    other = decoded_states(vit, data, seed=4)
    assert (other.alike.mean[2] != found.alike.mean[2]).all()
    assert (other.alike.mean[:2] == found.alike.mean[:2]).all()


def test_the_first_state_of_the_image_is_told_by_its_interval(vit, data):
    found = decoded_states(vit, data)
    low = found.ahead.low[1]
    expected = next(
        (k for k in range(len(low)) if (low[k:] > 0).all()),
        None,
    )
    assert found.first == expected
    assert decoded_states(vit, examples(vit, 1)).first is None
    said = "no state" if expected is None else found.state_names[expected]
    assert said in found.summary()


def test_a_sheet_shows_every_picture_and_a_table_says_what_it_is_like(vit, data):
    lens = lens_of(vit, "readout")
    trace = vit.trace([data[i].image for i in range(3)])
    reading = lens.read(trace, [0, 2], seeds=2)
    found = decoded_similarity(reading, judge=vit)
    table = found.table()
    assert table["of"].tolist() == list(reading.names)
    expected = {
        "likeness to the input": reading.similarity(),
        "likeness to the last state's picture": reading.similarity(to="final"),
        "likeness to other inputs": reading.similarity(to="others"),
        "structure like the input's (SSIM)": reading.similarity("ssim"),
    }
    for said, of_all in expected.items():
        means = of_all.mean(2)
        assert table[said].tolist() == pytest.approx(means.mean(1).tolist())
        half = means.std(1, ddof=1) / 3**0.5 * stats.t.ppf(0.975, 2)
        assert table[f"± ({said})"].tolist() == pytest.approx(half.tolist())
    before = reading.similarity_before().mean(1)
    assert table["likeness of the embedding, before"].tolist() == pytest.approx(before.tolist())
    named = reading.named_by(vit)[0]
    for row, name in enumerate(table["named most"]):
        share = (named[row] == vit.labels.index(name)).mean()
        assert (
            share
            == table["share so named"][row]
            == max((named[row] == c).mean() for c in range(len(vit.labels)))
        )
    for image, columns in ((None, 3), (1, 2)):
        sheet = found.figure(image)
        (html,) = (element.html for element in sheet.children[0].elements)
        assert html.count("<img") == columns * (1 + len(reading.names))
        assert html.count('src="data:image/png;base64,') == html.count("<img")


def test_a_picture_that_is_not_done_is_a_frame_and_no_number(vit, data):
    lens = lens_of(vit, "readout")
    lens.decoder.stop_after = 3
    reading = lens.read(vit.trace([data[0].image, data[1].image]), seeds=1)
    assert not reading.done.all()
    found = decoded_similarity(reading)
    (html,) = (element.html for element in found.figure().children[0].elements)
    assert html.count("<i ") == (~reading.done).sum()
    assert found.table()["likeness to the input"].isna().any()
    assert found.named is None


def test_what_cannot_be_asked_is_refused(vit, data):
    lens = lens_of(vit, "readout")
    reading = lens.read(vit.trace(data[0].image), [0], seeds=1)
    for wrong in (
        lambda: decoded_similarity(lens),
        lambda: decoded_similarity(reading, judge="toy/p32-taught"),
        lambda: decoded_similarity(reading).figure(image=1),
        lambda: decoded_states(vit, data, lens=lens.decoder),
        lambda: decoded_states(vit, data).of("picture"),
    ):
        with refused(vl.UsageError):
            wrong()

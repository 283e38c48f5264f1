"""TextSpan against the algorithm on the vectors themselves, and on models whose heads are known."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.sentences import refused
from tests.small_models import timm_model
from tests.zoo_sweep import texts
from vitlens_widgets.analysis.text_span.greedy import Moments, greedy_span
from vitlens_widgets.trace.example_batches import batches


def on_vectors(data, texts, n, rank):
    """Algorithm 1 step by step, on the vectors themselves."""
    _, _, axes = np.linalg.svd(data, full_matrices=False)
    axes = axes[: min(rank, np.linalg.matrix_rank(data))]
    texts = texts @ axes.T @ axes
    data = data - data.mean(0)
    whole, chosen, explained = (data**2).sum(), [], []
    for _ in range(n):
        best = int((data @ texts.T).std(0).argmax())
        unit = texts[best] / np.linalg.norm(texts[best])
        data = data - np.outer(data @ unit, unit)
        texts = texts - np.outer(texts @ unit, unit)
        chosen.append(best)
        explained.append(1 - (data**2).sum() / whole)
    return chosen, explained


def moments_of(data):
    return Moments(len(data), data.sum(0), data.T @ data)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    count=st.integers(9, 40),
    width=st.integers(6, 12),
    rank=st.integers(5, 12),
)
def test_covariances_say_what_the_vectors_say(seed, count, width, rank):
    rng = np.random.default_rng(seed)
    data = rng.standard_normal((count, width)) * rng.uniform(0.2, 3, width) + rng.standard_normal(
        width
    )
    texts = rng.standard_normal((25, width))
    chosen, explained = on_vectors(data, texts, 4, rank)
    found = greedy_span(moments_of(data), texts, 4, rank)
    assert found.which.tolist() == chosen
    np.testing.assert_allclose(found.explained, explained, atol=1e-9)


def test_directions_that_made_the_vectors_are_found_in_their_order():
    rng = np.random.default_rng(3)
    texts = np.linalg.qr(rng.standard_normal((16, 16)))[0]
    sizes = np.array([5.0, 3.0, 1.0])
    data = (rng.standard_normal((500, 3)) * sizes) @ texts[[7, 2, 11]] + 4 * texts[0]
    found = greedy_span(moments_of(data), texts, 5, 80)
    assert found.which.tolist() == [7, 2, 11, -1, -1]
    np.testing.assert_allclose(found.explained[2:], 1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    texts.saved("CLIP", folder)
    return vl.load(str(folder), prompts=texts.PROMPTS)


WORDS = ("cat", "dog", "one red car", "on the road", "a photo of a car", "photo")


def heads_vectors(vit, pixels):
    """What each head writes to CLS, through CLIP's norm and projection by hand."""
    trace = vit.trace(pixels, preprocessed=True)
    norm, project = vit.model.vision_model.post_layernorm, vit.model.visual_projection.weight
    x = trace.states[-1][:, 0].double()
    scale = (x.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    found = []
    for layer, block in enumerate(vit.adapter.blocks):
        weight = block.self_attn.out_proj.weight.double()
        z = trace["z", layer][:, 0].double()  # [image, head, d_head]
        for head, columns in enumerate(weight.split(z.shape[-1], dim=1)):
            out = z[:, head] @ columns.T
            moved = (out - out.mean(-1, keepdim=True)) / scale * norm.weight.double()
            found.append((layer, head, (moved @ project.double().T).detach().numpy()))
    return found


def test_it_is_the_algorithm_on_what_the_heads_write(clip):
    data = examples(clip, 7)
    found = vl.analysis.text_span(clip, data, texts=WORDS, layers=[0, 1], n_texts=3, batch_size=3)
    pool = clip.adapter.embed_texts(WORDS).detach().double().numpy()
    pool /= np.linalg.norm(pool, axis=1, keepdims=True)
    pixels = torch.cat([batch.pixels for batch in batches(clip, data, 0, 7, 4)])
    for layer, head, vectors in heads_vectors(clip, pixels):
        chosen, explained = on_vectors(vectors, pool, 3, 80)
        assert found.texts(layer, head) == [WORDS[i] for i in chosen]
        np.testing.assert_allclose(found.explained[layer, head], explained, atol=1e-5)
    assert found.table().shape == (2 * clip.n_heads, 6)
    assert found.figure().renderers


def test_images_of_any_classes_are_taken(clip):
    found = vl.analysis.text_span(clip, vl.world.Scenes(), texts=WORDS, n_images=3)
    assert found.chosen.shape[-1] == 5
    means = vl.analysis.mean_values(clip, vl.world.Scenes(), "z", n_images=2)
    assert means.n_images == 2


def test_a_saved_run_is_asked_by_other_texts_without_another_forward_pass(clip, tmp_path):
    data = examples(clip, 4)
    first = vl.analysis.text_span(clip, data, texts=WORDS, n_texts=2, save_to=tmp_path)
    with patch.object(type(clip), "trace", side_effect=AssertionError):
        again = vl.analysis.text_span(clip, data, texts=WORDS[::-1], n_texts=2, save_to=tmp_path)
    for layer in first.layers:
        for head in range(clip.n_heads):
            assert again.texts(layer, head) == first.texts(layer, head)


def test_random_directions_of_as_large_a_pool_are_the_null(clip):
    data = examples(clip, 6)
    found = vl.analysis.text_span(clip, data, texts=WORDS, layers=[1], n_texts=2, seed=3)
    again = vl.analysis.text_span(clip, data, texts=WORDS, layers=[1], n_texts=2, seed=3)
    np.testing.assert_array_equal(found.chance, again.chance)
    rng = np.random.default_rng(3)
    pixels = torch.cat([batch.pixels for batch in batches(clip, data, 0, 6, 4)])
    vectors = [of_head for layer, _, of_head in heads_vectors(clip, pixels) if layer == 1]
    for of_pool in found.chance:
        pool = rng.standard_normal((len(WORDS), vectors[0].shape[1]))
        for head, own in enumerate(vectors):
            units = pool / np.linalg.norm(pool, axis=1, keepdims=True)
            np.testing.assert_allclose(
                of_pool[0, head], on_vectors(own, units, 2, 80)[1], atol=1e-5
            )


def test_directions_of_the_vectors_are_said_better_than_by_chance():
    rng = np.random.default_rng(8)
    texts = np.linalg.qr(rng.standard_normal((40, 40)))[0][:6]
    data = rng.standard_normal((300, 2)) @ texts[:2] + 0.05 * rng.standard_normal((300, 40))
    known = greedy_span(moments_of(data), texts, 2, 80).explained[-1]
    random = rng.standard_normal((6, 40))
    random /= np.linalg.norm(random, axis=1, keepdims=True)
    assert known > 0.9 > greedy_span(moments_of(data), random, 2, 80).explained[-1]


def test_of_what_does_not_vary_nothing_is_said():
    data = np.tile(np.random.default_rng(0).standard_normal(9), (7, 1))
    found = greedy_span(moments_of(data), np.eye(9), 3, 80)
    assert found.which.tolist() == [-1, -1, -1]
    assert found.explained.tolist() == [0, 0, 0]


def test_rows_of_a_classifier_take_the_texts_place():
    vit = vl.load(timm_model("CLS"))
    found = vl.analysis.text_span(vit, examples(vit, 5), n_texts=4)
    assert found.pool == tuple(vit.labels)
    assert (np.diff(found.explained) >= 0).all()
    assert "random directions" in found.summary()


def test_bad_input_is_refused(clip):
    data, vit = examples(clip, 2), vl.load(timm_model("CLS"))
    for words in (
        {"texts": []},
        {"texts": ["cat", 3]},
        {"texts": ["cat"], "n_texts": 2},
        {"layers": [7], "n_texts": 1},
        {"layers": [], "n_texts": 1},
        {"layers": [1, 1], "n_texts": 1},
    ):
        with refused(vl.UsageError):
            vl.analysis.text_span(clip, data, **words)
    with refused(vl.UsageError):
        vl.analysis.text_span(vit, examples(vit, 2), texts=["cat"], n_texts=1)
    with refused(vl.UsageError):
        vl.analysis.text_span(clip, data, n_texts=1, layers=[1]).texts(0, 0)

"""Features of real runs: what it shows is what the engines find, for several kinds of tokens."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.features.test_sae import random_sae
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.data import Examples
from vitlens_widgets.widgets.features.source import source_of

KINDS = ("CLS", "mean of patches, norm before", "four registers and layer scale")
"""With 1, 0 and 5 tokens before the patches."""


def data_of(vit, n=9, classes=True, masks=False):
    rng = np.random.default_rng(4)
    size = (*vit.image_size, 3)
    images = rng.integers(0, 256, (n, *size), dtype=np.uint8)
    names = ["cat", "dog", "apple"]
    items = [(image, names[i % 3] if classes else None) for i, image in enumerate(images)]
    if masks:
        half = np.zeros(size[:2], bool)
        half[:, : size[1] // 2] = True
        items = [(*item, half) for item in items]
    return Examples(items, names if classes else None, "noise"), images


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_shown_is_what_the_engines_find(kind):
    vit = vl.load(timm_model(kind))
    data, images = data_of(vit)
    found = vl.analysis.activations(vit, data)
    source = source_of(found, vit, images[3])
    trace = vit.trace(images[3])
    values = source.activations(0)
    for layer in range(vit.n_layers):
        own = trace["mlp_post", layer][0].detach().numpy()
        np.testing.assert_allclose(values[layer], own, atol=1e-6)
    told = vl.analysis.features.writes(vit, 1, 5)
    np.testing.assert_allclose(source.writes(1, 5).logits, told.logits)
    readers = vl.analysis.features.readers(vit, 1, 5)
    np.testing.assert_allclose(source.readers(1, 5), np.moveaxis(readers.ratio, 0, 2))
    turned = source.turned(0, 1, 5, (0.0, 1.0, 4.0))
    expected = vit.trace(images[3], edits=[vl.edits.Feature.neuron(1, 5, zero=True)])
    np.testing.assert_allclose(
        turned.answers[0], expected.logits[0].softmax(-1).detach().numpy(), atol=1e-5
    )
    np.testing.assert_allclose(
        turned.answers[1], trace.logits[0].softmax(-1).detach().numpy(), atol=1e-6
    )
    alike = vl.analysis.neighbours(vit, 1, 5).top(4)
    assert [one.feature for one in source.neighbours(1, 5)["writes the same"]] == list(
        alike.feature
    )
    widget = vl.Features(found, vit, images[3])
    assert widget.saved().state["_saved"]


@pytest.mark.parametrize("kind", KINDS)
def test_effects_are_the_direct_effects_of_each_feature(kind):
    vit = vl.load(timm_model(kind))
    data, images = data_of(vit)
    for sae in (None, random_sae(width=vit.width, layer=1)):
        words = {} if sae is None else {"sae": sae}
        source = source_of(vl.analysis.activations(vit, data, **words), vit, images[:2])
        asked, adds = source.effects(1, None)
        trace = vit.trace(images[:2])
        assert asked == vit.labels[int(trace.logits[1].argmax())]
        for layer, feature in [(1, 3), (1, 19)] if sae else [(0, 3), (2, 40)]:
            expected = vl.analysis.features.direct_effect(trace, layer, feature, sae, image=1)
            own = adds[source.layers.index(layer), feature]
            assert own == pytest.approx(expected.total, rel=1e-4, abs=1e-6)
        name = vit.labels[4]
        assert source.effects(0, name)[0] == name
        with refused(vl.UsageError):
            source.effects(0, "apple")


def test_latents_of_an_autoencoder_are_shown_as_such():
    vit = vl.load(timm_model("CLS"))
    data, images = data_of(vit)
    sae = random_sae(width=vit.width, layer=1)
    found = vl.analysis.activations(vit, data, sae=sae)
    widget = vl.Features(found, vit, images[2])
    source = widget._source
    assert (source.kind, source.layers, source.width) == ("latent", (1,), sae.n_latents)
    trace = vit.trace(images[2])
    latents = sae.encode(trace["resid_post", 1][0]).detach().numpy()
    np.testing.assert_allclose(source.activations(0)[0], latents, atol=1e-5)
    turned = source.turned(0, 1, 3, (0.0, 1.0))
    expected = vit.trace(images[2], edits=[vl.edits.Feature(sae, 3, zero=True)])
    np.testing.assert_allclose(
        turned.answers[0], expected.logits[0].softmax(-1).detach().numpy(), atol=1e-5
    )


def test_an_autoencoder_of_the_readout_has_no_places_on_a_picture():
    vit = vl.load(timm_model("CLS"))
    data, _ = data_of(vit)
    sae = random_sae(width=vit.width, layer=1, tokens="readout")
    found = vl.analysis.activations(vit, data, sae=sae)
    source = source_of(found, vit, None)
    feature = int(source.largest[0].argmax())
    top = source.strongest(1, feature)
    assert top.map.shape[1:] == (vit.layout.rows, vit.layout.cols)
    np.testing.assert_array_equal(top.map[2], np.full(top.map.shape[1:], top.value[2]))
    assert len(source.tenths(1, feature).image) == 0
    assert vl.Features(found, vit)._saved


def test_patches_show_the_class_where_its_mask_is():
    vit = vl.load(timm_model("CLS"))
    data, _ = data_of(vit, masks=True)
    source = source_of(vl.analysis.activations(vit, data), vit, None)
    shown = source.shown(4).reshape(vit.layout.rows, vit.layout.cols)
    half = vit.layout.cols // 2
    assert (shown[:, :half] == 1).all()
    assert (shown[:, vit.layout.cols - half :] == -1).all()
    plain = source_of(vl.analysis.activations(vit, data_of(vit)[0]), vit, None)
    assert (plain.shown(4) == 1).all()


def test_scenes_say_what_each_patch_shows():
    vit, scenes = vl.load("toy/p32"), vl.world.Scenes(objects=2)
    source = source_of(vl.analysis.activations(vit, scenes, n_images=4, layers=[2]), vit, None)
    by_pixel = scenes.class_mask(3)
    names = [scenes.labels[int(one)] for one in np.unique(by_pixel) if one >= 0]
    shown = source.shown(3)
    assert {source.labels[int(one)] for one in shown if one >= 0} <= set(names)
    for patch in range(49):
        row, col = divmod(patch, 7)
        pixels = by_pixel[32 * row : 32 * row + 32, 32 * col : 32 * col + 32]
        if shown[patch] >= 0:
            assert (pixels == shown[patch]).mean() > 0.5


def test_what_cannot_be_told_says_why():
    vit = vl.load(timm_model("CLS"))
    data, images = data_of(vit, classes=False)
    found = vl.analysis.activations(vit, data, site="resid_pre")
    alone, channels = source_of(found, None, None), source_of(found, vit, images[0])
    assert not len(alone.labels)
    assert channels.selectivity is None
    for source in (alone, channels):
        for ask in (source.writes, source.readers, source.neighbours, source.partners):
            with refused(vl.UsageError):
                ask(1, 2)
        with refused(vl.UsageError):
            source.effects(0, None)
    with refused(vl.UsageError):
        alone.activations(0)
    with refused(vl.UsageError):
        vl.Features(found, None, images[0])
    with refused(vl.UsageError):
        vl.Features(found, vl.load("toy/p32"))
    with refused(vl.UsageError):
        vl.Features(found, "toy/p32")


def test_a_model_without_a_classifier_says_how_far_what_is_pooled_goes():
    torch.manual_seed(0)
    vit = vl.load(timm_model("four registers and layer scale", num_classes=0))
    data, images = data_of(vit)
    found = vl.analysis.activations(vit, data)
    source = source_of(found, vit, images[1])
    turned = source.turned(0, 1, 5, (0.0, 1.0, 8.0))
    expected = vl.analysis.features.turned(vit.trace(images[1]), 1, 5, strengths=(0.0, 1.0, 8.0))
    np.testing.assert_allclose(turned.answers[:, 0], 1 - expected.similarity)
    assert (turned.answers[[0, 2], 0] > 1e-9).all()
    assert turned.named is None
    with refused(vl.UsageError):
        source.effects(0, None)
    assert vl.Features(found, vit, images[1]).saved().state["_saved"]

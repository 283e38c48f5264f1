"""The still picture of RelevanceMaps has the colours of its numbers."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import vitlens_widgets as vl
from tests.widgets.fake_relevance import random_relevances
from vitlens_widgets.export.stills.colors import bytes_of
from vitlens_widgets.export.stills.scales import MISSING, VEIL, ColorScale
from vitlens_widgets.widgets.relevance_maps import still
from vitlens_widgets.widgets.relevance_maps.shown import ShownRelevance
from vitlens_widgets.widgets.relevance_maps.still import KINDS

REGISTERS = ("CLS", *(f"register {i}" for i in range(1, 5)))


def made(**words):
    source = random_relevances(3, images=2, prefix=REGISTERS)
    return vl.RelevanceMaps(source, [2, 4], image=1, **words)


@pytest.mark.parametrize("show", ["all", "layer", "head"])
@pytest.mark.parametrize("method", ["class_embedding", "chefer"])
def test_every_map_has_its_numbers_on_the_scale_that_it_shares(show, method):
    widget = made(method=method, show=show, layer=1, head=1, norm="map")
    where = {"all": {}, "layer": {"layer": 1}, "head": {"layer": 1, "head": 1}}[show]
    one, other = (found.patches(1, **where) for found in widget.relevance)
    wanted = [one, other, one - other]
    end = max(np.abs(values).max() for values in wanted)
    still = ShownRelevance(widget.get_state())
    for which, values in enumerate(wanted):
        scale, found = still.scale(which, show, 1, 1), still.maps(show, 1, 1)[which]
        np.testing.assert_allclose(found, values, rtol=1e-5, atol=1e-6)
        assert scale.end == pytest.approx(end, rel=1e-5)
        signed = method == "class_embedding" or which == 2
        assert scale.map == ("blue_orange" if signed else "magma")
    widget.shared = False
    own = ShownRelevance(widget.get_state())
    ends = [own.scale(i, show, 1, 1).end for i in range(3)]
    np.testing.assert_allclose(ends, [np.abs(v).max() for v in wanted], rtol=1e-5)


def test_a_common_scale_ends_at_the_largest_of_all_heads():
    widget = made(show="head", shared=False, norm="all")
    heads = np.stack(
        [[widget.relevance[0].patches(1, layer, head) for head in range(2)] for layer in range(3)]
    )
    still = ShownRelevance(widget.get_state())
    assert still.scale(0, "head", 0, 0).end == pytest.approx(np.abs(heads).max())
    assert still.scale(0, "layer", 0, 0).end == pytest.approx(np.abs(heads.sum(1)).max())
    widget.norm = "layer"
    still = ShownRelevance(widget.get_state())
    assert still.scale(0, "head", 2, 0).end == pytest.approx(np.abs(heads[2]).max())


@pytest.mark.parametrize("heads_of", ["target", "against", "difference"])
def test_thumbnails_are_the_heads_and_each_layers_sum_last(heads_of):
    widget = made(heads_of=heads_of, shared=False, norm="map", show="head", layer=2, head=1)
    still = ShownRelevance(widget.get_state())
    one, other = widget.relevance
    pixels = still.thumbnails()
    assert pixels.shape == (3, 3, *one.patches(1).shape, 3)
    for layer, column in np.ndindex(3, 3):
        where = (1, layer, column) if column < 2 else (1, layer)
        pair = one.patches(*where), other.patches(*where)
        values = {"target": pair[0], "against": pair[1], "difference": pair[0] - pair[1]}[heads_of]
        scale = ColorScale("blue_orange", float(np.abs(values).max()))
        assert np.abs(pixels[layer, column] - scale.pixels(values).astype(int)).max() <= 3
    assert still.chosen == (2, 1)
    widget.show = "layer"
    assert ShownRelevance(widget.get_state()).chosen == (2, 2)


def test_curves_are_drawn_as_far_as_they_are_there():
    widget = made()
    before = Image.open(io.BytesIO(widget.still())).convert("RGB")
    widget.saved()
    after = Image.open(io.BytesIO(widget.still())).convert("RGB")
    colour = bytes_of(KINDS[0][1]).astype(int)

    def has(picture):
        return (np.abs(np.asarray(picture, int) - colour).max(-1) < 12).sum()

    assert has(before) < 20 < 100 < has(after)
    assert after.height > before.height


def test_each_class_has_its_own_curves_under_its_name(monkeypatch):
    many, words, curves, captioned = [], [], still.curves, still.captioned
    monkeypatch.setattr(still, "curves", lambda *what: many.append(what[1]) or curves(*what))
    monkeypatch.setattr(still, "captioned", lambda *what: words.append(what[0]) or captioned(*what))
    widget = made()
    widget.saved()
    widget.still()
    sent = np.frombuffer(widget._curves, "<f4").reshape(2, len(KINDS), -1)
    names = [f"p({widget._labels[index]}) as patches go" for index in (2, 4)]
    assert [line for line in words if line.startswith("p(")] == names
    for found, values in zip(many, sent, strict=True):
        for curve, numbers, (kind, *_) in zip(found, values, KINDS, strict=True):
            np.testing.assert_array_equal(curve.y, numbers)
            assert curve.name == f"{kind}, mean {numbers.mean():.2f}"


def test_dropped_patches_are_veiled_and_methods_without_heads_have_no_overview():
    source = random_relevances(4, tokens=[0, 1, 2, 5, 9, 24])
    still = ShownRelevance(vl.RelevanceMaps(source, 2).get_state())
    scale, values = still.scale(0, "all", 2, 0), still.maps("all", 2, 0)[0]
    gone = np.ones((4, 6), bool)
    for token in (1, 2, 5, 9, 24):
        gone[divmod(token - 1, 6)] = False
    assert (scale.pixels(values)[gone] == MISSING).all()
    np.testing.assert_array_equal(scale.cover(values)[..., 3] == VEIL, gone)
    assert ShownRelevance(vl.RelevanceMaps(source, 2, method="headless").get_state()).heads is None
    assert vl.RelevanceMaps(source, 2, method="headless").still()

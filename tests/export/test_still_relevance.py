"""The still picture of RelevanceMaps has the colours of its numbers."""

from __future__ import annotations

import io

import numpy as np
import pytest
from attention_pages import MAGMA
from fake_relevance import random_relevances
from PIL import Image

import vitlens_widgets as vl
from vitlens_widgets.export.stills import relevance_maps
from vitlens_widgets.export.stills.colors import table
from vitlens_widgets.export.stills.relevance import Relevance, number

REGISTERS = ("CLS", *(f"register {i}" for i in range(1, 5)))


def made(**words):
    source = random_relevances(3, images=2, prefix=REGISTERS)
    return vl.RelevanceMaps(source, [2, 4], image=1, **words)


@pytest.mark.parametrize("show", ["all", "layer", "head"])
@pytest.mark.parametrize("method", ["class_embedding", "chefer"])
def test_every_map_is_coloured_by_its_place_on_the_shared_scale(show, method):
    widget = made(method=method, show=show, layer=1, head=1, norm="map")
    where = {"all": {}, "layer": {"layer": 1}, "head": {"layer": 1, "head": 1}}[show]
    one, other = (found.patches(1, **where) for found in widget.relevance)
    wanted = [one, other, one - other]
    end = max(np.abs(values).max() for values in wanted)
    still = Relevance(widget.get_state())
    for which, values in enumerate(wanted):
        scale = still.scale(which, show, 1, 1)
        found = still.large()[which]
        np.testing.assert_allclose(found, values, rtol=1e-5, atol=1e-6)
        signed = method == "class_embedding" or which == 2
        place = 0.5 + values / end / 2 if signed else values / end
        colours = table("blue_orange") if signed else MAGMA
        expected = colours[np.floor(255 * np.clip(place, 0, 1) + 0.5).astype(int)]
        assert np.abs(still.pixels(found, scale).astype(int) - expected).max() <= 3
    shared = [scale.end for scale in (still.scale(i, show, 1, 1) for i in range(3))]
    np.testing.assert_allclose(shared, end, rtol=1e-5)
    widget.shared = False
    own = Relevance(widget.get_state())
    ends = [own.scale(i, show, 1, 1).end for i in range(3)]
    np.testing.assert_allclose(ends, [np.abs(v).max() for v in wanted], rtol=1e-5)


def test_a_common_scale_ends_at_the_largest_of_all_heads():
    widget = made(show="head", shared=False, norm="all")
    heads = np.stack(
        [[widget.relevance[0].patches(1, layer, head) for head in range(2)] for layer in range(3)]
    )
    still = Relevance(widget.get_state())
    assert still.scale(0, "head", 0, 0).end == pytest.approx(np.abs(heads).max())
    widget.norm = "layer"
    still = Relevance(widget.get_state())
    assert still.scale(0, "head", 2, 0).end == pytest.approx(np.abs(heads[2]).max())


def test_curves_are_drawn_as_far_as_they_are_there():
    widget = made()
    before = Image.open(io.BytesIO(widget.still())).convert("RGB")
    widget.saved()
    after = Image.open(io.BytesIO(widget.still())).convert("RGB")
    colour = tuple(bytes.fromhex(relevance_maps.NEGATIVE[1:]))

    def has(picture):
        return (np.abs(np.asarray(picture, int) - colour).max(-1) < 12).sum()

    assert has(before) < 20 < 100 < has(after)
    assert after.height > before.height


def test_dropped_patches_are_veiled_and_methods_without_heads_have_no_overview():
    source = random_relevances(4, tokens=[0, 1, 2, 5, 9, 24])
    still = Relevance(vl.RelevanceMaps(source, 2).get_state())
    colors, opacity = still.paint(still.large()[0], still.scale(0, "all", 2, 0))
    gone = np.ones((4, 6), bool)
    for token in (1, 2, 5, 9, 24):
        gone[divmod(token - 1, 6)] = False
    assert (colors[gone] == 238).all()
    np.testing.assert_array_equal(opacity == 0.92, gone)
    assert Relevance(vl.RelevanceMaps(source, 2, method="headless").get_state()).heads is None
    assert vl.RelevanceMaps(source, 2, method="headless").still()


def test_numbers_have_three_digits():
    written = [number(x) for x in (0, 1, -0.01234, 12345.6, 5.461, 0.00012345, -1234.6, 99.95)]
    assert written == [
        "0", "1.00", "−0.0123", "1.2e4", "5.46", "1.2e−4", "−1235", "100",
    ]  # fmt: skip

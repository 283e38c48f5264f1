"""A closed widget leaves nothing behind."""

from __future__ import annotations

import gc
import weakref

import pytest

import vitlens_widgets as vl
from tests.lenses.pictures.test_picture_lenses import Fixed


def patch_grid(vit, scene):
    trace = vit.trace(scene.image)
    return vl.PatchGrid(vl.LogitLens(vit).read(trace)), trace


def attention_maps(vit, scene):
    trace = vit.trace(scene.image)
    return vl.AttentionMaps(trace), trace


def infill_strip(_vit, scene):
    infilling = vl.InfillLens(vl.load("toy/mae")).read(scene.image)
    return vl.InfillStrip(infilling), infilling


def explorer(vit, scene):
    made = vl.explore(vit, scene)
    return made, made.trace


def relevance_maps(vit, scene):
    trace = vit.trace(scene.image)
    made = vl.RelevanceMaps(trace, n_points=2, n_random=0)
    made._go_on({}, [])
    return made, trace


def patch_features(vit, scene):
    trace = vit.trace(scene.image)
    made = vl.PatchFeatures(trace, token=3)
    made.add("thing", 0, 7)
    return made, trace


def decoded_images(vit, scene):
    trace = vit.trace([scene.image] * 2)
    made = vl.DecodedImages(vl.SteeringLens(vit, Fixed(vit)), trace)
    for _ in range(9):
        made._step()
    return made, trace


def features(vit, scene):
    found = vl.analysis.activations(vit, vl.world.Scenes(), n_images=3, layers=[4])
    return vl.Features(found, vit, scene.image), found


MAKERS = [
    patch_grid,
    attention_maps,
    infill_strip,
    explorer,
    relevance_maps,
    patch_features,
    decoded_images,
    features,
]


@pytest.mark.parametrize("make", MAKERS)
def test_a_closed_widget_and_what_it_shows_are_freed(make):
    widget, shown = make(vl.load("toy/p32"), vl.world.scene(7))
    left = [weakref.ref(widget), weakref.ref(shown)]
    widget.close()
    del widget, shown
    gc.collect()
    assert [reference() for reference in left] == [None, None]

"""Passes over parts of the images keep together what one pass over all keeps."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.small_models import timm_model
from tests.workers.in_place import AtOnce


def in_order(tallies):
    """The same, whatever stands in which slot: strongest by value, samples by lot."""
    found = dict(tallies)
    slots, lots = found.pop("strongest slot"), found.get("sample lot")
    for name in ("strongest image", "strongest token", "strongest map"):
        places = slots[..., None] if found[name].ndim == 3 else slots
        found[name] = np.take_along_axis(found[name], places, axis=1)
    for name in [name for name in found if name.startswith("sample")]:
        order = np.argsort(lots)
        found[name] = found[name][order][np.sort(lots) >= 0]
    return found


@pytest.mark.parametrize("special", ["CLS", "four registers and layer scale", "mean of patches"])
@pytest.mark.parametrize("site", ["mlp_post", "resid_pre"])
def test_shards_keep_what_one_pass_keeps(special, site):
    vit = vl.load(timm_model(special))
    data = examples(vit, 17, seed=3)
    words = {"site": site, "k": 3, "batch_size": 2}
    executor = AtOnce()
    one, many = (
        in_order(vl.analysis.activations(vit, data, executor=where, **words).tallies)
        for where in (None, executor)
    )
    assert len(executor.orders) > 3
    assert list(one) == list(many)
    for name, value in one.items():
        if value.dtype == np.float64:  # added in another order
            bound = len(data) * np.finfo(float).eps * np.abs(value).max()
            assert np.abs(value - many[name]).max() <= bound, name
        else:
            assert np.array_equal(value, many[name]), name


def test_of_images_alike_the_earlier_one_stays_before():
    vit = vl.load(timm_model("CLS"))
    picture = examples(vit, 1)[0].image
    data = vl.data.Examples([(picture, 0)] * 9, vit.labels)
    words = {"k": 4, "batch_size": 2}
    one, many = (
        in_order(vl.analysis.activations(vit, data, executor=executor, **words).tallies)
        for executor in (None, AtOnce(3))
    )
    assert np.array_equal(one["strongest image"], many["strongest image"])
    assert (one["strongest image"] == np.arange(4)).all()

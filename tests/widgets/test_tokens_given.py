"""Every widget that has a token takes it by row and column, by name or by index, and says it so."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.small_models import timm_model
from tests.widgets.fake_causes import random_pair
from tests.widgets.fake_features import random_features
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_reading import random_reading
from tests.widgets.fake_relevance import random_relevances


def explorer(**choices):
    picture = np.random.default_rng(0).integers(0, 256, (90, 130, 3), dtype=np.uint8)
    return vl.explore(vl.load(timm_model("CLS")), picture, **choices)


WIDGETS = {
    "PatchGrid": lambda **choices: vl.PatchGrid(random_reading(1, rows=3, cols=5), **choices),
    "PatchFeatures": lambda **choices: vl.PatchFeatures(random_features(4), **choices),
    "AttentionMaps": lambda **choices: vl.AttentionMaps(random_maps(2), **choices),
    "Causes": lambda **choices: vl.Causes(random_pair(3), **choices),
    "RelevanceMaps": lambda **choices: vl.RelevanceMaps(random_relevances(3), 2, **choices),
    "Explorer": explorer,
}


@pytest.mark.parametrize("make", WIDGETS.values(), ids=WIDGETS)
def test_when_it_is_made_and_afterwards(make):
    widget = make(token=(1, 2))
    prefix, cols = widget._meta["prefix"], widget._meta["cols"]
    assert widget.token == len(prefix) + cols + 2
    assert "token=(1, 2)" in repr(widget)
    assert make(token=widget.token).token == widget.token
    widget.token = "CLS"
    assert widget.token == prefix.index("CLS")
    assert "token='CLS'" in repr(widget)
    if "state" in widget.choices():
        widget.state = -1
        assert widget.state == len(widget._state_names) - 1
        assert "state='final'" in repr(widget)
    if "layer" in widget.choices():
        widget.layer = -1
        assert widget.layer == widget._n_layers - 1

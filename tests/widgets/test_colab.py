"""What Colab asks of a widget: its metadata, one top-level model, and a size that can be sent."""

from __future__ import annotations

import json
import sys
import types
from importlib.metadata import requires

import anywidget
import comm
import ipywidgets
import pytest
from IPython.core.formatters import DisplayFormatter
from packaging.requirements import Requirement

import vitlens_widgets as vl
from tests.widgets.fake_activations import random_activations
from tests.widgets.fake_causes import random_pair
from tests.widgets.fake_features import random_features
from tests.widgets.fake_infilling import random_infilling
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_pictures import random_paints
from tests.widgets.fake_reading import random_reading
from tests.widgets.fake_relevance import random_relevances
from tests.widgets.recording_comm import RecordingComm

MANAGER = "a manager's address"
MADE = {
    "PatchGrid": lambda: vl.PatchGrid(random_reading()),
    "AttentionMaps": lambda: vl.AttentionMaps(random_maps()),
    "InfillStrip": lambda: vl.InfillStrip(random_infilling()),
    "RelevanceMaps": lambda: vl.RelevanceMaps(random_relevances()),
    "Causes": lambda: vl.Causes(random_pair()),
    "DecodedImages": lambda: vl.DecodedImages(random_paints()),
    "Features": lambda: vl.Features(random_activations()),
    "PatchFeatures": lambda: vl.PatchFeatures(random_features()),
    "Explorer": lambda: vl.explore(vl.load("toy/p32"), vl.world.scene(7), vl.load("toy/mae")),
}
by_name = pytest.mark.parametrize("name", MADE)


@pytest.fixture
def colab(monkeypatch):
    """Modules as Colab has them; gives what was called."""
    vl.load("toy/mae")  # libraries that look for Colab as they are imported do that before
    called = []
    output = types.ModuleType("google.colab.output")
    output._widgets = types.SimpleNamespace(_installed_url=MANAGER)
    output.enable_custom_widget_manager = lambda: called.append("custom widget manager")
    for module in ("google", "google.colab"):
        monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
    monkeypatch.setitem(sys.modules, "google.colab.output", output)
    anywidget._util.enable_custom_widget_manager_once.cache_clear()
    yield called
    anywidget._util.enable_custom_widget_manager_once.cache_clear()


@by_name
def test_a_widget_brings_the_custom_widget_manager_and_its_metadata(colab, name):
    data, metadata = MADE[name]()._repr_mimebundle_()
    assert colab == ["custom widget manager"]
    view = "application/vnd.jupyter.widget-view+json"
    assert metadata[view]["colab"]["custom_widget_manager"]["url"] == MANAGER
    assert "vitlens_widgets" in metadata
    assert data[view]["model_id"]


@pytest.mark.usefixtures("colab")
@by_name
def test_ipywidgets_7_shows_the_whole_bundle(monkeypatch, name):
    """Its widgets display themselves; that comes first in IPython, and knows no still picture."""
    old = lambda _self: None  # noqa: E731
    monkeypatch.setattr(ipywidgets.DOMWidget, "_ipython_display_", old, raising=False)
    data, metadata = DisplayFormatter().format(MADE[name]())
    view = "application/vnd.jupyter.widget-view+json"
    assert metadata[view]["colab"]["custom_widget_manager"]["url"] == MANAGER
    assert {view, "image/png", "text/plain"} <= data.keys()


@by_name
def test_a_widget_is_one_top_level_model(monkeypatch, name):
    """Outputs are frames of their own in Colab, and a container has no metadata: no children."""
    opened = []

    def create(*args, **keywords):
        opened.append(RecordingComm(*args, **keywords))
        return opened[-1]

    monkeypatch.setattr(comm, "create_comm", create)
    widget = MADE[name]()
    states = [one.messages[0]["data"]["state"] for one in opened]
    kinds = sorted(state["_model_name"] for state in states)
    assert kinds == ["AnyModel", "LayoutModel"]
    assert not isinstance(widget, ipywidgets.Box)
    others = {
        n
        for n, value in widget.get_state().items()
        if "IPY_MODEL_" in json.dumps(value, default=str)
    }
    assert others == {"layout"}


def test_colabs_ipywidgets_is_not_replaced():
    """Installed anew, it would only be there after a restart of the runtime."""
    for name in ("vitlens_widgets", "anywidget"):
        asked = {one.name: one.specifier for one in map(Requirement, requires(name))}
        assert asked["ipywidgets"].contains("7.7.1")


MOST_BYTES = {
    "PatchGrid": 250_000,
    "AttentionMaps": 300_000,
    "InfillStrip": 400_000,
    "RelevanceMaps": 250_000,
}
MOST_FOR_ALL_AT_ONCE = 700_000


def test_the_embedded_models_widgets_are_small(embedded):
    sizes = {type(widget).__name__: widget.nbytes for widget in embedded}
    assert sizes.pop("Explorer") < MOST_FOR_ALL_AT_ONCE
    assert sizes.keys() == MOST_BYTES.keys()
    assert all(size < MOST_BYTES[name] for name, size in sizes.items()), sizes


@pytest.fixture(scope="module")
def embedded():
    """Every widget, of the models that come with the package."""
    vit, mae = vl.load("toy/p32"), vl.load("toy/mae")
    scene = vl.world.scene(45, objects=2)
    trace = vit.trace(scene.image)
    reading = vl.LogitLens(vit).read(trace)
    infilling = vl.InfillLens(mae).read(scene.image, mask_ratio=0.75, seed=2)
    return [
        vl.PatchGrid(reading),
        vl.AttentionMaps(trace, reading=reading),
        vl.InfillStrip(infilling, truth=scene),
        vl.explore(vit, scene, mae),
        vl.RelevanceMaps(trace, ["cat", "dog"]),
    ]

"""RelevanceMaps of models: the numbers of `vl.analysis`, and what models cannot do."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import relevance, removal_curves


@pytest.mark.parametrize("special", ["CLS", "mean of patches", "four registers and layer scale"])
def test_it_sends_what_the_analysis_finds(special):
    vit = vl.load(timm_model(special))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    widget = vl.RelevanceMaps(trace, [3, 7], method="chefer", image=1, n_random=2, n_points=3)
    widget.saved()
    founds = [relevance(trace, cls, method="chefer") for cls in (3, 7)]
    n = vit.layout.n_tokens
    heads = np.frombuffer(widget._heads, "<f4").reshape(2, vit.n_layers, vit.n_heads, n)
    curves = np.frombuffer(widget._curves, "<f4").reshape(2, 3, 4)
    for of_class, found in enumerate(founds):
        tokens = np.frombuffer(widget._tokens, "<f4").reshape(2, n)[of_class]
        np.testing.assert_array_equal(tokens, found.tokens[1])
        np.testing.assert_array_equal(heads[of_class], found.heads[1])
        whole = removal_curves(trace, found, n_random=2, n_points=3)
        assert widget._curves_of["removed"] == whole.removed.tolist()
        for place, kind in enumerate(("negative", "positive", "random")):
            np.testing.assert_allclose(
                curves[of_class, place], whole.probability[kind][1], rtol=1e-5
            )
    np.testing.assert_allclose(
        np.frombuffer(widget._probability, "<f4"), trace.logits[1].softmax(-1), rtol=1e-6
    )


def test_what_is_removed_first_is_what_the_curve_removes_first():
    vit = vl.load("toy/p32")
    trace = vit.trace(vl.world.scene(7).image)
    widget = vl.RelevanceMaps(trace, n_random=0, n_points=2)
    found = widget.relevance[0]
    falling = np.frombuffer(widget._falling, "<i4")
    patches = found.patches().ravel()
    assert (np.diff(patches[falling]) <= 0).all()


def test_edited_runs_have_relevance_but_no_curve():
    vit = vl.load("toy/p32")
    trace = vit.trace(vl.world.scene(7).image, edits=[vl.edits.Zero("z", 3, head=1)])
    widget = vl.RelevanceMaps(trace)
    assert widget._go_on({}, [])[0] == {"is_over": True}
    assert "trace the images without edits" in widget._curves_of["refused"]
    assert widget._meta["model_name"] == "toy/p32 (edited)"
    assert widget.still()


@pytest.mark.parametrize("special", ["CLS", "four registers and layer scale"])
def test_a_model_without_a_classifier_has_its_rollout_and_no_curve(special):
    vit = vl.load(timm_model(special, num_classes=0))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    widget = vl.RelevanceMaps(trace, image=1)
    assert (widget.target, widget.method, list(widget._methods)) == (None, "rollout", ["rollout"])
    found = relevance(trace, method="rollout")
    np.testing.assert_array_equal(np.frombuffer(widget._tokens, "<f4"), found.tokens[1])
    assert widget._probability == b""
    assert widget._go_on({}, [])[0] == {"is_over": True}
    assert "has no classifier" in widget._curves_of["refused"]
    assert widget.saved().beyond == "another image of the batch"
    assert widget.still()
    assert list(widget.figure_parts().parts) == ["target", "heads", "target curve"]
    vl.link(widget, vl.AttentionMaps(trace))
    widget.image = 0
    np.testing.assert_array_equal(np.frombuffer(widget._tokens, "<f4"), found.tokens[0])


@pytest.mark.parametrize("asked", [{"target": 2}, {"method": "chefer"}, {"against": "cat"}])
def test_a_class_asked_of_a_model_without_a_classifier_is_refused(asked):
    vit = vl.load(timm_model("CLS", num_classes=0))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    with refused(vl.UsageError):
        vl.RelevanceMaps(trace, **asked)


def test_the_removal_curve_of_a_model_without_a_classifier_is_refused():
    vit = vl.load(timm_model("CLS", num_classes=0))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    with refused(vl.UsageError):
        removal_curves(trace, relevance(trace, method="rollout"))


def test_methods_of_your_own_hide_the_heads():
    class Norms:
        name, settings = "norms", {}

        def __call__(self, trace, _classes):
            return trace.states[-1].norm(dim=-1)

    trace = vl.load("toy/p32").trace(vl.world.scene(7).image)
    widget = vl.RelevanceMaps(trace, method=Norms())
    assert widget.method == "norms"
    assert widget._heads == b""
    expected = trace.states[-1][0].norm(dim=-1)
    np.testing.assert_array_equal(np.frombuffer(widget._tokens, "<f4"), expected)

"""PatchFeatures on traces of models: what it sends is what the engines find."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import mae_model, pixels_for, timm_model
from vitlens_widgets.widgets.patch_features.shown import ShownFeatures

MODELS = {
    "no prefix": lambda: timm_model("mean of all tokens"),
    "CLS": lambda: timm_model("CLS"),
    "registers": lambda: timm_model("four registers and layer scale"),
}


def traced(name, **words):
    vit = vl.load(MODELS[name]())
    pixels = pixels_for(vit.image_size)
    return vit.trace(pixels, preprocessed=True, **words)


def grid(widget, name, kind, *last):
    meta = widget._meta
    shape = (len(meta["state_names"]), meta["n_images"], meta["rows"], meta["cols"], *last)
    return np.frombuffer(getattr(widget, name), kind).reshape(shape)


@pytest.mark.parametrize("name", MODELS)
def test_what_is_sent_is_what_the_engines_find(name):
    trace = traced(name)
    n = trace.layout.n_prefix
    widget = vl.PatchFeatures(trace, token=n + 3)
    features = vl.read_features(trace)
    shown = grid(widget, "_components", "u1", 3) / 127.5 - 1
    np.testing.assert_allclose(shown, features.components, atol=0.5 / 127.5 + 1e-6)
    assert np.array_equal(grid(widget, "_foreground", "u1") == 1, features.foreground)
    cosines = features.similarity(0, n + 3).patches
    np.testing.assert_allclose(grid(widget, "_similarity", "<i2") / 32767, cosines, atol=2e-5)
    for i, (label, patch) in enumerate((("suit", 2), ("flag", 7), ("suit", 5), ("flag", 1))):
        widget.add(label, i % 2, n + patch)
    classes = {"suit": [(0, n + 2), (0, n + 5)], "flag": [(1, n + 7), (1, n + 1)]}
    fitted = vl.PatchClassifier(trace.vit, trace).fit(classes)
    twin = trace.vit.taught(fitted)
    logits = twin.adapter.token_logits(trace.states[-1])[:, n:]
    answers = logits.argmax(-1).reshape(trace.n_images, *trace.layout.grid)
    assert np.array_equal(grid(widget, "_class_map", "<i2")[-1], answers)
    weights = (one.classifier.weight for one in (fitted, widget.classifier))
    torch.testing.assert_close(*weights)


def test_the_taught_model_answers_with_the_classes():
    trace = traced("CLS")
    widget = vl.PatchFeatures(trace)
    widget.add("suit", 0, trace.layout.token(0, 1))
    widget.add("flag", 1, trace.layout.token(1, 2))
    twin = widget.vit
    assert list(twin.labels) == ["suit", "flag"]
    answered = trace.answered_by(twin)
    reading = vl.LogitLens(twin).read(answered)
    top = reading.top(1).index[-1, :, trace.layout.n_prefix :, 0].reshape(-1, *trace.layout.grid)
    assert np.array_equal(top, grid(widget, "_class_map", "<i2")[-1])
    assert widget.python.startswith("classifier = vl.PatchClassifier(vit, images")


def test_dropped_patches_and_other_sources():
    trace = traced("CLS", edits=[vl.edits.DropTokens([4])])
    widget = vl.PatchFeatures(vl.read_features(trace))
    row, col = trace.layout.row_col(4)
    assert (grid(widget, "_foreground", "u1")[:, :, row, col] == 2).all()
    assert widget.still()
    with refused(vl.UsageError):
        widget.token = 4
    with refused(vl.UsageError):
        vl.PatchFeatures(vl.read_features(trace, states=[0, 1]))


def test_a_reading_is_shown_on_its_own_basis_and_read_once():
    trace = traced("CLS")
    for per_image, basis, other in ((True, "image", "batch"), (False, "batch", "image")):
        reading = vl.read_features(trace, per_image=per_image)
        widget = vl.PatchFeatures(reading, token=3)
        assert widget.basis == basis
        codes = grid(widget, "_components", "u1", 3)
        np.testing.assert_allclose(codes / 127.5 - 1, reading.components, atol=0.5 / 127 + 1e-6)
        widget.basis = other
        again = vl.read_features(trace, per_image=not per_image)
        codes = grid(widget, "_components", "u1", 3)
        np.testing.assert_allclose(codes / 127.5 - 1, again.components, atol=0.5 / 127 + 1e-6)
        own = [widget._source.features(one).kept_units(2) for one in (True, False)]
        assert own[0] is own[1]
        assert vl.PatchFeatures(reading, basis=other).basis == other


def test_nothing_is_taught_by_other_weights():
    trace = traced("CLS")
    widget = vl.PatchFeatures(trace)
    widget.add("suit", 0, (0, 1))
    with torch.no_grad():
        trace.vit.model.norm.weight.mul_(-1)
    with refused(vl.UsageError):
        widget.add("flag", 0, (1, 1))
    assert [one["name"] for one in widget._lessons["classes"]] == ["suit"]
    with refused(vl.UsageError):
        _ = widget.vit


def test_a_masked_autoencoder_has_features():
    vit = vl.load(mae_model())
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    widget = vl.PatchFeatures(trace)
    assert not widget._meta["has_classifier"]
    assert np.isfinite(np.frombuffer(widget._variance, "<f4")).all()


def test_teach_loads_and_traces_by_itself():
    widget = vl.teach("toy/p32", [vl.world.scene(7).image, vl.world.scene(8).image], image=1)
    assert (widget.mode, widget.image, widget._n_images) == ("teach", 1, 2)


def test_teach_takes_a_trace_or_a_model_with_images():
    trace = traced("CLS")
    widget = vl.teach(trace, token=3)
    assert (widget.mode, widget.token) == ("teach", 3)
    assert widget._components == vl.PatchFeatures(trace)._components
    for given in ((trace.vit,), (trace, trace.pictures)):
        with refused(vl.UsageError):
            vl.teach(*given)


def test_a_logistic_regression_is_left_out_in_the_final_state_alone_until_asked():
    trace = traced("CLS")
    widget = vl.PatchFeatures(trace, method="logistic", readout="best")
    for i, (row, col) in enumerate(((0, 1), (1, 2), (2, 3), (0, 4))):
        widget.add(("suit", "flag")[i % 2], 0, (row, col))
    held = np.frombuffer(widget._held, "<i2").reshape(2, trace.n_states, 4)
    assert (held[0, :-1] == -1).all()
    assert np.array_equal(held[0, -1], held[1, -1])
    assert (held[1] >= 0).all()
    response, _ = widget._leave_out({}, [])  # takes a fit for each click in each state
    assert response == {}
    held = np.frombuffer(widget._held, "<i2").reshape(2, trace.n_states, 4)
    again = widget.classifier.held_out()
    assert np.array_equal(held, np.stack([again.by_state, again.by_final]))
    assert (held >= 0).all()
    widget.undo()
    assert (np.frombuffer(widget._held, "<i2").reshape(2, trace.n_states, 3)[0, :-1] == -1).all()
    widget.redo()
    assert (widget.classifier.method, widget.classifier.readout) == ("logistic", "best")
    with refused(vl.UsageError):
        vl.PatchFeatures(trace, method="nearest")


def test_an_image_that_is_opened_joins_the_others():
    vit = vl.load(timm_model("four registers and layer scale", num_classes=0))
    first, second = (
        np.random.default_rng(i).integers(0, 256, (50, 90, 3), np.uint8) for i in (1, 2)
    )
    widget = vl.PatchFeatures(vit.trace(first), token=(1, 2), mode="teach", caption="a thing")
    for name, token in (("suit", (0, 1)), ("suit", (2, 3)), ("flag", (1, 4))):
        widget.add(name, token)
    content = io.BytesIO()
    Image.fromarray(second).save(content, "PNG")
    response, _ = widget._open({"name": "b.png"}, [memoryview(content.getvalue())])
    assert response == {}
    both = vl.PatchFeatures(
        vit.trace([first, second]), token=(1, 2), mode="teach", caption="a thing"
    )
    for name, token in (("suit", (0, 1)), ("suit", (2, 3)), ("flag", (1, 4))):
        both.add(name, 0, token)
    both.image = 1
    assert (widget.image, widget.token, widget._similar_of) == (1, both.token, [0, both.token])
    assert widget._meta == both._meta
    for name, kind in (
        *(("_components", "u1"), ("_similarity", "<i2"), ("_similar_prefix", "<i2")),
        *(("_thumbs", "u1"), ("_picture", "u1"), ("_certainty", "<u2"), ("_held", "<i2")),
    ):
        found, expected = (
            np.frombuffer(getattr(w, name), kind).astype(int) for w in (widget, both)
        )
        assert np.abs(found - expected).max() <= 2, name
    same = np.frombuffer(widget._class_map, "<i2") == np.frombuffer(both._class_map, "<i2")
    assert same.mean() > 0.99
    widget.undo()
    assert [len(one["examples"]) for one in widget._lessons["classes"]] == [2]
    before = widget._meta, widget._components
    for wrong in (b"no image", b""):
        response, _ = widget._open({"name": "c.png"}, [memoryview(wrong)])
        assert response["error"]
    assert (widget._meta, widget._components) == before
    widget.show(first)
    assert (widget.image, widget._n_images) == (2, 3)
    edited = vit.trace(first, edits=[vl.edits.Zero("z", 1, head=0)])
    with refused(vl.UsageError):
        vl.PatchFeatures(edited).show(second)


@pytest.mark.parametrize("name", MODELS)
def test_groups_are_found_when_asked_for_and_are_those_of_the_engine(name):
    trace = traced(name)
    widget = vl.PatchFeatures(trace)
    widget.n_groups = 4
    assert (widget._groups, widget._groups_of) == (b"", [])
    widget.colours = "groups"
    for k, seed, basis in ((4, 0, "batch"), (3, 2**40, "batch"), (3, 7, "image")):
        widget.n_groups, widget.seed, widget.basis = k, seed, basis
        found = vl.read_features(trace, per_image=basis == "image").groups(k, seed)
        assert np.array_equal(grid(widget, "_groups", "u1"), found)
        assert widget._groups_of == [k, seed, basis]
    at = vl.PatchFeatures(trace, colours="groups", n_groups=3, seed=7, basis="image")
    assert at._groups == widget._groups
    widget.show(trace.pictures[0])
    assert grid(widget, "_groups", "u1").shape[1] == trace.n_images + 1


def test_groups_of_dropped_patches_are_none_in_what_is_sent_and_in_the_still():
    trace = traced("CLS", edits=[vl.edits.DropTokens([4])])
    widget = vl.PatchFeatures(trace, colours="groups", n_groups=3)
    row, col = trace.layout.row_col(4)
    sent = grid(widget, "_groups", "u1")
    assert (sent[:, :, row, col] == 255).all()
    assert (sent == 255).sum() == sent.shape[0] * sent.shape[1]
    shown = ShownFeatures(widget._pictured())
    found = vl.read_features(trace).groups(3, 0)[:, 0]
    n = (found[-1] >= 0).sum()
    for k, of in enumerate(found):
        counts = np.array([(of == one).sum() for one in range(3)])
        np.testing.assert_allclose(shown.shares_of_groups(k), counts / n)
        assert shown.as_final[k] == pytest.approx(((of == found[-1]) & (of >= 0)).sum() / n)

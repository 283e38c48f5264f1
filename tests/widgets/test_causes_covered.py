"""Causes of one image alone: its patches covered, against images covered by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, timm_model
from tests.widgets.fake_causes import random_pair
from vitlens_widgets.widgets.causes.covered import Coverable

MODELS = {
    "CLS": lambda: timm_model("CLS"),
    "registers": lambda: timm_model("four registers and layer scale"),
    "transformers": hf_model,
}


def traced(name="CLS", n=1, seed=0):
    vit = vl.load(MODELS[name]())
    images = np.random.default_rng(seed).integers(0, 256, (n, *vit.image_size, 3), dtype=np.uint8)
    return vit.trace(vit.preprocessing.pixels(images), preprocessed=True)


def some_patches(trace):
    """Three patches that are no rectangle, and their pixels by a plain loop."""
    layout, picture = trace.layout, trace.pictures[0]
    chosen = [(0, layout.cols - 1), (layout.rows - 1, 0), (layout.rows - 1, 1)]
    mask = np.zeros(picture.shape[:2], bool)
    height, width = mask.shape[0] // layout.rows, mask.shape[1] // layout.cols
    for row, col in chosen:
        mask[row * height : (row + 1) * height, col * width : (col + 1) * width] = True
    return chosen, mask


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("cover", ["grey", "blur"])
def test_the_other_run_is_that_of_the_covered_image(name, cover):
    trace = traced(name, n=2)
    chosen, mask = some_patches(trace)
    widget = vl.Causes(trace, cover=cover, covered=chosen, image=1)
    by_hand = [vl.data.covered(picture, mask, cover) for picture in trace.pictures]
    pixels = trace.vit.preprocessing.pixels(by_hand)
    expected = trace.vit.trace(pixels, preprocessed=True).logits
    for image in (0, 1):
        found = widget._source.logits(image)
        np.testing.assert_allclose(found[0], trace.logits[image].numpy())
        np.testing.assert_allclose(found[1], expected[image].numpy(), rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(widget._source.pictures(image)[1], by_hand[image])
    assert np.abs(widget._source.logits(1)[0] - widget._source.logits(1)[1]).max() > 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_noise_is_that_of_noised_and_is_on_the_covered_patches(name):
    trace = traced(name)
    chosen, mask = some_patches(trace)
    tokens = [trace.layout.n_prefix + row * trace.layout.cols + col for row, col in chosen]
    source = vl.Causes(trace, cover="noise", covered=chosen)._source
    expected = vl.analysis.noised(trace, token=tokens).logits[0].numpy()
    np.testing.assert_allclose(source.logits(0)[1], expected)
    clean, shown = source.pictures(0)
    assert ((clean != shown).any(-1) <= mask).all()
    assert (clean != shown).any()


def test_the_average_is_that_of_the_states_of_a_data_set():
    vit = vl.load("toy/attn-mlp-4l")
    data, trace = vl.world.Scenes(), vit.trace(vl.world.scene(7, size=vit.image_size).image)
    means = vl.analysis.mean_values(vit, data, "resid_pre", n_images=3, batch_size=2)
    states = [vit.trace(data[i].image).states[0, 0] for i in range(3)]
    token = trace.layout.n_prefix + 4
    widget = vl.Causes(trace, cover="average", covered=[token], means=means)
    state = trace.states[0].clone()
    state[0, token] = torch.stack(states).mean(0)[token]
    edit = vl.edits.Replace("resid_pre", 0, state)
    expected = trace.rerun([edit]).logits[0].numpy()
    np.testing.assert_allclose(widget._source.logits(0)[1], expected, rtol=1e-4, atol=1e-5)


def test_other_patches_keep_what_they_were_where_pixels_are_finer_than_a_picture():
    vit = vl.load(MODELS["registers"]())
    trace = vit.trace(pixels_for(vit.image_size, 1, seed=3), preprocessed=True)
    token = int(trace.tokens[-2])
    corrupted = Coverable(trace).pair("grey", [token])._runs[1]
    others = [t for t in trace.tokens.tolist() if t != token]
    assert torch.equal(corrupted.states[0][:, others], trace.states[0][:, others])
    assert not torch.equal(corrupted.states[0][:, token], trace.states[0][:, token])


def test_the_middle_half_is_covered_unless_said_otherwise():
    vit = vl.load("toy/p32")
    scene = vl.world.scene(5045, objects=2, classes=["cat", "dog"])
    widget = vl.Causes(vit.trace(scene.image), target="cat")
    grid = np.zeros((7, 7), bool)
    grid[2:5, 2:5] = True
    n_prefix = widget._meta["tokens"][-1] + 1 - 49
    assert widget.covered == (n_prefix + np.flatnonzero(grid)).tolist()
    assert widget._of["covered_words"] == (
        "3 × 3 patches covered in grey (rows 2 to 4, columns 2 to 4)"
    )
    assert widget._of["has_gap"]
    assert widget._meta["names"] == ["image", "covered"]
    assert "cover='grey'" in repr(widget)
    widget.covered = grid[::-1]  # the same
    assert widget._of["covered"] == widget.covered


def test_another_cover_is_another_pair():
    trace = traced()
    widget = vl.Causes(trace, target=1, against=2)
    for change in ({"cover": "blur"}, {"covered": [(0, 0), (0, 1)]}, {"cover": "noise"}):
        widget._set(change)
        choices = {name: getattr(widget, name) for name in ("cover", "covered", "layer", "head")}
        fresh = vl.Causes(trace, target=1, against=2, **choices)
        for one in (widget, fresh):
            one._work.finish(one._now(), one.layer, [])
            one._send_numbers()
        assert widget._of == fresh._of
        assert widget._picture == fresh._picture
        for name in ("_logits", "_parts", "_tokens", "_groups", "_writes"):
            both = (np.frombuffer(getattr(one, name), "<f4") for one in (widget, fresh))
            np.testing.assert_allclose(*both, rtol=1e-3, atol=1e-4, err_msg=name)
        assert widget.error == ""


def test_classes_that_nobody_has_chosen_go_with_the_cover():
    vit = vl.load("toy/p32")
    widget = vl.Causes(vit.trace(vl.world.scene(5045, objects=2, classes=["cat", "dog"]).image))
    clean, found = int(widget._source.logits(0)[0].argmax()), []
    halves = [[(row, col) for row in range(7) for col in part] for part in (range(4), range(3, 7))]
    for change in ({"covered": halves[0]}, {"covered": halves[1]}, {"cover": "noise"}):
        widget._set(change)
        corrupted = int(widget._source.logits(0)[1].argmax())
        found.append(None if corrupted == clean else corrupted)
        assert (widget.target, widget.against) == (clean, found[-1])
        assert (widget._of["target"], widget._of["against"]) == (clean, found[-1])
    assert len(set(found)) > 1
    widget.against = next(index for index in range(9) if index not in (clean, *found))
    chosen = widget.against
    widget.covered = halves[0]
    assert widget.against == chosen


def test_a_cover_that_fails_is_said_and_the_last_one_stays(monkeypatch):
    widget = vl.Causes(traced())
    before = widget.get_state()

    def fails(*_):
        raise vl.UsageError("No such run.")

    monkeypatch.setattr(widget._works, "_compute", fails)
    with refused(vl.UsageError):
        widget.cover = "blur"
    assert widget.get_state() == before
    widget.set_state({"cover": "blur"})
    assert widget.error == "The exchange could not be asked: No such run."
    widget.error = ""
    assert widget.get_state() == before


def test_words_say_what_was_covered():
    alone = Coverable(traced())
    layout = alone.layout
    first = layout.n_prefix
    assert alone.words("blur", [first + layout.cols]) == "patch (1, 0) blurred"
    assert alone.words("noise", [first]) == "patch (0, 0) with noise on its embedding"
    row = [first, first + 1]
    assert alone.words("blur", row) == "1 × 2 patches blurred (row 0, columns 0 to 1)"
    corner = [first, first + 1 + layout.cols]
    assert alone.words("grey", corner) == "2 patches covered in grey"


def test_dropped_patches_are_not_covered():
    whole = traced()
    middle = Coverable(whole).middle()
    trace = whole.vit.trace(
        whole.vit.preprocessing.pixels(whole.pictures),
        preprocessed=True,
        edits=[vl.edits.DropTokens(middle)],
    )
    alone = Coverable(trace)
    assert alone.middle()
    assert set(alone.middle()) < set(alone.patches)
    assert not set(alone.middle()) & set(middle)
    assert min(alone.patches) >= trace.layout.n_prefix
    assert np.isfinite(vl.Causes(trace)._source.logits(0)).all()
    with refused(vl.UsageError):
        vl.Causes(trace, covered=middle)


@pytest.mark.parametrize(
    "choices",
    [
        {"cover": "black"},
        {"cover": "average"},
        {"covered": []},
        {"covered": "all"},
        {"covered": [0]},
        {"covered": [1.5]},
        {"covered": [(0, 99)]},
        {"covered": [(0, -1)]},
        {"covered": [[1], [2, 3]]},
        {"covered": np.ones((2, 2), bool)},
        {"means": "resid_pre"},
    ],
)
def test_what_covers_nothing_is_refused(choices):
    with refused(vl.UsageError):
        vl.Causes(traced(), **choices)


def test_everything_covered_is_refused():
    trace = traced()
    with refused(vl.UsageError):
        vl.Causes(trace, covered=trace.tokens[trace.layout.n_prefix :].tolist())


@pytest.mark.parametrize("choices", [{"cover": "grey"}, {"covered": [1]}, {"means": 3}])
def test_a_pair_is_not_covered(choices):
    with refused(vl.UsageError):
        vl.Causes(random_pair(1), **choices)


def test_means_of_another_model_are_refused():
    vit = vl.load("toy/attn-mlp-4l")
    means = vl.analysis.mean_values(vit, vl.world.Scenes(), "resid_pre", n_images=1)
    with refused(vl.UsageError):
        vl.Causes(traced(), means=means)

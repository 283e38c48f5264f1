"""Explorer: what it sends are the runs' own numbers; what fails leaves what was there."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.widgets.explorer import run as run_file
from vitlens_widgets.widgets.explorer.run import ImageRun

SPECIALS = ["CLS", "mean of patches", "distillation", "four registers and layer scale"]


def picture(seed=0, height=90, width=130):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(params=SPECIALS)
def vit(request):
    return vl.load(timm_model(request.param))


@pytest.fixture(scope="module")
def toy():
    return vl.load("toy/p32")


def numbers(bundle, name, *shape):
    return np.frombuffer(bundle[name], "<f4").reshape(shape)


def test_it_sends_the_answers_of_the_trace(vit):
    explorer = vl.explore(vit, picture())
    trace = vit.trace(picture())
    torch.testing.assert_close(explorer.trace.logits, trace.logits)
    reading = vl.LogitLens(vit).read(trace)
    sent = numbers(explorer._baseline_answers, "_entropy", vit.n_layers + 1, -1)
    n_tokens = len(trace.tokens)
    np.testing.assert_allclose(sent[:, :n_tokens], reading.entropy()[:, 0].numpy(), atol=1e-5)
    assert explorer.target == int(reading.readout.top(1).index[-1, 0, 0])
    assert explorer.state == vit.n_layers


def test_the_edited_run_is_that_of_the_model_without_the_heads(vit):
    explorer = vl.explore(vit, picture())
    assert explorer.edited is None
    explorer.knocked_out = [(1, 2), (0, 1), (1, 2)]
    assert explorer.knocked_out == ((0, 1), (1, 2))
    edits = [vl.edits.Zero("z", 0, head=1), vl.edits.Zero("z", 1, head=2)]
    expected = vit.trace(picture(), edits=edits)
    torch.testing.assert_close(explorer.edited.logits, expected.logits, rtol=1e-4, atol=1e-5)
    entropy = vl.LogitLens(vit).read(expected).entropy()[:, 0].numpy()
    sent = numbers(explorer._edited_answers, "_entropy", vit.n_layers + 1, -1)
    np.testing.assert_allclose(sent[:, : entropy.shape[1]], entropy, atol=1e-4)
    explorer.knocked_out = []
    assert explorer.edited is None


def test_how_far_the_edited_answers_are_from_the_baseline_ones(vit):
    explorer = vl.explore(vit, picture(), knocked_out=[(0, 0)])
    sent = numbers(explorer._edited_answers, "_divergence", vit.n_layers + 1, -1)
    for k in range(vit.n_layers + 1):
        before = explorer.reading.logits(k)[0].log_softmax(-1)
        after = explorer.edited_reading.logits(k)[0].log_softmax(-1)
        kl = (before.exp() * (before - after)).sum(-1)
        np.testing.assert_allclose(sent[k, : len(kl)], kl.numpy(), atol=2e-5)
    assert not sent[0].any()  # block 0 has not run yet
    assert sent[-1].max() > 0


def test_another_image_is_computed_anew(vit):
    explorer = vl.explore(vit, picture(), knocked_out=[(0, 1)])
    explorer.show(picture(1, 64, 200))
    trace = vit.trace(picture(1, 64, 200))
    torch.testing.assert_close(explorer.trace.logits, trace.logits)
    without = trace.rerun([vl.edits.Zero("z", 0, head=1)])
    torch.testing.assert_close(explorer.edited.logits, without.logits)
    assert explorer.target == int(trace.logits[0].argmax())


def unchanged(explorer):
    hidden = ("error", "_esm", "_css", "_version")
    return {k: v for k, v in explorer.get_state().items() if k not in hidden}


@pytest.mark.parametrize("bad", ["nowhere.png", np.full((8, 8, 7), 3, np.uint8)])
def test_an_image_that_cannot_be_read_leaves_the_last_one(toy, bad):
    explorer = vl.explore(toy, picture())
    before, trace = unchanged(explorer), explorer.trace
    with refused(vl.UsageError):
        explorer.show(bad)
    assert unchanged(explorer) == before
    assert explorer.trace is trace


def broken(kind):
    """Something that raises, whatever it is asked."""

    def fails(*_, **_words):
        raise kind("out of memory")

    return fails


def ask(explorer, kind, heads):
    """Switches heads off; an interrupt goes on to the cell, an error is said in the widget."""
    if kind is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            explorer.knocked_out = heads
    else:
        with pytest.raises(vl.UsageError, match="out of memory"):
            explorer.knocked_out = heads
        assert explorer.error == ""
        explorer.set_state({"knocked_out": heads})


@pytest.mark.parametrize("first", [[], [(1, 0)]])
@pytest.mark.parametrize("kind", [MemoryError, KeyboardInterrupt])
@pytest.mark.parametrize(
    ("owner", "name", "words"),
    [
        (vl.Trace, "rerun", "The model could not be run without these heads"),
        (ImageRun, "maps", "The attention without these heads could not be computed"),
    ],
)
def test_a_run_that_fails_leaves_the_last_one(toy, monkeypatch, owner, name, words, kind, first):
    explorer = vl.explore(toy, picture(), knocked_out=first)
    before, edited = unchanged(explorer), explorer.edited
    with monkeypatch.context() as breaking:
        breaking.setattr(owner, name, broken(kind))
        ask(explorer, kind, [(2, 1)])
    assert words in explorer.error
    assert (kind is KeyboardInterrupt) == ("what was there before" in explorer.error)
    assert unchanged(explorer) == before
    assert explorer.edited is edited
    explorer.knocked_out = [(2, 1)]  # and can be tried again
    assert explorer.error == ""
    assert explorer._edited_maps["_overview_of"]["run"] == explorer._edited_answers["number"]
    assert explorer.edited is not edited


def test_an_edited_run_is_the_same_whether_its_queries_and_keys_are_kept(toy, monkeypatch):
    found, again, run_block = [], [], vl.Trace._run_block
    monkeypatch.setattr(
        vl.Trace,
        "_run_block",
        lambda *args, **words: again.append(args[1]) or run_block(*args, **words),
    )
    for keep, ran in ((run_file.KEEP_BYTES, 0), (0, toy.n_layers - 2)):
        monkeypatch.setattr(run_file, "KEEP_BYTES", keep)
        before = ImageRun(toy.trace(picture()), vl.LogitLens(toy))
        before.maps(side := len(before.trace.tokens))
        again.clear()
        edited = before.without(((1, 2),))
        found.append(edited.maps(side) | edited.answers(before))
        assert len(again) == ran  # the blocks after the edited one
    for name in ("_codes", "_ranges", "_statistics", "_top_index", "_divergence"):
        assert found[0][name] == found[1][name], name


def test_heads_that_are_off_cannot_be_changed_unheard(toy):
    explorer = vl.explore(toy, picture(), knocked_out=[(1, 0)])
    with pytest.raises(AttributeError):
        explorer.knocked_out.append((5, 2))
    explorer.knocked_out += ((5, 2),)
    assert explorer.knocked_out == ((1, 0), (5, 2))
    assert explorer._edited_answers["off"] == [[1, 0], [5, 2]]


ANOTHER_RUN = ("_baseline_answers", "_baseline_maps", "_first")  # its number is in them


@pytest.mark.parametrize("then", ["at once", "another image"])
def test_once_all_heads_are_on_again_nothing_of_the_edited_run_is_left(toy, then, tmp_path):
    explorer = vl.explore(toy, picture())
    before, size = unchanged(explorer), explorer.nbytes
    page = explorer.save_html(tmp_path / "before.html").stat().st_size
    explorer.knocked_out = [(2, 1), (0, 0)]
    assert explorer.nbytes > 1.3 * size
    explorer.knocked_out = []
    if then == "another image":
        explorer.show(picture())
        before |= {n: explorer.get_state()[n] for n in ANOTHER_RUN}
    assert unchanged(explorer) == before
    assert abs(explorer.nbytes - size) < 20  # digits of the counters
    assert abs(explorer.save_html(tmp_path / "after.html").stat().st_size - page) < 200


def test_a_dropped_file_is_opened(toy):
    explorer = vl.explore(toy, picture())
    file = io.BytesIO()
    Image.fromarray(picture(2)).save(file, "PNG")
    assert explorer._open({"name": "drop.png"}, [file.getvalue()]) == ({}, [])
    torch.testing.assert_close(explorer.trace.logits, toy.trace(picture(2)).logits)
    trace = explorer.trace
    answer, _ = explorer._open({"name": "drop.txt"}, [b"no picture"])
    assert "drop.txt" in answer["error"]
    assert explorer.trace is trace


def test_infilling_goes_along_with_the_image(toy):
    mae = vl.load("toy/mae")
    explorer = vl.explore(toy, vl.world.scene(3), mae=mae, mask_ratio=0.5, seed=4)
    expected = vl.InfillLens(mae).read(vl.world.scene(3).image, mask_ratio=0.5, seed=4)
    np.testing.assert_array_equal(explorer.mask, expected.mask[0])
    np.testing.assert_array_equal(explorer.infilling.pictures(2), expected.pictures(2))
    explorer.show(vl.world.scene(5))
    again = vl.InfillLens(mae).read(vl.world.scene(5).image, mask=expected.mask)
    np.testing.assert_array_equal(explorer.infilling.pictures(2), again.pictures(2))


def test_a_model_without_a_classifier_shows_its_attention():
    vit = vl.load(timm_model("CLS", num_classes=0))
    explorer = vl.explore(vit, picture(), knocked_out=[(1, 1)])
    assert explorer.reading is None
    assert explorer.target is None
    assert len(explorer._baseline_maps["_codes"]) > 0
    assert explorer.edited is not None


@pytest.mark.parametrize(
    "choices",
    [
        {"knocked_out": [(0, 9)]},
        {"knocked_out": [(True, 0)]},
        {"state": 99},
        {"mask_ratio": 0.5},
        {"lens": 3},
        {"colour": 1},
        {"target": "dragon"},
    ],
)
def test_what_cannot_be_taken_is_refused(toy, choices):
    with refused(vl.UsageError):
        vl.explore(toy, picture(), **choices)


def test_a_model_and_a_masked_autoencoder_are_loaded_by_what_load_takes(toy, tmp_path):
    Image.fromarray(picture()).save(tmp_path / "cat.png")
    explorer = vl.explore("toy/p32", tmp_path / "cat.png", mae="toy/mae")
    torch.testing.assert_close(explorer.trace.logits, toy.trace(picture()).logits)
    assert explorer._mae_lens.vit.name == "toy/mae"
    module = timm_model("CLS")
    trace = vl.explore(module, picture()).trace
    torch.testing.assert_close(trace.logits, vl.load(module).trace(picture()).logits)


def test_something_that_is_no_model_is_refused(toy):
    for given in (
        (3, picture()),
        (toy.trace(picture()), picture()),
        ("toy/p33", picture()),
        ("toy/p32", "no such cat.jpg"),
        ("toy/p32", toy),
        ("toy/p32", toy.trace(picture())),
        ("toy/p32", picture(), "toy/p32"),
        ("toy/p32", picture(), 3),
    ):
        with refused(vl.UsageError):
            vl.explore(*given)

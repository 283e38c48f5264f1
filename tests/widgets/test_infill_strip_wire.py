"""What InfillStrip sends: arrays against NumPy, and which messages a change causes."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.widgets.fake_infilling import random_infilling
from vitlens_widgets.widgets.infill_strip import data

CASES = {
    "wide grid": {"rows": 3, "cols": 5},
    "tall grid, one block": {"rows": 6, "cols": 4, "states": 2},
    "many states": {"rows": 2, "cols": 3, "states": 13, "patch": 4},
}
REFERENCES = ("original", "final")


@pytest.fixture(params=CASES, ids=str)
def infilling(request):
    return random_infilling(seed=5, images=3, **CASES[request.param])


def pixels(strip, name, *first):
    shape = (*first, strip._meta["height"], strip._meta["width"], 3)
    return np.frombuffer(getattr(strip, name), np.uint8).reshape(shape)


def browser_sends(comm, buffers=(), paths=(), **state):
    """A change that comes from the browser."""
    content = {"data": {"method": "update", "state": state, "buffer_paths": [[p] for p in paths]}}
    comm.handle_msg({"content": content, "buffers": [memoryview(b) for b in buffers]})


def browser_paints(comm, mask, asked):
    browser_sends(comm, [mask.astype(np.uint8).tobytes()], ["mask"], _asked=asked)


def test_pictures_are_sent_as_they_are_painted_with_nothing_pasted(infilling):
    strip = vl.InfillStrip(infilling, image=1)
    painted = pixels(strip, "_painted", infilling.n_states)
    np.testing.assert_array_equal(pixels(strip, "_original"), infilling.original[1])
    for state in range(infilling.n_states):
        expected = infilling.pictures(state, paste=False)[1]
        np.testing.assert_array_equal(painted[state], expected)
    assert strip._painted_mask == infilling.mask[1].astype(np.uint8).tobytes()


def test_scores_and_errors_of_patches_are_exact(infilling):
    strip = vl.InfillStrip(infilling, image=2)
    n, grid = infilling.n_states, infilling.layout
    scores = np.frombuffer(strip._scores, "<f4").reshape(3, 2, n)
    errors = np.frombuffer(strip._patch_errors, "<f4").reshape(2, n, grid.n_patches)
    patch = infilling.original.shape[1] // grid.rows
    for r, reference in enumerate(REFERENCES):
        for m, metric in enumerate(("mse", "psnr", "ssim")):
            expected = infilling.score(metric, reference)[:, 2].astype(np.float32)
            np.testing.assert_array_equal(scores[m, r], expected)
        for state in range(n):
            whole = infilling.error(state, reference)[2].astype(float)
            for p in range(grid.n_patches):
                row, col = (x * patch for x in divmod(p, grid.cols))
                mean = whole[row : row + patch, col : col + patch].mean()
                np.testing.assert_allclose(errors[r, state, p], mean, rtol=1e-6)
    assert strip._converged == infilling.converged()[2]


def test_the_mask_is_read_as_booleans_and_cannot_be_changed_unnoticed(infilling):
    strip = vl.InfillStrip(infilling, image=1)
    assert strip.mask.dtype == bool
    np.testing.assert_array_equal(strip.mask, infilling.mask[1])
    with pytest.raises(ValueError, match="read-only"):
        strip.mask[0] = True


@pytest.mark.parametrize("shape", ["patch", "row and column", "a list"])
def test_a_mask_that_is_set_is_infilled_and_all_of_it_is_sent_in_one_message(
    infilling, recorded, shape
):
    strip = vl.InfillStrip(infilling, image=1)
    comm = recorded(strip)
    mask = np.arange(infilling.layout.n_patches) % 3 == 0
    grid = mask.reshape(infilling.layout.rows, -1)
    strip.mask = {"patch": mask, "row and column": grid, "a list": grid.tolist()}[shape]
    names = {"mask", "_painted", "_painted_mask", "_painting", "_scores", "_numbers_of"}
    sent = [update for update in comm.updates() if "_painted" in update]
    assert len(sent) == 1
    assert names - {"mask"} <= set(sent[0])
    assert strip._numbers_of == strip._painting
    expected = infilling.only(1).rerun(mask=mask)
    painted = pixels(strip, "_painted", infilling.n_states)
    np.testing.assert_array_equal(
        painted[-1], expected.pictures(infilling.n_states - 1, paste=False)[0]
    )
    np.testing.assert_array_equal(strip.infilling.mask[0], mask)
    comm.messages.clear()
    strip.mask = mask.copy()
    assert comm.messages == []


def test_choices_that_change_no_pixel_send_nothing_else(infilling, recorded):
    strip = vl.InfillStrip(infilling)
    comm = recorded(strip)
    strip.state, strip.view, strip.reference, strip.paste = 0, "wipe", "final", False
    sent = [set(update) for update in comm.updates()]
    assert sent == [{"state"}, {"view"}, {"reference"}, {"paste"}]
    assert infilling.counted["reruns"] == 0


def test_share_and_seed_draw_the_mask_that_the_lens_draws(infilling):
    strip = vl.InfillStrip(infilling, image=1)
    strip.mask_ratio = 0.3
    np.testing.assert_array_equal(strip.mask, infilling.lens.mask(3, 0.3, 2)[1])
    strip.seed = 11
    drawn = infilling.lens.mask(3, 0.3, 11)[1]
    np.testing.assert_array_equal(strip.mask, drawn)
    assert strip._random_mask == drawn.astype(np.uint8).tobytes()
    strip.mask = ~drawn
    assert (strip.mask_ratio, strip.seed) == (0.3, 11)  # what Random draws stays
    assert strip._random_mask == drawn.astype(np.uint8).tobytes()


def test_a_mask_by_chance_can_be_asked_for_at_once(infilling):
    strip = vl.InfillStrip(infilling, mask_ratio=0.4, seed=3)
    np.testing.assert_array_equal(strip.mask, infilling.lens.mask(3, 0.4, 3)[0])
    np.testing.assert_array_equal(strip.infilling.mask[0], strip.mask)


def test_each_image_keeps_its_own_mask_and_alone_is_painted(infilling, recorded):
    strip = vl.InfillStrip(infilling)
    mask = ~infilling.mask[0]
    strip.mask = mask
    assert strip.infilling.n_images == 1
    comm = recorded(strip)
    comm.messages.clear()
    strip.image = 2
    np.testing.assert_array_equal(strip.mask, infilling.mask[2])
    np.testing.assert_array_equal(pixels(strip, "_original"), infilling.original[2])
    assert sum("_painted" in update for update in comm.updates()) == 1
    strip.image = 0
    np.testing.assert_array_equal(strip.mask, mask)
    assert infilling.counted["reruns"] == 1


def test_a_stroke_in_the_browser_is_answered_with_pictures_first_and_numbers_when_asked(
    infilling, recorded
):
    strip = vl.InfillStrip(infilling)
    comm = recorded(strip)
    before = infilling.counted["scores"]
    mask = ~infilling.mask[0]
    browser_paints(comm, mask, asked=1)
    np.testing.assert_array_equal(strip.mask, mask)
    (pictures,) = comm.updates()
    assert {"_painted", "_painted_mask", "_answered"} <= set(pictures)
    assert not {"mask", "_scores", "_original_"} & set(pictures)
    assert pictures["_painted_mask"] == mask.astype(np.uint8).tobytes()
    assert infilling.counted == {"reruns": 1, "scores": before}
    assert strip._numbers_of != strip._painting
    comm.messages.clear()
    browser_sends(comm, _numbers_asked=strip._painting, _asked=2)
    (numbers,) = comm.updates()
    assert {"_scores", "_patch_errors", "_numbers_of", "_answered"} <= set(numbers)
    assert "_painted" not in numbers
    expected = infilling.only(0).rerun(mask=mask).score("mse")[:, 0].astype(np.float32)
    np.testing.assert_array_equal(
        np.frombuffer(numbers["_scores"], "<f4")[: len(expected)], expected
    )


def test_an_equal_mask_from_the_browser_is_answered_without_painting(infilling, recorded):
    strip = vl.InfillStrip(infilling)
    comm = recorded(strip)
    browser_paints(comm, strip.mask, asked=1)
    (answer,) = comm.updates()
    assert answer == {"_answered": 1}
    assert infilling.counted["reruns"] == 0


def test_a_share_from_the_browser_is_answered_with_its_mask(infilling, recorded):
    strip = vl.InfillStrip(infilling)
    comm = recorded(strip)
    browser_sends(comm, mask_ratio=0.8, _asked=1)
    (answer,) = comm.updates()
    drawn = infilling.lens.mask(3, 0.8, 2)[0].astype(np.uint8).tobytes()
    assert answer["mask"] == answer["_random_mask"] == answer["_painted_mask"] == drawn


def test_what_fails_while_painting_is_said_and_the_last_good_picture_stays(infilling, recorded):
    strip = vl.InfillStrip(infilling)
    comm = recorded(strip)
    painted, mask = strip._painted, strip.mask
    strip.infilling.rerun = lambda **_: 1 / 0
    browser_paints(comm, ~mask, asked=1)
    assert "division by zero" in strip.error
    assert strip._painted == painted
    np.testing.assert_array_equal(strip.mask, mask)
    merged = {k: v for update in comm.updates() for k, v in update.items()}
    assert merged["_answered"] == 1
    assert merged["mask"] == mask.astype(np.uint8).tobytes()
    assert merged["error"] == strip.error


def test_an_interrupted_painting_is_answered_too(infilling, recorded):
    strip = vl.InfillStrip(infilling)
    comm = recorded(strip)

    def interrupted(**_):
        raise KeyboardInterrupt

    shown, mask, painted = strip.infilling, strip.mask, strip._painted
    shown.rerun = interrupted
    with pytest.raises(KeyboardInterrupt):
        strip.set_state({"mask": (~mask).astype(np.uint8).tobytes(), "_asked": 1})
    merged = {k: v for update in comm.updates() for k, v in update.items()}
    assert merged["_answered"] == 1
    assert "was interrupted" in merged["error"]
    assert merged["mask"] == mask.astype(np.uint8).tobytes()
    assert strip.infilling is shown
    np.testing.assert_array_equal(strip.mask, mask)
    with pytest.raises(KeyboardInterrupt):
        strip.mask = ~mask
    assert strip.infilling is shown
    np.testing.assert_array_equal(strip.mask, shown.mask[0])
    assert strip._painted == painted


@pytest.mark.parametrize(
    ("where", "kind"),
    [
        ("pictures", ZeroDivisionError),
        ("pictures", KeyboardInterrupt),
        ("numbers", KeyboardInterrupt),
    ],
)
def test_an_image_that_cannot_be_shown_leaves_the_last_one(
    infilling, recorded, monkeypatch, where, kind
):
    strip = vl.InfillStrip(infilling)
    comm = recorded(strip)
    state = {name: value for name, value in strip.get_state().items() if name != "error"}

    def fails(*_):
        raise kind

    monkeypatch.setattr(data, where, fails)
    with contextlib.suppress(KeyboardInterrupt):
        browser_sends(comm, image=1)
    assert strip.error.startswith("The image could not be shown")
    assert {name: strip.get_state()[name] for name in state} == state
    monkeypatch.undo()
    strip.image = 1
    np.testing.assert_array_equal(pixels(strip, "_original"), infilling.original[1])
    np.testing.assert_array_equal(strip.mask, infilling.mask[1])


def test_a_mask_painted_on_an_image_shown_no_longer_is_not_taken(infilling, recorded):
    strip = vl.InfillStrip(infilling)
    strip.image = 1
    comm = recorded(strip)
    late = (~infilling.mask[0]).astype(np.uint8).tobytes()
    browser_sends(comm, [late], ["mask"], _mask_image=0, _asked=1)
    np.testing.assert_array_equal(strip.mask, infilling.mask[1])
    merged = {k: v for update in comm.updates() for k, v in update.items()}
    assert merged["mask"] == infilling.mask[1].astype(np.uint8).tobytes()
    assert merged["_answered"] == 1
    assert infilling.counted["reruns"] == 0
    browser_sends(comm, [late], ["mask"], image=0, _mask_image=1, _asked=2)
    np.testing.assert_array_equal(strip.mask, infilling.mask[0])
    browser_sends(comm, [late], ["mask"], _mask_image=0, _asked=3)
    np.testing.assert_array_equal(strip.mask, ~infilling.mask[0])
    np.testing.assert_array_equal(strip.infilling.mask[0], strip.mask)


def test_numbers_that_fail_leave_the_pictures_and_a_sentence(infilling):
    strip = vl.InfillStrip(infilling)
    type(infilling).score, kept = (lambda *_: 1 / 0), type(infilling).score
    try:
        strip.set_state({"mask": (~strip.mask).astype(np.uint8).tobytes()})
    finally:
        type(infilling).score = kept
    assert "division by zero" in strip.error
    assert strip._scores == b""
    np.testing.assert_array_equal(strip.infilling.mask[0], strip.mask)


def test_without_a_hidden_patch_scores_are_not_numbers(infilling):
    strip = vl.InfillStrip(infilling)
    strip.mask = np.zeros(infilling.layout.n_patches, bool)
    assert np.isnan(np.frombuffer(strip._scores, "<f4")).all()
    assert not np.frombuffer(strip._patch_errors, "<f4").any()
    strip.mask = np.ones(infilling.layout.n_patches, bool)
    assert np.isfinite(np.frombuffer(strip._scores, "<f4").reshape(3, 2, -1)[0]).all()


def test_pictures_are_sent_smaller_by_a_divisor_of_the_patch():
    infilling = random_infilling(seed=1, rows=3, cols=5, patch=12)
    strip = vl.InfillStrip(infilling, size=30)
    assert (strip._meta["height"], strip._meta["width"]) == (18, 30)
    expected = infilling.original[0].reshape(18, 2, 30, 2, 3).mean(axis=(1, 3))
    np.testing.assert_array_equal(pixels(strip, "_original"), np.rint(expected))
    whole = vl.InfillStrip(infilling)
    assert whole._meta["width"] == 60
    np.testing.assert_array_equal(
        np.frombuffer(strip._scores, "<f4"), np.frombuffer(whole._scores, "<f4")
    )


def test_many_states_of_large_pictures_stay_below_the_limit(monkeypatch):
    infilling = random_infilling(seed=1, rows=3, cols=5, patch=12, states=13)
    monkeypatch.setattr(data, "PICTURES_LIMIT", 40_000)
    strip = vl.InfillStrip(infilling)
    assert len(strip._painted) + len(strip._original) <= 40_000
    assert strip._meta["width"] == 30  # 6 of 12 pixels a patch

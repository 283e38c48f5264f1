"""Several lenses in an InfillStrip: one mask, and what each lens paints under it."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_infilling import random_infilling
from vitlens_widgets.widgets.infill_strip import data

PLAIN, TUNED = "infill lens", "tuned infill lens"


@pytest.fixture(scope="module")
def mae():
    return vl.load("toy/mae")


@pytest.fixture(scope="module")
def lenses(mae):
    return [vl.InfillLens(mae), vl.TunedInfillLens.load("toy/mae", mae)]


@pytest.fixture(scope="module")
def scenes():
    return [vl.world.scene(seed).image for seed in (3, 4)]


@pytest.fixture
def infillings(lenses, scenes):
    return [lens.read(scenes, mask_ratio=0.6, seed=5) for lens in lenses]


def is_of(strip, infilling, name):
    """Whether a lens's pictures and numbers are those of an infilling of one image."""
    shrink = data.shrinkage(infilling, None)
    sent = strip._other_pictures[name] | strip._other_numbers[name]
    expected = data.pictures(infilling, shrink) | data.numbers(infilling)
    return all(sent[one] == expected[one] for one in ("_painted", "_patch_errors", "_converged"))


def test_every_mask_and_image_is_infilled_by_all_lenses(infillings, lenses, scenes):
    strip = vl.InfillStrip(infillings, image=1)
    assert strip._meta["lenses"] == [PLAIN, TUNED]
    assert is_of(strip, infillings[1].only(1), TUNED)
    strip.mask = ~strip.mask
    expected = [lens.read(scenes[1], mask=strip.mask[None]) for lens in lenses]
    assert is_of(strip, expected[1], TUNED)
    alone = vl.InfillStrip(expected[0])
    assert strip._painted == alone._painted
    strip.image = 0
    assert is_of(strip, infillings[1].only(0), TUNED)
    strip.seed = 9
    expected = lenses[1].read(scenes[0], mask=strip.mask[None])
    assert is_of(strip, expected, TUNED)


def test_a_lens_is_chosen_and_compared(infillings):
    strip = vl.InfillStrip(infillings, beside=TUNED, state=1)
    first = strip.still()
    strip.lens = TUNED
    assert (strip.lens, strip.beside) == (TUNED, PLAIN)
    assert f"lens='{TUNED}', beside='{PLAIN}'" in repr(strip)
    assert strip.still() != first
    parts = strip.figure_parts()
    assert f"1_pre, {PLAIN}" in parts.default
    expected = vl.InfillStrip(infillings[1], state=1).figure_parts().parts["1_pre"]
    np.testing.assert_array_equal(parts.parts["1_pre"].picture, expected.picture)


def test_one_infilling_under_two_names(infillings):
    strip = vl.InfillStrip({"a": infillings[0], "b": infillings[0]}, beside="a", lens="b")
    assert (strip.lens, strip.beside) == ("b", "a")
    assert strip._meta["lenses"] == ["a", "b"]
    assert is_of(strip, infillings[0].only(0), "b")


def test_a_tuned_lens_alone_says_so(infillings):
    strip = vl.InfillStrip(infillings[1])
    assert (strip.lens, strip._meta["lens_name"], strip._other_pictures) == (TUNED, TUNED, {})
    assert strip.still() != vl.InfillStrip(infillings[0]).still()
    with refused(vl.UsageError):
        strip.beside = PLAIN


def test_what_cannot_be_compared_is_refused(infillings, lenses, scenes, mae):
    plain, tuned = infillings
    others = [
        lenses[1].read(scenes[::-1], mask_ratio=0.6, seed=5),
        lenses[1].read(scenes, mask_ratio=0.6, seed=6),
        random_infilling(3),
        mae,
        plain,
    ]
    for other in others:
        with refused(vl.UsageError):
            vl.InfillStrip([plain, other])
    with refused(vl.UsageError):
        vl.InfillStrip([])
    assert vl.InfillStrip({"as it is": plain, "tuned": tuned}).lens == "as it is"


def test_other_infillings_that_fail_leave_the_last_mask(infillings):
    strip = vl.InfillStrip(infillings)
    before = strip.get_state()

    def fails(**_):
        raise ZeroDivisionError("division by zero")

    type(infillings[1]).rerun, kept = fails, type(infillings[1]).rerun
    try:
        with refused(vl.UsageError):
            strip.mask = ~strip.mask
    finally:
        type(infillings[1]).rerun = kept
    assert strip.get_state() == before

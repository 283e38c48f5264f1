"""Explorer with several lenses: what is sent is each lens's own reading of both runs."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import timm_model
from tests.widgets.test_explorer import picture
from tests.widgets.test_explorer_prompts import BUNDLES, numbered
from vitlens_widgets.widgets.explorer.shown import ShownRuns
from vitlens_widgets.widgets.patch_grid import data


class Louder(vl.Lens):
    """Another reading of the same states."""

    name = "twice the state"

    def transform(self, states, first, final):
        del first, final
        return 2 * states


LOGIT, LOUDER = vl.LogitLens.name, Louder.name


@pytest.fixture(params=["CLS", "mean of patches", "four registers and layer scale"])
def vit(request):
    return vl.load(timm_model(request.param))


def both(vit):
    return [vl.LogitLens(vit), Louder(vit)]


def of_lens(explorer, lens):
    """What is sent of the answers by a lens, by trait."""
    sent = explorer._others.get(lens) or explorer.get_state()
    names = [f"_{run}_{one}" for run in ("baseline", "edited") for one in BUNDLES[:2]]
    return {name: numbered(sent[name]) for name in names}


def is_whole(explorer, vit, image, off=()):
    """Whether each lens's answers are those that an Explorer by it alone sends."""
    explorer._finish()
    for lens in both(vit):
        alone = vl.explore(vit, image, lens=lens, knocked_out=off, target=explorer.target)
        alone._finish()
        if of_lens(explorer, lens.name) != of_lens(alone, lens.name):
            return False
    return True


@pytest.mark.parametrize("limit", [0, data.TABLE_LIMIT])
def test_both_runs_are_sent_as_every_lens_reads_them(vit, monkeypatch, limit):
    monkeypatch.setattr(data, "TABLE_LIMIT", limit)
    explorer = vl.explore(vit, picture(), lens=both(vit))
    assert explorer._meta["lenses"] == [LOGIT, LOUDER]
    assert is_whole(explorer, vit, picture())
    explorer.knocked_out = off = [(1, 2), (0, 1)]
    assert is_whole(explorer, vit, picture(), off)
    explorer.target = (explorer.target + 3) % 7
    assert is_whole(explorer, vit, picture(), off)
    explorer.show(picture(1))
    assert is_whole(explorer, vit, picture(1), off)


def test_the_model_does_not_run_again_for_another_lens(vit, monkeypatch):
    explorer = vl.explore(vit, picture(), lens=both(vit), token=3)
    ran = []
    monkeypatch.setattr(vl.Trace, "_run_block", lambda *args: ran.append(args))
    sent = {name: explorer.get_state()[name] for name in ("_others", "_baseline_answers")}
    explorer.lens = LOUDER
    explorer.beside = LOGIT
    assert ran == []
    assert {name: explorer.get_state()[name] for name in sent} == sent
    assert (explorer.token, explorer.reading.lens_name) == (3, LOUDER)
    expected = Louder(vit).read(vit.trace(picture()))
    np.testing.assert_allclose(explorer.reading.logits(1), expected.logits(1), rtol=1e-5)
    explorer.knocked_out = [(0, 1)] if not ran else []


def test_a_picture_shows_the_lens_that_is_chosen(vit):
    explorer = vl.explore(vit, picture(), lens=both(vit), beside=LOUDER)
    first, alone = explorer.still(), vl.explore(vit, picture(), lens=Louder(vit))
    explorer.lens = LOUDER
    explorer.beside = None
    shown, expected = (ShownRuns(one._pictured()).patches() for one in (explorer, alone))
    np.testing.assert_array_equal(shown.answers.top, expected.answers.top)
    assert explorer.still() != first
    explorer.difference = True
    own, other = (
        lens.read(explorer.trace).probability(explorer.target) for lens in both(vit)[::-1]
    )
    values = ShownRuns(explorer._pictured()).patches().tint.values[:, :-1]
    np.testing.assert_allclose(values, (own - other)[:, 0], atol=1e-5)
    assert "1_pre" in explorer.figure_parts().parts


def test_one_lens_is_as_before(vit):
    explorer = vl.explore(vit, picture())
    assert (explorer.lens, explorer._meta["lenses"], explorer._others) == (LOGIT, None, {})
    assert "lens=" not in repr(explorer)
    with refused(vl.UsageError):
        explorer.beside = LOGIT


def test_lenses_have_names(vit):
    explorer = vl.explore(vit, picture(), lens={"one": vl.LogitLens(vit), "other": Louder(vit)})
    explorer.lens = "other"
    assert "lens='other'" in repr(explorer)
    for wrong in ([], [vl.LogitLens(vit)] * 2, [vl.LogitLens(vit), "tuned"]):
        with refused(vl.UsageError):
            vl.explore(vit, picture(), lens=wrong)


def test_a_model_without_a_classifier_has_none():
    explorer = vl.explore(vl.load(timm_model("CLS", num_classes=0)), picture())
    assert (explorer.lens, explorer.reading, explorer._others) == ("", None, {})
    assert explorer.still()

"""Explorer of a CLIP or SigLIP: prompts given and changed, answered anew in all its views."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import timm_model
from tests.zoo_sweep import texts
from vitlens_widgets.widgets.shared.prompting import FIRST_PROMPTS

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")
CAT, DOG, CAR = texts.PROMPTS
OFF = [(1, 0), (1, 1)]


def picture(seed=0, height=90, width=130):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=["CLIP", "Siglip"])
def vit(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    texts.saved(request.param, folder)
    return vl.load(folder)


def numbered(bundle):
    """A run's number is its own: all else is to be the same."""
    of = bundle.get("_overview_of", {})
    return {k: v for k, v in bundle.items() if k not in ("number", "_overview_of")} | {
        "of": {k: v for k, v in of.items() if k != "run"}
    }


def is_answered_by(explorer, vit, prompts, image=None, off=()):
    """Whether all that is sent is what an Explorer opened with these prompts sends."""
    expected = vl.explore(
        vit.prompted(prompts), picture() if image is None else image, knocked_out=off
    )
    expected._finish()
    explorer._finish()
    same = ("_meta", "_labels", "_emoji", "_picture")
    bundles = [f"_{run}_{one}" for run in ("baseline", "edited") for one in BUNDLES]
    assert all(getattr(explorer, name) == getattr(expected, name) for name in same)
    for name in bundles:
        assert numbered(getattr(explorer, name)) == numbered(getattr(expected, name)), name
    torch.testing.assert_close(explorer.trace.logits, expected.trace.logits)
    return explorer.prompts == expected.prompts == tuple(prompts)


BUNDLES = ("answers", "target", "maps")


def test_a_model_without_prompts_is_asked_two_and_then_others(vit):
    explorer = vl.explore(vit, picture())
    assert explorer.prompts == FIRST_PROMPTS
    assert is_answered_by(explorer, vit, FIRST_PROMPTS)
    explorer.prompts = [CAT, DOG]
    assert is_answered_by(explorer, vit, [CAT, DOG])
    other = explorer._labels[1 - explorer.target]
    explorer.target = other  # chosen: it stays, wherever it stands
    explorer.prompts = [CAR, f"  {other} ", {CAT: DOG, DOG: CAT}[other]]
    assert is_answered_by(explorer, vit, explorer.prompts)
    assert explorer.prompts[:2] == (CAR, other)
    assert explorer._labels[explorer.target] == other
    explorer.prompts = [CAR]
    assert is_answered_by(explorer, vit, [CAR])
    assert explorer.target == 0
    assert explorer.still()
    assert "other prompts" in explorer.saved().beyond
    assert f"prompts=('{CAR}',)" in repr(explorer)


def test_the_edited_run_answers_them_too_and_its_attention_stays(vit):
    explorer = vl.explore(vit, picture(), knocked_out=OFF, prompts=[CAT, CAR])
    maps = explorer._baseline_maps, explorer._edited_maps
    explorer.prompts = [DOG, CAT, CAR]
    assert (explorer._baseline_maps, explorer._edited_maps) == maps  # not sent anew
    assert is_answered_by(explorer, vit, [DOG, CAT, CAR], off=OFF)
    edits = [vl.edits.Zero("z", layer, head=head) for layer, head in OFF]
    own = vit.prompted([DOG, CAT, CAR]).trace(picture(), edits=edits)
    torch.testing.assert_close(explorer.edited.logits, own.logits, rtol=1e-4, atol=1e-5)
    assert explorer._map({"run": maps[0]["_overview_of"]["run"], "layer": 0, "head": 1,
                          "kind": "pattern", "image": 0, "show": "head"}, [])[1]  # fmt: skip


def test_what_comes_after_is_answered_by_them(vit):
    explorer = vl.explore(vit, picture(), prompts=[CAT, DOG])
    explorer.prompts = [CAR, DOG, CAT]
    explorer.show(picture(1))
    assert is_answered_by(explorer, vit, [CAR, DOG, CAT], picture(1))
    explorer.knocked_out = OFF
    assert is_answered_by(explorer, vit, [CAR, DOG, CAT], picture(1), OFF)
    assert list(explorer.vit.labels) == [CAR, DOG, CAT]


class Halved(vl.Lens):
    """Each token without half of the one opposite."""

    name = "halved"

    def transform(self, states, first, final):  # noqa: ARG002 - the signature
        return states - states.flip(-2) / 2


def test_a_lens_of_ones_own_stays(vit):
    twin = vit.prompted([CAT, DOG])
    explorer = vl.explore(twin, picture(), lens=Halved(twin))
    explorer.prompts = [CAR, CAT]
    other = vit.prompted([CAR, CAT])
    expected = Halved(other).read(other.trace(picture()))
    assert explorer.reading.lens_name == expected.lens_name == "halved"
    torch.testing.assert_close(explorer.reading.entropy(), expected.entropy())


def test_a_class_of_several_texts_keeps_them(vit):
    explorer = vl.explore(vit.prompted({"animal": [CAT, DOG], "car": CAR}), picture())
    explorer.prompts = (*explorer.prompts, CAT)
    twin = vit.prompted({"animal": [CAT, DOG], "car": CAR, CAT: CAT})
    torch.testing.assert_close(explorer.trace.logits, twin.trace(picture()).logits)


def test_what_cannot_be_answered_changes_nothing_and_is_said(vit):
    explorer = vl.explore(vit, picture(), prompts=[CAT, DOG])
    explorer.set_state({"prompts": [CAT, "a very long photo of a cat on one red road"]})
    assert explorer.prompts == (CAT, DOG)
    assert "13 tokens, and the model reads 9" in explorer.error
    explorer.error = ""
    with refused(vl.UsageError):
        explorer.prompts = [CAT, "a very long photo of a cat on one red road"]
    assert (explorer.prompts, explorer.error) == ((CAT, DOG), "")
    assert is_answered_by(explorer, vit, [CAT, DOG])
    for wrong in ([], [CAT, CAT], "a cat", None):
        explorer.set_state({"prompts": wrong})
        assert explorer.error
        assert explorer.prompts == (CAT, DOG)
        with pytest.raises(vl.UsageError):
            vl.explore(vit, picture(), prompts=wrong)
    explorer.set_state({"prompts": [CAR]})
    assert (explorer.error, explorer.prompts) == ("", (CAR,))


def test_an_interrupt_leaves_what_was_there(vit, monkeypatch):
    explorer = vl.explore(vit, picture(), prompts=[CAT, DOG])

    def interrupted(*_args, **_words):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(explorer.trace), "answered_by", interrupted)
        with pytest.raises(KeyboardInterrupt):
            explorer.prompts = [CAR]
    assert "interrupted" in explorer.error
    assert is_answered_by(explorer, vit, [CAT, DOG])


@pytest.mark.parametrize("special", ["CLS", "no classifier"])
def test_other_models_have_none(special):
    n_classes = {"num_classes": 0} if special == "no classifier" else {}
    vit = vl.load(timm_model("CLS", **n_classes))
    explorer = vl.explore(vit, picture())
    assert (explorer.prompts, explorer._meta["prompts"]) == ((), None)
    assert "prompts" not in repr(explorer)
    assert "prompts" not in explorer.saved().beyond
    with refused(vl.UsageError):
        explorer.prompts = ["a cat"]
    with refused(vl.UsageError):
        vl.explore(vit, picture(), prompts=["a cat"])

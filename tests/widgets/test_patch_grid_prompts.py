"""PatchGrid of a trace, and prompts given and changed: what is sent is the engine's own answer."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from tests.zoo_sweep import texts
from vitlens_widgets.widgets.shared.prompting import FIRST_PROMPTS

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")
CAT, DOG, CAR = texts.PROMPTS


@pytest.fixture(scope="module", params=["CLIP", "Siglip"])
def vit(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    texts.saved(request.param, folder)
    return vl.load(folder)


@pytest.fixture(scope="module")
def trace(vit):
    return vit.trace(pixels_for(vit.image_size, 2), preprocessed=True)


def is_answered_by(grid, trace, prompts, image=1):
    """Whether all that is sent is what a reading by these prompts has."""
    twin = trace.vit.prompted(prompts)
    expected = vl.PatchGrid(vl.LogitLens(twin).read(trace), image=image)
    sent = {name for name in grid.keys if name.startswith("_") and name not in ("_esm", "_css")}
    own = {"_anywidget_id", *(n for n in sent if n.startswith(("_view", "_model", "_dom")))}
    return all(getattr(grid, name) == getattr(expected, name) for name in sent - own)


def test_a_trace_without_prompts_is_asked_two_and_then_others(trace):
    grid = vl.PatchGrid(trace, image=1)
    assert grid.prompts == FIRST_PROMPTS
    assert is_answered_by(grid, trace, FIRST_PROMPTS)
    grid.prompts = [CAT, DOG]
    assert is_answered_by(grid, trace, [CAT, DOG])
    grid.target = DOG
    grid.prompts = [CAR, f"  {DOG} ", CAT]
    assert grid.prompts == (CAR, DOG, CAT)
    assert is_answered_by(grid, trace, [CAR, DOG, CAT])
    assert grid._labels[grid.target] == DOG
    grid.prompts = [CAR]
    assert is_answered_by(grid, trace, [CAR])
    assert (grid.target, grid._meta["prompts"]) == (0, [CAR])
    assert grid.still()
    assert "other prompts" in grid.saved().beyond
    assert f"prompts=('{CAR}',)" in repr(grid)


def test_a_class_of_several_texts_keeps_them(trace):
    twin = trace.vit.prompted({"animal": [CAT, DOG], "car": CAR})
    grid = vl.PatchGrid(vl.LogitLens(twin).read(trace), image=1)
    grid.prompts = (*grid.prompts, CAT)
    assert is_answered_by(grid, trace, {"animal": [CAT, DOG], "car": CAR, CAT: CAT})


def test_prompts_may_be_given_at_once(trace):
    assert is_answered_by(vl.PatchGrid(trace, 1, prompts=[CAT, CAR]), trace, [CAT, CAR])
    reading = vl.LogitLens(trace.vit.prompted([DOG])).read(trace)
    assert is_answered_by(vl.PatchGrid(reading, 1, prompts=[CAT, CAR]), trace, [CAT, CAR])


def test_what_cannot_be_answered_changes_nothing_and_is_said(trace):
    grid = vl.PatchGrid(trace, image=1, prompts=[CAT, DOG])
    grid.set_state({"prompts": [CAT, "a very long photo of a cat on one red road"]})
    assert grid.prompts == (CAT, DOG)
    assert "13 tokens, and the model reads 9" in grid.error
    grid.error = ""
    with refused(vl.UsageError):  # set in Python, it is said there
        grid.prompts = [CAT, "a very long photo of a cat on one red road"]
    assert (grid.prompts, grid.error) == ((CAT, DOG), "")
    assert is_answered_by(grid, trace, [CAT, DOG])
    for wrong in ([], [CAT, " "], [CAT, CAT], [CAT, 3], "a cat", ["x" * 401], None):
        grid.set_state({"prompts": wrong})
        assert grid.error
        assert grid.prompts == (CAT, DOG)
        with pytest.raises(vl.UsageError):
            grid.prompts = wrong
        with pytest.raises(vl.UsageError):
            vl.PatchGrid(trace, prompts=wrong)
    grid.set_state({"prompts": [CAR]})
    assert (grid.error, grid.prompts) == ("", (CAR,))


def test_other_models_have_none():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for(vit.image_size, 2), preprocessed=True)
    grid = vl.PatchGrid(trace, image=1)
    own = vl.PatchGrid(vl.LogitLens(vit).read(trace), image=1)
    assert grid._logits == own._logits
    assert (grid.prompts, grid._meta["prompts"]) == ((), None)
    assert "prompts" not in repr(grid)
    for given in (["a cat"], "a cat"):
        with refused(vl.UsageError):
            grid.prompts = given
        with refused(vl.UsageError):
            vl.PatchGrid(trace, prompts=given)
    with refused(vl.UsageError):
        vl.PatchGrid(probabilities=np.full((2, 10, 3), 1 / 3), prompts=["a cat"])


@pytest.mark.parametrize("special", ["CLS", "mean of patches", "four registers and layer scale"])
def test_a_trace_of_a_model_without_a_classifier_opens_its_features(special):
    vit = vl.load(timm_model(special, num_classes=0))
    trace = vit.trace(pixels_for(vit.image_size, 2), preprocessed=True)
    widget = vl.PatchGrid(trace, 1, "a thing", token=(1, 2))
    assert isinstance(widget, vl.PatchFeatures)
    assert (widget.image, widget.token) == (1, vit.layout.token(1, 2))
    assert widget._components == vl.PatchFeatures(trace)._components
    with refused(vl.UsageError):
        vl.PatchGrid(trace, glyph="none")
    taught = vl.PatchClassifier(vit, trace).fit({"a": [(0, (0, 0))], "b": [(0, (1, 2))]})
    twin = vit.taught(taught)
    assert isinstance(vl.PatchGrid(trace.answered_by(twin)), vl.PatchGrid)

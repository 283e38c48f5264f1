"""A PatchGrid of very many classes: one state first, the others stream in, all equal at the end."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.lenses import decoded
from vitlens_widgets.widgets.patch_grid import data, pieces

NUMBERS = ("_top_index", "_top_probability", "_entropy", "_kl", "_logsumexp")
OF_TARGET = ("_target_logit", "_target_rank", "_target_of")


@pytest.fixture
def _large(monkeypatch):
    """Logits count as too many to be sent, a state of them as a piece, and two states as a step."""
    monkeypatch.setattr(data, "TABLE_LIMIT", 0)
    monkeypatch.setattr(decoded, "PIECE_BYTES", 1)
    monkeypatch.setattr(pieces, "_steps", lambda n, first, _: steps(n, first))


def steps(n_states, first):
    others = [state for state in range(n_states)[::-1] if state != first]
    return [[first], others[:2], others[2:]] if others[2:] else [[first], others]


@pytest.fixture(params=["CLS", "four registers and layer scale", "mean of patches"])
def traced(request, _large):
    vit = vl.load(timm_model(request.param))
    return vit, vit.trace(pixels_for(vit.image_size, n_images=2), preprocessed=True)


def whole(vit, trace, image, target):
    """All of it, as it is computed at once."""
    return data.of_image(vl.LogitLens(vit).read(trace), image, target)


def table(widget, name, kind="<f4"):
    return np.frombuffer(getattr(widget, name), kind).reshape(widget._n_states, -1)


@pytest.mark.parametrize("state", ["final", 1])
def test_streamed_numbers_are_those_computed_at_once(traced, state):
    vit, trace = traced
    grid = vl.PatchGrid(vl.LogitLens(vit).read(trace), image=1, state=state)
    expected = whole(vit, trace, 1, grid.target)
    first = grid.state
    assert grid._known == [first]
    others = [k for k in range(grid._n_states) if k != first]
    for name in ("_entropy", "_kl", "_target_logit"):
        found, final = table(grid, name), np.frombuffer(expected[name], "<f4")
        final = final.reshape(found.shape)
        assert np.isnan(found[others, :-1]).all()  # of tokens; the readout is there in every state
        np.testing.assert_array_equal(found[first], final[first])
        np.testing.assert_array_equal(found[:, -1], final[:, -1])
    while grid._left:
        grid._more({}, [])
    assert grid._known == list(range(grid._n_states))
    assert {name: getattr(grid, name) for name in expected} == expected


@pytest.mark.parametrize("ask", ["still", "saved", "nbytes", "figure"])
def test_whoever_asks_for_a_picture_or_a_page_has_all_of_it(traced, ask, tmp_path):
    vit, trace = traced
    reading = vl.LogitLens(vit).read(trace)
    grid, full = vl.PatchGrid(reading), vl.PatchGrid(reading)
    full._finish()
    match ask:
        case "still":
            assert grid.still() == full.still()
        case "saved":
            assert grid.saved().state == full.saved().state
            assert grid._known == list(range(grid._n_states))
        case "nbytes":  # what is sent at first has its size already
            assert abs(grid.nbytes - full.nbytes) < 100
        case "figure":
            files = [one.save_figure(tmp_path / f"{i}.svg") for i, one in enumerate((grid, full))]
            assert len({file.read_bytes() for file in files}) == 1


def test_only_the_state_that_is_shown_is_decoded_first(traced, monkeypatch):
    vit, trace = traced
    reading = vl.LogitLens(vit).read(trace)
    seen = decoded_by(reading, monkeypatch)
    grid = vl.PatchGrid(reading)
    assert seen == [grid._n_states - 1]
    grid._finish()
    assert sorted(seen) == list(range(grid._n_states))  # none twice
    reading.entropy()
    assert len(seen) == 2 * grid._n_states  # the other image's


def test_an_interrupt_loses_no_state(traced, monkeypatch):
    vit, trace = traced
    grid = vl.PatchGrid(vl.LogitLens(vit).read(trace))

    def interrupted(*_args, **_words):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(grid._reading), "of_state", interrupted)
        with pytest.raises(KeyboardInterrupt):
            grid._step()
    before = grid._known
    grid._finish()
    assert (len(before), grid._known) == (1, list(range(grid._n_states)))
    expected = whole(vit, trace, 0, grid.target)
    assert {name: getattr(grid, name) for name in expected} == expected


def decoded_by(reading, monkeypatch):
    """The states that are decoded from now on."""
    seen: list[int] = []
    decode = reading._lens.decode

    def counted(states, first, final):
        seen.extend(range(first, first + len(states)))
        return decode(states, first, final)

    monkeypatch.setattr(reading._decoded, "_lens_decode", counted)
    return seen


def test_a_target_that_cannot_be_computed_meanwhile_changes_nothing(traced, monkeypatch):
    vit, trace = traced
    grid = vl.PatchGrid(vl.LogitLens(vit).read(trace))
    before = grid.target
    for error in (KeyboardInterrupt(), ValueError("no memory")):

        def failing(*_args, _error=error, **_words):
            raise _error

        with monkeypatch.context() as patch:
            patch.setattr(type(grid._reading), "of_state", failing)
            if isinstance(error, KeyboardInterrupt):
                with pytest.raises(KeyboardInterrupt):
                    grid.target = (before + 1) % len(vit.labels)
            else:
                grid.set_state({"target": (before + 1) % len(vit.labels)})
        assert grid.target == grid._target_of == before
        assert grid.error.startswith("The target's numbers could not be computed")
    grid._finish()
    expected = whole(vit, trace, 0, before)
    assert {name: getattr(grid, name) for name in expected} == expected


def test_another_target_or_image_chosen_meanwhile_is_whole_at_the_end(traced, monkeypatch):
    vit, trace = traced
    grid = vl.PatchGrid(vl.LogitLens(vit).read(trace))
    other = (grid.target + 1) % len(vit.labels)
    seen = decoded_by(grid._reading, monkeypatch)
    grid.target = other
    assert set(seen) <= {grid._n_states - 1}  # it waits for no other state
    assert grid._known == [grid._n_states - 1]
    expected = whole(vit, trace, 0, other)
    for name, kind in (("_target_logit", "<f4"), ("_target_rank", "<i4")):
        found, final = table(grid, name, kind), np.frombuffer(expected[name], kind)
        np.testing.assert_array_equal(found[-1], final.reshape(found.shape)[-1])
        np.testing.assert_array_equal(found[:, -1], final.reshape(found.shape)[:, -1])
    assert grid._target_of == grid.target == other
    grid._step()
    grid.target = 0 if other else 1  # once more, some of them being there
    grid.target = other
    grid._finish()
    assert {name: getattr(grid, name) for name in expected} == expected
    grid.image = 1
    assert grid._left
    grid._finish()
    expected = whole(vit, trace, 1, other)
    assert {name: getattr(grid, name) for name in expected} == expected


@pytest.mark.usefixtures("_large")
def test_an_explorer_streams_its_answers_then_its_maps():
    vit = vl.load("toy/p32")
    explorer = vl.explore(vit, vl.world.scene(7))
    last = vit.n_layers
    assert explorer._baseline_answers["_known"] == [last]
    other = (explorer.target + 1) % len(vit.labels)
    explorer.target = other  # while states are on their way
    while explorer._left:
        explorer._more({}, [])
    expected = whole(vit, explorer.trace, 0, other)
    sent = explorer._baseline_answers | explorer._baseline_target
    assert {name: sent[name] for name in expected} == expected


@pytest.mark.usefixtures("_large")
def test_states_before_a_knock_out_are_its_baselines():
    vit = vl.load("toy/p32")
    explorer = vl.explore(vit, vl.world.scene(7))
    explorer.knocked_out = [(3, 0)]
    whole_one = vl.explore(vit, vl.world.scene(7))
    whole_one._finish()
    whole_one.knocked_out = [(3, 0)]
    for name in (*NUMBERS, "_divergence"):
        assert explorer._edited_answers[name] == whole_one._edited_answers[name]
    explorer._finish()
    for name in NUMBERS:
        assert explorer._baseline_answers[name] == whole_one._baseline_answers[name]


@pytest.mark.parametrize(
    "site", [{}, {"site": "mlp_out"}, {"site": "attn_out", "head": 1}], ids=str
)
def test_a_state_is_said_what_the_whole_reading_says_there(traced, site):
    vit, trace = traced
    full, one = (vl.LogitLens(vit).read(trace, **site) for _ in range(2))
    best = full.top(5)
    for state in (2, 0):
        found = one.of_state(state, 1, "class 3" if "class 3" in vit.labels else 3)
        expected = {
            "index": (best.index, full.readout.top(5).index),
            "probability": (best.probability, full.readout.top(5).probability),
            **{
                name: (getattr(full, name)(), getattr(full.readout, name)())
                for name in ("entropy", "kl_to_final", "logsumexp")
            },
            "logit": (full.logit(3), full.readout.logit(3)),
            "rank": (full.rank(3), full.readout.rank(3)),
        }
        assert found.keys() == expected.keys()
        for name, (tokens, readout) in expected.items():
            assert torch.equal(found[name][:-1], tokens[state, 1]), name
            assert torch.equal(found[name][-1], readout[state, 1]), name

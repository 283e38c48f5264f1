"""Widgets that are drawn before all maps are there: what streams in, and who waits for it."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.widgets.fake_maps import random_maps
from vitlens_widgets.widgets.attention_maps import data
from vitlens_widgets.widgets.attention_maps.pieces import Pieces
from vitlens_widgets.widgets.explorer.run import ImageRun
from vitlens_widgets.widgets.shared import streaming

OVERVIEW = ("_codes", "_ranges", "_thumb_ranges")


@pytest.fixture
def _thumbnails(monkeypatch):
    """Maps count as large."""
    monkeypatch.setattr(data, "thumbnail_side", lambda *_: 6)


@pytest.fixture
def maps(_thumbnails):
    return random_maps(5, layers=4, heads=3, images=2)


def ranges(widget):
    shape = (widget._n_layers, widget._n_heads, 3)
    return np.frombuffer(widget._ranges, "<f4").reshape(shape)


def known(widget):
    """Layers whose maps and statistics are there."""
    there = ~np.isnan(ranges(widget)).any((1, 2))
    measured = np.frombuffer(widget._statistics, "<f4").reshape(-1, *there.shape, widget._n_heads)
    np.testing.assert_array_equal(~np.isnan(measured).any((0, 2)), there)
    return np.flatnonzero(there).tolist()


def test_the_chosen_layer_comes_first_and_the_others_when_the_page_asks(maps, recorded):
    widget = vl.AttentionMaps(maps, layer=2)
    assert known(widget) == [2]
    assert widget._first["layer"] == 2
    expected = Pieces(maps, "pattern", 0, 6).finish().traits()
    comm = recorded(widget)
    for left, layers in ((2, [0, 2]), (1, [0, 1, 2]), (0, [0, 1, 2, 3]), (0, [0, 1, 2, 3])):
        response, buffers = widget._more({}, [])
        assert (response, buffers) == ({"left": left}, [])
        assert known(widget) == layers
    assert {name: getattr(widget, name) for name in OVERVIEW} == expected
    assert widget._statistics == data.statistics(maps, 0)["_statistics"]
    assert len(comm.updates()) == 3  # one message a piece: its arrays arrive together
    assert all({*OVERVIEW, "_statistics"} <= set(update) for update in comm.updates())


@pytest.mark.parametrize("ask", ["still", "saved", "nbytes", "bundle"])
def test_without_a_browser_all_is_there_when_it_is_asked_for(maps, ask):
    widget, whole = vl.AttentionMaps(maps), vl.AttentionMaps(maps)
    whole._finish()
    match ask:
        case "still":
            assert widget.still() == whole.still()
        case "saved":
            assert widget.saved().state == whole.saved().state
        case "bundle":
            found = widget._repr_mimebundle_()[0]["image/png"]
            assert found == whole._repr_mimebundle_()[0]["image/png"]
        case "nbytes":  # what a browser is sent that opens it
            assert widget.nbytes == whole.nbytes


def test_an_interrupted_piece_is_computed_when_it_is_asked_for_again(maps, monkeypatch):
    def interrupted(*_args, **_words):
        raise KeyboardInterrupt

    widget = vl.AttentionMaps(maps)
    with monkeypatch.context() as patch:
        patch.setattr(maps, "layer_overview", interrupted)
        with pytest.raises(KeyboardInterrupt):
            widget._more({}, [])
    assert known(widget) == [3]
    assert widget._more({}, [])[0] == {"left": 2}
    assert known(widget) == [0, 3]


def struck_at_the_last_piece(widget, owner, name):
    """Ctrl-C between the numbers of the last piece and the browser; what is then left."""
    while widget._left > 1:
        widget._step()

    def interrupted(*_args, **_words):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            widget._step()
    return widget._left


@pytest.mark.parametrize("ask", ["page", "saved"])
def test_the_last_piece_is_left_until_it_is_packed(maps, ask):
    widget, whole = vl.AttentionMaps(maps), vl.AttentionMaps(maps)
    assert struck_at_the_last_piece(widget, data, "statistics") == 1
    assert known(widget) == [0, 1, 3]
    if ask == "page":
        assert widget._more({}, [])[0] == {"left": 0}
    assert widget.saved().state == whole.saved().state
    assert known(widget) == [0, 1, 2, 3]


def test_the_last_piece_is_left_until_it_is_sent(maps, recorded):
    widget = vl.AttentionMaps(maps)
    comm = recorded(widget)
    assert struck_at_the_last_piece(widget, type(widget), "send_state") == 1
    n_sent = len(comm.updates())
    assert widget._more({}, [])[0] == {"left": 0}
    (sent,) = comm.updates()[n_sent:]
    assert {*OVERVIEW, "_statistics"} <= set(sent)
    assert not np.isnan(np.frombuffer(sent["_ranges"], "<f4")).any()


def test_another_image_chosen_meanwhile_comes_whole(maps):
    widget = vl.AttentionMaps(maps)
    widget.image = 1
    assert known(widget) == [0, 1, 2, 3]
    assert widget._more({}, [])[0] == {"left": 0}
    assert widget._codes == Pieces(maps, "pattern", 1, 6).finish().traits()["_codes"]


def test_where_another_image_fails_the_first_one_goes_on(maps, monkeypatch):
    widget = vl.AttentionMaps(maps)
    with monkeypatch.context() as patch:
        patch.setattr(maps, "layer_overview", lambda *_, **__: 1 / 0)
        widget.image = 1
    assert "division by zero" in widget.error
    assert (widget.image, known(widget)) == (0, [3])
    widget._finish()
    assert known(widget) == [0, 1, 2, 3]


@pytest.mark.parametrize("choice", [{"kind": "scores"}, {"image": None}], ids=str)
def test_what_is_not_one_pattern_comes_whole(maps, choice):
    assert known(vl.AttentionMaps(maps, **choice)) == [0, 1, 2, 3]


def test_maps_that_are_sent_whole_are_there_at_once():
    assert known(vl.AttentionMaps(random_maps(3))) == [0, 1, 2]


class Shown:
    """What a notebook was told, and how many layers were there."""

    def __init__(self, widget):
        self.widget, self.told = widget, []
        self.kernel = object()

    def display(self, bundle, **words):
        self.told.append(("display", "image/png" in bundle, len(known(self.widget)), words))
        return self

    def update(self, bundle, **words):
        self.told.append(("update", "image/png" in bundle, len(known(self.widget)), words))


@pytest.fixture
def notebook(monkeypatch):
    def of(widget):
        shown = Shown(widget)
        monkeypatch.setattr("IPython.display.display", shown.display)
        monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shown)
        return shown

    return of


def test_a_notebook_shows_it_first_and_its_picture_stands_beside_it_at_the_end(maps, notebook):
    widget = vl.AttentionMaps(maps)
    shown = notebook(widget)
    widget._ipython_display_()
    (first, *_, words), (last, *_, others) = shown.told
    assert [told[:3] for told in shown.told] == [("display", False, 1), ("update", True, 4)]
    assert (first, last) == ("display", "update")
    assert words["metadata"] == others["metadata"]
    assert "vitlens_widgets" in words["metadata"]


def test_an_interrupt_leaves_it_shown_as_far_as_it_came(maps, notebook, monkeypatch):
    def interrupted(*_args, **_words):
        raise KeyboardInterrupt

    widget = vl.AttentionMaps(maps)
    shown = notebook(widget)
    monkeypatch.setattr(maps, "layer_overview", interrupted)
    with pytest.raises(KeyboardInterrupt):
        widget._ipython_display_()
    assert [told[0] for told in shown.told] == ["display"]
    assert known(widget) == [3]


def test_ipython_asks_for_the_bundle_where_nothing_is_left_or_nobody_draws(maps, notebook):
    whole, alone = vl.AttentionMaps(random_maps(3)), vl.AttentionMaps(maps)
    with pytest.raises(NotImplementedError):
        alone._ipython_display_()  # a terminal
    whole._finish()
    notebook(whole)
    with pytest.raises(NotImplementedError):
        whole._ipython_display_()


def test_long_work_without_a_browser_is_counted(maps, monkeypatch):
    counted = []

    class Bar:
        def __init__(self, total, what):
            counted.append((total, what))

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, n):
            counted.append(n)

    monkeypatch.setattr(streaming, "progress_bar", Bar)
    vl.AttentionMaps(maps)._finish()
    assert counted == [(3, "AttentionMaps"), 1, 1, 1]


@pytest.fixture
def explorer(_thumbnails):
    return vl.explore(vl.load("toy/p32"), vl.world.scene(7), state=3)


def bundle_layers(explorer, name):
    shape = (explorer._n_layers, explorer._n_heads, 3)
    found = np.frombuffer(getattr(explorer, name)["_ranges"], "<f4").reshape(shape)
    return np.flatnonzero(~np.isnan(found).any((1, 2))).tolist()


def test_an_explorer_opens_with_the_maps_of_its_layer(explorer):
    every = list(range(explorer.vit.n_layers))
    assert bundle_layers(explorer, "_baseline_maps") == [3]
    assert explorer._more({}, [])[0] == {"left": len(every) - 2}
    assert bundle_layers(explorer, "_baseline_maps") == [0, 3]
    explorer.still()
    assert bundle_layers(explorer, "_baseline_maps") == every
    run = ImageRun(explorer.trace, explorer._runs.baseline._lens)
    whole = run.maps(explorer._meta["side"])
    found = explorer._baseline_maps
    assert {name: found[name] for name in OVERVIEW} == {name: whole[name] for name in OVERVIEW}


def test_the_last_piece_of_an_explorer_is_left_until_it_is_packed(explorer):
    every = list(range(explorer.vit.n_layers))
    assert struck_at_the_last_piece(explorer, data, "statistics") == 1
    assert bundle_layers(explorer, "_baseline_maps") == every[:-1]
    assert explorer._more({}, [])[0] == {"left": 0}
    assert bundle_layers(explorer, "_baseline_maps") == every


@pytest.mark.parametrize("all_there", [True, False])
def test_without_a_head_no_later_block_is_run_a_second_time(explorer, all_there, monkeypatch):
    if all_there:
        explorer._finish()
    asked = []
    every = type(explorer.trace)._run_block

    def counting(trace, layer, *given, **words):
        if trace is not explorer.trace:
            asked.append(layer)
        return every(trace, layer, *given, **words)

    monkeypatch.setattr(type(explorer.trace), "_run_block", counting)
    explorer.knocked_out = [(4, 1), (2, 0)]
    # the edited run keeps its queries and keys: only blocks before it may have to be looked at
    assert set(asked) == (set() if all_there else {0, 1})
    found = explorer._edited_maps
    whole = ImageRun(explorer.edited, explorer._runs.baseline._lens).maps(explorer._meta["side"])
    for name in OVERVIEW:
        kind = "u1" if name == "_codes" else "<f4"
        np.testing.assert_allclose(
            np.frombuffer(found[name], kind).astype(float),
            np.frombuffer(whole[name], kind).astype(float),
            rtol=1e-5, atol=1 if kind == "u1" else 1e-7,
        )  # fmt: skip
    np.testing.assert_allclose(
        np.frombuffer(found["_statistics"], "<f4"), np.frombuffer(whole["_statistics"], "<f4"),
        rtol=1e-4, atol=1e-6,
    )  # fmt: skip

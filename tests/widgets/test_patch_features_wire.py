"""PatchFeatures: what is sent, what a browser may ask, what choices it takes."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_features import SCALE, random_features, softmax, units
from vitlens_widgets.widgets.patch_features.lessons import likeness

REGISTERS = ("CLS", *(f"register {i}" for i in range(1, 5)))
PREFIXES = {"none": (), "CLS": ("CLS",), "5": REGISTERS, "8": (*REGISTERS, "a", "b", "c")}


@pytest.fixture(params=PREFIXES)
def source(request):
    return random_features(7, prefix=PREFIXES[request.param], images=3, rows=4, cols=7)


def array(widget, name, kind, *shape):
    return np.frombuffer(getattr(widget, name), kind).reshape(shape)


def taught(source, **choices):
    """Three classes on two images, one of a single click, on the wire."""
    widget, n = vl.PatchFeatures(source, **choices), source.layout.n_prefix
    lessons = [("suit", 0, 3), ("suit", 1, 9), ("flag", 0, 20), ("suit", 0, 5), ("flag", 1, 2)]
    lessons += [("wall", 0, 27)]
    made = [{"do": "add", "name": name, "image": i, "token": n + t} for name, i, t in lessons]
    assert widget._teach({"lessons": made}, []) == ({}, [])
    return widget


def test_components_come_as_codes_with_the_figure_and_the_shares_of_each_image(source):
    for basis in ("batch", "image"):
        widget, found = vl.PatchFeatures(source, basis=basis), source.features(basis == "image")
        shape = (4, 3, 4, 7)
        codes = array(widget, "_components", "u1", *shape, 3)
        assert np.abs(codes / 127.5 - 1 - found.components).max() <= 0.5 / 127.5 + 1e-6
        figure = array(widget, "_foreground", "u1", *shape)
        assert np.array_equal(figure, found.foreground)
        shares = array(widget, "_variance", "<f4", 4, 3, 3)
        np.testing.assert_allclose(shares, found.variance * np.ones((1, 3, 1)), rtol=1e-6)


def test_dropped_patches_are_marked_everywhere():
    source = random_features(1)
    features = source.features(False)
    features.components[:, :, 1, 2] = np.nan
    found = features.similarity(0, 3)
    found.patches[:, :, 1, 2] = np.nan
    features.similarity = lambda _image, _token: found
    widget = vl.PatchFeatures(source, token=3)
    assert (array(widget, "_foreground", "u1", 4, 2, 3, 5)[:, :, 1, 2] == 2).all()
    assert (array(widget, "_similarity", "<i2", 4, 2, 3, 5)[:, :, 1, 2] == -32768).all()


def test_similarity_is_the_cosine_in_every_state_to_four_decimals(source):
    widget, n = vl.PatchFeatures(source), source.layout.n_prefix
    assert (widget._similarity, widget._similar_of) == (b"", [])
    for image, token in ((0, n + 9), (2, n + 1), (1, 0)):
        widget.image, widget.token = image, None
        widget.token = token
        of = units(source.values)
        cosine = np.einsum("sitd,sd->sit", of, of[:, image, token])
        sent = array(widget, "_similarity", "<i2", 4, 3, 28) / 32767
        np.testing.assert_allclose(sent, cosine[..., n:], atol=2e-5)
        prefix = array(widget, "_similar_prefix", "<i2", 4, 3, n) / 32767
        np.testing.assert_allclose(prefix, cosine[..., :n], atol=2e-5)
        assert widget._similar_of == [image, token]


def test_another_image_is_compared_with_the_pinned_patch(source):
    widget = vl.PatchFeatures(source, token=source.layout.n_prefix + 4)
    before = widget._similarity
    widget.image = 2
    assert (widget._similarity, widget._similar_of[0]) == (before, 0)
    size = source.pictures.shape[1:]
    assert np.array_equal(array(widget, "_picture", "u1", *size), source.pictures[2])
    assert widget._picture_of == 2


def test_the_pinned_token_given_again_is_pinned_in_the_image_shown(source):
    token = source.layout.n_prefix + 4
    widget = vl.PatchFeatures(source, token=token)
    widget.image = 2
    widget.token = token
    assert widget._similar_of == [2, token]
    asked = vl.PatchFeatures(source, image=2, token=token)
    assert widget._similarity == asked._similarity
    assert widget._similar_prefix == asked._similar_prefix
    widget.set_state({"image": 1, "token": token + 1})
    assert widget._similar_of == [1, token + 1]


def test_small_pictures_of_all_images_are_sent():
    source = random_features(0, images=2, rows=3, cols=5, patch=100)
    widget = vl.PatchFeatures(source)
    assert widget._meta["thumb"] == [96, 160]
    small = array(widget, "_thumbs", "u1", 2, 96, 160, 3)
    assert small.std() > 5


@pytest.mark.parametrize("examples_from", ["state", "final"])
def test_the_class_map_is_the_nearest_prototype_with_its_probability(source, examples_from):
    widget, n = taught(source, examples_from=examples_from), source.layout.n_prefix
    of = units(source.values)
    clicks = ([(0, 3), (1, 9), (0, 5)], [(0, 20), (1, 2)], [(0, 27)])
    from_states = of if examples_from == "state" else np.repeat(of[-1:], 4, 0)
    means = [units(np.mean([from_states[:, i, n + t] for i, t in some], 0)) for some in clicks]
    logits = SCALE * np.einsum("sipd,csd->sipc", of[:, :, n:], np.stack(means))
    chances = softmax(logits)
    assert np.array_equal(array(widget, "_class_map", "<i2", 4, 3, 28), chances.argmax(-1))
    sent = array(widget, "_certainty", "<u2", 4, 3, 28) / 65535
    np.testing.assert_allclose(sent, chances.max(-1), atol=1e-5)
    held = array(widget, "_held", "<i2", 2, 4, 6)
    assert (held[:, :, 5] == -1).all()  # alone in its class
    assert (held[:, :, :5] >= 0).all()


def test_lessons_are_described_in_the_order_of_teaching(source):
    widget, n = taught(source), source.layout.n_prefix
    classes = widget._lessons["classes"]
    assert [one["name"] for one in classes] == ["suit", "flag", "wall"]
    assert classes[0]["examples"] == [[0, n + 3], [1, n + 9], [0, n + 5]]
    assert [one["slot"] for one in classes] == [0, 1, 2]
    assert widget._lessons["python"] == widget.python != ""


def test_a_class_without_examples_keeps_its_place_and_has_no_patches(source):
    widget, n = taught(source), source.layout.n_prefix
    lessons = [{"do": "remove", "image": 0, "token": n + 20}]
    lessons += [{"do": "remove", "image": 1, "token": n + 2}]
    widget._teach({"lessons": lessons}, [])
    assert [len(one["examples"]) for one in widget._lessons["classes"]] == [3, 0, 1]
    assert set(np.frombuffer(widget._class_map, "<i2")) == {0, 2}
    widget._teach({"lessons": [{"do": "undo"}, {"do": "undo"}]}, [])
    assert widget._lessons["classes"][1]["examples"] == [[0, n + 20], [1, n + 2]]


def test_one_class_alone_says_how_like_its_examples_each_patch_is(source):
    widget, n = vl.PatchFeatures(source), source.layout.n_prefix
    for image, patch in ((0, 3), (2, 8)):
        widget.add("suit", image, n + patch)
    of = units(source.values)
    mean = units(of[:, 0, n + 3] + of[:, 2, n + 8])
    cosine = np.einsum("sitd,sd->sit", of, mean)[..., n:]
    clicks = [(0, n + 3), (2, n + 8)]
    found = likeness(source.features(False), clicks, n)
    np.testing.assert_allclose(found.reshape(cosine.shape), cosine, atol=1e-5)
    sent = array(widget, "_certainty", "<u2", 4, 3, 28) / 65535
    np.testing.assert_allclose(sent, cosine.clip(0, 1), atol=1e-5)


def test_undo_redo_rename_and_drop_are_undone_by_undo(source):
    widget = taught(source)
    first = widget._lessons
    for lesson in (
        {"do": "rename", "name": "flag", "to": "rocket"},
        {"do": "drop", "name": "suit"},
    ):
        widget._teach({"lessons": [lesson]}, [])
        assert widget._lessons["classes"] != first["classes"]
        widget._teach({"lessons": [{"do": "undo"}]}, [])
        assert widget._lessons["classes"] == first["classes"]
        assert widget._lessons["can_redo"]


@pytest.mark.parametrize(
    "lesson",
    [
        {"do": "paint"}, {}, 7, {"do": "add", "name": " ", "image": 0, "token": 9},
        {"do": "add", "name": "x" * 61, "image": 0, "token": 9},
        {"do": "add", "name": "suit", "image": True, "token": 9},
        {"do": "add", "name": "suit", "image": 0, "token": 0},
        {"do": "add", "name": "suit", "image": 5, "token": 9},
        {"do": "rename", "name": "suit"},
    ],
)  # fmt: skip
def test_what_is_no_lesson_is_answered_and_what_came_before_it_stays(lesson):
    widget = vl.PatchFeatures(random_features(3))
    good = {"do": "add", "name": "suit", "image": 0, "token": 4}
    sent = {"ask": "_teach", "id": "1", "message": {"lessons": [good, lesson]}}
    replies = []
    widget.send = lambda content, _buffers: replies.append(content["response"])
    widget._on_question(widget, sent, [])
    assert replies[0]["error"].endswith(".")
    assert [one["name"] for one in widget._lessons["classes"]] == ["suit"]
    assert widget._class_map


def test_choices_are_refused_in_a_sentence():
    source = random_features(3)
    with refused(vl.UsageError):
        vl.PatchFeatures(source, mode="teech")
    with refused(vl.UsageError):
        vl.PatchFeatures(source, image=2)
    with refused(vl.UsageError):
        vl.PatchFeatures(source, state="4_pre")
    with refused(vl.UsageError):
        vl.PatchFeatures("dog.jpg")
    with refused(vl.UsageError):
        vl.PatchFeatures(source, colors="components")
    widget = vl.PatchFeatures(source)
    with refused(vl.UsageError):
        widget.token = 16
    with refused(vl.UsageError):
        widget.classifier  # noqa: B018 - asked for it


def test_what_cannot_be_computed_goes_back_and_is_said():
    source = random_features(3)
    widget = vl.PatchFeatures(source, token=3)

    def fails(*_of):
        raise RuntimeError("out of memory")

    source.features = fails
    for choice, value in (("token", 4), ("basis", "image")):
        with refused(vl.UsageError):
            setattr(widget, choice, value)
        assert (widget.token, widget.basis, widget.error) == (3, "batch", "")
        widget.set_state({choice: value})
        assert (widget.token, widget.basis) == (3, "batch")
        assert "out of memory" in widget.error
        widget.error = ""


def test_selections_are_linked_with_other_widgets():
    from tests.widgets.fake_reading import random_reading

    source = random_features(1, states=4)
    grid = vl.PatchGrid(random_reading(1, rows=3, cols=5))
    other = vl.PatchFeatures(source, token=2)
    link = vl.link(grid, other, names=["state", "token"])
    grid.state, grid.token = 1, 9
    assert (other.state, other.token, other._similar_of) == (1, 9, [0, 9])
    other.token = None
    assert grid.token is None
    link.unlink()


def test_teach_opens_the_widget_in_the_mode_teach(monkeypatch):
    from vitlens_widgets.widgets.patch_features import widget as module

    class Model:
        trace = staticmethod(random_features)

    monkeypatch.setattr(module, "vit_of", lambda vit, _what: vit)
    assert vl.teach(Model(), 3, state=1).mode == "teach"
    assert vl.teach(Model(), 3, mode="look").mode == "look"


def test_the_same_is_taught_by_python():
    widget = vl.PatchFeatures(random_features(3))
    widget.add("suit", 0, 4)
    widget.add("flag", 1, 5)
    widget.rename("flag", "rocket")
    widget.remove(0, 4)
    names = [(one["name"], len(one["examples"])) for one in widget._lessons["classes"]]
    assert names == [("suit", 0), ("rocket", 1)]
    widget.forget("rocket")
    assert widget._class_map == b""
    assert widget.undo()
    assert widget.undo()
    assert widget._class_map
    assert widget.redo()
    assert "2 classes" not in repr(widget)
    with refused(vl.UsageError):
        widget.forget("flag")


def test_groups_that_cannot_be_found_leave_what_was_there():
    widget = vl.PatchFeatures(random_features(1, rows=2, cols=2), colours="foreground")
    widget.set_state({"colours": "groups", "n_groups": 5})
    assert "from 2 to 4, not 5" in widget.error
    assert (widget.colours, widget.n_groups, widget._groups) == ("foreground", 6, b"")
    widget.n_groups, widget.error = 3, ""
    widget.colours = "groups"
    before = widget._groups
    widget.set_state({"n_groups": 8, "seed": 4})
    assert "not 8" in widget.error
    assert (widget.n_groups, widget.seed, widget._groups) == (3, 0, before)
    for name, wrong in (("n_groups", 13), ("n_groups", 1), ("n_groups", 2.5), ("seed", -1)):
        with refused(vl.UsageError):
            setattr(widget, name, wrong)


def test_a_picture_of_the_groups_follows_them():
    widget = vl.PatchFeatures(random_features(1, rows=4, cols=6), colours="groups", n_groups=9)
    first, parts = widget.still(), widget.figure_parts()
    groups = array(widget, "_groups", "u1", 4, 2, 4, 6)[:, 0]
    assert np.array_equal(parts.parts["1_pre"].regions, groups[1])
    share = 100 * (groups[-1] == 8).mean()
    assert parts.legend[8][0] == f"group 9 {share:.0f}%"
    widget.seed = 1
    assert widget.still() != first
    widget.colours = "components"
    assert widget.figure_parts().legend == ()

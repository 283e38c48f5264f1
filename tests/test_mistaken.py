"""What is easily given by mistake: each is answered by one sentence that says what to give."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.over_data import OVER_DATA
from tests.sentences import refused
from vitlens_widgets.data import LabelSet


@pytest.fixture(scope="module")
def scene():
    return vl.world.scene(7, objects=2)


@pytest.fixture(scope="module")
def vit():
    return vl.load("toy/p32")


@pytest.fixture(scope="module")
def reading(vit, scene):
    return vl.LogitLens(vit).read(vit.trace(scene.image))


@pytest.fixture(scope="module")
def infilling():
    mae = vl.load("toy/mae")
    picture = vl.world.scene(7, objects=2, size=mae.image_size)
    return vl.InfillLens(mae).read(picture.image)


def is_refused(call, *words, **named) -> str:
    with refused(vl.UsageError) as error:
        call(*words, **named)
    return str(error.value)


@pytest.mark.parametrize("name", OVER_DATA)
def test_an_experiment_takes_a_model_not_its_name(name):
    is_refused(vl.analysis.experiments[name].function, "toy/p32", vl.world.Scenes(), n_images=2)


def test_so_do_all_others_that_take_a_model():
    probes, causality = vl.analysis.linear_probes, vl.analysis.lens_causality
    data = vl.world.Scenes()
    for call, words in [
        (vl.analysis.value_vectors, (0,)),
        (vl.analysis.class_value_agreement, ()),
        (lambda *given: probes(*given, n_images=2), (data, data)),
        (lambda *given: causality(*given, n_images=2), (data, data)),
    ]:
        is_refused(call, "toy/p32", *words)
    is_refused(vl.LogitLens, 3)


def test_explorer_says_what_its_mae_and_its_image_are(vit, scene):
    is_refused(vl.explore, vit, scene, mae="toy/p32")
    is_refused(vl.explore, vit, "")
    is_refused(vl.explore, vit, 3)


def test_paintings_are_studied_of_a_lens_and_an_infilling(scene, infilling):
    is_refused(vl.analysis.infilling.mask_study, "toy/mae", scene)
    is_refused(vl.analysis.infilling.mask_study, infilling.vit, scene)
    is_refused(vl.analysis.infilling.object_iou, infilling.original, scene.class_mask, None)


def test_figures_show_results_of_one_kind(reading, vit, scene):
    found = vl.analysis.segmentation(vit, [scene])
    is_refused(vl.analysis.compare, {"a": found, "b": reading})


def test_curves_need_a_class_and_a_token(reading):
    is_refused(vl.analysis.over_states.probability, reading, [])
    is_refused(vl.analysis.over_states.entropy, reading, [])


def test_the_readout_alone_is_no_patch_grid(reading):
    is_refused(vl.PatchGrid, reading.readout)
    is_refused(vl.PatchGrid, reading, image=1)


@pytest.mark.parametrize("k", [2.5, 0, 18, "2"])
def test_top_takes_a_whole_number(reading, k):
    is_refused(reading.top, k)


@pytest.mark.parametrize(
    "truth",
    [
        "cat.png",
        ["cat.png"],
        np.zeros((224, 224, 3), np.uint8),
        3.5,
    ],
)
def test_the_strip_says_what_truth_takes(infilling, truth):
    is_refused(vl.InfillStrip, infilling, truth=truth)


def test_the_strips_segmenter_may_have_its_classes_in_any_order(infilling):
    size = infilling.original.shape[1:3]
    truth = vl.world.scene(7, objects=2, size=size)
    taught = vl.load("toy/p32-taught")
    head, order = taught.adapter.head, np.random.default_rng(3).permutation(17)
    shuffled = vl.load(
        taught.model,
        classifier=(head.weight[order], head.bias[order]),
        labels=[taught.labels[i] for i in order],
    )
    strips = [vl.InfillStrip(infilling, truth=truth, segmenter=one) for one in (taught, shuffled)]
    scores = [strip._infiller.objects.scores(infilling, 0) for strip in strips]
    np.testing.assert_allclose(*scores, atol=1e-6)


@pytest.mark.parametrize(
    "items",
    [
        ["cat.png", "dog.jpg"],
        ["cat.png"],
        "cat.png",
        [("cat.png",)],
        None,
    ],
)
def test_the_first_example_is_looked_at_at_once(items):
    is_refused(vl.data.Examples, items, ["cat", "dog"])


@pytest.mark.parametrize(
    "given",
    [
        {0: "cat", 1: "dog", 2: "key"},
        {2: "key", 0: "cat", 1: "dog"},
        {"cat": 0, "key": 2, "dog": 1},
        {"0": "cat", "1": "dog", "2": "key"},
    ],
)
def test_labels_are_read_from_a_dict_by_their_indices(given):
    assert list(LabelSet.of(given)) == ["cat", "dog", "key"]


@pytest.mark.parametrize(
    "given",
    [
        {1: "cat", 2: "dog"},
        {"cat": "n1", "dog": "n2"},
        {"cat": 0, "dog": 0},
        {"cat", "dog"},
        {},
        {0: "cat", 1: 5},
        {"cat": None, "dog": [1]},
        {"cat": 0, "dog": [1]},
    ],
)
def test_other_dicts_and_sets_of_labels_are_refused(given):
    is_refused(LabelSet.of, given)


def test_a_dict_of_labels_reaches_the_model():
    swapped = {0: "one", **{i: f"class {i}" for i in range(1, 17)}}
    assert vl.load("toy/p32", labels=dict(reversed(swapped.items()))).labels[0] == "one"


@pytest.mark.parametrize("path", [None, 3])
def test_a_page_and_a_folder_have_names(reading, path):
    grid = vl.PatchGrid(reading)
    is_refused(grid.save_html, path)
    is_refused(vl.save_html, "g.html", [grid])
    is_refused(vl.data.ImageFolder, path)


def test_a_folder_that_is_missing_is_not_only_a_name_on_the_hub(monkeypatch):
    monkeypatch.setattr("vitlens_widgets.models.hub.hub_is_unreachable", lambda: True)
    is_refused(vl.load, "checkpoints/my-vit")


def test_one_image_is_not_images(reading):
    is_refused(vl.analysis.convergence, reading, ["cat", "dog"])

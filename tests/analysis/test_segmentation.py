"""Patch answers against masks, by loops over patches."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis import segmentation
from vitlens_widgets.masks import most_of_each_patch

GRIDS = {"CLS": (3, 5), "four registers and layer scale": (4, 6)}


@pytest.fixture(scope="module", params=GRIDS)
def shown(request):
    """A lens, images, and masks of which classes 0 to 4 and "nothing" (-1) cover patches."""
    rows, cols = GRIDS[request.param]
    vit = vl.load(timm_model(request.param))
    height, width = vit.image_size
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(5)]
    lens = vl.LogitLens(vit)
    # classes that the model does answer, so that overlaps are not all 0
    answers = lens.read(vit.trace(images)).top(1).index[-1, :, vit.layout.patches, 0]
    common = np.bincount(answers.flatten(), minlength=11).argsort()[::-1][:4]
    patches = rng.choice([-1, *common], (5, rows, cols))
    patches[4] = -1  # an image that shows nothing
    patches[3] = common[1]  # an image that shows nothing else
    masks = [np.kron(one, np.ones((6, 6), int)) for one in patches]
    for mask in masks[:3]:
        mask[::3] = 9  # the least of each patch
    return lens, images, masks, patches


def by_hand(lens, images, patches):
    """(image, class, state) -> iou, separation, everywhere, patch by patch."""
    found = {}
    for i, image in enumerate(images):
        reading = lens.read(lens.vit.trace(image))
        start = lens.vit.layout.n_prefix
        for c in set(patches[i].ravel()) - {-1}:
            truth = patches[i].ravel() == c
            for state in range(reading.n_states):
                logits = reading.logits(state)[0, start:].double().numpy()
                chance = np.exp(logits)[:, c] / np.exp(logits).sum(-1)
                said = logits.argmax(-1) == c
                both = sum(s and t for s, t in zip(said, truth, strict=True))
                either = sum(s or t for s, t in zip(said, truth, strict=True))
                pairs = [a > b for a in chance[truth] for b in chance[~truth]]
                above = np.mean(pairs) if pairs else np.nan
                found[i, c, state] = (both / either, above, truth.mean())
    return found


def test_each_class_of_each_image_is_as_counted_by_hand(shown):
    lens, images, masks, patches = shown
    found = segmentation(lens, list(zip(images, masks, strict=True)), batch_size=2)
    expected = by_hand(lens, images, patches)
    assert {(i, c) for i, c, _ in expected} == set(zip(found.image, found.label, strict=True))
    for pair, (i, c) in enumerate(zip(found.image, found.label, strict=True)):
        for state in range(4):
            measured = [found.values[name][state, pair] for name in found.values]
            assert measured == pytest.approx(expected[i, c, state], abs=1e-6, nan_ok=True)
    assert max(one[0] for one in expected.values()) > 0.2
    assert found.background is None
    assert found.n_images == 5


def test_an_image_counts_once_however_many_things_it_shows(shown):
    lens, images, masks, patches = shown
    found = segmentation(lens, zip(images, masks, strict=True))
    expected = by_hand(lens, images, patches)
    things = found.things()
    for i in range(4):
        mine = [one[0] for (image, _, state), one in expected.items() if (image, state) == (i, 3)]
        assert things[3, i] == pytest.approx(np.mean(mine))
    assert np.isnan(things[:, 4]).all()
    assert np.isnan(found.things("separation")[:, 3]).all()  # there is nothing else to be apart of
    assert found.mean().n.tolist() == [4] * 4
    assert found.mean("separation").n.tolist() == [3] * 4
    assert found.table()["iou"].tolist() == pytest.approx(np.nanmean(things, axis=1))
    label = int(found.label[0])
    alone = found.of(label)
    assert np.isnan(alone[0]).tolist() == [label not in patches[i] for i in range(5)]
    rows = {row["class"]: row for row in found.classes(state=2).to_dict("records")}
    row = rows[lens.vit.labels[label]]
    assert row["iou"] == pytest.approx(np.nanmean(alone[2]))
    assert row["images"] == (~np.isnan(alone[0])).sum()


def test_the_background_is_no_thing(shown):
    lens, images, masks, _ = shown
    whole = segmentation(lens, zip(images, masks, strict=True))
    label = int(whole.label[0])
    found = segmentation(lens, zip(images, masks, strict=True), background=label)
    assert found.background == label
    others = whole.label != label
    for i in range(4):
        chosen = others & (whole.image == i)
        mean = whole.values["iou"][:, chosen].mean(1) if chosen.any() else np.full(4, np.nan)
        np.testing.assert_allclose(found.things()[:, i], mean)


def test_a_patch_belongs_to_what_covers_most_of_it():
    layout = vl.load(timm_model("CLS")).layout
    mask = np.zeros((9, 15), int)
    mask[:3, :3] = [[5, 5, 5], [5, 5, 7], [7, 7, 7]]
    mask[3:6, 3:6] = [[2, 2, 2], [2, 0, 0], [1, 1, 1]]
    found = most_of_each_patch(mask, layout.grid, (90, 150))
    assert found[0, 0] == 5
    assert found[1, 1] == 2
    assert int((found != 0).sum()) == 2
    halves = np.tile([[6, 3]], (3, 5))  # equal shares: the smaller number
    assert (most_of_each_patch(halves, layout.grid, (9, 30)) == 3).all()


def test_scenes_of_the_world_are_taken_as_they_are():
    vit = vl.load("toy/p32-taught")
    scenes = (vl.world.scene(seed, objects=2) for seed in range(6))
    found = segmentation(vl.LogitLens(vit), scenes, batch_size=4)
    assert found.labels[found.background] == "background"
    assert found.mean().mean[-1] > 3 * found.mean("everywhere").mean[-1]
    assert found.mean("separation").mean[-1] > 0.9


def test_the_things_of_a_scene_are_found_by_their_names():
    vit = vl.load("toy/p32-taught")
    head, order = vit.adapter.head, np.random.default_rng(3).permutation(17)
    shuffled = vl.load(
        vit.model,
        classifier=(head.weight[order], head.bias[order]),
        labels=[vit.labels[i].title() for i in order],
    )
    scenes = [vl.world.scene(seed, objects=2) for seed in range(4)]
    found, expected = segmentation(shuffled, scenes), segmentation(vit, scenes)
    for name in vit.labels:
        for measure in found.values:
            args = found.of(name, measure), expected.of(name, measure)
            np.testing.assert_allclose(*args, atol=1e-6)
    assert found.labels[found.background] == "Background"
    np.testing.assert_allclose(found.mean().mean, expected.mean().mean, atol=1e-6)


def test_a_model_of_other_things_is_refused_by_name():
    scene = vl.world.scene(0)
    imagenet = vl.load(timm_model("CLS", num_classes=1000), labels="imagenet-1k")
    with refused(vl.UsageError):
        segmentation(imagenet, [scene])
    things = vl.load(timm_model("CLS", num_classes=16), labels=list(vl.world.CLASSES))
    with refused(vl.UsageError):
        segmentation(things, [scene])


@pytest.mark.parametrize(
    "given",
    [
        lambda vit, scene: (vl.LogitLens(vit).read(vit.trace(scene.image)), [scene]),
        lambda _, scene: ("toy/p32", [scene]),
        lambda vit, scene: (vit, scene),
        lambda vit, _: (vit, vl.world.Scenes()),
        lambda vit, _: (vit, [vl.world.Scenes()[0]]),
    ],
)
def test_what_is_no_lens_or_no_list_is_refused(given):
    with refused(vl.UsageError):
        segmentation(*given(vl.load("toy/p32-taught"), vl.world.scene(0)))


def test_edits_are_made_on_the_way(shown):
    lens, images, masks, _ = shown
    pairs = list(zip(images, masks, strict=True))
    edits = [vl.edits.Zero("z", 1, head=2)]
    found = segmentation(lens, pairs, edits=edits)
    edited = lens.read(lens.vit.trace(images, edits=edits))
    answers = edited.top(1).index[-1, 0, lens.vit.layout.patches, 0].numpy()
    mine = most_of_each_patch(masks[0], lens.vit.layout.grid, images[0].shape[:2]).ravel()
    same, both = mine == found.label[0], answers == found.label[0]
    assert found.values["iou"][-1, 0] == pytest.approx((same & both).sum() / (same | both).sum())
    assert "(edited)" in found.title
    with refused(vl.UsageError):
        segmentation(lens, pairs, edits=[vl.edits.DropTokens([lens.vit.layout.n_prefix])])


@pytest.mark.parametrize(
    "scenes",
    [
        [],
        [np.zeros((3, 5))],
        [("image", np.zeros((6, 10)))],
        [("image", np.zeros((7, 10), int))],
        [("image", np.zeros((6, 20), int))],
        [("image", np.full((6, 10), 11))],
        [("image", np.full((6, 10), -1))],
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(scenes):
    vit = vl.load(timm_model("CLS"))
    picture = np.zeros((*vit.image_size, 3), np.uint8)
    scenes = [(picture, one[1]) if isinstance(one, tuple) else one for one in scenes]
    with refused(vl.UsageError):
        segmentation(vl.LogitLens(vit), scenes)

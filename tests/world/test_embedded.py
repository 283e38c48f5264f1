"""The embedded classifiers: what they are, and that their cards tell the truth."""

from __future__ import annotations

import math

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

from vitlens_widgets import UsageError, world
from vitlens_widgets.world.cards import WEIGHTS, weights_file
from vitlens_widgets.world.measure import measure

MEGABYTE = 1_000_000
THRESHOLDS = {  # accuracy, IoU with one object, with two; at the final state
    "toy/p32": (0.97, 0.70, 0.60),
    "toy/p32-taught": (0.98, 0.84, 0.70),
    "toy/p32-cls": (0.90, 0.0, 0.0),
}
SCENES = 40


@pytest.mark.parametrize("name", THRESHOLDS)
def test_an_embedded_model_is_a_timm_vit_ready_to_use(name):
    model = world.build(name)
    assert type(model) is VisionTransformer
    assert not model.training
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert {p.device.type for p in model.parameters()} == {"cpu"}
    with torch.no_grad():
        assert model(torch.zeros(2, 3, 224, 224)).shape == (2, len(world.LABELS))


def test_its_preprocessing_is_written_on_it():
    noted = world.build("toy/p32").pretrained_cfg
    assert noted["input_size"] == (3, 224, 224)
    assert noted["mean"] == noted["std"] == (0.5, 0.5, 0.5)
    assert noted["crop_pct"] == 1.0
    assert noted["label_names"] == world.LABELS


def test_all_are_one_architecture_with_weights_of_their_own():
    states = [world.build(name).state_dict() for name in THRESHOLDS]
    shapes = [{key: value.shape for key, value in state.items()} for state in states]
    assert shapes[0] == shapes[1] == shapes[2]
    heads = {state["head.weight"].numpy().tobytes() for state in states}
    assert len(heads) == 3


def test_weight_files_are_small():
    sizes = [weights_file(name).stat().st_size for name in world.NAMES]
    assert max(sizes) < 6 * MEGABYTE
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) < 40 * MEGABYTE


@pytest.mark.parametrize("use", [world.build, world.card])
def test_an_unknown_name_is_refused_with_the_nearest(use):
    with pytest.raises(UsageError, match=r"no embedded model 'toy/p16'\. Nearest: \"toy/p32\""):
        use("toy/p16")
    with pytest.raises(UsageError, match=r"no embedded model 'resnet'\. Embedded: \"toy/p32\""):
        use("resnet")


@pytest.mark.parametrize("name", THRESHOLDS)
def test_a_card_meets_the_thresholds(name):
    measured = world.card(name).measured
    assert measured.scenes >= 1000
    accuracy, one, two = THRESHOLDS[name]
    assert measured.accuracy[1][-1] >= accuracy
    assert measured.iou[1][-1] >= one
    assert measured.iou[2][-1] >= two


@pytest.mark.parametrize("name", THRESHOLDS)
def test_a_card_is_confirmed_by_scenes_it_was_not_measured_on(name):
    """Shares of n scenes scatter by sqrt(p (1 - p) / n), the IoU of a scene by about .2."""
    written = world.card(name).measured
    found = measure(world.build(name), SCENES, first_seed=written.scenes)
    for count in (1, 2):
        for score in range(len(written.states)):
            share = written.accuracy[count][score]
            scatter = math.sqrt(max(share * (1 - share), 0.02) / SCENES)
            assert abs(found.accuracy[count][score] - share) < 4 * scatter
            scatter = 0.2 / math.sqrt(SCENES)
            assert abs(found.iou[count][score] - written.iou[count][score]) < 4 * scatter
    assert found.states == written.states
    assert found.architecture == written.architecture


def test_a_card_says_what_matters_in_plain_text_and_in_jupyter():
    card = world.card("toy/p32")
    for text in (repr(card), card._repr_markdown_()):
        for part in (
            "multiple-instance",
            "Not good for: Photographs",
            "python -m vitlens_widgets.world.train toy/p32",
            f"{card.measured.images:,} scenes",
            f"{card.measured.iou[2][-1]:.3f}",
            "5_pre",
        ):
            assert part in text


def test_measuring_depends_on_the_scenes_alone():
    model = world.build("toy/p32")
    assert measure(model, 3, first_seed=70) == measure(model, 3, first_seed=70)
    assert measure(model, 3, first_seed=70) != measure(model, 3, first_seed=80)

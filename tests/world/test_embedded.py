"""The embedded models: what they are, and that their cards tell the truth."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets import UsageError, world
from vitlens_widgets.world.__main__ import main
from vitlens_widgets.world.cards import WEIGHTS, weights_file
from vitlens_widgets.world.catalogue import DECODERS, EMBEDDED, GOALS, SAES
from vitlens_widgets.world.measure import measure
from vitlens_widgets.world.measurement import ClassMeasurement

MEGABYTE = 1_000_000
CLASSIFIERS = [name for name, goal in EMBEDDED.items() if GOALS[goal].kind == "classes"]
P32 = [name for name in CLASSIFIERS if "p32" in name]
FAMILY = {
    f"toy/attn-{kind}-{layers}l": (layers, kind == "mlp")
    for kind in ("only", "mlp")
    for layers in (1, 2, 3, 4)
}
THRESHOLDS = {  # accuracy, IoU with one object, with two; at the final state
    "toy/p32": (0.97, 0.70, 0.60),
    "toy/p32-taught": (0.98, 0.84, 0.70),
    "toy/p32-cls": (0.90, 0.0, 0.0),
    "toy/attn-only-1l": (0.50, 0.0, 0.0),
    "toy/attn-only-2l": (0.70, 0.0, 0.0),
    "toy/attn-only-3l": (0.77, 0.0, 0.0),
    "toy/attn-only-4l": (0.83, 0.0, 0.0),
    "toy/attn-mlp-1l": (0.62, 0.0, 0.0),
    "toy/attn-mlp-2l": (0.85, 0.0, 0.0),
    "toy/attn-mlp-3l": (0.90, 0.0, 0.0),
    "toy/attn-mlp-4l": (0.93, 0.0, 0.0),
}
SCENES = 40


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_an_embedded_classifier_is_a_timm_vit_ready_to_use(name):
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


def test_the_three_of_patch_32_are_one_architecture_with_weights_of_their_own():
    states = [world.build(name).state_dict() for name in P32]
    shapes = [{key: value.shape for key, value in state.items()} for state in states]
    assert shapes[0] == shapes[1] == shapes[2]
    heads = {state["head.weight"].numpy().tobytes() for state in states}
    assert len(heads) == 3


@pytest.mark.parametrize("name", FAMILY)
def test_the_family_differs_in_depth_and_in_having_mlps(name):
    layers, mlp = FAMILY[name]
    model = world.build(name)
    assert len(model.blocks) == layers
    assert all(hasattr(block, "mlp") is mlp for block in model.blocks)
    assert (model.embed_dim, model.blocks[0].attn.num_heads) == (128, 4)
    facts = world.card(name).facts
    assert (facts["layers"], facts["mlp"], facts["goal"]) == (layers, mlp, "class")
    seen = {world.card(other).measured.images for other in FAMILY}
    assert len(seen) == 1


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_lens_at_the_end_is_each_models_own_answer(name):
    vit = vl.load(name)
    assert (vit.name, vit.labels.name) == (name, "world")
    trace = vit.trace([world.scene(seed, 2).image for seed in (1, 2)])
    found = vl.LogitLens(vit).read(trace).readout.logits(vit.n_layers)
    with torch.no_grad():
        own = vit.model(vit.preprocessing.pixels(list(trace.pictures)))
    assert (found - own).abs().max() <= 1e-5 * own.abs().max()


def test_weight_files_are_small():
    sizes = {name: weights_file(name).stat().st_size for name in (*world.NAMES, *DECODERS)}
    assert max(sizes.values()) < 9 * MEGABYTE
    assert sum(sizes[name] for name in FAMILY) < 8 * MEGABYTE
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) < 60 * MEGABYTE


@pytest.mark.parametrize("use", [world.build, world.card])
def test_an_unknown_name_is_refused_with_the_nearest(use):
    with refused(UsageError):
        use("toy/p16")
    with refused(UsageError):
        use("resnet")


@pytest.mark.parametrize("name", THRESHOLDS)
def test_a_card_meets_the_thresholds(name):
    measured = world.card(name).measured
    assert measured.scenes >= 1000
    accuracy, one, two = THRESHOLDS[name]
    assert measured.accuracy[1][-1] >= accuracy
    assert measured.iou[1][-1] >= one
    assert measured.iou[2][-1] >= two


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_card_is_confirmed_by_scenes_it_was_not_measured_on(name):
    """Shares of n scenes scatter by sqrt(p (1 - p) / n), the IoU of a scene by about .2."""
    written = world.card(name).measured
    found = measure(vl.load(name), SCENES, first_seed=written.scenes)
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
            "python -m vitlens_widgets.world train toy/p32",
            f"{card.measured.images:,} scenes",
            f"{card.measured.iou[2][-1]:.3f}",
            "5_pre",
        ):
            assert part in text


def test_measuring_depends_on_the_scenes_alone():
    vit = vl.load("toy/p32")
    assert measure(vit, 3, first_seed=70) == measure(vit, 3, first_seed=70)
    assert measure(vit, 3, first_seed=70) != measure(vit, 3, first_seed=80)


def test_the_command_measures_what_lies_in_a_folder_and_prints_its_card(tmp_path, capsys):
    weights = shutil.copy(weights_file("toy/attn-only-1l"), tmp_path)
    main(["measure", "toy/attn-only-1l", "--folder", str(tmp_path), "--scenes", "3"])
    written = ClassMeasurement.read(Path(weights).with_suffix(".json"))
    images = world.card("toy/attn-only-1l").measured.images
    assert written == measure(vl.load("toy/attn-only-1l"), 3, images=images)
    assert "On 3 held-out scenes each" in capsys.readouterr().out


def test_the_table_says_what_the_files_and_cards_say():
    table = vl.toy_models()
    assert table["name"].tolist() == [*world.NAMES, *DECODERS, *SAES]
    of_models = table[table["loaded by"] != "vl.load_sae"]
    files = {weights_file(name).name for name in of_models["name"]}
    assert files == {file.name for file in WEIGHTS.glob("*.safetensors")}
    for row in of_models.to_dict("records"):
        card = world.card(row["name"])
        assert row["MB"] == pytest.approx(weights_file(row["name"]).stat().st_size / 1e6, abs=0.01)
        assert row["scenes seen"] == card.measured.images
        assert row["trained on"] == card.goal.trained_on
        assert f"{card.measured.images:,} scenes" in repr(card)


def test_the_table_lists_the_saes_and_what_they_were_measured_to_be_worth():
    table = vl.toy_models()
    rows = table[table["loaded by"] == "vl.load_sae"].to_dict("records")
    assert [row["name"] for row in rows] == list(SAES)
    for row in rows:
        sae = vl.load_sae(row["name"])
        assert row["trained on"] == f"{sae.site} of block {sae.layer} of toy/p32"
        assert row["latents"] == sae.n_latents
        worth = sae.card["held_out"]
        assert (row["explained variance"], row["recovered"]) == (
            worth["explained"],
            worth["recovered"],
        )
    assert table["layers"].isna().sum() == len(SAES)
    assert "<td" in table._repr_html_()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_row_of_the_table_is_the_model_it_names(name):
    (row,) = (row for row in vl.toy_models().to_dict("records") if row["name"] == name)
    vit = vl.load(name)
    assert (row["layers"], row["heads"], row["width"]) == (vit.n_layers, vit.n_heads, vit.width)
    assert row["MLP"] == ("yes" if "mlp_out" in vit.adapter.hook_points(0) else "no")
    measured = world.card(name).measured
    for count, objects in ((1, "1 object"), (2, "2 objects")):
        assert row[f"accuracy, {objects}"] == measured.accuracy[count][-1]
        assert row[f"patch IoU, {objects}"] == measured.iou[count][-1]

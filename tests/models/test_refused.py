"""Image models that are not read say why, each of timm's and transformers'."""

from __future__ import annotations

import pytest
import timm
import torch
import transformers
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import model_type_to_module_name

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets.models import registry
from vitlens_widgets.models.refused import REASONS, reason_for

WRAPPERS = {"timm_wrapper", "timm_backbone"}
"""Packages whose models hold one of timm."""

OF_VIT = {"vision_transformer_hybrid", "vitamin"}
"""Modules of timm whose models are of the class `VisionTransformer`."""

IMAGES = ("IMAGE", "BACKBONE", "VIDEO", "OBJECT_DETECTION", "DEPTH", "SEGMENTATION")


def read_of(library):
    registry._load_families()
    names = (name.split(".") for name in registry._REGISTRY)
    return {package for home, _, package, *_ in names if home == library}


def test_every_image_model_of_timm_is_read_or_has_a_reason():
    modules = {name for name in timm.list_modules() if timm.list_models(module=name)}
    explained = {name.split(".")[2] for name in REASONS if name.startswith("timm.")}
    assert modules - read_of("timm") - OF_VIT == explained


def test_every_image_model_of_transformers_is_read_or_has_a_reason():
    tables = [
        getattr(modeling_auto, name)
        for name in dir(modeling_auto)
        if name.endswith("MAPPING_NAMES")
        and any(word in name for word in IMAGES)
        and "TEXT" not in name
    ]
    packages = {model_type_to_module_name(kind) for table in tables for kind in table}
    unread = packages - read_of("transformers") - WRAPPERS
    assert {name for name in unread if not reason_for(f"transformers.models.{name}")} == set()


SAID = {
    "resnet18": "convolutional network without any; a ViT whose patches keep their grid works",
    "maxvit_tiny_tf_224": "its stages are convolutions, some of them with attention",
    "mixer_b16_224": "it mixes them by other means",
    "volo_d1_224": "starts with windows and ends in further blocks",
    "ConvNextModel": "convolutional network without any",
    "VivitModel": "it reads videos, whose tokens are pieces of several frames",
    "TimesformerModel": "attends in space and time apart; its frames' ViTs are read",
    "VideoMAEModel": "MAE's image models are read",
    "YolosModel": "its detection tokens stand after",
    "ImageGPTModel": "its tokens are pixels, seen in order",
    "DPTModel": "give vl.load its image tower where that is a ViT that is read",
    "Sapiens2Backbone": 'timm\'s "vit_base_patch16_sapiens2" and its larger ones',
    "BlipModel": "hold it against itself",
}


@pytest.mark.parametrize("name", SAID)
def test_the_sentence_names_what_fails_and_what_works_instead(name):
    with torch.device("meta"):
        own = getattr(transformers, name, None)
        model = timm.create_model(name) if own is None else own(own.config_class())
    with refused(vl.UnsupportedModelError):
        vl.load(model)


def test_a_part_that_can_be_read_is_pointed_to_rather_than_what_fails():
    own = transformers.DepthAnythingForDepthEstimation
    with torch.device("meta"):
        model = own(own.config_class())
    with refused(vl.UnsupportedModelError):
        registry.family_of(model)

"""Which kind of source takes what `vl.load` is given."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.zoo.sources import SOURCES

TAKEN = {
    "toy/p32": "EmbeddedSource",
    "toy/p3": "EmbeddedSource",
    "open_clip:ViT-B-32/openai": "OpenCLIPSource",
    "vit_base_patch32_224": "TimmSource",
    "vit_base_patch32_224.augreg_in21k_ft_in1k": "TimmSource",
    "vit_base_patch32_224.nonsense": "TimmSource",
    "resnet18": "TimmSource",
    "timm/vit_base_patch32_224.augreg_in21k_ft_in1k": "TimmSource",
    "hf_hub:owner/model": "TimmSource",
    "google/vit-base-patch32-384": "HubSource",
    ".": "FolderSource",
    "/no/such/folder": "FolderSource",
    "~/no-model": "FolderSource",
}


@pytest.mark.parametrize("source", TAKEN)
def test_the_first_kind_in_the_list_that_takes_it_loads_it(source):
    later = [kind for kind in SOURCES if type(kind).__name__ != "ModuleSource"]
    assert type(next(kind for kind in later if kind.takes(source))).__name__ == TAKEN[source]


def test_a_module_is_taken_before_all_others():
    assert SOURCES[0].takes(timm_model("CLS"))
    assert not any(SOURCES[0].takes(source) for source in TAKEN)


def test_files_and_folders_are_told_by_what_is_in_them(tmp_path):
    weights = tmp_path / "mae.pth"
    weights.write_bytes(b"no weights")
    (tmp_path / "notes.txt").write_text("no model")
    kinds = [
        next(type(kind).__name__ for kind in SOURCES[1:] if kind.takes(str(path)))
        for path in (weights, tmp_path / "notes.txt", tmp_path)
    ]
    assert kinds == ["WeightsFileSource", "FolderSource", "FolderSource"]


def test_what_no_kind_takes_is_answered_with_what_each_takes():
    with refused(vl.UsageError) as error:
        vl.load("§")
    assert all(kind.description in str(error.value) for kind in SOURCES)


@pytest.mark.parametrize("name", ["p32", "vit_bse_patch16_224", "toy"])
def test_what_is_nearly_a_name_is_answered_with_the_nearest_alone(name):
    with refused(vl.UsageError):
        vl.load(name)

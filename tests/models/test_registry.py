"""A family of models is one file: it is found by itself."""

from __future__ import annotations

import importlib
from pathlib import Path

from torch import nn

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import timm_model
from tests.zoo_sweep import small_hf, texts
from tests.zoo_sweep.small_timm import MODULES
from vitlens_widgets.models import registry
from vitlens_widgets.models.adapter import Adapter


def test_every_file_of_the_folder_reads_some_class_of_models():
    registry.family_of(timm_model("CLS"))
    files = {path.stem for path in registry._FAMILIES.glob("*.py")} - {"__init__"}
    adapters = [*registry._REGISTRY.values(), *(of for _, of in registry._BY_STRUCTURE)]
    homes = {adapter.__module__.rsplit(".", 1)[1] for adapter in adapters}
    assert homes == files


def test_every_class_that_is_read_is_measured_against_its_library():
    registry.family_of(timm_model("CLS"))
    classes = [name.split(".") for name in registry._REGISTRY]
    measured = {kind.model for kind in small_hf.KINDS.values()} | {f"{k}Model" for k in texts.KINDS}
    of_hf = {own for library, *_, own in classes if library == "transformers"}
    assert {own for own in of_hf if "MAE" not in own} == measured  # those have tests of their own
    assert {path[2] for path in classes if path[0] == "timm"} <= set(MODULES)


FAMILY = '''
from vitlens_widgets.models.families.timm_vit import TimmViT
from vitlens_widgets.models.registry import register


@register("tests.models.test_registry.OwnModel", "test_registry.OwnModel")
class OwnFamily(TimmViT):
    """A family that a test has put into the folder."""
'''


class OwnModel(nn.Module):
    """Of no library."""


def test_a_file_that_is_put_into_the_folder_is_found(tmp_path, monkeypatch):
    with refused(vl.UnsupportedModelError):
        registry.family_of(OwnModel())
    (tmp_path / "own_family.py").write_text(FAMILY)
    package = importlib.import_module("vitlens_widgets.models.families")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    monkeypatch.setattr(registry, "_FAMILIES", Path(tmp_path))
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))
    registry._load_families.cache_clear()
    family = registry.family_of(OwnModel())
    assert issubclass(family, Adapter)
    assert family.__name__ == "OwnFamily"

"""The sweep would notice a term that an adapter leaves out."""

from __future__ import annotations

import pytest
from torch import nn

import vitlens_widgets as vl
from tests.sentences import refused
from tests.zoo_sweep.rows import hf_row, timm_row
from vitlens_widgets.models.families.hf_beit import HFBeit
from vitlens_widgets.models.families.timm_eva import TimmEva
from vitlens_widgets.models.families.timm_relative import TimmBeit, TimmRelPos
from vitlens_widgets.models.families.timm_vit import TimmViT
from vitlens_widgets.models.hook_points import HookPoint, ScaledPoint

LEFT_OUT = {
    "the bias of BEiT": ("beit_base_patch16_224", TimmBeit, "_bias", "attention"),
    "the bias of distances": ("vit_relpos_small_patch16_224", TimmRelPos, "_bias", "attention"),
    "the rotation of EVA-02": ("eva02_tiny_patch14_224", TimmEva, "_rotated", "attention"),
    "the rotation in a block run alone": ("eva02_tiny_patch14_224", TimmEva, "_rotation", "again"),
    "the scale of side-by-side blocks": (
        "vit_pwee_patch16_reg1_gap_256",
        ScaledPoint,
        "read",
        "residual",
    ),
    "the final norm": ("vit_tiny_patch16_224", TimmViT, "readout_features", "logits"),
    "the bias of transformers' BEiT": (
        "BeitForImageClassification",
        HFBeit,
        "_bias",
        "attention",
    ),
}

WITHOUT = {
    "_bias": lambda *_: None,
    "_rotation": lambda *_: None,
    "_rotated": lambda _self, _layer, part, _rotation: part,
    "read": HookPoint.read,
    "readout_features": lambda self, state: self.model.pool(state),
}


@pytest.mark.filterwarnings("ignore:No image processor was saved")
@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_is_left_out_shows(what, monkeypatch):
    name, owner, method, column = LEFT_OUT[what]
    monkeypatch.setattr(owner, method, WITHOUT[method])
    if column == "logits":  # which the check of every trace would refuse first
        monkeypatch.setattr("vitlens_widgets.trace.trace.check_answer", lambda *_: None)
    row = hf_row if name.endswith("Classification") else timm_row
    if column in (
        "attention",
        "again",
    ):  # no trace is made of maps that do not lead to the z that was used
        with refused(vl.UnsupportedModelError):
            row(name)
    else:
        assert getattr(row(name), column) > 1e-3


def test_shaking_moves_every_weight():
    from tests.small_models import shaken

    model = nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 2))
    before = [weight.detach().clone() for weight in model.parameters()]
    after = shaken(model).parameters()
    assert all((new != old).all() for new, old in zip(after, before, strict=True))

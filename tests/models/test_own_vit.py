"""A ViT of no library: the adapter that the guide shows, and the table that checks it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

import vitlens_widgets as vl
from tests.models.test_exactness import as_promised
from tests.sentences import refused
from tests.small_models import shaken
from tests.zoo_sweep import facebook
from tests.zoo_sweep.measure import measure
from tests.zoo_sweep.rows import facebook_row
from vitlens_widgets.models import registry

GUIDE = Path(__file__).parents[2] / ".github" / "CONTRIBUTING.md"
WIDTH, HEADS, PATCH = 48, 4, 8


class OwnAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.heads = HEADS
        self.q, self.k, self.v, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x):
        q, k, v = (
            part(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in (self.q, self.k, self.v)
        )
        z = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.out(z.transpose(1, 2).flatten(2))


class OwnBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm_before, self.norm_after = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention, self.mlp = OwnAttention(), facebook.Mlp()

    def forward(self, x):
        x = x + self.attention(self.norm_before(x))
        return x + self.mlp(self.norm_after(x))


class OwnViT(nn.Module):
    """CLS, two registers and 6 x 10 patches, whose normed mean is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.first = nn.Parameter(torch.randn(1, 3, WIDTH))
        self.places = nn.Parameter(torch.randn(1, 60, WIDTH))
        self.encoder = nn.Sequential(OwnBlock(), OwnBlock())
        self.final_norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 11)

    def forward(self, images):
        patches = self.patches(images).flatten(2).transpose(1, 2) + self.places
        tokens = torch.cat([self.first.expand(len(images), -1, -1), patches], dim=1)
        return self.head(self.final_norm(self.encoder(tokens))[:, 3:].mean(1))


@pytest.fixture
def guide(monkeypatch):
    """The guide's adapter, registered for this test's class, for as long as the test runs."""
    registry._load_families()
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))
    code = re.search(r"```python\n(@vl\.register.*?)```", GUIDE.read_text(), re.DOTALL)[1]
    assert 10 <= code.count("\n") <= 30
    known = {"vl": vl}
    exec(code.replace("my_models.MyViT", f"{OwnViT.__module__}.OwnViT"), known)
    return known["MyFamily"]


@pytest.mark.usefixtures("guide")
def test_the_adapter_of_the_guide_reads_its_model_exactly():
    model = shaken(OwnViT())
    as_promised(measure("own", "none", model, model))
    vit = vl.load(model)
    assert vit.layout.prefix == ("CLS", "register 1", "register 2")
    assert (vit.layout.grid, vit.n_heads, vit.width) == ((6, 10), HEADS, WIDTH)
    table = vl.check_adapter(vit)
    assert table.exact.all()
    assert (table.difference <= 1e-5).all()
    assert (table.refused == "").all()


@pytest.mark.usefixtures("guide")
def test_a_classifier_of_ones_own_reads_what_the_model_pools():
    model = shaken(OwnViT())
    vit = vl.load(model, classifier=(torch.eye(WIDTH), None))
    assert vl.check_adapter(vit).exact.all()


def test_what_an_adapter_leaves_out_shows_in_its_row(guide):
    model = shaken(OwnViT())
    plain = guide.score_parts
    guide.score_parts = lambda *words: plain(*words)._replace(scale=1.0)
    table = vl.check_adapter(vl.load(model)).set_index("claim")
    wrong = table[~table.exact]
    assert list(wrong.index) == ["rows of pattern sum to 1, and pattern @ v = z"]
    assert "the attention of block 0 must be one softmax" in wrong.refused.iloc[0]


def test_what_a_trace_refuses_is_told_in_the_table(guide):
    guide.reads = "cls"
    table = vl.check_adapter(vl.load(shaken(OwnViT())))
    assert not table.exact.any()
    assert all("its logits must be its classifier" in sentence for sentence in table.refused)


def test_a_part_that_is_not_where_it_is_said_is_named(guide):
    guide.at = {**guide.at, "norm2": "norm_between"}
    with refused(vl.UnsupportedModelError):
        vl.load(OwnViT().eval())


def test_a_part_of_no_known_name_is_refused_with_the_nearest(guide):
    guide.at = {**guide.at, "norm3": "norm_after"}
    with refused(vl.UsageError):
        vl.load(OwnViT().eval())


def test_a_size_that_the_model_does_not_read_is_said_in_the_trace(guide):
    guide.made_for = (48, 96)
    vit = vl.load(shaken(OwnViT()))
    with refused(vl.UnsupportedModelError):
        vit.trace(torch.zeros(1, 3, 48, 96), preprocessed=True)


def test_one_mean_and_std_are_those_of_every_channel(guide):
    guide.mean, guide.std = 0.5, 0.25
    found = vl.load(shaken(OwnViT())).adapter.preprocessing()
    assert (found.mean, found.std) == ((0.5,) * 3, (0.25,) * 3)


def test_all_parts_that_are_missing_are_named_at_once(guide):
    guide.at = {"blocks": "encoder"}
    with refused(vl.UnsupportedModelError):
        vl.load(OwnViT().eval())
    guide.at = {}
    with refused(vl.UnsupportedModelError):
        vl.load(OwnViT().eval())


@pytest.mark.parametrize("kind", facebook.KINDS)
def test_facebooks_own_modules_are_known_by_their_structure(kind):
    as_promised(facebook_row(kind))


def test_timms_vit_is_not_taken_for_a_fine_tuned_one():
    model = shaken(facebook.FineTuned(mean=True))
    assert "FineTuned" in type(vl.load(model).adapter).__name__
    assert vl.check_adapter(vl.load(model)).exact.all()


@pytest.mark.filterwarnings("ignore:Of this Sequential")
def test_facebooks_backbone_with_a_linear_layer_is_read_with_it():
    torch.manual_seed(0)
    model = shaken(nn.Sequential(facebook.Dinov2(registers=2), nn.Linear(facebook.WIDTH, 11)))
    vit = vl.load(model)
    assert (vit.adapter.n_classes, vit.layout.n_prefix) == (11, 3)
    assert vl.check_adapter(vit).exact.all()


@pytest.mark.usefixtures("guide")
def test_a_plain_adapter_reads_images_of_one_size_unless_it_says_otherwise():
    with refused(vl.UsageError):
        vl.load(shaken(OwnViT()), image_size=(40, 80))


class GatedMlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, 2 * 40), nn.Linear(40, WIDTH)

    def forward(self, x):
        gate, up = self.fc1(x).chunk(2, -1)
        return self.fc2(nn.functional.silu(gate) * up)


@pytest.mark.usefixtures("guide")
def test_of_a_gated_mlp_the_gates_side_is_what_its_neurons_are():
    model = OwnViT()
    for block in model.encoder:
        block.mlp = GatedMlp()
    vit = vl.load(shaken(model))
    assert vl.check_adapter(vit).exact.all()
    trace = vit.trace(torch.randn(2, 3, 48, 80), preprocessed=True)
    with torch.no_grad():
        block = model.encoder[1]
        gate, up = block.mlp.fc1(block.norm_after(trace["resid_mid", 1])).chunk(2, -1)
    torch.testing.assert_close(trace["mlp_pre", 1], gate)
    torch.testing.assert_close(trace["mlp_post", 1], nn.functional.silu(gate) * up)

"""The world's decoders as they are used and measured, with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import vitlens_widgets as vl
from tests.sentences import refused
from tests.world.small_decoders import FLOW, PATCHES, randomised
from vitlens_widgets import UsageError, world
from vitlens_widgets.lenses.decoder import Decoder, Reads, Request
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.batch import as_batch
from vitlens_widgets.world import embedded
from vitlens_widgets.world.cards import own_card, read_card, weights_file
from vitlens_widgets.world.decoders.flow import FlowNetwork, sample
from vitlens_widgets.world.decoders.patches import PatchNetwork
from vitlens_widgets.world.measure import measure_file
from vitlens_widgets.world.measure_pictures import judged, main_color, measure_pictures
from vitlens_widgets.world.training.paint import PaintReadout, PaintTokens
from vitlens_widgets.world.training.task import Recipe
from vitlens_widgets.world.weights import save_weights


@pytest.fixture(scope="module")
def of_tokens(tmp_path_factory):
    facts = {**PaintTokens(PATCHES).facts(), "images": 0}
    path = tmp_path_factory.mktemp("tokens") / "painter.safetensors"
    return save_weights(randomised(PatchNetwork(PATCHES)), path, facts)


@pytest.fixture(scope="module")
def of_readout(tmp_path_factory):
    facts = {**PaintReadout(FLOW).facts(), "images": 0}
    path = tmp_path_factory.mktemp("readout") / "flow.safetensors"
    return save_weights(randomised(FlowNetwork(FLOW)), path, facts)


# As they are used


def test_a_decoder_of_tokens_is_its_network(of_tokens):
    decoder = vl.load_decoder(of_tokens)
    assert (decoder.name, decoder.size, decoder.steps) == ("painter", (112, 112), 1)
    assert repr(decoder) == "TokenDecoder(painter: tokens of toy/p32 -> 112 x 112 pixels)"
    reads = decoder.reads
    assert (reads.what, reads.encoder, reads.shape) == ("tokens", "toy/p32", (50, 192))
    vit = vl.load("toy/p32")
    decoder.check_reads(vit)
    states = vit.trace([world.scene(seed).image for seed in (1, 2, 3)]).states[2]
    hidden = torch.arange(50) > 30
    found = np.stack(list(decoder.decode(states, state=2, hidden=hidden)))
    network = randomised(PatchNetwork(PATCHES)).half().float()
    with torch.no_grad():
        own = network(states, torch.tensor([2, 2, 2]), hidden.expand(3, -1))
    levels = ((own + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1).numpy()
    assert np.abs(found - levels).max() <= 0.51
    other = np.stack(list(decoder.decode(states, state=3, hidden=hidden)))
    assert (other != found).any()


def test_an_embedded_encoder_is_known_under_any_name_and_others_are_refused(of_tokens):
    decoder, model = vl.load_decoder(of_tokens), vl.load("toy/p32").model
    vl.load_decoder(of_tokens, encoder=ViT(model, name="a copy"))
    with torch.no_grad():
        model.blocks[2].attn.proj.weight.mul_(-1)
    for other in (vl.load(model), vl.load("toy/p32-taught")):
        with refused(UsageError):
            decoder.check_reads(other)


def test_a_network_paints_where_it_is(of_tokens, of_readout):
    for file, embedding, state in ((of_tokens, (2, 50, 192), (1, 1)), (of_readout, (2, 20), ())):
        decoder = vl.load_decoder(file)
        decoder._network.to("meta")
        assert decoder.device.type == "meta"
        request = Request(0, 2, 1.0, state, None)
        assert decoder.paint(torch.zeros(embedding, device="meta"), request).is_meta


def test_hidden_tokens_are_not_seen(of_tokens):
    decoder, hidden = vl.load_decoder(of_tokens), torch.arange(50) % 3 == 1
    tokens = torch.randn(50, 192)
    changed = torch.where(hidden[:, None], torch.randn(50, 192), tokens)
    (one,), (other,) = (decoder.decode(t, state=1, hidden=hidden) for t in (tokens, changed))
    assert (one == other).all()
    (open_one,) = decoder.decode(changed, state=1)
    assert (open_one != one).any()


def test_a_decoder_of_readouts_begins_with_one_noise(of_readout):
    decoder = vl.load_decoder(str(of_readout))
    assert (decoder.size, decoder.steps, decoder.guidance) == ((28, 28), 12, 2.0)
    led = torch.randn(10, 20)
    found = list(decoder.decode(led, seed=3, steps=2))
    (third,) = decoder.decode(led[9], seed=3, steps=2)
    assert np.abs(third.astype(int) - found[9]).max() <= 1  # alone or among others
    (again,), (other,) = (decoder.decode(led[0], seed=seed, steps=2) for seed in (3, 4))
    assert np.abs(again.astype(int) - found[0]).max() <= 1
    assert (other != again).any()
    noise = torch.randn((1, 3, 28, 28), generator=torch.Generator().manual_seed(3))
    network = randomised(FlowNetwork(FLOW)).half().float()
    with torch.no_grad():
        own = sample(network, noise, led[:1], 2, 2.0)[0]
    levels = ((own + 1) * 127.5).clamp(0, 255).permute(1, 2, 0).numpy()
    assert np.abs(found[0] - levels).max() <= 0.6


def test_files_of_another_kind_are_refused_by_each(of_tokens):
    with refused(UsageError):
        vl.load(str(of_tokens))
    with refused(UsageError):
        vl.load_decoder(weights_file("toy/attn-only-1l"))
    with refused(UsageError):
        vl.load_decoder("toy/nothing")
    with refused(UsageError):
        vl.load_decoder(7)


@pytest.mark.parametrize(
    "change", ["missing", "left over", "another shape", "not finite", "another design", "noted ill"]
)
@pytest.mark.parametrize("which", ["of_tokens", "of_readout"])
def test_a_file_of_other_weights_than_it_notes_is_refused(which, change, request, tmp_path):
    file = changed(request.getfixturevalue(which), tmp_path / "painter.safetensors", change)
    with refused(UsageError):
        vl.load_decoder(file)


def test_a_file_of_another_kind_that_nothing_here_reads_is_refused(of_tokens, tmp_path):
    file = changed(of_tokens, tmp_path / "painter.safetensors", "another kind")
    for load in (vl.load_decoder, vl.load):
        with refused(UsageError):
            load(str(file))


@pytest.mark.parametrize("name", ["toy/attn-only-1l", "toy/mae", "toy/clip"])
@pytest.mark.parametrize("change", ["missing", "left over", "not finite"])
def test_a_models_file_of_other_weights_than_it_notes_is_refused(name, change, tmp_path):
    file = changed(weights_file(name), tmp_path / "mine.safetensors", change)
    with refused(UsageError):
        vl.load(str(file))


def changed(file, path, change):
    """A copy of a weights file that is not what it was."""
    with safe_open(file, "pt") as opened:
        noted = opened.metadata()
    weights = load_file(file)
    first = min(weights)
    match change:
        case "missing":
            del weights[first]
        case "left over":
            weights["gate.weight"] = torch.zeros(3)
        case "another shape":
            weights[first] = weights[first].repeat(2, *[1] * (weights[first].ndim - 1))
        case "not finite":
            weights[first] = torch.full_like(weights[first], torch.nan)
        case "another design":
            noted["layers"] = json.dumps(5)
        case "noted ill":
            noted["width"] = json.dumps("wide")
        case "another kind":
            noted["kind"] = json.dumps("a film")
    save_file(weights, path, noted)
    return path


# How they are measured


def test_scenes_themselves_are_judged_right():
    judge = vl.load("toy/p32-taught")
    scenes = [world.scene(seed, size=112) for seed in range(20)]
    found = judged(judge, np.stack([scene.image for scene in scenes]), scenes)
    assert found.color.all()
    assert found.named.mean() > 0.9
    assert found.iou.mean() > 0.75
    grey = judged(judge, np.full((20, 112, 112, 3), 128, np.uint8), scenes)
    assert grey.named.mean() < 0.3
    assert not grey.color.any()


def test_the_main_colour_is_that_of_most_pixels():
    scene = world.scene(5, size=64)
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[scene.instance_mask > 0] = (250, 20, 20)
    assert main_color(picture, scene) == "red"
    rows, cols = np.nonzero(scene.instance_mask)
    picture[rows[: int(0.6 * len(rows))], cols[: int(0.6 * len(rows))]] = (30, 90, 240)
    assert main_color(picture, scene) == "blue"


class Perfect(Decoder):
    """Knows the scenes of toy/p32 from its states, and paints just them."""

    name, size = "perfect", (112, 112)
    reads = Reads("tokens", "toy/p32", (50, 192), "", states=7)

    def __init__(self, vit, seeds) -> None:
        self.states = vit.trace([world.scene(seed).image for seed in seeds]).states
        images = np.stack([world.scene(seed, 1, 112).image for seed in seeds])
        self.images = torch.from_numpy(images).permute(0, 3, 1, 2) / 255

    def paint(self, embedding, request):
        known = self.states[request.states[0]].flatten(1)
        return self.images[torch.cdist(embedding.flatten(1), known).argmin(dim=1)]


@pytest.mark.parametrize("chunk", [3, 50])
def test_guesses_are_pictures_of_other_scenes_however_many_there_are(chunk, monkeypatch):
    monkeypatch.setattr("vitlens_widgets.world.measure_pictures._CHUNK", chunk)
    vit, judge, seeds = vl.load("toy/p32"), vl.load("toy/p32-taught"), range(20, 24)
    found = measure_pictures(Perfect(vit, seeds), vit, judge, seeds, images=0)
    scenes = [world.scene(seed, 1, 112) for seed in range(20, 25)]
    images = np.stack([scene.image for scene in scenes[:4]])
    assert found.of_scenes == judged(judge, images, scenes[:4]).means()
    assert (found.named[3], found.iou[3], found.color[3]) == found.of_scenes
    assert found.of_others == judged(judge, images, scenes[1:]).means()
    assert found.of_others[1] < found.of_scenes[1] - 0.2


def test_a_decoder_has_a_card(of_tokens):
    found = measure_file(of_tokens, scenes=6)
    assert found.states == tuple(vl.load("toy/p32").state_names)
    assert len(found.named) == len(found.iou) == len(found.color) == 7
    assert found.of_scenes[2] == 1
    card = own_card(of_tokens)
    assert card.measured == found
    for part in ("Judged by toy/p32-taught on 6 held-out scenes", "named right", "5_pre"):
        assert part in repr(card)


def test_a_recipe_may_be_of_a_model_that_is_not_embedded_yet(of_tokens, tmp_path):
    measure_file(of_tokens, scenes=2)
    for file in (of_tokens, of_tokens.with_suffix(".json")):
        (tmp_path / f"toy-patch-decoder{file.suffix}").write_bytes(file.read_bytes())
    card = read_card("toy/patch-decoder", tmp_path)
    assert "world train toy/patch-decoder" in card.command
    assert Recipe(PaintTokens(PATCHES), 64).facts()["encoder"] == "toy/p32"
    assert embedded.build("toy/p32") is not None


def test_the_embedded_decoder_paints_what_its_encoder_sees():
    clip, decoder = vl.load("toy/clip"), vl.load_decoder("toy/unclip")
    decoder.check_reads(clip)
    card = world.card("toy/unclip")
    assert card.measured.named[-1] > card.measured.of_others[0] + 0.3
    trace = clip.trace([world.scene(seed).image for seed in (2001, 2002, 2003, 2004)])
    found = vl.DiffusionLens(clip, decoder).read(trace, ["final"], seeds=1)
    assert (found.similarity() > found.similarity(to="others") + 0.2).all()


@pytest.mark.parametrize(
    ("name", "encoder"),
    [("toy/patch-decoder", "toy/p32"), ("toy/patch-decoder-clip", "toy/clip")],
)
def test_the_embedded_decoders_of_tokens_paint_every_state(name, encoder):
    vit, decoder = vl.load(encoder), vl.load_decoder(name)
    card, seeds = world.card(name), range(2001, 2013)
    assert min(card.measured.named) > 0.85
    assert max(card.measured.named) > 0.95
    assert min(card.measured.iou) > 0.75
    assert min(card.measured.color) > 0.85
    scenes = [world.scene(seed, 1, 112) for seed in seeds]
    trace = vit.trace([world.scene(seed, 1, vit.image_size).image for seed in seeds])
    found = vl.PatchDecoderLens(vit, decoder).read(trace, [0, 3, "final"])
    judge = vl.load("toy/p32-taught")
    for k in range(3):
        named, iou, color = judged(judge, found.pictures[k][:, 0], scenes).means()
        assert named >= 0.5
        assert iou > 0.65
        assert color >= 0.6
        assert (found.similarity() > found.similarity(to="others"))[k].mean() > 0.8
    refused_by = "toy/clip" if encoder == "toy/p32" else "toy/p32"
    with refused(UsageError):
        decoder.check_reads(vl.load(refused_by))


def test_all_embedded_weights_together_are_small():
    folders = (Path(vl.__file__).parent).rglob("*.safetensors")
    assert sum(file.stat().st_size for file in folders) < 60e6


def test_pictures_of_the_embedded_pair_are_the_decoders_own_and_seeds_reproduce_them():
    clip, decoder = vl.load("toy/clip"), vl.load_decoder("toy/unclip")
    images = [world.scene(seed).image for seed in (2001, 2002)]
    trace, words = clip.trace(images), {"seeds": [4, 1], "steps": 2}
    with torch.no_grad():
        own = clip.adapter.pooled(as_batch(clip, images, False)[0])
    expected = [np.stack(list(decoder.decode(own, seed=s, steps=2))) for s in (4, 1)]
    expected = np.stack(expected, 1)
    for _ in range(2):  # a lens of its own each time, which has kept no picture
        final = vl.DiffusionLens(clip, decoder).read(trace, ["final"], **words)
        np.testing.assert_array_equal(final.pictures[0], expected)
    steering = vl.SteeringLens(clip, decoder)
    for component in ((2, 1), (4, None)):
        same = steering.read(trace, [component], strength=1.0, **words)
        np.testing.assert_array_equal(same.pictures[0], expected)
    assert (steering.read(trace, [(5, 0)], strength=20.0, **words).pictures[0] != expected).any()
    assert (expected[:, 0] != expected[:, 1]).any()


@pytest.mark.parametrize("other", ["toy/p32", "toy/mae"])
def test_the_embedded_decoder_refuses_other_encoders(other):
    for lens in (vl.DiffusionLens, vl.SteeringLens):
        with refused(UsageError):
            lens(vl.load(other), vl.load_decoder("toy/unclip"))


def test_the_embedded_decoder_refuses_its_encoder_with_other_weights():
    model = vl.load("toy/clip").model
    with torch.no_grad():
        model.vision_model.encoder.layers[3].mlp.fc1.weight.mul_(-1)
    with refused(UsageError):
        vl.load_decoder("toy/unclip", encoder=ViT(model, name="toy/clip"))


def test_a_decoder_is_no_model_and_a_model_no_decoder():
    with refused(UsageError):
        vl.load("toy/unclip")
    with refused(UsageError):
        vl.load_decoder("toy/clip")
    with refused(UsageError):
        vl.load_decoder("toy/uncle")

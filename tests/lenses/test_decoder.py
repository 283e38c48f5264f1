"""What every decoder promises, tried on one that paints what it was told in plain numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets import UsageError
from vitlens_widgets.lenses.decoder import Decoder, Reads
from vitlens_widgets.trace import ViT


class Plain(Decoder):
    """The first numbers of an embedding are the brightness of the three colours."""

    name, size, at_once = "plain", (2, 3), 4

    def __init__(self, what="readout", shape=(5,), states=0, steps=1) -> None:
        self.reads = Reads(what, "toy/p32", shape, "nothing", states)
        self.steps, self.hides = steps, what == "tokens"
        self.requests = []

    def paint(self, embedding, request):
        self.requests.append(request)
        assert not torch.is_grad_enabled()
        colors = embedding.flatten(1)[:, :3, None, None]
        return colors.expand(-1, -1, *self.size)


def test_pictures_come_one_by_one_in_order_as_levels():
    given = torch.rand(11, 5)
    found = list(Plain().decode(given))
    assert len(found) == 11
    for picture, embedding in zip(found, given.numpy(), strict=True):
        assert (picture.dtype, picture.shape) == (np.uint8, (2, 3, 3))
        assert (picture == np.rint(embedding[:3] * 255)).all()
    (alone,) = Plain().decode(given[7].requires_grad_())
    assert (alone == found[7]).all()
    (cut,) = Plain().decode(np.array([2.0, -1, 0.5, 0, 0]))
    assert cut[0, 0].tolist() == [255, 0, 128]


def test_it_paints_no_further_than_it_is_asked():
    decoder = Plain()
    pictures = decoder.decode(torch.rand(50, 5))
    assert decoder.requests == []
    next(pictures)
    assert len(decoder.requests) == 1
    pictures.close()
    assert len(decoder.requests) == 1
    assert torch.is_grad_enabled()


def test_a_request_holds_what_is_asked_of_its_pictures():
    decoder = Plain("tokens", (6, 5), states=4, steps=9)
    hidden = torch.rand(5, 6) > 0.5
    states = [3, 0, 1, 2, 2]
    list(
        decoder.decode(
            torch.rand(5, 6, 5), seed=4, steps=2, guidance=1.5, state=states, hidden=hidden
        )
    )
    first, second = decoder.requests
    assert (first.seed, first.steps, first.guidance) == (4, 2, 1.5)
    assert (first.states, second.states) == ((3, 0, 1, 2), (2,))
    assert torch.equal(torch.cat([first.hidden, second.hidden]), hidden)
    list(decoder.decode(torch.rand(2, 6, 5), state=1, hidden=hidden[0]))
    last = decoder.requests[-1]
    assert (last.steps, last.guidance, last.states) == (9, 1.0, (1, 1))
    assert torch.equal(last.hidden, hidden[[0, 0]])


TOKENS = {"what": "tokens", "shape": (6, 5), "states": 4}
WRONG = {
    "a width": ({}, (torch.rand(2, 4),), {}),
    "too many axes": ({}, (torch.rand(2, 3, 5),), {}),
    "a word": ({}, ("cat",), {}),
    "not finite": ({}, (torch.full((1, 5), float("nan")),), {}),
    "a seed": ({}, (torch.rand(5),), {"seed": -1}),
    "steps of one that takes one": ({}, (torch.rand(5),), {"steps": 3}),
    "no steps": ({"steps": 8}, (torch.rand(5),), {"steps": 0}),
    "guidance of one step": ({}, (torch.rand(5),), {"guidance": 2.0}),
    "guidance": ({"steps": 8}, (torch.rand(5),), {"guidance": float("inf")}),
    "a state of a readout": ({}, (torch.rand(5),), {"state": 1}),
    "hidden of a readout": ({}, (torch.rand(5),), {"hidden": torch.ones(5) > 0}),
    "no state": (TOKENS, (torch.rand(6, 5),), {}),
    "a state beyond": (TOKENS, (torch.rand(6, 5),), {"state": 4}),
    "states": (TOKENS, (torch.rand(2, 6, 5),), {"state": [1]}),
    "hidden of another form": (TOKENS, (torch.rand(6, 5),), {"state": 1, "hidden": [True]}),
    "hidden numbers": (TOKENS, (torch.rand(6, 5),), {"state": 1, "hidden": [1] * 6}),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_it_cannot_decode_is_refused_at_once(name):
    made, given, options = WRONG[name]
    with refused(UsageError):
        Plain(**made).decode(*given, **options)


def test_it_belongs_to_one_encoder():
    vit = vl.load("toy/p32")
    Plain("tokens", (50, 192), 7).check_reads(vit)
    Plain("readout", (192,)).check_reads(vit)
    with refused(UsageError):
        Plain("readout", (256,)).check_reads(vit)
    other = vl.load("toy/p32-cls")
    for wrong in (
        lambda: Plain("tokens", (50, 192), 7).check_reads(other),
        lambda: Plain().check_reads("toy/p32"),
        lambda: vl.PatchDecoderLens(other, Plain("tokens", (50, 192), 7)),
        lambda: Plain("readout", (256,)).check_reads(vit, same_encoder=True),
        lambda: Plain("tokens", (50, 192), 7).check_reads(other, same_encoder="yes"),
    ):
        with refused(UsageError):
            wrong()


def test_a_copy_under_another_name_is_believed_to_be_one_if_that_is_said():
    copy = ViT(vl.load("toy/p32").model, name="a copy")
    decoder = Plain("tokens", (50, 192), 7)
    decoder.check_reads(copy, same_encoder=True)
    assert vl.PatchDecoderLens(copy, decoder, same_encoder=True).vit is copy
    with refused(UsageError):
        decoder.check_reads(copy)


class Carrying(Plain):
    """A decoder that carries its encoder, whose answers it also counts."""

    def __init__(self, vit, what) -> None:
        super().__init__(what, (50, 192) if what == "tokens" else (192,))
        self.vit, self.asked = vit, 0

    def encoded(self, pixels):
        self.asked += 1
        assert pixels.shape == (1, 3, 224, 224)
        state = self.vit.trace(pixels, preprocessed=True).states[-1]
        return state if self.reads.what == "tokens" else self.vit.adapter.readout_features(state)


@pytest.mark.parametrize("what", ["tokens", "readout"])
def test_its_own_encoder_is_known_by_what_it_makes_of_an_image_not_by_its_name(what):
    decoder = Carrying(vl.load("toy/p32"), what)
    decoder.check_reads(ViT(vl.load("toy/p32").model, name="a copy"))
    decoder.check_reads(vl.load("toy/p32", dtype=torch.bfloat16))
    for said in (False, True):  # what can be seen is not believed
        with refused(UsageError):
            decoder.check_reads(vl.load("toy/p32-cls"), same_encoder=said)
    assert decoder.asked == 4
    changed = vl.load("toy/p32")
    with torch.no_grad():
        changed.model.blocks[3].mlp.fc2.weight.mul_(-1)
    assert changed.name == "toy/p32"
    with refused(UsageError):
        decoder.check_reads(changed)


class Elsewhere(Plain):
    """Paints on another device, of which one needs no other hardware."""

    device = torch.device("meta")

    def paint(self, embedding, request):
        assert embedding.device.type == request.hidden.device.type == "meta"
        return torch.zeros(len(embedding), 3, *self.size)


def test_what_it_is_given_is_moved_to_where_it_paints():
    decoder = Elsewhere("tokens", (6, 5))
    assert len(list(decoder.decode(torch.rand(5, 6, 5), hidden=torch.ones(6) > 0))) == 5

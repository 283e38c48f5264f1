"""DecodedImages of a real trace shows the pictures and numbers of the lenses themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.lenses.pictures.test_picture_lenses import SIZE, Fixed
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets.decoded_images.work import NUMBERS


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("four registers and layer scale"))


@pytest.fixture(scope="module")
def trace(vit):
    return vit.trace(pixels_for(vit.image_size, n_images=3), preprocessed=True)


def array(widget, name, *shape, kind="<f4"):
    return np.frombuffer(getattr(widget, name), kind).reshape(shape)


def made(*given, **words):
    widget = vl.DecodedImages(*given, **words)
    widget._finish()
    return widget


@pytest.mark.parametrize("image", [0, 2])
@pytest.mark.parametrize("mode", ["frozen", "rerun"])
def test_pictures_and_numbers_are_those_of_the_lenses(vit, trace, image, mode):
    decoder, n = Fixed(vit), vit.n_heads
    lens = vl.SteeringLens(vit, decoder)
    reading = lens.read(trace, strength=3.0, mode=mode, seeds=[7, 1])
    mlps = lens.read(trace, "mlps", strength=3.0, mode=mode, seeds=[7])
    states = vl.DiffusionLens(vit, decoder).read(trace, seeds=[7, 1])
    widget = made(reading, image=image, judge=vit)
    shape = (vit.n_layers, n + 1)
    heads = array(widget, "_heads", *shape, *SIZE, 3, kind="u1")
    numbers = array(widget, "_head_numbers", *shape, NUMBERS)
    own = reading.pictures[:, image, 0].reshape(vit.n_layers, n, *SIZE, 3)
    np.testing.assert_array_equal(heads[:, :n], own)
    np.testing.assert_array_equal(heads[:, n], mlps.pictures[:, image, 0])
    alike = reading.similarity()[:, image, 0].reshape(vit.n_layers, n)
    before = reading.similarity_before()[:, image].reshape(vit.n_layers, n)
    np.testing.assert_allclose(numbers[:, :n, 0], alike, atol=1e-6)
    np.testing.assert_allclose(numbers[:, :n, 1], before, atol=1e-6)
    classes, chances = reading.named_by(vit)
    np.testing.assert_array_equal(numbers[:, :n, 2].ravel(), classes[:, image, 0])
    np.testing.assert_allclose(numbers[:, :n, 3].ravel(), chances[:, image, 0], atol=1e-6)
    of_states = array(widget, "_states", vit.n_layers + 1, 2, *SIZE, 3, kind="u1")
    np.testing.assert_array_equal(of_states, states.pictures[:, image])
    state_numbers = array(widget, "_state_numbers", vit.n_layers + 1, 2, NUMBERS)
    np.testing.assert_allclose(state_numbers[..., 0], states.similarity()[:, image], atol=1e-6)


@pytest.mark.parametrize("mode", ["frozen", "rerun"])
def test_what_stands_for_chance_is_that_of_the_steering_lens(vit, trace, mode):
    lens = vl.SteeringLens(vit, Fixed(vit))
    widget = made(lens, trace, image=1, strength=5.0, seeds=1, mode=mode)
    random = array(widget, "_random_numbers", vit.n_layers, vit.n_heads, 2)
    what = {"image": 1, "layer": 1, "column": 2, "seed": 0, "strength": 5}
    for kind in ("random", "other image"):
        words = {"directions_seed": vit.n_heads + 3} if kind == "random" else {}
        expected = lens.null(trace, [(1, 2)], kind, strength=5.0, mode=mode, **words)
        said, (pixels,) = widget._paint(what | {"kind": kind}, [])
        assert pixels == expected.pictures[0, 1, 0].tobytes()
        assert said["similarity"] == pytest.approx(expected.similarity()[0, 1, 0], abs=1e-6)
        if kind == "random":
            assert random[1, 2, 0] == pytest.approx(said["similarity"], abs=1e-6)


def test_effects_are_the_exact_ones_and_attention_is_what_the_readout_sees(vit, trace):
    widget = made(vl.SteeringLens(vit, Fixed(vit)), trace, image=2)
    effects = array(widget, "_effects", vit.n_layers, vit.n_heads)
    expected = vl.analysis.ablation_effects(trace)[..., 2]
    np.testing.assert_allclose(effects, expected, atol=1e-6)
    top = array(widget, "_attention_top", vit.n_layers, vit.n_heads, 1)
    codes = array(widget, "_attention", vit.n_layers, vit.n_heads, -1, kind="u1")
    weights = vit.adapter.readout_weights(trace.states[-1])[2]
    for layer in range(vit.n_layers):
        pattern = trace.attention(layer)[2]
        looks = torch.einsum("q,hqk->hk", weights, pattern)[:, vit.layout.patches].numpy()
        np.testing.assert_allclose(codes[layer] / 255 * top[layer], looks, atol=top.max() / 500)


def test_states_of_one_image_need_no_other(vit):
    trace = vit.trace(pixels_for(vit.image_size, n_images=1), preprocessed=True)
    widget = made(vl.SteeringLens(vit, Fixed(vit)), trace)
    assert np.isnan(array(widget, "_other_numbers", vit.n_layers + 1)).all()
    what = {"image": 0, "kind": "other image", "layer": 0, "column": 0, "seed": 0, "strength": 5}
    with refused(UsageError):
        widget._paint(what, [])


def test_a_decoder_of_tokens_shows_what_its_lens_reads_also_of_dropped_ones(vit, trace):
    lens = vl.PatchDecoderLens(vit, Fixed(vit, "tokens", 1))
    dropped = trace.rerun([vl.edits.DropTokens([vit.layout.n_prefix + 1])])
    for run in (trace, dropped):
        widget = made(lens.read(run), image=1)
        found = array(widget, "_states", vit.n_layers + 1, 1, *SIZE, 3, kind="u1")
        np.testing.assert_array_equal(found, lens.read(run).pictures[:, 1])
        assert not widget._heads or widget._source.n_heads == 0


def test_a_diffusion_lens_shows_states_alone(vit, trace):
    widget = made(vl.DiffusionLens(vit, Fixed(vit)), trace, seeds=[4])
    assert widget.show == "state"
    assert widget._meta["n_heads"] == 0


def test_a_run_with_edits_has_pictures_and_says_why_it_has_no_effects(vit, trace):
    edited = trace.rerun([vl.edits.Zero("z", 1, head=0)])
    widget = made(vl.SteeringLens(vit, Fixed(vit)), edited)
    assert "runs without edits" in widget._words["no_effects"]
    assert np.isfinite(array(widget, "_head_numbers", vit.n_layers, -1, NUMBERS)[..., 0]).all()
    assert widget._meta["model_name"].endswith("(edited)")


def test_what_is_made_is_not_made_again(vit, trace):
    decoder = Fixed(vit)
    lens = vl.SteeringLens(vit, decoder)
    made(lens, trace, seeds=1)
    painted = decoder.painted
    made(lens, trace, seeds=1)
    assert decoder.painted == painted


def test_an_interrupt_goes_on_where_it_ended(vit, trace):
    decoder = Fixed(vit)
    widget = vl.DecodedImages(vl.SteeringLens(vit, decoder), trace)
    decoder.stop_after = 20
    with pytest.raises(KeyboardInterrupt):
        widget._finish()
    left = widget._left
    assert left
    decoder.stop_after = None
    widget._finish()
    assert widget._left == 0


@pytest.mark.parametrize("lens", [vl.DiffusionLens, vl.SteeringLens])
def test_weights_that_have_changed_meanwhile_make_no_pictures(lens):
    own = vl.load(timm_model("CLS"))
    trace = own.trace(pixels_for(own.image_size, n_images=2), preprocessed=True)
    widget = vl.DecodedImages(lens(own, Fixed(own)), trace, seeds=1)
    before = widget._states
    with torch.no_grad():
        own.model.norm.weight.mul_(2)
    with refused(UsageError):
        widget._finish()
    assert widget._states == before


def test_what_it_cannot_show_is_refused(vit, trace):
    lens = vl.SteeringLens(vit, Fixed(vit))
    states, tokens = (
        vl.DiffusionLens(vit, Fixed(vit)),
        vl.PatchDecoderLens(vit, Fixed(vit, "tokens", 1)),
    )
    other = vl.load(timm_model("CLS"))
    for wrong in (
        lambda: vl.DecodedImages(lens),
        lambda: vl.DecodedImages(trace),
        lambda: vl.DecodedImages(lens, "cat.jpg"),
        lambda: vl.DecodedImages(lens.read(trace, [(0, 0)]), strength=3),
        lambda: vl.DecodedImages(lens.null(trace, [(0, 0)])),
        lambda: vl.DecodedImages(states.read(trace, tokens="CLS", seeds=1)),
        lambda: vl.DecodedImages(tokens.read(trace, alone="CLS")),
        lambda: vl.DecodedImages(lens, trace, strength="much"),
        lambda: vl.DecodedImages(lens, trace, mode="thawed"),
        lambda: vl.DecodedImages(lens, trace, seeds=[]),
        lambda: vl.DecodedImages(lens, trace, judge=lens),
    ):
        with refused(UsageError):
            wrong()
    with refused(UsageError):
        vl.DecodedImages(lens, other.trace(np.zeros((90, 90, 3), np.uint8)))


def test_the_same_head_and_image_are_chosen_in_linked_attention_maps(vit, trace):
    decoded = vl.DecodedImages(vl.SteeringLens(vit, Fixed(vit)), trace)
    maps = vl.AttentionMaps(trace)
    vl.link(decoded, maps)
    decoded.layer, decoded.head, decoded.image = 0, 2, 1
    assert (maps.layer, maps.head, maps.image) == (0, 2, 1)
    maps.layer, maps.head = 1, 0
    assert (decoded.layer, decoded.head, decoded.state) == (1, 0, 1)
    decoded.state = "final"
    assert maps.layer == vit.n_layers - 1
    assert decoded._state_names[decoded.state] == "final"
    maps.image = None  # the mean over all, which has no pictures
    assert decoded.image == 1


def test_the_same_head_is_chosen_in_a_linked_explorer_and_its_maps(vit):
    image = np.random.default_rng(3).integers(0, 256, (*vit.image_size, 3), dtype=np.uint8)
    run = vit.trace(image)
    decoded = vl.DecodedImages(vl.SteeringLens(vit, Fixed(vit)), run)
    explorer, maps = vl.explore(vit, image), vl.AttentionMaps(run)
    vl.link(decoded, explorer, maps)
    decoded.layer, decoded.head = 0, 2
    assert (explorer.state, explorer.head) == (0, 2)
    assert (maps.layer, maps.head) == (0, 2)
    explorer.state, explorer.head = 1, 0
    assert (decoded.layer, decoded.head, maps.layer, maps.head) == (1, 0, 1, 0)
    maps.head = 1
    assert (decoded.head, explorer.head) == (1, 1)
    decoded._finish()
    assert (decoded.layer, decoded.head) == (1, 1)  # chosen: the strongest is not

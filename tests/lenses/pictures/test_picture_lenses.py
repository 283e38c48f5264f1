"""Lenses that paint, with a decoder whose pictures are known: a linear map of what it reads."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

import vitlens_widgets as vl
from tests.lenses.pictures.fixed import SIZE, Fixed
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.lenses.head_outputs import HeadOutputs
from vitlens_widgets.lenses.pictures import DiffusionLens, PatchDecoderLens, SteeringLens
from vitlens_widgets.lenses.pictures.lens import readout_of
from vitlens_widgets.lenses.pictures.similar import ssim
from vitlens_widgets.lenses.pictures.steered import Writer, WrittenBy, added, steered
from vitlens_widgets.trace.batch import as_batch


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("four registers and layer scale"))


@pytest.fixture(scope="module")
def trace(vit):
    return vit.trace(pixels_for(vit.image_size, n_images=3), preprocessed=True)


def test_the_last_state_is_the_decoder_on_the_models_own_embedding(vit, trace):
    decoder = Fixed(vit)
    found = DiffusionLens(vit, decoder).read(trace, seeds=[5, 2])
    own = vit.adapter.pooled(pixels_for(vit.image_size, n_images=3))
    for s, seed in enumerate((5, 2)):
        expected = np.stack(list(decoder.decode(own, seed=seed)))
        np.testing.assert_array_equal(found.pictures[-1, :, s], expected)
        np.testing.assert_array_equal(found.final[:, s], expected)
    assert found.pictures.shape == (vit.n_layers + 1, 3, 2, *SIZE, 3)
    assert found.names == tuple(vit.state_names)
    assert found.done.all()


def test_a_state_is_normed_and_pooled_as_the_last_one(vit, trace):
    found = DiffusionLens(vit, Fixed(vit)).read(trace, [1], seeds=1)
    expected = vit.adapter.readout_features(trace.states[1])
    torch.testing.assert_close(found.embeddings[0], expected)


@pytest.mark.parametrize("token", ["CLS", (1, 2), 6])
def test_any_token_is_read_as_if_it_were_the_readout(vit, trace, token):
    found = DiffusionLens(vit, Fixed(vit)).read(trace, ["final"], tokens=token, seeds=1)
    at = vit.layout.find(token)
    expected = vit.adapter.token_features(trace.states[-1])[:, at]
    torch.testing.assert_close(found.embeddings[0], expected)


@pytest.mark.parametrize("component", [Writer(0, 1), Writer(1), Writer(2, 0)])
def test_frozen_steering_is_a_run_in_which_all_else_is_put_back(vit, trace, component):
    layer, head = component
    if head is None:
        edits = [vl.edits.Scale("mlp_out", layer, 3.5)]
    else:
        more = 2.5 * HeadOutputs(trace, layer).of(head)
        edits = [
            vl.edits.Add("attn_out", layer, more),
            vl.edits.Replace("mlp_out", layer, trace),
        ]
    edits += [
        vl.edits.Replace(site, later, trace)
        for later in range(layer + 1, vit.n_layers)
        for site in ("attn_out", "mlp_out")
    ]
    expected = trace.rerun(edits).states[-1]
    torch.testing.assert_close(steered(trace, component, 3.5), expected, rtol=1e-5, atol=1e-5)


def test_rerun_steering_is_an_edited_run_and_differs(trace):
    found = steered(trace, Writer(0, 1), 4.0, "rerun")
    expected = trace.rerun([vl.edits.Scale("z", 0, 4.0, head=1)]).states[-1]
    torch.testing.assert_close(found, expected)
    assert (found - steered(trace, Writer(0, 1), 4.0)).abs().max() > 1e-3


@pytest.mark.parametrize("writer", [Writer(0, 1), Writer(1, None)])
@pytest.mark.parametrize("mode", ["frozen", "rerun"])
def test_what_a_component_writes_added_in_its_place_is_steering(trace, writer, mode):
    own = WrittenBy(trace).of(writer)
    expected = steered(trace, writer, 4.0, mode)
    torch.testing.assert_close(added(trace, writer, own, 4.0, mode), expected, atol=1e-4, rtol=1e-4)
    other = own.roll(1, 0)
    site = "mlp_out" if writer.head is None else "attn_out"
    again = trace.rerun([vl.edits.Add(site, writer.layer, 3.0 * other)]).states[-1]
    direct = trace.states[-1] + 3.0 * other
    found = added(trace, writer, other, 4.0, mode)
    torch.testing.assert_close(found, again if mode == "rerun" else direct)
    assert (again - direct).abs().max() > 1e-3


@pytest.mark.parametrize("mode", ["frozen", "rerun"])
def test_strength_one_changes_nothing_and_zero_takes_away(trace, mode):
    for component in (Writer(1, 0), Writer(1)):
        torch.testing.assert_close(
            steered(trace, component, 1.0, mode), trace.states[-1], rtol=1e-5, atol=1e-6
        )
    if mode == "frozen":
        own = WrittenBy(trace).of(Writer(1, 0))
        torch.testing.assert_close(
            steered(trace, Writer(1, 0), 0.0), trace.states[-1] - own, rtol=1e-5, atol=1e-6
        )
        torch.testing.assert_close(steered(trace, Writer(1, 0), float("inf")), own)


def test_every_head_is_painted_and_ranked_by_its_pictures(vit, trace):
    found = SteeringLens(vit, Fixed(vit)).read(trace, "heads", strength=5, seeds=2)
    assert len(found.names) == vit.n_layers * vit.n_heads
    alike = found.similarity("embedding")
    pictures = found.pictures.reshape(-1, *SIZE, 3)
    of_pictures, of_input = (
        normalize(vit.adapter.pooled(as_batch(vit, list(some), False)[0]), dim=-1)
        for some in (pictures, trace.pictures)
    )
    expected = (of_pictures.unflatten(0, alike.shape) * of_input[None, :, None]).sum(-1)
    np.testing.assert_allclose(alike, expected.detach(), atol=1e-5)
    order = [found.names[i] for i in np.argsort(-alike.mean((1, 2)), kind="stable")]
    assert found.ranking() == order


def test_ssim_is_the_formula_window_by_window():
    rng = np.random.default_rng(2)
    a = rng.integers(0, 256, (2, 14, 17, 3), dtype=np.uint8)
    b = np.clip(a + rng.normal(0, 30, a.shape), 0, 255).astype(np.uint8)
    at = np.arange(11) - 5
    window = np.exp(-(at[:, None] ** 2 + at[None] ** 2) / (2 * 1.5**2))
    window = (window / window.sum())[..., None]
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    for i in range(2):
        values = []
        for row in range(4):
            for col in range(7):
                x, y = (p[i, row : row + 11, col : col + 11].astype(float) for p in (a, b))
                mx, my = (window * x).sum((0, 1)), (window * y).sum((0, 1))
                vx = (window * (x - mx) ** 2).sum((0, 1))
                vy = (window * (y - my) ** 2).sum((0, 1))
                xy = (window * (x - mx) * (y - my)).sum((0, 1))
                values.append(
                    (2 * mx * my + c1) * (2 * xy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
                )
        np.testing.assert_allclose(ssim(a, b)[i], np.mean(values), rtol=1e-9)
    np.testing.assert_allclose(ssim(a, a), 1)


def test_what_was_painted_is_kept_and_an_interrupted_reading_goes_on(vit, trace):
    decoder = Fixed(vit)
    lens = DiffusionLens(vit, decoder)
    decoder.stop_after = 7
    part = lens.read(trace, seeds=2)
    assert part.done.any()
    assert not part.done.all()
    assert np.isnan(part.similarity()[~part.done]).all()
    decoder.stop_after, before = None, decoder.painted
    whole = lens.read(trace, seeds=2)
    assert whole.done.all()
    np.testing.assert_array_equal(whole.pictures[part.done], part.pictures[part.done])
    assert decoder.painted < before + whole.done.sum()
    count = decoder.painted
    again = lens.read(trace, seeds=2)
    assert decoder.painted == count
    np.testing.assert_array_equal(again.pictures, whole.pictures)


def test_tokens_are_painted_and_dropped_ones_hidden(vit, trace):
    decoder = Fixed(vit, "tokens", steps=1)
    lens = PatchDecoderLens(vit, decoder)
    found = lens.read(trace, ["final", 0])
    for row, k in enumerate((vit.n_layers, 0)):
        expected = np.stack(list(decoder.decode(trace.states[k], state=k)))
        np.testing.assert_array_equal(found.pictures[row, :, 0], expected)
    shorter = vit.trace(
        pixels_for(vit.image_size, n_images=3), preprocessed=True, edits=[vl.edits.DropTokens([7])]
    )
    whole = torch.zeros(3, vit.layout.n_tokens, vit.width)
    whole[:, shorter.tokens] = shorter.states[1]
    hidden = torch.arange(vit.layout.n_tokens) == 7
    expected = np.stack(list(decoder.decode(whole, state=1, hidden=hidden)))
    np.testing.assert_array_equal(lens.read(shorter, [1]).pictures[0, :, 0], expected)
    only = torch.arange(vit.layout.n_tokens) != vit.layout.find((0, 1))
    expected = np.stack(list(decoder.decode(trace.states[2], state=2, hidden=only)))
    np.testing.assert_array_equal(lens.read(trace, [2], alone=(0, 1)).pictures[0, :, 0], expected)


def test_a_judge_names_the_pictures(vit, trace):
    found = DiffusionLens(vit, Fixed(vit)).read(trace, [0, 1], seeds=2)
    classes, chances = found.named_by(vit)
    logits = vit.trace(list(found.pictures[1, 2])).logits.double().softmax(-1)
    np.testing.assert_array_equal(classes[1, 2], logits.argmax(-1))
    np.testing.assert_allclose(chances[1, 2], logits.amax(-1), rtol=1e-5)


@pytest.mark.parametrize("strength", [0.0, 3.5, float("inf")])
def test_the_null_is_another_direction_as_long_in_the_same_place(vit, trace, strength):
    lens, writer = SteeringLens(vit, Fixed(vit)), Writer(1, 0)
    own = WrittenBy(trace).of(writer)
    with patch.object(type(lens), "_read", side_effect=lambda *given: given):
        _, names, *_ = lens.null(trace, [writer], n=2, strength=strength)
    assert names == ["L1 H0, random 1", "L1 H0, random 2"]
    states = []
    with patch("vitlens_widgets.lenses.pictures.steering.readout_of") as read:
        read.side_effect = lambda vit, state: states.append(state) or readout_of(vit, state)
        lens.null(trace, [writer], n=2, strength=strength)
    start = 0 if strength == float("inf") else trace.states[-1]
    times = 1 if strength == float("inf") else strength - 1
    for state in states[:2]:
        written = (state - start) / times
        torch.testing.assert_close(written.norm(dim=-1), own.norm(dim=-1), rtol=1e-3, atol=1e-4)
        assert torch.cosine_similarity(written, own, dim=-1).abs().max() < 0.9


def test_the_other_null_is_what_the_head_writes_in_another_image(vit, trace):
    lens = SteeringLens(vit, Fixed(vit))
    found = lens.null(trace, [(1, 0)], "other image", n=2, strength=3)
    own = WrittenBy(trace).of(Writer(1, 0))
    for i in (1, 2):
        state = trace.states[-1] + 2 * torch.stack([own[(j - i) % 3] for j in range(3)])
        torch.testing.assert_close(found.embeddings[i - 1], readout_of(vit, state))


def test_likeness_to_other_images_is_the_mark_of_chance(vit, trace):
    found = DiffusionLens(vit, Fixed(vit)).read(trace, ["final"], seeds=2)
    for by in ("embedding", "ssim"):
        others = found.similarity(by, "others")
        to = [replace(found, input=np.roll(found.input, i, 0)).similarity(by) for i in (1, 2)]
        np.testing.assert_allclose(others, (to[0] + to[1]) / 2, atol=1e-9)
    one = vit.trace(pixels_for(vit.image_size, n_images=1), preprocessed=True)
    with refused(vl.UsageError):
        DiffusionLens(vit, Fixed(vit)).read(one, ["final"], seeds=1).similarity(to="others")


@pytest.mark.parametrize("stop", [2, 5, 7])
def test_an_interrupt_leaves_nothing_unpainted_that_counts_as_done(vit, trace, stop):
    decoder = Fixed(vit)
    decoder.stop_after = stop
    found = DiffusionLens(vit, decoder).read(trace, ["final", 0], seeds=2)
    whole = DiffusionLens(vit, Fixed(vit)).read(trace, ["final", 0], seeds=2)
    assert found.final_done.sum() + found.done.sum() < found.final_done.size + found.done.size
    np.testing.assert_array_equal(found.final[found.final_done], whole.final[found.final_done])
    np.testing.assert_array_equal(found.pictures[found.done], whole.pictures[found.done])
    unknown = np.isnan(found.similarity(to="final"))
    np.testing.assert_array_equal(unknown, ~(found.done & found.final_done))


def test_bad_input_is_refused(vit, trace):
    other = vl.load(timm_model("CLS"))
    lens, decoder = SteeringLens(vit, Fixed(vit)), Fixed(vit)
    for wrong in (
        lambda: DiffusionLens(vit, "toy/unclip"),
        lambda: DiffusionLens(vit, Fixed(vit, "tokens")),
        lambda: PatchDecoderLens(vit, decoder),
        lambda: lens.read(other.trace(pixels_for(other.image_size), preprocessed=True)),
        lambda: lens.read(trace, "all"),
        lambda: lens.read(trace, []),
        lambda: lens.read(trace, [3]),
        lambda: lens.read(trace, [(9, 0)]),
        lambda: lens.read(trace, [(1, 0)], strength=float("nan")),
        lambda: lens.read(trace, [(1, 0)], strength="x"),
        lambda: lens.read(trace, [(1, 0)], strength=-float("inf")),
        lambda: lens.read(trace, [(1, 0)], strength=float("inf"), mode="rerun"),
        lambda: lens.null(trace, [(1, 0)], n=0),
        lambda: lens.null(trace, [(1, 0)], "other image", n=3),
        lambda: lens.null(trace, [(1, 0)], "zeros"),
        lambda: lens.read(trace, [(1, 0)], mode="direct"),
        lambda: lens.read(trace, [(1, 0)], seeds=[]),
        lambda: lens.read(trace, [(1, 0)], seeds=0),
        lambda: DiffusionLens(vit, decoder).read(trace, ["last"]),
        lambda: DiffusionLens(vit, decoder).read(trace, [0], seeds=1).similarity("lpips"),
    ):
        with refused(vl.UsageError):
            wrong()

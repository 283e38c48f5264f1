"""The world's masked autoencoders: shape, task, and what the evaluation measures."""

import dataclasses
from functools import reduce

import numpy as np
import pytest
import torch

from tests.mae_paper import sin_cos_positions
from vitlens_widgets import world
from vitlens_widgets.trace import ViT
from vitlens_widgets.world.autoencoder import MAEDesign, load_autoencoder, make_autoencoder
from vitlens_widgets.world.measure import measure
from vitlens_widgets.world.measurement import InfillMeasurement
from vitlens_widgets.world.training.infill import Infill
from vitlens_widgets.world.training.loop import train
from vitlens_widgets.world.training.task import Recipe
from vitlens_widgets.world.weights import save_weights

SMALL = MAEDesign(patch=16, layers=2, width=24, heads=2, decoder_layers=1, decoder_width=16)
NORMALISED = dataclasses.replace(SMALL, norm_pix_loss=True)


def made(design, seed=0):
    torch.manual_seed(seed)
    return make_autoencoder(design).eval()


def test_encoder_and_decoder_have_the_published_positions_from_the_start():
    """transformers leaves them zero in a model of random weights."""
    model = made(SMALL)
    for own in (model.vit.embeddings.position_embeddings, model.decoder.decoder_pos_embed):
        assert not own.requires_grad
        expected = torch.from_numpy(sin_cos_positions(7, 7, own.shape[-1])).float()
        torch.testing.assert_close(own[0, 1:].detach(), expected)


def test_what_is_learnt_by_numbers_starts_at_random():
    model = made(SMALL)
    for start in (model.vit.embeddings.cls_token, model.decoder.mask_token):
        assert start.std() > 0
    other = made(SMALL, seed=1)
    assert not torch.equal(model.decoder.mask_token, other.decoder.mask_token)


def test_weights_come_back_from_their_file(tmp_path):
    model = made(NORMALISED)
    path = save_weights(model, tmp_path / "x.safetensors", Infill(NORMALISED).facts())
    again = load_autoencoder(path)
    assert again.config.norm_pix_loss
    assert not again.training
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value.half().float())


def test_weights_are_read_under_the_names_of_transformers_4_too(tmp_path):
    names = {
        "vit.layers.": "vit.encoder.layer.",
        "attention.q_proj.": "attention.attention.query.",
        "attention.k_proj.": "attention.attention.key.",
        "attention.v_proj.": "attention.attention.value.",
        "attention.o_proj.": "attention.output.dense.",
        "mlp.fc1.": "intermediate.dense.",
        "mlp.fc2.": "output.dense.",
    }
    model = made(SMALL)
    path = save_weights(model, tmp_path / "5.safetensors", Infill(SMALL).facts())
    expected = load_autoencoder(path).state_dict()

    class Old(torch.nn.Module):
        def state_dict(self):
            renamed = {}
            for name, value in model.state_dict().items():
                renamed[reduce(lambda n, new: n.replace(new, names[new]), names, name)] = value
            return renamed

    path = save_weights(Old(), tmp_path / "4.safetensors", Infill(SMALL).facts())
    found = load_autoencoder(path).state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_a_few_steps_learn_and_give_the_same_weights_again(tmp_path):
    recipe = Recipe(Infill(SMALL), images=24, batch_size=4, rate=3)
    first = train(recipe, tmp_path / "a", "mae", progress=False)
    second = train(recipe, tmp_path / "b", "mae", progress=False)
    learnt, again, fresh = load_autoencoder(first), load_autoencoder(second), made(SMALL)
    for name, value in learnt.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    assert measure(ViT(learnt), 4).error[1][-1] < measure(ViT(fresh), 4).error[1][-1]


def test_a_batch_is_fresh_scenes_of_the_world():
    batch = Infill(SMALL).draw(3, 4)
    assert batch.shape == (4, 112, 112, 3)
    seed = 1_000_000_000 + 3 * 4 + 1
    assert np.array_equal(batch[1], world.scene(seed, objects=2, size=112).image)


def patches(pixels, side=16):
    """`[image, patch, value]`, by loops."""
    rows = pixels.shape[1] // side
    return np.stack(
        [
            [
                image[r * side : (r + 1) * side, c * side : (c + 1) * side].ravel()
                for r in range(rows)
                for c in range(rows)
            ]
            for image in pixels
        ]
    )


@pytest.mark.parametrize("design", [SMALL, NORMALISED])
def test_the_evaluation_against_loops(design):
    """Errors at the last state from the model's own logits, both marks by hand."""
    model, n = made(design), 3
    found = measure(ViT(model), n, first_seed=20, images=77)
    seeds = range(20, 20 + n)
    images = np.stack([world.scene(seed, 2, 112).image for seed in seeds])
    target = patches(images / 255)
    noise = np.stack([np.random.default_rng(seed).random(49) for seed in seeds])
    hidden = noise.argsort(1).argsort(1) >= int(49 * 0.25)
    pixels = torch.from_numpy(images / 127.5 - 1).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        painted = model(pixels, noise=torch.from_numpy(noise)).logits.double().numpy()
    nearest = np.empty_like(target)
    for i in range(n):
        visible = np.flatnonzero(~hidden[i])
        for p in range(49):
            away = (visible // 7 - p // 7) ** 2 + (visible % 7 - p % 7) ** 2
            nearest[i, p] = target[i, visible[away.argmin()]]
    if design.norm_pix_loss:
        target, nearest = (normalised(2 * x) for x in (target, nearest))
        mean = np.zeros_like(target)
    else:
        painted = (painted + 1) / 2
        mean = np.stack(
            [
                np.tile(patch[~hide].reshape(-1, 3).mean(0), 256)
                for patch, hide in zip(target, hidden, strict=True)
            ]
        )[:, None]
    expected = [
        ((guess - target) ** 2).mean(-1)[hidden].mean() for guess in (painted, mean, nearest)
    ]
    assert found.error[2][-1] == pytest.approx(expected[0], abs=2e-5)
    assert found.mean_colour[2] == pytest.approx(expected[1], abs=2e-5)
    assert found.nearest_patch[2] == pytest.approx(expected[2], abs=2e-5)
    assert (found.images, found.scenes, found.states) == (77, n, ("0_pre", "1_pre", "final"))


def normalised(values):
    mean = values.mean(-1, keepdims=True)
    return (values - mean) / np.sqrt(values.var(-1, ddof=1, keepdims=True) + 1e-6)


def test_measurements_come_back_from_their_file(tmp_path):
    found = measure(ViT(made(SMALL)), 2)
    found.write(tmp_path / "x.json")
    assert InfillMeasurement.read(tmp_path / "x.json") == found


def test_a_measurement_in_words():
    said = " ".join(measure(ViT(made(SMALL)), 2).sentences())
    assert "mean squared error of brightness on the hidden patches" in said
    assert "75% of the patches hidden" in said
    assert (
        list(measure(ViT(made(NORMALISED)), 2).by_state())[1]
        == "MSE of normalised pixels, 2 objects"
    )

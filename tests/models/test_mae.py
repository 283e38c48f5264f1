import copy

import numpy as np
import pytest
import torch
import transformers

import vitlens_widgets as vl
from tests.mae_paper import sin_cos_positions
from tests.sentences import refused
from tests.small_models import mae_model, pixels_for, place
from vitlens_widgets.models.mae_positions import sin_cos

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")


def close(found, expected, relative=1e-5):
    scale = expected.abs().max()
    assert (found - expected).abs().max() <= relative * scale


def unmasked(model, pixels):
    """The model's own encoder with no patch hidden and none moved."""
    model = copy.deepcopy(model)
    model.config.mask_ratio = 0.0
    noise = torch.arange(model.vit.embeddings.patch_embeddings.num_patches).float()
    with torch.no_grad():
        return model.vit(pixels, noise=noise.expand(len(pixels), -1), output_hidden_states=True)


def normed(model, state):
    with torch.no_grad():
        return model.vit.layernorm(state)


def test_positions_are_those_of_the_published_code():
    expected = torch.from_numpy(sin_cos_positions(3, 5, 24))
    close(sin_cos(3, 5, 24), expected, 1e-12)


def test_the_traced_encoder_is_the_models_own_with_every_patch_visible():
    model, pixels = mae_model(), pixels_for((48, 48))
    trace = vl.load(model).trace(pixels, preprocessed=True)
    expected = unmasked(model, pixels)
    for state, own in zip(trace.states[:-1], expected.hidden_states[:-1], strict=True):
        close(state, own)
    close(normed(model, trace.states[-1]), expected.last_hidden_state)
    assert trace.logits is None
    assert trace.layout == vl.TokenLayout(6, 6, ("CLS",))


def test_a_trace_of_the_encoder_has_its_sites():
    trace = vl.load(mae_model()).trace(pixels_for((48, 48)), preprocessed=True)
    whole = trace["resid_pre", 1] + trace["attn_out", 1] + trace["mlp_out", 1]
    close(whole, trace["resid_post", 1])
    attention = trace.attention(2)
    assert attention.shape == (2, 4, 37, 37)
    torch.testing.assert_close(attention.sum(-1), torch.ones(2, 4, 37))


def test_tracing_leaves_the_model_as_it_was():
    model = mae_model(mask_ratio=0.6)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    vl.load(model).trace(pixels_for((48, 48)), preprocessed=True)
    assert model.config.mask_ratio == 0.6
    assert all(not module._forward_hooks for module in model.modules())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_an_encoder_alone_is_traced_too():
    model, pixels = mae_model(), pixels_for((48, 48))
    alone = vl.load(model.vit).trace(pixels, preprocessed=True)
    whole = vl.load(model).trace(pixels, preprocessed=True)
    assert torch.equal(alone.states, whole.states)


def test_a_classifier_that_the_user_gives_reads_cls():
    model, pixels = mae_model(), pixels_for((48, 48))
    weight = torch.randn(7, 48, generator=torch.Generator().manual_seed(0))
    vit = vl.load(model, classifier=(weight, None))
    trace = vit.trace(pixels, preprocessed=True)
    close(trace.logits, unmasked(model, pixels).last_hidden_state[:, 0] @ weight.T)
    close(vl.LogitLens(vit).read(trace).readout.logits(3), trace.logits)


def test_without_a_classifier_the_logit_lens_says_what_reads_it():
    with refused(vl.UsageError):
        vl.LogitLens(vl.load(mae_model()))


@pytest.mark.parametrize("size", [80, 32])
def test_another_size_is_that_of_a_model_placed_there(size):
    """transformers' own forward of the same weights in a model built for that size."""
    model = mae_model()
    pixels = pixels_for((size, size))
    there = place(mae_model(image_size=size))
    fixed = ("position_embeddings", "decoder_pos_embed")
    weights = {k: v for k, v in model.state_dict().items() if not k.endswith(fixed)}
    there.load_state_dict(weights, strict=False)
    trace = vl.load(model, image_size=size).trace(pixels, preprocessed=True)
    close(normed(model, trace.states[-1]), unmasked(there, pixels).last_hidden_state)


def test_a_size_that_is_no_square_has_rows_and_columns_in_their_order():
    vit = vl.load(mae_model(), image_size=(32, 56))
    assert (vit.layout.rows, vit.layout.cols) == (4, 7)
    expected = torch.from_numpy(sin_cos_positions(4, 7, 48)).float()
    blank = torch.zeros(1, 3, 32, 56)
    embedded = vit.adapter.embed(blank)[0, 1:]
    patch = vit.model.vit.embeddings.patch_embeddings.projection.bias
    close((embedded - patch).detach(), expected)


def test_learned_positions_allow_no_other_size():
    model = mae_model(learned_positions=True)
    vl.load(model)
    with refused(vl.UsageError):
        vl.load(model, image_size=80)


def test_patches_must_tile_another_size():
    with refused(vl.UsageError):
        vl.load(mae_model(), image_size=50)


def test_a_saved_folder_loads_with_its_decoder(tmp_path):
    model = mae_model()
    model.save_pretrained(tmp_path)
    mae = vl.load(tmp_path)
    assert isinstance(mae.model, transformers.ViTMAEForPreTraining)
    weights = mae.model.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())


def test_a_saved_encoder_loads_as_an_encoder(tmp_path):
    mae_model().vit.save_pretrained(tmp_path)
    encoder = vl.load(tmp_path)
    assert encoder.n_layers == 3
    with refused(vl.UsageError):
        vl.InfillLens(encoder)


def test_a_decoder_without_weights_is_refused(tmp_path):
    model = mae_model()
    model.save_pretrained(tmp_path)
    kept = {k: v for k, v in model.state_dict().items() if not k.startswith("decoder")}
    model.save_pretrained(tmp_path, state_dict=kept)
    with refused(vl.UnsupportedModelError):
        vl.load(tmp_path)


def test_the_saved_processor_is_used(tmp_path):
    mae_model().save_pretrained(tmp_path)
    processor = transformers.ViTImageProcessor(size={"height": 48, "width": 48})
    processor.image_mean = [0.1, 0.2, 0.3]
    processor.save_pretrained(tmp_path)
    assert vl.load(tmp_path).preprocessing.mean == (0.1, 0.2, 0.3)


@pytest.mark.filterwarnings("default:No image processor was saved")
def test_without_a_processor_that_of_the_published_models_is_assumed():
    with pytest.warns(UserWarning, match=r"assuming ViTImageProcessor's defaults.*0\.485"):
        vit = vl.load(mae_model())
    assert vit.preprocessing.mean == (0.485, 0.456, 0.406)
    assert vit.preprocessing.picture(_gradient()).shape == (48, 48, 3)


def test_an_unreachable_hub_is_one_sentence_with_the_offline_choice(monkeypatch):
    monkeypatch.setattr("vitlens_widgets.models.hub.hub_is_unreachable", lambda: True)
    with refused(vl.UsageError):
        vl.load("facebook/vit-mae-base")


def _gradient():
    from PIL import Image

    return Image.fromarray(np.tile(np.arange(64, dtype=np.uint8)[:, None, None], (1, 80, 3)))

"""diffusers' decoders, from folders in their own formats: small ones of random weights."""

from __future__ import annotations

import copy
import shutil
import sys

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets import UnsupportedModelError, UsageError
from vitlens_widgets.world.captions import WORDS
from vitlens_widgets.world.words import make_tokenizer

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.mark.parametrize("name", ["a/b.safetensors", "world-training/none.safetensors", "a/b/c"])
def test_a_file_that_is_not_there_is_no_id_of_a_hub(name):
    with refused(vl.UsageError):
        vl.load_decoder(name)


def test_a_picture_is_no_decoder(tmp_path):
    (tmp_path / "cat.png").write_bytes(b"no model")
    with refused(vl.UsageError):
        vl.load_decoder(tmp_path / "cat.png")


def test_without_diffusers_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with refused(UsageError):
        vl.load_decoder("kandinsky-community/kandinsky-2-2-decoder")


@pytest.fixture(scope="module")
def diffusers():
    return pytest.importorskip("diffusers")


def image_encoder(features: int = 12):
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=28,
        patch_size=7,
        projection_dim=features,
    )
    return CLIPVisionModelWithProjection(config).eval()


@pytest.fixture(scope="module")
def kandinsky(diffusers, tmp_path_factory):
    """As the published decoder, with its encoder in a folder like the published prior's."""
    torch.manual_seed(0)
    unet = diffusers.UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=8,
        block_out_channels=(32, 32),
        layers_per_block=1,
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        addition_embed_type="image",
        cross_attention_dim=16,
        encoder_hid_dim=12,
        encoder_hid_dim_type="image_proj",
        attention_head_dim=4,
        resnet_time_scale_shift="scale_shift",
    )
    movq = diffusers.VQModel(
        latent_channels=4,
        block_out_channels=(32, 32),
        down_block_types=("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
        up_block_types=("AttnUpDecoderBlock2D", "UpDecoderBlock2D"),
        norm_num_groups=8,
        norm_type="spatial",
        num_vq_embeddings=12,
        vq_embed_dim=4,
    )
    scheduler = diffusers.DDPMScheduler(100, clip_sample=False)
    folder = tmp_path_factory.mktemp("kandinsky")
    diffusers.KandinskyV22Pipeline(unet, scheduler, movq).save_pretrained(folder / "decoder")
    image_encoder().save_pretrained(folder / "prior" / "image_encoder")
    return folder


def encoder_of(folder):
    with pytest.warns(UserWarning, match="No image processor"):
        return vl.load(str(folder), subfolder="image_encoder")


def embeddings(vit, n=3):
    rng = np.random.default_rng(2)
    trace = vit.trace([rng.integers(0, 256, (28, 28, 3), dtype=np.uint8) for _ in range(n)])
    return vit.adapter.readout_features(trace.states[-1])


def test_kandinsky_paints_what_its_pipeline_paints(diffusers, kandinsky):
    vit = encoder_of(kandinsky / "prior")
    decoder = vl.load_decoder(kandinsky / "decoder", encoder=vit)
    assert (decoder.size, decoder.steps, decoder.guidance) == ((16, 16), 25, 4.0)
    assert (decoder.reads.what, decoder.reads.shape) == ("readout", (12,))
    led = embeddings(vit)
    found = list(decoder.decode(led, seed=5, steps=3))
    pipeline = diffusers.KandinskyV22Pipeline.from_pretrained(kandinsky / "decoder")
    with torch.no_grad():
        blank = vit.model(torch.zeros(1, 3, 28, 28)).image_embeds
    for picture, embedding in zip(found, led, strict=True):
        own = pipeline(
            image_embeds=embedding[None],
            negative_image_embeds=blank,
            height=16,
            width=16,
            num_inference_steps=3,
            guidance_scale=4.0,
            generator=torch.Generator().manual_seed(5),
            output_type="np",
        ).images[0]
        assert (picture == np.rint(own * 255)).all()
    (again,), (other,) = (decoder.decode(led[0], seed=seed, steps=3) for seed in (5, 6))
    assert (again == found[0]).all()
    assert (other != again).any()


def test_kandinskys_guidance_needs_its_encoder(kandinsky):
    decoder = vl.load_decoder(str(kandinsky / "decoder"))
    assert decoder.guidance == 1
    list(decoder.decode(torch.randn(12), steps=1))
    with refused(UsageError):
        decoder.decode(torch.randn(12), guidance=4.0)


def test_another_encoder_is_refused_by_its_width(kandinsky):
    with refused(UsageError):
        vl.load_decoder(str(kandinsky / "decoder"), encoder=vl.load("toy/p32"))


@pytest.mark.parametrize("change", ["missing", "left over"])
def test_a_decoder_that_lacks_weights_or_has_others_is_refused(change, kandinsky, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "decoder"
    shutil.copytree(kandinsky / "decoder", folder)
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    if change == "missing":
        del weights["conv_in.bias"]
    else:
        weights["mid_block.gate.weight"] = torch.zeros(3)
    save_file(weights, file, {"format": "pt"})
    with refused(UnsupportedModelError, UsageError):
        vl.load_decoder(str(folder))


@pytest.fixture(scope="module")
def unclip(diffusers, tmp_path_factory):
    from diffusers.pipelines.stable_diffusion import StableUnCLIPImageNormalizer
    from transformers import CLIPImageProcessor, CLIPTextConfig, CLIPTextModel

    torch.manual_seed(1)
    tokenizer = make_tokenizer(WORDS, 16)
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=16,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    unet = diffusers.UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 32),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=4,
        cross_attention_dim=16,
        class_embed_type="projection",
        projection_class_embeddings_input_dim=24,
    )
    vae = diffusers.AutoencoderKL(
        latent_channels=4,
        block_out_channels=(32, 32),
        norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )
    folder = tmp_path_factory.mktemp("unclip")
    diffusers.StableUnCLIPImg2ImgPipeline(
        feature_extractor=CLIPImageProcessor(size=28, crop_size=28),
        image_encoder=image_encoder(),
        image_normalizer=StableUnCLIPImageNormalizer(12),
        image_noising_scheduler=diffusers.DDPMScheduler(),
        tokenizer=tokenizer,
        text_encoder=CLIPTextModel(text),
        unet=unet,
        scheduler=diffusers.DDIMScheduler(),
        vae=vae,
    ).save_pretrained(folder)
    return folder


def test_unclip_paints_what_its_pipeline_paints(diffusers, unclip):
    vit = encoder_of(unclip)
    decoder = vl.load_decoder(str(unclip), encoder=vit)
    assert (decoder.size, decoder.steps, decoder.guidance) == ((16, 16), 20, 10.0)
    led = embeddings(vit, 2)
    found = list(decoder.decode(led, seed=5, steps=2, guidance=3.0))
    pipeline = diffusers.StableUnCLIPImg2ImgPipeline.from_pretrained(unclip)
    for picture, embedding in zip(found, led, strict=True):
        own = pipeline(
            prompt="",
            image_embeds=embedding[None],
            height=16,
            width=16,
            num_inference_steps=2,
            guidance_scale=3.0,
            generator=torch.Generator().manual_seed(5),
            output_type="np",
        ).images[0]
        assert (picture == np.rint(own * 255)).all()


def test_a_pipeline_that_carries_its_encoder_refuses_others_of_its_shape(unclip, kandinsky):
    other = encoder_of(kandinsky / "prior")
    with refused(UsageError):
        vl.load_decoder(str(unclip), encoder=other)


@pytest.mark.parametrize("kind", ["dinov2", "mae"])
def test_a_representation_autoencoder_decodes_what_its_encoder_gives(kind, diffusers, tmp_path):
    torch.manual_seed(2)
    model = diffusers.AutoencoderRAE(
        encoder_type=kind,
        encoder_hidden_size=64,
        encoder_patch_size=14,
        encoder_num_hidden_layers=2,
        decoder_hidden_size=32,
        decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=64,
        patch_size=4,
        encoder_input_size=56,
        latents_mean=torch.randn(64, 4, 4),
        latents_std=torch.rand(64, 4, 4) + 0.5,
    ).eval()
    model.save_pretrained(tmp_path)
    decoder = vl.load_decoder(str(tmp_path))
    assert (decoder.size, decoder.steps) == ((16, 16), 1)
    images = torch.rand(2, 3, 56, 56)
    seen = []
    norm = model.encoder.layernorm
    watching = norm.register_forward_hook(lambda _module, given, _out: seen.append(given[0]))
    with torch.no_grad():
        own = model(images).sample
    watching.remove()
    found = np.stack(list(decoder.decode(seen[0])))
    levels = (own.clamp(0, 1) * 255).permute(0, 2, 3, 1).numpy()
    assert np.abs(found - levels).max() <= 0.51
    assert decoder.reads.shape == tuple(seen[0].shape[1:])
    normed = torch.nn.functional.layer_norm(seen[0], (64,), eps=norm.eps)
    mean, std = (torch.tensor(three).view(3, 1, 1) for three in (MEAN, STD))
    pixels = (images - mean) / std
    torch.testing.assert_close(decoder.encoded(pixels), normed, rtol=1e-3, atol=1e-3)


def test_it_reads_the_last_state_of_a_dino_as_it_is_traced(diffusers, tmp_path):
    torch.manual_seed(3)
    model = diffusers.AutoencoderRAE(
        encoder_hidden_size=64,
        encoder_num_hidden_layers=2,
        decoder_hidden_size=32,
        decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=64,
        patch_size=4,
        encoder_input_size=56,
    ).eval()
    model.save_pretrained(tmp_path)
    words = {"mean": MEAN, "std": STD, "crop_pct": 1.0}
    vit = vl.load(model.encoder, image_size=56, preprocessing=words)
    decoder = vl.load_decoder(tmp_path, encoder=vit)
    other = copy.deepcopy(model.encoder)
    with torch.no_grad():
        other.encoder.layer[1].mlp.fc2.weight.normal_()
    with refused(UsageError):
        decoder.check_reads(vl.load(other, image_size=56, preprocessing=words))
    image = np.random.default_rng(0).integers(0, 256, (56, 56, 3), dtype=np.uint8)
    (found,) = decoder.decode(vit.trace(image).states[-1])
    with torch.no_grad():
        own = model(torch.from_numpy(image).permute(2, 0, 1)[None] / 255).sample[0]
    assert np.abs(found - (own.clamp(0, 1) * 255).permute(1, 2, 0).numpy()).max() <= 0.6


def test_other_models_of_diffusers_are_refused(diffusers, tmp_path):
    diffusers.AutoencoderKL(norm_num_groups=8, block_out_channels=(8,)).save_pretrained(tmp_path)
    with refused(UsageError):
        vl.load_decoder(str(tmp_path))

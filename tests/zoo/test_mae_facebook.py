import argparse
import pickle

import pytest
import timm
import torch

import vitlens_widgets as vl
from tests.mae_paper import paintings, random_masking, random_weights
from tests.sentences import refused
from tests.small_models import shaken
from vitlens_widgets.errors import UsageError
from vitlens_widgets.zoo.mae_facebook import config_words
from vitlens_widgets.zoo.weights_file import WeightsFile

HEADS = {"num_attention_heads": 4, "decoder_num_attention_heads": 2}


def saved(path, **words):
    torch.save({"model": random_weights(**words)}, path)
    return path


@pytest.fixture
def visualize(tmp_path):
    return saved(tmp_path / "mae_visualize_vit_small.pth")


@pytest.mark.parametrize("ratio", [0.75, 0.4, 0.95])
def test_every_state_is_painted_as_by_the_paper(visualize, ratio):
    images = torch.randn(3, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    keep, restore, mask = random_masking(3, 36, ratio, seed=5)
    expected = paintings(random_weights(), images, keep, restore, 4, 2)
    lens = vl.InfillLens(vl.load(visualize, **HEADS))
    infilling = lens.read(images, mask_ratio=ratio, seed=5, preprocessed=True)
    assert (infilling.mask == mask.bool().numpy()).all()
    for state, painted in enumerate(expected):
        off = torch.from_numpy(infilling.painted(state)) - painted
        assert off.abs().max() <= 1e-5 * painted.abs().max()


def test_the_switch_leaves_the_final_norm_out(visualize):
    images = torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    keep, restore, _ = random_masking(2, 36, 0.75, seed=2)
    expected = paintings(random_weights(), images, keep, restore, 4, 2, norm=False)
    lens = vl.InfillLens(vl.load(visualize, **HEADS), norm=False)
    infilling = lens.read(images, seed=2, preprocessed=True)
    for state, painted in enumerate(expected):
        off = torch.from_numpy(infilling.painted(state)) - painted
        assert off.abs().max() <= 1e-5 * painted.abs().max()


@pytest.mark.parametrize(
    ("name", "normalised"),
    [
        ("mae_visualize_vit_base.pth", False),
        ("mae_visualize_vit_large_ganloss.pth", False),
        ("mae_pretrain_vit_base_full.pth", True),
        ("mae_pretrain_vit_huge_full.pth", True),
    ],
)
def test_published_names_tell_normalised_pixels(tmp_path, name, normalised):
    mae = vl.load(saved(tmp_path / name), **HEADS)
    assert mae.model.config.norm_pix_loss is normalised
    assert mae.adapter.normalises_pixels is normalised
    assert mae.name == name.removesuffix(".pth")


def test_another_name_must_be_declared(tmp_path):
    path = saved(tmp_path / "checkpoint-799.pth")
    with refused(UsageError):
        vl.load(path, **HEADS)
    assert vl.load(path, norm_pix_loss=True, **HEADS).adapter.normalises_pixels
    assert not vl.load(path, norm_pix_loss=False, **HEADS).adapter.normalises_pixels


@pytest.mark.parametrize("normalised", [True, False])
def test_the_arguments_of_the_training_tell_it_too(tmp_path, normalised):
    path = tmp_path / "checkpoint-799.pth"
    args = argparse.Namespace(norm_pix_loss=normalised, epochs=800, output_dir="out")
    torch.save({"model": random_weights(), "args": args, "epoch": 799}, path)
    assert vl.load(path, **HEADS).adapter.normalises_pixels is normalised


def test_what_is_declared_stands_above_the_name(tmp_path):
    path = saved(tmp_path / "mae_visualize_vit_base.pth")
    assert vl.load(path, norm_pix_loss=True, **HEADS).adapter.normalises_pixels


@pytest.mark.parametrize("saved_as", [argparse.Namespace, dict])
@pytest.mark.parametrize("declared", [True, False])
def test_what_is_declared_stands_above_the_arguments_of_the_training(tmp_path, declared, saved_as):
    path = tmp_path / "checkpoint-799.pth"
    args = saved_as(norm_pix_loss=not declared)
    torch.save({"model": random_weights(), "args": args}, path)
    assert vl.load(path, norm_pix_loss=declared, **HEADS).adapter.normalises_pixels is declared
    assert vl.load(path, **HEADS).adapter.normalises_pixels is not declared


PUBLISHED = {"base": (768, 12, 12), "large": (1024, 24, 16), "huge": (1280, 32, 16)}


def of_size(path, width, depth, args=None):
    """What tells a size, in a file without the size of its weights."""
    weights = {
        "patch_embed.proj.weight": torch.empty(width, 3, 16, 16, device="meta"),
        "pos_embed": torch.empty(1, 5, width, device="meta"),
        "blocks.0.mlp.fc1.weight": torch.empty(width, 1, device="meta"),
        f"blocks.{depth - 1}.mlp.fc1.weight": torch.empty(width, 1, device="meta"),
        "mask_token": torch.empty(1, 1, 512, device="meta"),
        "decoder_blocks.0.mlp.fc1.weight": torch.empty(2048, 512, device="meta"),
    }
    weights |= {f"blocks.{i}.norm1.bias": torch.empty(width, device="meta") for i in range(depth)}
    weights |= {f"decoder_blocks.{i}.norm1.bias": torch.empty(1) for i in range(8)}
    return WeightsFile(path, {"": weights}, args or {}), weights


@pytest.mark.parametrize("size", PUBLISHED)
def test_the_published_sizes_know_their_heads(tmp_path, size):
    width, depth, heads = PUBLISHED[size]
    named = of_size(tmp_path / f"mae_visualize_vit_{size}_ganloss.pth", width, depth)
    args = {"model": f"mae_vit_{size}_patch16"}
    trained = of_size(tmp_path / "checkpoint-799.pth", width, depth, args)
    for file, weights in (named, trained):
        words = config_words(file, weights, {})
        assert words["num_attention_heads"] == heads
        assert words["decoder_num_attention_heads"] == 16
        assert words["layer_norm_eps"] == 1e-6


@pytest.mark.parametrize(
    ("name", "depth"), [("mae_visualize_vit_base.pth", 11), ("checkpoint-799.pth", 12)]
)
def test_heads_are_not_guessed_from_the_width(tmp_path, name, depth):
    file, weights = of_size(tmp_path / name, 768, depth)
    with refused(UsageError):
        config_words(file, weights, {})
    assert config_words(file, weights, {"num_attention_heads": 6})["num_attention_heads"] == 6


def test_an_unknown_width_needs_its_heads(visualize):
    with refused(UsageError):
        vl.load(visualize)
    with refused(UsageError):
        vl.load(visualize, num_attention_heads=4)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("vit_small_patch14_dinov2", {}),
        ("vit_small_patch14_reg4_dinov2", {}),
        ("vit_tiny_patch16_224", {"qk_norm": True}),
        ("vit_tiny_patch16_224", {}),  # the same names as an encoder's, but is it one?
        ("vit_base_patch16_clip_224", {}),
        ("deit3_small_patch16_224", {}),
    ],
)
def test_a_headless_model_of_timm_is_no_masked_autoencoder(tmp_path, name, words):
    words = {"img_size": 112, "depth": 2, "embed_dim": 48, "num_heads": 4, **words}
    model = shaken(timm.create_model(name, num_classes=0, **words))
    for file in ("backbone.pth", "mae_pretrain_vit_base.pth"):
        torch.save(model.state_dict(), tmp_path / file)
        if file == "mae_pretrain_vit_base.pth" and name == "vit_tiny_patch16_224":
            continue  # it says itself to be the encoder, whose weights it has
        with refused(UsageError):
            vl.load(tmp_path / file, num_attention_heads=4)
    size = words.pop("img_size")
    vit = vl.load(name, weights=tmp_path / "backbone.pth", image_size=size, **words)
    pixels = torch.randn(1, 3, size, size)
    with torch.no_grad():
        assert torch.equal(vit.adapter.forward(pixels), model(pixels))


def test_images_are_squashed_and_normalised_as_in_the_published_demo(visualize, recwarn):
    mae = vl.load(visualize, **HEADS)
    assert mae.preprocessing.mean == (0.485, 0.456, 0.406)
    assert mae.preprocessing.std == (0.229, 0.224, 0.225)
    assert "squash" in mae.preprocessing.description
    assert not [w for w in recwarn if "image processor" in str(w.message)]


def test_a_file_without_a_decoder_is_an_encoder(tmp_path):
    path = saved(tmp_path / "mae_pretrain_vit_base.pth", decoder_layers=0)
    encoder = vl.load(path, num_attention_heads=4)
    trace = encoder.trace(torch.randn(1, 3, 24, 24), preprocessed=True)
    assert trace.states.shape == (4, 1, 37, 32)
    with refused(UsageError):
        vl.InfillLens(encoder)


def test_a_missing_weight_is_named(tmp_path):
    weights = random_weights()
    del weights["decoder_blocks.1.attn.qkv.bias"]
    path = tmp_path / "mae_visualize_vit_x.pth"
    torch.save({"model": weights}, path)
    with refused(UsageError):
        vl.load(path, **HEADS)


@pytest.mark.parametrize(
    "name",
    ["patch_embed.proj.weight", "blocks.0.mlp.fc1.weight", "decoder_blocks.0.mlp.fc1.weight"],
)
def test_a_weight_that_tells_the_size_is_named_when_missing(tmp_path, name):
    weights = random_weights()
    del weights[name]
    path = tmp_path / "mae_visualize_vit_x.pth"
    torch.save({"model": weights}, path)
    with refused(UsageError):
        vl.load(path, **HEADS)


def test_a_fine_tuned_classifier_is_refused(tmp_path):
    path = tmp_path / "mae_finetuned_vit_base.pth"
    head = {"head.weight": torch.zeros(7, 32), "head.bias": torch.zeros(7)}
    torch.save({"model": random_weights(decoder_layers=0) | head}, path)
    with refused(UsageError):
        vl.load(path, num_attention_heads=4)
    path = path.rename(tmp_path / "mae_pretrain_vit_base.pth")
    with refused(UsageError):
        vl.load(path, num_attention_heads=4)


def test_another_models_file_is_refused(tmp_path):
    path = tmp_path / "classifier.pth"
    torch.save({"head.weight": torch.zeros(3, 4)}, path)
    with refused(UsageError):
        vl.load(path)


class _Trap:
    def __reduce__(self):
        return (pytest.fail, ("code in the file was run",))


def test_code_in_a_file_is_never_run(tmp_path):
    path = tmp_path / "mae_visualize_vit_base.pth"
    path.write_bytes(pickle.dumps({"model": _Trap()}))
    with refused(UsageError):
        vl.load(path)
    torch.save({"model": _Trap()}, path)
    with refused(UsageError):
        vl.load(path)


def test_words_that_such_a_file_does_not_take_are_refused(visualize):
    with refused(UsageError):
        vl.load(visualize, hidden_size=3)

"""What an SAE is worth on images, against a plain hook on the module and NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import t

import vitlens_widgets as vl
from tests.features.test_sae import random_sae
from tests.sentences import refused
from tests.small_models import timm_model
from tests.zoo.saes import written
from vitlens_widgets.analysis.over_images import over_images
from vitlens_widgets.features import SAE, Activation
from vitlens_widgets.trace.batch import as_batch

D = 48


def pictures(vit, n=5):
    draw = np.random.default_rng(4)
    return [draw.integers(0, 255, (*vit.image_size, 3), dtype=np.uint8) for _ in range(n)]


def mirror(**words):
    """`x = relu(x) - relu(-x)`: an SAE without any error."""
    eye = torch.eye(D)
    both = torch.cat([eye, -eye])
    zeros = {"encoder_bias": torch.zeros(2 * D), "decoder_bias": torch.zeros(D)}
    words = {"site": "resid_post", "layer": 1, "tokens": "all", **words}
    return SAE(encoder=both, decoder=both, **zeros, **words)


def hooked(vit, pixels, layer, change):
    """The model's logits, where a plain hook changes what a block gives."""
    handle = vit.model.blocks[layer].register_forward_hook(lambda *a: change(a[-1]))
    try:
        with torch.no_grad():
            return vit.model(pixels)
    finally:
        handle.remove()


def divergence(p, q):
    p, q = (np.asarray(x, float) for x in (p.log_softmax(-1), q.log_softmax(-1)))
    return (np.exp(p) * (p - q)).sum(-1).mean()


@pytest.mark.parametrize("tokens", ["all", "patches", "readout"])
@pytest.mark.parametrize("special", ["CLS", "distillation", "four registers and layer scale"])
def test_the_measures_are_what_a_plain_hook_finds(special, tokens):
    vit = vl.load(timm_model(special, embed_dim=D))
    n = 4 * D
    activation = Activation("topk", k=30)
    sae = random_sae(width=D, n_latents=n, tokens=tokens, activation=activation, seed=3)
    images = pictures(vit)
    pixels = as_batch(vit, images, preprocessed=False)[0]
    seen = []
    hooked(vit, pixels, 1, seen.append)
    where = sae.where(vit)
    x = seen[0][:, where]
    latents, back = sae.encode(x), sae.reconstruct(x)
    flat, made = x.flatten(0, 1).double().numpy(), back.flatten(0, 1).double().numpy()
    mean = flat.mean(0)

    def put(new):
        def change(state):
            state = state.clone()
            state[:, where] = torch.as_tensor(new, dtype=state.dtype)
            return state

        return change

    whole, with_sae, with_mean = (
        hooked(vit, pixels, 1, change) for change in (lambda s: s, put(back), put(mean))
    )
    on = (latents > 0).flatten(0, 1).numpy()
    expected = {
        "explained variance": 1 - ((made - flat) ** 2).sum() / ((flat - mean) ** 2).sum(),
        "L0": on.sum(1).mean(),
        "dead share": (~on.any(0)).mean(),
        "KL": divergence(whole, with_sae),
        "KL of the mean token": divergence(whole, with_mean),
    }
    expected["recovered"] = 1 - expected["KL"] / expected["KL of the mean token"]
    table = sae.explained(vit, images, batch_size=2)
    for name, value in expected.items():
        assert table["measured"][name] == pytest.approx(value, rel=2e-3, abs=1e-6), name
    of_images = [((one.double().numpy() - mean) ** 2).sum() for one in x]
    errors = [((b - a).double().numpy() ** 2).sum() for a, b in zip(x, back, strict=True)]
    pairs = zip(errors, of_images, strict=True)
    left = [1 - (sum(errors) - e) / (sum(of_images) - s) for e, s in pairs]
    half = t.ppf(0.975, 4) * np.sqrt(4 / 5 * ((left - np.mean(left)) ** 2).sum())
    ends = table.loc["explained variance", ["low", "high"]]
    middle = table["measured"]["explained variance"]
    np.testing.assert_allclose(ends, [middle - half, middle + half], rtol=2e-3)
    student = over_images((latents > 0).sum(-1).double().mean(-1).numpy())
    np.testing.assert_allclose(table.loc["L0", ["low", "high"]], [student.low, student.high])
    assert table.loc["dead share", ["low", "high"]].isna().all()
    ends = table[["low", "high"]].drop(["dead share", "L0"])  # of TopK L0 is k everywhere
    assert (ends["low"] < ends["high"]).all()


def test_of_one_image_there_is_no_interval():
    vit = vl.load(timm_model("CLS", embed_dim=D))
    found = mirror().explained(vit, pictures(vit, 1))
    assert found[["low", "high"]].isna().all(axis=None)


def test_what_loses_nothing_explains_all():
    vit = vl.load(timm_model("CLS", embed_dim=D))
    found = mirror().explained(vit, pictures(vit))["measured"]
    assert found["explained variance"] == pytest.approx(1, abs=1e-6)
    assert found["recovered"] == pytest.approx(1, abs=1e-3)
    assert found["L0"] == pytest.approx(D, rel=0.02)


def test_the_card_stands_beside():
    vit = vl.load(timm_model("CLS", embed_dim=D))
    card = {"held_out": {"explained": 0.9, "l0": 12}, "L0": 13, "kl": True}
    table = mirror(card=card).explained(vit, pictures(vit))
    assert table["card"]["explained variance"] == 0.9
    assert table["card"]["L0"] == 13
    assert table["card"][["KL", "dead share"]].isna().all()
    assert "5 images" in table.attrs["title"]


def test_a_model_without_a_classifier_has_no_answer_to_lose():
    vit = vl.load(timm_model("CLS", embed_dim=D, num_classes=0))
    found = mirror().explained(vit, pictures(vit))["measured"]
    assert found[["KL", "recovered"]].isna().all()
    assert found["explained variance"] == pytest.approx(1, abs=1e-6)


def test_images_at_loading_are_measured_on(tmp_path):
    vit = vl.load(timm_model("CLS", embed_dim=D))
    mirror().save(tmp_path / "good.safetensors")
    good = vl.load_sae(tmp_path / "good.safetensors", vit=vit, images=pictures(vit))
    assert good.card["measured"]["explained variance"] == pytest.approx(1, abs=1e-6)
    assert good.card["measured"]["images"] == 5
    bad = random_sae(width=D)
    bad.save(tmp_path / "bad.safetensors")
    with pytest.warns(UserWarning, match="explains nothing of resid_post in block 1"):
        vl.load_sae(tmp_path / "bad.safetensors", vit=vit, images=pictures(vit))
    with refused(vl.UsageError):
        vl.load_sae(tmp_path / "good.safetensors", images=pictures(vit))
    with refused(vl.UsageError):
        vl.load_sae(tmp_path / "good.safetensors", vit="toy/p32")
    with refused(vl.UsageError):
        mirror().explained(vit, pictures(vit), batch_size=0)
    written.saev(tmp_path, 5)
    with refused(vl.UsageError):
        vl.load_sae(tmp_path / "sae.pt", site="resid_post", layer=1, tokens="all", vit=vit)


def test_the_readmes_lines_are_calls_that_work(tmp_path, monkeypatch):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (block,) = (b for b in readme.split("```") if b.startswith("python") and "load_sae" in b)
    monkeypatch.chdir(tmp_path)
    vit = vl.load(timm_model("CLS", embed_dim=D))
    mirror().save("own.safetensors")
    written.saev(tmp_path, 5, width=D)
    for name in ("cat.jpg", "dog.jpg"):
        Image.fromarray(pictures(vit, 1)[0]).save(name)
    block = block.removeprefix("python").replace('"owner/name"', '"own.safetensors"')
    block = (
        block.replace("layer=10", "layer=1")
        .replace("sae, 42", "sae, 12")
        .replace("n_images=200", "n_images=4")
        .replace("n_images=600", "n_images=4")
    )
    others = ("train_sae", "toy/p32")  # of other models, tried elsewhere
    lines = [line for line in block.splitlines() if not any(one in line for one in others)]
    names = {"vl": vl, "vit": vit, "data": vl.world.Scenes(), "trace": vit.trace("cat.jpg")}
    exec("\n".join(lines), names)
    assert names["latents"].shape[-1] == names["sae"].n_latents
    assert vl.load_sae("mine.safetensors").site == "resid_post"

"""The SAEs that come with the package: what their cards say is so, and they can be trained anew."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets.world.__main__ import main
from vitlens_widgets.world.catalogue import SAES
from vitlens_widgets.world.saes.recipes import FIRST_SEED, OBJECTS, SAE_RECIPES, sae_file


@pytest.fixture(scope="module")
def vit():
    return vl.load("toy/p32")


@pytest.mark.parametrize("name", SAES)
def test_each_is_of_the_state_that_its_name_says(name, vit):
    sae, recipe = vl.load_sae(name), SAE_RECIPES[name]
    sae.check(vit)
    assert name == f"{recipe.model}/{recipe.layer + 1}"
    assert (sae.site, sae.layer, sae.name) == ("resid_post", recipe.layer, name)
    assert (sae.n_latents, sae.activation.k) == (recipe.n_latents, recipe.k)
    assert {word: sae.card["of"][word] for word in recipe.words} == recipe.words
    with refused(vl.UsageError):
        sae.check(vl.load("toy/p32-cls"))


@pytest.mark.parametrize("name", SAES)
def test_it_is_worth_what_its_card_says_on_other_scenes(name, vit):
    sae = vl.load_sae(name)
    told = sae.card["held_out"]
    images = [vl.world.scene(seed, OBJECTS).image for seed in range(24)]
    table = sae.explained(vit, images)["measured"]
    assert table["explained variance"] == pytest.approx(told["explained"], abs=0.02)
    assert table["L0"] == pytest.approx(told["l0"], abs=0.2)
    assert table["recovered"] == pytest.approx(told["recovered"], abs=0.05)


def test_both_together_are_small():
    assert sum(sae_file(name).stat().st_size for name in SAES) < 1.3e6


@pytest.mark.parametrize("name", SAES)
def test_its_card_tells_what_its_latents_tell(name):
    card = vl.world.card(name)
    table = card.table()
    for kind, means in card.told["means"].items():
        for features, (f1, half, luck) in means.items():
            rows = table[(table["kind"] == kind) & (table["features"] == features)]
            assert rows["F1"].mean() == pytest.approx(f1, abs=1e-3)
            assert luck < f1
            assert 0 < half < 0.2
    for shown in (repr(card), card._repr_markdown_()):
        assert f"train {name}" in shown
        assert "explains" in shown
        assert "luck" in shown


def test_the_command_trains_and_goes_on(tmp_path, capsys, monkeypatch):
    recipe = SAE_RECIPES["toy/p32/2"]
    small = {"steps": 5, "held_out": 4, "n_latents": 32, "k": 4}
    words = {name: small.get(name, value) for name, value in recipe.words.items()}
    monkeypatch.setattr(type(recipe), "words", property(lambda _: dict(words)))
    command = ["train", "toy/p32/2", "--folder", str(tmp_path), "--images", "12"]
    main(command)
    first = vl.load_sae(tmp_path / "toy-p32-2.safetensors")
    main(command)
    again = vl.load_sae(tmp_path / "toy-p32-2.safetensors")
    assert torch.equal(first.encoder, again.encoder)
    assert first.n_latents == 32
    assert "toy-p32-2.safetensors" in capsys.readouterr().out
    assert first.card["of"]["data"] == dict(vl.world.Scenes(FIRST_SEED, OBJECTS).identity)


def test_unknown_names_are_refused():
    for name in ("toy/p32/3", "toy/p32"):
        with refused(vl.UsageError):
            vl.load_sae(name)
    with refused(vl.UsageError):
        vl.load("toy/p32/2")
    with pytest.raises(SystemExit):
        main(["measure", "toy/p32/2"])

"""Files of sparse autoencoders that are hostile, damaged or of another kind are refused, unrun."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile

import pytest
import torch
from safetensors.torch import save_file

import vitlens_widgets as vl
from tests.features.test_sae import random_sae
from tests.sentences import refused
from tests.zoo.saes import written
from tests.zoo.saes.written import D, Runs, S, columns

AT = {"site": "resid_post", "layer": 1, "tokens": "patches"}
MARK = "ran"


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """A folder in which nothing may be made, and where nothing may be called."""
    called = []
    monkeypatch.chdir(tmp_path)
    for module, name in ((os, "system"), (subprocess, "Popen")):
        monkeypatch.setattr(module, name, lambda *a, **_: called.append(a))
    yield tmp_path
    assert called == []
    assert not (tmp_path / MARK).exists()


TOUCH = f"open({MARK!r}, 'w').write('x')"
HOSTILE = {
    "exec": lambda: Runs(exec, TOUCH),
    "eval": lambda: Runs(eval, TOUCH),
    "print": lambda: Runs(print, "x"),
    "getattr": lambda: Runs(getattr, "x", "upper"),
    "import": lambda: Runs(__import__, "this"),
    "nested": lambda: {"deep": [{"er": Runs(exec, TOUCH)}]},
    "a tensor subclass": lambda: torch.nn.Parameter(torch.zeros(2)),
}


@pytest.mark.parametrize("place", ["alone", "in the state dict", "as settings", "as a state"])
@pytest.mark.parametrize("what", HOSTILE)
def test_what_asks_to_be_called_is_not(what, place, watched):
    thing = {
        "alone": lambda bad: bad,
        "in the state dict": lambda bad: {**columns(), "bad": bad},
        "as settings": lambda bad: {"cfg": bad, "state_dict": columns()},
        "as a state": lambda bad: {"state_dict": {**columns(), "bad": bad}, "cfg": {"b": bad}},
    }[place](HOSTILE[what]())
    torch.save(thing, watched / "sae.pt")
    with pytest.raises(vl.UsageError):
        vl.load_sae(watched / "sae.pt", **AT)
    with (watched / "headed.pt").open("wb") as file:
        file.write(json.dumps({"schema": 5, "cfg": {}}).encode() + b"\n")
        torch.save(thing, file)
    if place != "in the state dict" or what != "a tensor subclass":
        with pytest.raises(vl.UsageError):
            vl.load_sae(watched / "headed.pt", **AT)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("subprocess", "Popen"),
        ("torch", "load"),
        ("torch.hub", "load_state_dict_from_url"),
        ("torch.storage", "_load_from_bytes"),
        ("pickle", "loads"),
        ("numpy", "load"),
    ],
)
def test_opcodes_call_nothing(module, name, watched):
    data = written.pickled_by_hand(module, name, f"touch {MARK}")
    written.put_in(watched / "sae.pt", data)
    (watched / "plain.pt").write_bytes(data)  # as torch wrote before it wrote zips
    (watched / "headed.pt").write_bytes(b'{"schema": 5}\n' + data)
    for file in ("sae.pt", "plain.pt", "headed.pt"):
        with pytest.raises(vl.UsageError):
            vl.load_sae(watched / file, **AT)


def test_tensors_that_are_not_what_they_seem(watched):
    tensors = columns()
    tensors["W_enc"] = torch.zeros(1).expand(10**7, 10**7)  # four bytes that say to be 400 TB
    torch.save({"cfg": {"block_layer": 1}, "state_dict": tensors}, watched / "sae.pt")
    with refused(vl.UsageError):
        vl.load_sae(watched / "sae.pt", **AT)
    for bad in (columns()["W_enc"].to_sparse(), torch.zeros(D, S, device="meta")):
        tensors["W_enc"] = bad
        torch.save({"cfg": {"block_layer": 1}, "state_dict": tensors}, watched / "sae.pt")
        with pytest.raises(vl.UsageError):
            vl.load_sae(watched / "sae.pt", **AT)


def test_a_packed_file_is_not_unpacked(tmp_path):
    torch.save({"cfg": {"block_layer": 1}, "state_dict": columns()}, tmp_path / "plain.pt")
    header = b'{"schema": 5}\n'
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as plain,
        zipfile.ZipFile(tmp_path / "sae.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    (tmp_path / "headed.pt").write_bytes(header + (tmp_path / "sae.pt").read_bytes())
    for name in ("sae.pt", "headed.pt"):
        with refused(vl.UsageError):
            vl.load_sae(tmp_path / name, **AT)


def test_a_pickled_module_is_refused_with_the_way_out(tmp_path):
    torch.save(torch.nn.Linear(3, 4), tmp_path / "sae.pt")
    with refused(vl.UsageError):
        vl.load_sae(tmp_path / "sae.pt", **AT)


def test_what_a_file_does_not_say_is_asked_for(tmp_path):
    written.saev(tmp_path, 5)
    with refused(vl.UsageError):
        vl.load_sae(tmp_path)
    written.overcomplete(tmp_path)
    with refused(vl.UsageError):
        vl.load_sae(tmp_path / "sae.pth", **AT)
    folder = tmp_path / "lens"
    folder.mkdir()
    written.saelens(folder, normalize_activations="expected_average_only_in")
    with refused(vl.UsageError):
        vl.load_sae(folder)
    written.patchsae(tmp_path)
    with refused(vl.UsageError):
        vl.load_sae(tmp_path / "out.pt")
    with refused(vl.UsageError):
        vl.load_sae(tmp_path / "sae.pt", site="resid_post", layer="1", tokens="all")


OTHERS = {
    "a schema to come": lambda f: written.saev(f, 6),
    "a transcoder": lambda f: written.prisma(f, is_transcoder=True),
    "a gated one": lambda f: written.prisma(f, architecture="gated"),
    "a tanh": lambda f: written.prisma(f, activation_fn_str="tanh-relu"),
    "another hook point": lambda f: written.prisma(f, layer_subtype="attn.hook_z"),
    "another dictionary": lambda f: written.dictionary_learning(f, "GatedAutoEncoder"),
    "another architecture": lambda f: written.saelens(f, "gated"),
    "single heads": lambda f: written.saelens(f, reshape_activations="hook_z"),
    "a forked PatchSAE": lambda f: written.patchsae(f, topk_sae=True),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_kinds_are_refused_by_name(kind, tmp_path):
    OTHERS[kind](tmp_path)
    with refused(vl.UsageError):
        vl.load_sae(tmp_path, layer=1, tokens="all", site="resid_post")


def test_folders_in_which_it_is_not_clear_which_file_is_meant(tmp_path):
    with refused(vl.UsageError):
        vl.load_sae(tmp_path / "none.pt")
    with refused(vl.UsageError):
        vl.load_sae(tmp_path)
    torch.save(columns(), tmp_path / "a.pt")
    torch.save(columns(), tmp_path / "b.pt")
    with refused(vl.UsageError):
        vl.load_sae(tmp_path)
    with refused(vl.UsageError):
        vl.load_sae(tmp_path, file="c.pt")
    with refused(vl.UsageError):
        vl.load_sae(tmp_path, file="a.pt")  # in no known format
    (tmp_path / "sae.pt").write_bytes(b"{}")
    with refused(vl.UsageError):
        vl.load_sae(tmp_path)
    with refused(vl.UsageError):
        vl.load_sae("patchsae")
    written.prisma(tmp_path)
    tensors = columns()
    del tensors["b_enc"]
    torch.save(tensors, tmp_path / "weights.pt")
    with refused(vl.UsageError):
        vl.load_sae(tmp_path, file="weights.pt")


def test_the_packages_own_file(tmp_path):
    sae = random_sae(card={"by": "me"}, name="mine")
    sae.save(tmp_path / "sae.safetensors")
    again = vl.load_sae(tmp_path)
    x = torch.randn(4, sae.width)
    assert torch.equal(again.encode(x), sae.encode(x))
    assert again.card == sae.card
    assert vl.load_sae(tmp_path, tokens="patches").tokens == "patches"
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with refused(vl.UsageError):
        vl.load_sae(tmp_path / "other.safetensors")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A repository as it lies in the hub's cache, on a machine that cannot reach the hub."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("vitlens_widgets.models.hub.hub_is_unreachable", lambda: True)
    monkeypatch.setattr("vitlens_widgets.zoo.hub.hub.hub_is_unreachable", lambda: True)
    commit = "0123456789abcdef0123456789abcdef01234567"
    folder = tmp_path / "models--owner--saes"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "snapshots" / commit / "layer_2").mkdir(parents=True)
    return folder / "snapshots" / commit


def test_a_name_on_the_hub(hub):
    run = written.prisma(hub / "layer_2")
    assert run is not None
    for name in ("owner/saes/layer_2", "owner/saes/layer_2/weights.pt"):
        assert vl.load_sae(name).layer == 2
    with refused(vl.UsageError):
        vl.load_sae("owner/saes")
    written.saev(hub, 5)
    assert vl.load_sae("owner/saes", **AT).n_latents == S
    with refused(vl.UsageError):
        vl.load_sae("owner/others")

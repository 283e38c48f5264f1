"""What the notebook on key-value memories says in words is what its cells find.

It also runs on the paper's architectures and an ImageNet-S, in small.
"""

from __future__ import annotations

import re

import nbformat
import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.notebooks.cells import NOTEBOOKS, run, start_exercises
from tests.notebooks.papers_experiment import MODELS, N_IMAGES, TWO, run_on_imagenet_s
from tests.notebooks.verdicts import COLUMNS, NO, OPEN, TWINS, YES, verdict, verdicts_by_claim
from vitlens_widgets.analysis.class_space import published

STEM = "07_key_value_memories"

VERDICTS = {
    "The classes that a memory promotes belong together": (YES, YES),
    "In late blocks, MLPs hold a memory of every class: nearer than random weights have": (
        YES,
        OPEN,
    ),
    "In late blocks, attention holds a memory of every class: nearer than random weights have": (
        YES,
        YES,
    ),
    "MLPs come nearer to the classes from the first block to the last": (YES, YES),
    "MLPs hold nearer memories than attention": (OPEN, OPEN),
    "In the last block, attention calls up memories of the true class": (YES, YES),
    "In one of the last two blocks, MLPs call up memories of the true class": (YES, OPEN),
    "In the last block, what attention says is composed of many memories": (NO, NO),
    "In the block before the last, one memory of the MLP is enough for most tokens": (YES, YES),
    "In the last block's attention, right answers go with the right memories": (YES, OPEN),
    "In the last block's MLP, right answers go with the right memories": (YES, OPEN),
}
"""For the two embedded models, in the order of the notebook."""


@pytest.fixture(scope="module")
def found():
    return run(STEM)


def of(found, what):
    """An experiment's results of both twins."""
    return [found[what][name] for name in TWINS]


def test_every_claim_has_the_verdict_of_its_numbers(found):
    verdicts = verdicts_by_claim(found["claims"].rows)
    assert verdicts == VERDICTS
    assert list(verdicts) == list(VERDICTS)
    assert list(found["claims"].table()) == COLUMNS
    printed = "".join(found["printed"].values())
    for row in found["claims"].rows:
        assert f"{row['claim']}\n" in printed
        assert all(f"  {name}: {row[name]}\n" in printed for name in TWINS)


def test_the_clearest_claims_by_their_numbers(found):
    """Not by the notebook's own cells."""
    for one in of(found, "values"):
        ours, random = one.values["attention"], one.baseline_values["attention"]
        assert (ours.low[-2:] > random.high[-2:]).all()
    for one in of(found, "agreed"):
        rate, chance = (one.values["attention", what] for what in ("agreement", "chance"))
        assert rate.low[-1] > chance.high[-1]
        assert one.values["attention", "single"].low[-1] > 0.5
        assert one.values["MLP", "single"].low[-2] > 0.5
    first, second = of(found, "agreed")
    assert max(part.p[-1] for part in first.answers.values()) < 0.05
    assert min(part.p[-1] for part in second.answers.values()) > 0.05


def test_random_weights_support_no_claim_of_agreement():
    def change(source):
        source = source.replace("vl.load(name)", "vl.untrained(vl.load(name), seed=1)")
        return source.replace("N_IMAGES = 300", "N_IMAGES = 60")

    cells = {"setup", "models", "judge", "value", "value-claims", "value-claims-mlp"}
    cells |= {"agreement", "agreement-claims"}
    claims = run(STEM, cells, change)["claims"].rows
    assert len(claims) == 6
    said = {verdict(row[name]) for row in claims[:3] + claims[4:] for name in TWINS}
    assert YES not in said


def test_the_five_memories_of_one_token_are_its_strongest(found):
    vit, token, last = found["models"]["toy/p32"], found["token"], found["last"]
    trace = vit.trace(found["image"])
    keys = trace["mlp_pre", last][0, token]
    assert found["called"].tolist() == keys.topk(5).indices.tolist()
    weight = vit.adapter.blocks[last].mlp.fc2.weight
    added = trace["mlp_out", last][0, token] - vit.adapter.blocks[last].mlp.fc2.bias
    direction = vit.adapter.head.weight[vit.labels.index(found["true"])]
    assert weight.shape == (vit.width, 768)
    with torch.no_grad():
        assert found["adds"].sum() == pytest.approx(float(direction @ added), rel=1e-4)


def test_memories_are_shown_as_said(found):
    twin = found["models"]["toy/p32-cls"]
    strongest = vl.analysis.value_vectors(twin, twin.n_layers - 1).table()["class 1"][:20].tolist()
    assert set(strongest) == {"background"}
    stored = vl.analysis.value_vectors(found["models"]["toy/p32"], 4)
    ours = stored.table()
    assert "background" in ours["class 1"][:20].tolist()
    assert len(set(ours["class 1"][:20])) > 5
    assert ours["vector"][0] == 52
    mean, shuffled, p = stored.kinship_test()
    assert (f"{mean:.2f}", f"{shuffled:.2f}") == ("0.10", "0.09")
    assert p < 0.05
    kinship = vl.data.Kinship.of(twin.labels)
    assert kinship.similarity(twin.labels.index("cat"), twin.labels.index("dog")) == 0.2


def test_what_is_said_of_values(found):
    for one in of(found, "values"):
        ours, random = one.values["MLP"], one.baseline_values["MLP"]
        assert (ours.low[:2] < random.high[:2]).all()
        assert (one.p["MLP"][:2] > 0.05).all()
        luck = [f"{one.baseline_values[k].mean.mean():.2f}" for k in ("MLP", "attention")]
        assert luck == ["0.22", "0.20"]
    second = of(found, "values")[1]
    assert second.values["MLP"].low[-2] < second.baseline_values["MLP"].high[-2]
    assert second.p["MLP"][-2] < 0.05  # "gives that block a star"


def test_what_is_said_of_agreement(found):
    first, second = of(found, "agreed")
    rates = [first.values["attention", what].mean[-1] for what in ("agreement", "chance")]
    assert rates[0] / rates[1] == pytest.approx(4, abs=0.3)
    assert rates[1] == pytest.approx(0.2, abs=0.02)  # "a fifth of all cases"
    ours, chance = (second.values["MLP", what].mean[-1] for what in ("agreement", "chance"))
    assert ours / chance < 1.5  # "nearly as well"
    stored = vl.analysis.value_vectors(found["models"]["toy/p32"], 5, "attention")
    assert len(set(stored.top_vectors.ravel().tolist())) == 72
    assert stored.n_vectors == 192


def test_what_is_said_of_single_memories(found):
    for one in of(found, "random_agreed"):
        by_luck = (
            one.values["attention", "single"].mean[-1],
            one.values["MLP", "single"].mean[-2],
        )
        assert all(0.3 < share < 0.5 for share in by_luck)  # "a third to a half"
    data, shares = found["data"], {}
    for name, vit in found["models"].items():
        trace = vit.trace([data[i].image for i in range(32)])
        for site in ("attn_out", "mlp_out"):
            top = vl.LogitLens(vit).read(trace, site=site).top(1).index[-1]
            background = top == vit.labels.index("background")
            shares[name, site] = float(background.float().mean())
    assert min(shares[name, "mlp_out"] for name in TWINS) > 0.8
    assert shares["toy/p32", "attn_out"] < 0.02


def test_what_is_said_of_right_and_wrong_answers(found):
    first, second = of(found, "agreed")
    for one in first.answers.values():
        assert one.right[-1] == pytest.approx(0.9, abs=0.03)
        assert one.wrong[-1] < 0.5
    assert (second.answers["attention"].p[-3:-1] < 0.05).all()
    assert (second.answers["MLP"].p[-3:-1] < 0.05).tolist() == [False, True]
    data, wrong = found["data"], []
    images, labels = zip(*((data[i].image, data[i].label) for i in range(300)), strict=True)
    for vit in found["models"].values():
        runs = (vit.trace(list(images[i : i + 50])).logits.argmax(-1) for i in range(0, 300, 50))
        wrong.append(int((torch.cat(list(runs)) != torch.tensor(labels)).sum()))
    assert wrong == [9, 14]
    assert 0.45 < 1 - 0.95**12 < 0.5  # "nearly every second time"


def test_published_numbers_are_those_of_the_package(found):
    words = [re.sub(r" %", "%", row["in the paper"]) for row in found["claims"].rows]
    value, kept = published.CLASS_VALUE, published.KEY_VALUE
    agreement, single = (kept[what]["ViT-B/32"] for what in ("agreement", "single"))
    best = value["ViT-B/32"]["MLP"]
    attention = [f"{name} {value[name]['attention']:.2f}" for name in ("MIIL", "CIFAR100")]
    both = [
        f"{name} {value[name]['MLP']:.2f} and {value[name]['attention']:.2f}"
        for name in ("MIIL", "CIFAR100", "Refinement")
    ]
    assert words[1].startswith(f"cosine {best:.2f} at most")
    assert words[2].startswith(", ".join(attention))
    assert f"Refinement {value['Refinement']['attention']:.2f}" in words[2]
    assert words[3].endswith(f"to {best:.2f}")
    assert words[4] == ", ".join(both)
    assert words[5] == f"{agreement['attention'][12]:.0%} of tokens in block 12"
    assert words[6] == f"{agreement['MLP'][11]:.0%} of tokens in block 11"
    assert f"{single['attention'][12]:.1%} of tokens in block 12" in words[7]
    assert words[8] == f"{single['MLP'][11]:.1%} of tokens in block 11"


def test_the_papers_models_are_measured_on_imagenet_s(tmp_path, monkeypatch):
    names = run_on_imagenet_s(STEM, tmp_path, monkeypatch, {"setup", "models"})
    assert list(names["models"]) == MODELS
    names = run_on_imagenet_s(STEM, tmp_path, monkeypatch)
    assert list(names["claims"].rows[0]) == ["claim", "in the paper", *TWO]
    assert len(names["claims"].rows) == len(VERDICTS)
    for what in ("agreed", "random_agreed"):
        assert [one.n_images for one in names[what].values()] == [N_IMAGES] * 2
    column = names["agreed"]["ViT-B/32"].table()[f"attention, {published.SOURCE}"]
    assert column[11] == published.KEY_VALUE["agreement"]["ViT-B/32"]["attention"][12]
    assert names["printed"]["browse-paper"].startswith("memory 4, in the paper's code rackets")
    saved = sorted(path.name for path in (tmp_path / "key_value_memories_runs").iterdir())
    assert len(saved) == 4
    assert saved[1] == "key_value_agreement, ViT-B-32.npz"


def test_the_exercises_start_from_calls_that_work_and_their_answers_are_so(found):
    names = dict(found)
    assert start_exercises(STEM, names) == 5
    heads = np.bincount(names["heads"].ravel()).tolist()
    assert heads == [9, 53, 23]
    toy, scenes, words = vl.load("toy/p32"), vl.world.Scenes(), {"n_images": 64}
    one, five, text, post = (
        vl.analysis.key_value_agreement(toy, scenes, **words, **more)
        for more in ({"k": 1}, {}, {"rule": "text"}, {"coefficients": "post"})
    )
    rates = [one.values["attention", what].mean[-1] for what in ("agreement", "chance")]
    assert [f"{rate:.2f}" for rate in rates] == ["0.23", "0.02"]
    luck = np.concatenate([text.values[kind, "chance"].mean for kind in text.kinds])
    assert luck.mean() == pytest.approx(0.75, abs=0.03)
    assert post.table().equals(five.table())
    bare = vl.load("toy/attn-only-4l")
    held = vl.analysis.class_value_agreement(bare, baseline=vl.untrained(bare))
    ends = [
        f"{values.mean[block]:.2f}"
        for block in (0, -1)
        for values in (held.values["attention"], held.baseline_values["attention"])
    ]
    assert ends == ["0.29", "0.24", "0.40", "0.23"]
    answers = nbformat.read(NOTEBOOKS / f"{STEM}.ipynb", as_version=4).cells[-1].source
    for said in (*ends, "0.23 against 0.02", "53 of the 85", "23 in head 2"):
        assert said in answers

"""What the notebook on class embedding space says in words is what its cells find.

It also runs on the paper's architectures and an ImageNet-S, in small.
"""

from __future__ import annotations

import re

import nbformat
import numpy as np
import pytest

import vitlens_widgets as vl
from tests.notebooks.cells import NOTEBOOKS, run, start_exercises
from tests.notebooks.papers_experiment import MODELS, N_IMAGES, TWO, run_on_imagenet_s
from tests.notebooks.verdicts import COLUMNS, NO, OPEN, TWINS, YES, verdicts_by_claim
from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.class_space.attention_perturbation import perturbing

STEM = "06_class_embedding_space"

VERDICTS = {
    "At the end, image tokens name the class more often than with random weights": (YES, YES),
    "More images have at least one token that names the class than are classified right": (YES, NO),
    "Image tokens come nearer to the class from the first block to the last": (YES, YES),
    "Half way through, the readout is ahead of the image tokens": (YES, YES),
    "Image tokens that attend to themselves alone do not name the class": (YES, YES),
    "Image tokens do not have the class from CLS: without it, the rate stays": (YES, YES),
    "After every block, tokens on the class score higher than tokens beside it": (YES, NO),
    "At the end, tokens beside the class name it, too": (YES, YES),
    "Tokens on the class need those beside it to name it": (YES, OPEN),
    "Tokens beside the class need those on it to name it": (YES, YES),
    "Attention moves image tokens towards their class more often than the MLP does": (YES, YES),
    "Attention moves the readout towards its class more often than the MLP does": (YES, YES),
    "In the middle block, attention moves tokens on the class further than those beside it": (
        NO,
        YES,
    ),
    "In the last block, attention moves tokens beside the class further than those on it": (
        YES,
        OPEN,
    ),
    "Between the first and the last block, the class in front is mostly composed": (NO, NO),
    "In the last block, most tokens keep the class that they had in front": (YES, OPEN),
}
"""For the two embedded models, in the order of the notebook."""


@pytest.fixture(scope="module")
def found():
    return run(STEM)


def of(found, what):
    """An experiment's results of both twins."""
    return [found[what][name] for name in TWINS]


def test_every_claim_has_the_verdict_of_its_numbers(found):
    rows = verdicts_by_claim(found["claims"].rows)
    assert rows == VERDICTS
    assert list(rows) == list(VERDICTS)
    table = found["claims"].table()
    assert list(table) == COLUMNS
    for row in found["claims"].rows:
        printed = "".join(found["printed"].values())
        assert f"{row['claim']}\n" in printed
        assert all(f"  {name}: {row[name]}\n" in printed for name in TWINS)


def test_the_clearest_claims_by_their_numbers(found):
    """Not by the notebook's own cells."""
    for one in of(found, "identified"):
        rate, random = one.mean("rate"), one.baseline["rate"]
        assert rate.low[-1] > random.high[-1]
    ours, theirs = of(found, "identified")
    assert ours.mean("images").low[-1] > ours.mean("readout_rate").high[-1]
    assert theirs.mean("images").high[-1] < theirs.mean("readout_rate").low[-1]
    thing, beside = of(found, "context")
    assert (thing.scores["class"].low[1:] > thing.scores["context"].high[1:]).all()
    assert (beside.scores["class"].high[1:] < beside.scores["context"].low[1:]).all()
    for one in of(found, "built"):
        up, down = one.changes["attn_out", "tokens"], one.changes["mlp_out", "tokens"]
        assert (up.low[1:] > down.high[1:]).sum() > 2.5
        assert (up.high[1:] < down.low[1:]).sum() == 0


def test_random_weights_support_the_claim_of_one_lucky_token_and_no_other():
    def change(source):
        source = source.replace("vl.load(name)", "vl.untrained(vl.load(name), seed=1)")
        return source.replace("N_IMAGES = 300", "N_IMAGES = 40")

    cells = {"setup", "models", "judge", "identifiability", "identifiability-claims"}
    cells |= {"evolution-claims", "attention", "attention-claims", "attention-claims-cls"}
    claims = run(STEM, cells, change)["claims"].rows
    passed = [row["claim"] for row in claims for name in TWINS if row[name].startswith(YES)]
    assert passed == [list(VERDICTS)[1]] * 2


def test_what_is_said_of_identifiability(found):
    first, second = of(found, "identified")
    assert 0.25 < first.rate < 0.36  # "a quarter to a third"
    assert 0.25 < second.rate < 0.36
    for one in (first, second):
        assert f"{one.baseline['images'].mean[-1]:.2f}" == "0.47"
        assert f"{one.baseline['readout_rate'].mean[-1]:.2f}" == "0.08"
        assert one.mean("readout_rate").mean[-1] > 0.95
    assert 1 - second.mean("images").mean[-1] == pytest.approx(1 / 6, abs=0.02)
    ours, theirs = first.boxes["image tokens"], second.boxes["image tokens"]
    assert ours.lower[-1] == pytest.approx(0.88, abs=0.005)  # "half of them between 0.88 and 1"
    assert ours.upper[-1] == 1
    assert theirs.lower[-1] == pytest.approx(0.65, abs=0.005)
    climb = first.mean("score").mean
    assert climb[3] - climb[0] == pytest.approx(0.03, abs=0.005)
    assert (first.p["all_tokens"][:4] < 0.05).all()


def test_what_is_said_of_attention_cut_off(found):
    second = found["perturbed"]["toy/p32-cls"].values["self_only"]["rate"]
    assert f"{second.mean[-1]:.2f}" == "0.08"
    assert second.low[-1] < 1 / 17 < second.high[-1]
    vit = vl.load("toy/p32")
    (ours,), (theirs,) = [found["edit"]], perturbing(vit, "self_only")
    logits = [vit.trace(found["image"], edits=[edit]).logits for edit in (ours, theirs)]
    assert (logits[0] == logits[1]).all()


def test_what_is_said_of_thing_and_surroundings(found):
    first, second = of(found, "context")
    rates = [float(first.together[label].mean) for label in ("class", "context")]
    assert [f"{rate:.2f}" for rate in rates] == ["0.80", "0.13"]
    left = [float(one.alone["context"].mean) for one in (first, second)]
    assert [f"{rate:.2f}" for rate in left] == ["0.08", "0.17"]
    assert float(second.alone["class"].mean) >= float(second.together["class"].mean)
    released = vl.analysis.class_and_context(
        found["models"]["toy/p32-cls"], found["data"], n_images=300
    )
    assert f"{float(released.alone['class'].mean):.2f}" == "0.27"
    taught = vl.analysis.class_and_context(
        vl.load("toy/p32-taught"), found["data"], remove=False, n_images=100
    )
    assert taught.together["context"].low < 1 / 17 + 0.005
    assert float(taught.together["context"].mean) == pytest.approx(1 / 17, abs=0.01)
    labels = first.counts[-1].sum(1)
    assert labels[1] / labels.sum() == pytest.approx(0.8, abs=0.02)  # "four of five"


def test_what_is_said_of_sub_blocks(found):
    first, second = of(found, "built")
    middle = first.n_blocks // 2 - 1
    for one, sign in ((first, -1), (second, 1)):
        assert np.sign(one.splits["attn_out"].difference[middle]) == sign
    vit, data = found["models"]["toy/p32"], found["data"]
    reading = vl.LogitLens(vit).read(vit.trace([data[i].image for i in range(64)]))
    says = reading.top(1).index[:, :, vit.layout.patches, 0] == vit.labels.index("background")
    shares = says.float().mean((1, 2))
    assert ((shares[3:] > 0.66) & (shares[3:] < 0.75)).all()  # "seven patches of ten"
    assert (second.composition["previous"].mean[1:] < first.composition["previous"].mean[1:]).all()


def test_published_numbers_are_those_of_the_package(found):
    paper = {row["claim"]: row["in the paper"] for row in found["claims"].rows}
    words = iter(paper.values())
    rates, random = published.RATES["ViT-B/32"], published.RANDOM_RATES["ViT-B/32"]
    removed, perturbed = published.REMOVED["ViT-B/32"], published.PERTURBED["ViT-B/32"]
    tokens, readout = published.TOKEN_SCORES["ViT-B/32"], published.READOUT_SCORES["ViT-B/32"]
    changes = published.CHANGE_RATES["ViT-B/32"]
    more = [
        np.subtract(changes["attn_out", place], changes["mlp_out", place]) > 0
        for place in ("tokens", "readout")
    ]
    apart, first = published.CLASS_MINUS_CONTEXT["ViT-B/32"], published.COMPOSITION["ViT-B/32"]
    reverse = 2 + int((~more[0]).argmax())
    expected = [
        f"{rates.rate:.1%} of image tokens, {random[0]:.2%} with random weights",
        f"{rates.images:.1%} of images, and {rates.accuracy:.1%} are classified right",
        f"score {tokens[0]:.2f} after block 1, {tokens[-1]:.2f} after block 12",
        f"score {readout[5]:.2f} for CLS, {tokens[5]:.2f} for image tokens after block 6",
        f"{rates.rate:.1%} of tokens, then {perturbed['self_only']:.2%}",
        f"{rates.rate:.2%}, then {perturbed['no_cls']:.2%}",
        "in every block, p < .05",
        f"{removed['context'][0]:.1%} of context-labelled tokens",
        f"{removed['class'][0]:.1%}, without the others {removed['class'][1]:.1%}",
        f"{removed['context'][0]:.1%}, without the others {removed['context'][1]:.1%}",
        f"in {more[0].sum()} of blocks 2 to 12, the reverse in block {reverse}",
        "in each of blocks 2 to 12" if more[1].all() else "",
        f"difference of logits {apart[4]:+.2f} in block 6",
        f"difference of logits {apart[-1]:+.2f} in block 12",
        f"{first[2][3]:.0%} of tokens in block 2, {first[11][3]:.0%} in block 11",
        f"{first[12][0]:.0%} of tokens",
    ]
    assert [re.sub(r" %", "%", word) for word in words] == expected


def test_the_papers_models_are_measured_on_imagenet_s(tmp_path, monkeypatch):
    names = run_on_imagenet_s(STEM, tmp_path, monkeypatch, {"setup", "models"})
    assert list(names["models"]) == MODELS
    names = run_on_imagenet_s(STEM, tmp_path, monkeypatch)
    assert list(names["claims"].rows[0]) == ["claim", "in the paper", *TWO]
    assert len(names["claims"].rows) == len(VERDICTS)
    for what in ("identified", "perturbed", "context", "built"):
        assert [one.n_images for one in names[what].values()] == [N_IMAGES] * 2
    shown = names["identified"]["ViT-B/32"].rates()
    assert shown[published.SOURCE][0] == published.RATES["ViT-B/32"].rate
    assert names["claims"].rows[5]["GAP"] == f"{OPEN}: it has no CLS"
    saved = sorted(path.name for path in (tmp_path / "class_embedding_space_runs").iterdir())
    assert len(saved) == 8
    assert "identifiability, ViT-B-32.npz" in saved


def test_the_exercises_start_from_calls_that_work_and_their_answers_are_so(found):
    names = dict(found)
    assert start_exercises(STEM, names) == 5
    table = found["identified"]["toy/p32"].classes()
    order = [name for _, name in sorted(zip(table["rate"], table["class"], strict=True))]
    assert {*order[:2]} == {"star", "moon"}
    assert {*order[-2:]} == {"house", "cat"}
    table = found["identified"]["toy/p32-cls"].classes()
    rates = dict(zip(table["class"], table["rate"], strict=True))
    assert (f"{rates['apple']:.2f}", f"{rates['key']:.2f}") == ("0.01", "0.87")
    assert (min(rates.values()), max(rates.values())) == (rates["apple"], rates["key"])


def test_answers_of_the_exercises_are_measured():
    toy, scenes = vl.load("toy/p32"), vl.world.Scenes()
    words = {"n_images": 64}
    taught = vl.analysis.identifiability(vl.load("toy/p32-taught"), scenes, **words)
    assert f"{taught.rate:.2f}" == "0.20"
    assert taught.mean("readout_rate").mean[-1] == 1
    cut = vl.analysis.attention_perturbation(toy, scenes, rule="released", **words)
    change = cut.changes["no_cls"]
    assert f"{change.mean[-1]:.3f} ± {change.half[-1]:.3f}" == "0.016 ± 0.002"
    ways = [
        vl.analysis.class_and_context(toy, scenes, mask_rule=rule, remove=False, **words)
        for rule in ("majority", "top_left")
    ]
    rates = [f"{one.together[label].mean:.2f}" for label in ("class", "context") for one in ways]
    assert rates == ["0.94", "0.83", "0.11", "0.13"]
    two = vl.analysis.class_and_context(toy, vl.world.Scenes(objects=2), **words)
    assert f"{two.together['class'].mean:.2f}" == "0.76"
    assert f"{two.alone['context'].mean:.2f}" == "0.04"
    text = nbformat.read(NOTEBOOKS / f"{STEM}.ipynb", as_version=4).cells[-1].source
    for said in (*rates, "0.76", "0.04", "0.016 ± 0.002", "0.20", "0.01", "0.87"):
        assert said in text


def test_workers_find_the_same_numbers_by_one_variable():
    def change(source, n_workers=None):
        less = source.replace("N_IMAGES = 300", "N_IMAGES = 120")
        return less.replace("N_WORKERS = None", f"N_WORKERS = {n_workers}")

    cells = ["setup", "models", "identifiability"]
    one = run(STEM, cells, change)
    many = run(STEM, cells, lambda source: change(source, 2))
    try:
        assert "2 workers" in repr(many["executor"])
        for name in TWINS:
            tables = (names["identified"][name].table() for names in (one, many))
            assert next(tables).equals(next(tables))
    finally:
        many["executor"].shutdown()

"""What the notebook on circuits says in words is what its cells find.

It also runs on the post's experiment, in small: a thousand classes, two pictures in a folder.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import timm
from PIL import Image

import vitlens_widgets as vl
from tests.notebooks.cells import prose_of, run, says, start_exercises
from tests.notebooks.verdicts import NO, OPEN, TWINS, YES, verdicts_by_claim
from tests.small_models import shaken

STEM = "05_circuits"

VERDICTS = {
    "Two thirds of the way through, less than half of the difference is there": (YES, YES),
    "The last MLP takes from the target's logit": (NO, OPEN),
    "The head that speaks most for the target is in the last block": (YES, YES),
    "A head of the last block, exchanged alone, turns the answer": (YES, YES),
    "No other head turns the answer": (NO, NO),
    "The head that turns most answers is the one that adds most to them": (YES, NO),
}
"""For the two embedded models, in the order of the notebook."""

POST = ("cat_dog.jpeg", "cat_crop.jpeg")


@pytest.fixture(scope="module")
def found():
    return run(STEM)


@pytest.fixture(scope="module")
def prose():
    return prose_of(STEM)


def test_every_claim_has_the_verdict_of_its_numbers(found):
    verdicts = verdicts_by_claim(found["claims"].rows)
    assert verdicts == VERDICTS
    assert list(verdicts) == list(VERDICTS)
    table = found["claims"].table()
    assert list(table)[:2] == ["claim", "in the post"]
    assert len(table) == len(VERDICTS)


def test_a_corrupted_scene_is_the_clean_one_but_for_the_thing(found):
    scene = found["scene"]
    changed = (vl.world.without(scene, "cat").image != scene.image).any(-1)
    assert changed.any()
    around = np.pad(scene.instance_mask == 1, 2)
    near = sum(np.roll(around, (y, x), (0, 1)) for y in (-2, 0, 2) for x in (-2, 0, 2)) > 0
    assert not changed[~near[2:-2, 2:-2]].any()  # smooth edges reach a pixel or two beyond the mask


def test_what_is_said_of_attribution(found, prose):
    adds, text = found["written"].parts.heads[-1, 0], prose["attribution-honest"]
    says(text, "by 1.5", "2.8 logits", "ahead by 3.0")
    assert [f"{value:+.1f}" for value in (adds[5, 2], adds[5, 1])] == ["+2.8", "-1.5"]
    assert found["written"].rest < 1e-5
    gap = found["written"].parts.logits[:, 0]
    assert f"{gap[-1]:.1f}" == "3.0"
    name = TWINS[0]
    own = found["own"][name][found["chosen_on"][name].counts].mean(0)
    assert f"{own[-1] - own[-2]:.1f}" == "1.3"
    assert found["in_last_block"](name)[found["chosen_on"][name].counts].all()


def test_one_head_turns_the_answer_of_the_scene(found):
    printed = found["printed"]["switch"].splitlines()
    assert printed[0].split(": ")[1].strip().startswith("cat 0.91")
    assert printed[1].split(": ")[1].strip().startswith("dog")
    turned = (found["sweep"].metric[0] < 0).sum()
    assert turned == 6  # "six heads each do it alone"


def test_what_is_said_of_heads_that_decide(found, prose):
    text, (first, second) = prose["general-honest"], TWINS
    assert found["best"] == {first: (5, 1), second: (4, 1)}
    rows = [[f"{one.value:.2f}" for one in found["marked"][name].values()] for name in TWINS]
    assert [row[1] for row in rows] == ["0.29", "0.15"]
    assert [row[2] for row in rows] == ["0.00", "0.00"]
    assert rows[0][3] in ("0.33", "0.34")
    assert rows[1][3] == "0.15"
    assert float(rows[0][0]) == pytest.approx(0.75, abs=0.01)
    assert float(rows[1][0]) > 0.5
    says(text, "0.29 and 0.15", "0.65 and 0.58", "0.34 and 0.15")
    others = [found["turns"](name, found["second"][name]).value for name in TWINS]
    assert [f"{one:.2f}" for one in others] == ["0.65", "0.58"]
    for name, ahead, behind in ((first, "1.2", "6.8"), (second, "1.4", "5.4")):
        some = found["pairs"][name]
        clean, corrupted = (
            found["difference"](some, one)[some.counts].mean()
            for one in (some.clean, some.corrupted)
        )
        assert [f"{clean:.1f}", f"{-corrupted:.1f}"] == [ahead, behind]
    adds = [
        found["spoken"][name][found["chosen_on"][name].counts].mean(0)[found["best"][name]]
        for name in TWINS
    ]
    assert [f"{one:+.2f}" for one in adds] == ["+0.34", "-0.30"]
    says(text, "+0.34", "-0.30")
    assert "L5 H1, 0.88; L5 H1: 0.88; a head on average 0.12" in found["printed"]["things"]
    assert "L4 H1: 0.07" in found["printed"]["things"]
    printed = found["printed"]["marks-random"]
    assert printed.count("rank higher in 1 of 30") == 2  # "hardly ever"


def test_the_circuit_is_small_and_answers_something_else(found, prose):
    circuit = found["circuit"]
    assert 30 <= circuit.size <= 50  # "some forty"
    assert circuit.graph.n_edges == 703
    assert circuit.share == pytest.approx(0.8, abs=0.02)
    assert circuit.random.max() < 0.2
    assert circuit.without == pytest.approx(-0.16, abs=0.02)
    labels = found["vit"].labels
    assert labels[int(circuit.answers[0].argmax())] == "tree"
    says(
        prose["circuit-honest"],
        "-0.16 of it",
        "from 5.1 down to -0.2",
        "1.0, where the model says 5.9",
    )
    cat, dog = (labels.index(name) for name in ("cat", "dog"))
    runs = (found["clean"].logits[0], circuit.answers[0], found["corrupted"].logits[0])
    assert [f"{float(run[cat]):.1f}" for run in runs[:2]] == ["5.9", "1.0"]
    assert [f"{float(run[dog]):.1f}" for run in runs[1:]] == ["-0.2", "5.1"]


def test_what_is_said_of_circuits_on_other_pairs_is_so(found, prose):
    """A circuit of one pair is its own; one by lot is as good; one of many pairs is large."""
    circuits, judged = found["circuits"], found["judged"]
    one, lot, ranked, many = circuits.values()
    assert list(circuits)[2:] == ["of this pair, by rank", "of 12 pairs, by rank"]
    assert one is found["circuit"]
    assert all((judged[name].edges == each.edges).all() for name, each in circuits.items())
    columns = found["columns_of_circuits"]
    assert columns["of other pairs"] == [0.02, 0.02, 0.9, 0.73]
    assert columns["± (of other pairs)"] == [0.01, 0.03, 0.03, 0.09]
    assert columns["answers like the model, of 12"] == [0, 0, 5, 2]
    assert [round(share, 1) for share in columns["share of its own gap"]] == [0.8] * 4
    assert [lot.size, ranked.size, many.size] == [58, 583, 502]
    assert many.labels[int(ranked.answers[0].argmax())] == "cat"
    assert columns["edges shared"][1] == 22
    assert lot.minimal
    assert [len(each.kept) for each in judged.values()] == [12] * 4
    answers = [many.labels[int(each)] for each in many.answers.argmax(1)]
    assert [answers.count(name) for name in ("cat", "dog")] == [4, 8]
    says(
        prose["circuit-null-honest"],
        "58 edges",
        "583 edges",
        "502 edges",
        "0.90 ± 0.03",
        "0.73 ± 0.09",
        "22 of them",
        "0.02 ± 0.01",
        "0.02 ± 0.03",
    )
    says(prose["circuit-null-honest"], "call 4 so and 8", "call 2 so, and the 583 edges 5")


def test_an_interval_of_a_share_reaches_as_far_as_wilsons(found):
    for n, so in ((50, 0), (50, 50), (10, 3), (37, 30)):
        oracle = scipy.stats.binomtest(so, n).proportion_ci(method="wilson")
        wider = max(oracle.high - so / n, so / n - oracle.low)
        estimated = found["share"](np.arange(n) < so)
        assert estimated == pytest.approx((so / n, wider), abs=1e-4)
        assert estimated.half > 0.05


def test_patches_take_notes_late_that_are_not_read(found, prose):
    probes = found["probes"]
    share = {key: np.nanmean(values, axis=1) for key, values in probes.items()}
    for name, late in zip(TWINS, ("0.92", "0.94"), strict=True):
        beside, random = share[name, "trained", "beside it"], share[name, "random", "beside it"]
        assert (beside[:5] < random[:5] + 0.1).all()
        assert f"{beside[5]:.2f}" == late
        assert share[name, "trained", "farther away"][5] > 0.75
        assert share[name, "trained", "CLS"][3] > 0.94
        assert share[name, "trained", "on the thing"][0] == pytest.approx(0.8, abs=0.03)
    says(prose["notepad-honest"], "0.92 and 0.94")
    for name in TWINS:
        right, blind, lost = (
            found["answered"](found["models"][name], hidden).value
            for hidden in (None, "background", "thing")
        )
        assert blind >= right
        assert lost == 0


def test_one_way_attention_costs_little(found, prose):
    lines = found["printed"]["causal-run"].splitlines()
    shares = [f"{100 * float(line.split(': ')[-1].split()[0]):.0f}" for line in lines]
    assert shares[:4] == ["98", "90", "86", "94"]
    assert shares[5:9] == ["98", "95", "95", "97"]
    assert all(45 < int(share) < 60 for share in (shares[4], shares[9]))  # "about half"
    says(prose["causal-honest"], "90 %", "86 %", "94 %", "95, 95 and 97 %")


def test_the_exercises_start_from_calls_that_work_and_their_answers_are_so(found, prose):
    names = dict(found)
    assert start_exercises(STEM, names) == 4
    mended = names["mended"]
    assert mended.share.max() == pytest.approx(0.25, abs=0.005)
    assert f"{mended.metric.max():.2f}" == "-3.75"
    assert names["alone"].size == 624
    labels = names["alone"].labels
    assert [labels[int(one)] for one in names["alone"].answers.argmax(1)] == ["cat"]
    says(prose["exercises"], "624 of 703", "0.62 to 0.72", "0.96")
    assert f"{names['found'].share[0][-1].item():.2f}" == "0.96"  # the last site: attention
    mlps = vl.analysis.activation_patching(
        names["clean"],
        names["corrupted"],
        names["metric"],
        site="mlp_out",
        by="layer",
        how="noising",
    ).share[0]
    most = [f"{one:.2f}" for one in (mlps[:-1].min(), mlps[:-1].max())]
    assert most == ["0.62", "0.72"]
    twin = vl.analysis.activation_patching(*names["runs"], names["metric"], how="noising")
    assert [f"{twin.share[0][where]:.2f}" for where in ((1, 2), (4, 1))] == ["0.70", "0.28"]
    assert twin.strongest(1) == [(1, 2)]
    assert twin.metric[0, 4, 1] > 0


def test_the_posts_experiment_runs_on_its_own_pictures(tmp_path, monkeypatch):
    image = vl.world.scene(0, size=(90, 100)).image
    for name, pixels in zip(POST, (image, 0 * image), strict=True):  # one of them is black
        Image.fromarray(pixels).save(tmp_path / name)
    asked = []

    def narrow(name, **words):
        asked.append(name)
        words |= {"embed_dim": 24, "num_heads": 2, "depth": 3, "num_classes": 1000}
        return load(shaken(timm.create_model("vit_base_patch32_224", **words)))

    load = vl.load
    monkeypatch.setattr(vl, "load", narrow)
    with pytest.warns(UserWarning, match="pixels from 0 to 1"):  # as the post shows them
        names = run(
            STEM,
            change=lambda source: source.replace(
                "POST_IMAGES = None", f"POST_IMAGES = {str(tmp_path)!r}"
            ).replace("HEAD = 1 if drawn else 4", "HEAD = 1"),
        )
    assert asked == ["vit_base_patch32_224.augreg_in21k_ft_in1k"]
    assert names["clean"].n_images == 1
    assert names["asked"] == [[281], [232]]
    assert list(names["claims"].rows[0]) == ["claim", "in the post", asked[0]]
    assert len(names["claims"].rows) == len(VERDICTS)
    assert "in the post:" in names["printed"]["switch-post"]

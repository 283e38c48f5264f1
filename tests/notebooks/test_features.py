"""What the notebook on features says in words is what its cells find."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

import vitlens_widgets as vl
from tests.notebooks.cells import prose_of, run, says, start_exercises
from tests.notebooks.verdicts import NO, OPEN, YES, verdict

STEM = "11_features"


@pytest.fixture(scope="module")
def found():
    return run(STEM)


@pytest.fixture(scope="module")
def prose():
    return prose_of(STEM)


def test_what_is_said_of_the_most_selective_neuron(found, prose):
    told, text = found["told"], prose["activations-honest"]
    late, first = found["late"], found["first"]
    assert (late, first) == (4, 271)
    at = told.labels.index("house")
    assert int(told.best[late, first]) == at
    assert f"{told.auc[late, first, at]:.3f}" == "1.000"
    judged = found["judged"]
    assert f"{judged.auc[late, first, at]:.3f}" == "0.996"
    ends = [f"{end[late, first, at]:.3f}" for end in (judged.low, judged.high)]
    assert ends == ["0.939", "1.000"]
    assert f"{told.null:.3f}" == "0.727"
    assert told.auc.shape == (6, 768, 16)
    says(text, "271 of block 4", "1.000", "0.996", "0.939 to 1.000", "4,608", "0.727")


def test_what_is_judged_is_not_what_was_chosen_by(found):
    chosen, judged = ({found[name].source(i) for i in range(300)} for name in ("data", "unseen"))
    assert not chosen & judged
    assert "house: AUC 1.000 where chosen, 0.996" in found["printed"]["activations"]


def test_what_is_said_of_superposition(found, prose):
    text, counts = prose["superposition-honest"], found["served"](found["told"])
    assert (counts[:3] == 0).mean(1).min() > 0.9
    shares = [some.mean() for layer in (4, 5) for some in (counts[layer] == 1, counts[layer] > 1)]
    assert [f"{one:.2f}" for one in shares] == ["0.48", "0.12", "0.48", "0.35"]
    says(text, "0.48 of the neurons tell one class and 0.12", "last block 0.48 and 0.35")
    assert found["double"] == 44
    two = np.argsort(-found["told"].auc[4, 44])[:2]
    assert [found["told"].labels[i] for i in two] == ["car", "key"]
    assert [f"{one:.3f}" for one in found["judged"].auc[4, 44, two]] == ["0.965", "0.953"]
    says(text, "cars (AUC 0.965) and keys (0.953)", "a share of 0.996")
    says(found["printed"]["serve"], "on other images, too: 0.996 of them")


def test_what_is_said_of_what_neurons_write(found, prose):
    text = prose["writes-honest"]
    rank = found["rank"]
    assert (f"{rank.value:.1f}", f"{rank.half:.1f}", found["luck"]) == ("2.0", "0.8", 9)
    written, heads = found["written"], found["heads"]
    assert f"{written.logits.max():.3f}" == "0.095"
    assert f"{written.chance:.3f}" == "0.137"
    assert (found["early"], found["source"]) == (2, 214)
    kind, layer, head = np.unravel_index(heads.ratio.argmax(), heads.ratio.shape)
    assert (heads.kinds[kind], heads.layers[layer], head) == ("query", 3, 0)
    assert [f"{one:.2f}" for one in (heads.ratio.max(), heads.chance[kind])] == ["1.38", "1.32"]
    assert (heads.ratio.max((1, 2)) > heads.chance).tolist() == [False, False, True]
    assert heads.ratio[kind].size == 9
    says(text, "2.0 ± 0.8 of 17", "0.095", "0.137", "L3 H0: 1.38", "1.32", "nine later heads")
    printed = found["printed"]["partners"]
    says(printed, "correlation 0.80 ± 0.06 (null 0.03, of all there 0.17 at most)")
    says(printed, "correlation 0.72 ± 0.11 (null 0.03, of all there 0.19 at most)")
    says(text, "0.80 ± 0.06", "0.72 ± 0.11", "0.03", "0.19")


def test_what_is_said_of_single_neurons_switched_off(found, prose):
    own, more = found["effects"].own["KL"], found["effects"].more["KL"]
    assert own.mean.max() < 1e-4
    assert (more.low < 0).all()  # "no more than with any other push"
    says(prose["turned-honest"], "0.0001 nats", "six")
    assert (
        found["turned"].logits.argmax(-1).tolist() == [vl.load("toy/p32").labels.index("star")] * 6
    )


def test_what_is_said_of_the_autoencoder(found, prose):
    worth, text = found["worth"]["measured"], prose["sae-honest"]
    shares = [f"{worth[name]:.1%}" for name in ("explained variance", "recovered")]
    says(text, *(one.replace("%", " %") for one in shares))
    neurons, latents = (found["several"][name] for name in ("neurons", "latents"))
    assert latents.above(neurons) is None  # "the intervals overlap"
    says(text, *(f"{one.value:.2f} ± {one.half:.2f}" for one in (neurons, latents)))
    shares = [(found["served"](one) > 0).mean(-1) for one in (found["told"], found["by_latent"])]
    says(text, f"{shares[0][4]:.2f} of the neurons", f"{shares[1][0]:.2f} of the latents")


def test_what_is_said_of_single_truths(found, prose):
    best, text = found["told_best"], prose["truths-honest"]
    for kind in ("class", "part"):
        says(text, *(f"{float(best.mean_f1(one, kind).mean):.3f}" for one in best.features))
    sure = {
        kind: [int(gain.mean > gain.half) - int(gain.mean < -gain.half) for gain in gains]
        for kind in best.kinds
        for gains in [[best.gain(kind, over=other) for other in best.features[1:]]]
    }
    assert sure == {
        "class": [1, 1],
        "color": [0, 0],
        "place": [-1, 0],
        "size": [1, 1],
        "part": [1, 1],
    }
    for kind, other in (("class", "neurons"), ("part", "neurons"), ("class", "channels")):
        gain = best.gain(kind, over=other)
        says(text, f"{float(gain.mean):.3f} ± {float(gain.half):.3f}")
    rows = best.table().query("features == 'latents'").sort_values("F1", ascending=False)
    says(text, f"latent {found['top']}", rows["truth"].iloc[0], f"F1 {rows['F1'].iloc[0]:.2f}")


def test_what_is_said_of_steering(found, prose):
    each = r"(?:neurons|latents|by lot) (\d+)"
    said = [re.findall(each, line) for line in found["printed"]["steered"].splitlines()]
    neurons, lot, latents, latents_by_lot = np.array(said, int).T
    assert neurons.tolist() == [3, 9, 13]
    assert latents.tolist() == [15, 16, 16]
    assert max(*lot, *latents_by_lot) <= 3
    says(prose["steer-honest"], "to three of them", "to nine", "to thirteen", "fifteen of sixteen")
    states = found["trace"].states[found["late"] + 1][0].norm(dim=-1)
    assert 33 < states.mean() < 35


def test_what_is_said_of_places(found, prose):
    best, text = found["told_best"], prose["place-honest"]
    for one in best.features:
        says(text, f"{float(best.mean_f1(one, 'place').mean):.3f}")
    assert found["mark"] < 0.03


def test_what_is_said_of_clip(found, prose):
    shares = found["shares"]
    pairs = [(shares[name].value, shares[name].half) for name in ("toy/p32", "toy/clip")]
    assert [f"{one:.2f}" for one in np.ravel(pairs)] == ["0.63", "0.07", "0.18", "0.03"]
    says(prose["clip-honest"], "0.63 ± 0.07", "0.18 ± 0.03")


def test_every_claim_has_the_verdict_of_its_numbers(found):
    rows = found["claims"].rows
    assert [verdict(row["toy/p32"]) for row in rows] == [
        *(YES, OPEN, OPEN, NO),
        *(YES, OPEN, NO, YES, YES),  # class, color, place, size, part
    ]


def test_the_exercises_start_from_calls_that_work_and_their_answers_are_so(found):
    names = dict(found)
    assert start_exercises(STEM, names) == 3
    assert np.mean(names["ranks"]) < 9  # which luck gives
    assert names["without"] == ["star"] * 3


def test_it_runs_on_photographs_with_an_autoencoder_of_a_file(found, tmp_path):
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(4):  # of which half are judged on
            pixels = rng.integers(0, 256, (90, 100, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
    kept = tmp_path.parent / "sae.safetensors"
    found["sae"].save(kept)
    usual = '"toy/p32", None, "toy/p32/5"'
    changes = {
        usual: f'"toy/p32", {str(tmp_path)!r}, {str(kept)!r}',
        "N_IMAGES = 300": "N_IMAGES = 4",
        "n_images=16": "n_images=2",
        "n_images=N_IMAGES // 3": "n_images=4",
    }

    def change(source):
        for old, new in changes.items():
            source = source.replace(old, new)
        return source

    names = run(STEM, change=change)
    assert names["shares"] == {}
    assert len(names["claims"].rows) == 3

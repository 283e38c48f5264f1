"""What the notebook on relevance says of the embedded models in words is what its cells find.

Its verdicts follow the numbers, whatever they are; and it runs as the paper's experiment.
"""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.imagenet_s import write_imagenet_s
from tests.notebooks.cells import run, start_exercises
from tests.notebooks.papers_experiment import run_on_imagenet_s
from tests.notebooks.verdicts import NO, OPEN, TWINS, YES, verdict, verdicts_by_claim
from vitlens_widgets.analysis.class_space.published import PROBES, REMOVAL_AUC, SOURCE
from vitlens_widgets.analysis.over_images import OverImages

STEM = "08_relevance_and_probes"

VERDICTS = {
    "A map in class embedding space is about its class": (YES, YES),
    "In what the last block's attention adds, probes read more than the model's own classifier": (
        OPEN,
        YES,
    ),
    "In the last state, the model's own classifier reads more than probes": (NO, NO),
    "Removing what is least relevant in class embedding space does less harm than at random": (
        OPEN,
        OPEN,
    ),
    "Removing what is most relevant there does more harm than at random": (YES, YES),
    "With half of the patches gone, it matters which half": (YES, YES),
    "Class embedding does about as well as Chefer's rule, least relevant first": (OPEN, OPEN),
    "Class embedding does about as well as Chefer's rule, most relevant first": (NO, OPEN),
    "Linear probes find the patches less well: least relevant first": (OPEN, OPEN),
    "Linear probes find the patches less well: most relevant first": (OPEN, YES),
}
"""For the two embedded models, in the order of the notebook."""

FREE, BOTH = "released", "released x attention, what speaks for"


@pytest.fixture(scope="module")
def found():
    return run(STEM)


def clearly_above(one, other):
    """Of two (mean, half)."""
    return one[0] - one[1] > other[0] + other[1]


def test_methods_that_follow_attention_point_at_the_thing(found):
    apart = found["apart"]
    for name in TWINS:
        for method in ("chefer", "gradient_rollout", "rollout"):
            assert apart[name, method][0] == pytest.approx(0.88, abs=0.025)
    assert apart["toy/p32", "class_embedding"] == pytest.approx((0.555, 0.06), abs=0.02)
    assert apart["toy/p32-cls", "class_embedding"][0] == pytest.approx(0.68, abs=0.02)
    text, released = (apart["toy/p32", f"class_embedding{rule}"] for rule in ("_text", ""))
    assert clearly_above(text, released)


def test_which_thing_is_meant_is_another_question(found):
    own, methods = found["own"], found["METHODS"]
    for name in TWINS:
        scores = {method: own[name, method][0] for method in methods}
        assert max(scores, key=scores.get) == "class_embedding_text"
        assert scores.pop("rollout") == 0.5
        assert min(scores.values()) > 0.6


def test_probes_read_the_class_everywhere_and_beside_the_thing(found):
    for name in TWINS:
        values = found["probes"][name].image_tokens
        probe, classifier = (values["resid_post", kind] for kind in ("accuracy", "projection"))
        assert clearly_above(*((one.mean[-1], one.half[-1]) for one in (probe, classifier)))
    rim = np.ones((7, 7), bool)
    rim[1:-1, 1:-1] = False
    even, beside = (found["probes"][name].patches(5) for name in TWINS)
    assert even[rim].mean() - even[2:5, 2:5].mean() < 0.1
    assert even.min() > 0.6
    assert beside[rim].mean() - beside[2:5, 2:5].mean() > 0.2
    assert beside[2:5, 2:5].mean() < 0.35


def test_the_removal_test_is_as_the_prose_has_it(found):
    for name in TWINS:
        area = {
            curve: (float(one.mean), float(one.half))
            for curve, one in found["removed"][name].auc["released"].items()
        }
        chance = area["random"]
        assert clearly_above(chance, area["class_embedding_positive"])
        assert clearly_above(area["class_embedding_positive"], area["chefer_positive"])
        assert not clearly_above(area["class_embedding_negative"], chance)
        assert clearly_above(area["class_embedding_text_negative"], chance)
        assert area["rollout_negative"][0] > area["chefer_negative"][0] - 0.03
        worst = min(area, key=lambda curve: area[curve][0] if "negative" in curve else 1)
        assert worst == "linear_probe_negative"
        assert not clearly_above(area["linear_probe_negative"], chance)


def test_every_suspect_is_cleared_or_convicted_as_the_prose_has_it(found):
    thing, change = found["thing"], found["change"]
    verdicts = {
        (name, suspect): change(*(thing[name, one] for one in pair))[0]
        for name in TWINS
        for suspect, pair in found["SUSPECTS"].items()
    }
    for name in TWINS:
        assert verdicts[name, "1. no softmax"] == "no difference"
        assert verdicts[name, "2. the sign turned"] != "better"
        assert verdicts[name, "6. what speaks for, no attention"] == "no difference"
        assert verdicts[name, "5 and 6 together"] == "better"
        before, after = (np.nanmean(thing[name, which]) for which in (FREE, BOTH))
        early = np.nanmean(thing[name, "released, later half of the blocks"]) - before
        assert early < 0.07 < 0.2 < after - before
        assert verdicts[name, "4. the state is read"] == "better"
    pairs = [(name, which) for name in TWINS for which in ("logit", "logit of the state")]
    means = [np.nanmean(thing[pair]) for pair in pairs]
    assert means == pytest.approx([0.59, 0.81, 0.63, 0.71], abs=0.01)


def test_with_two_things_the_methods_change_places(found):
    for name in TWINS:
        area = {
            (things, curve.removesuffix("_negative")): value
            for (model, things, curve), value in found["areas"].items()
            if model == name
        }
        one, two = (
            {method: value for (which, method), value in area.items() if which == things}
            for things in ("one thing", "two things")
        )
        assert one["chefer"][0] > one["class_embedding_text"][0]
        assert clearly_above(one["rollout"], one["random"])
        assert not clearly_above(two["rollout"], two["random"])
        assert two["class_embedding_text"][0] > two["chefer"][0] + 0.1
        assert not clearly_above(two["class_embedding"], two["chefer"])
        assert not clearly_above(two["chefer"], two["class_embedding"])
        product, positive = (two[method.name] for method in found["OURS"])
        assert product[0] > two["chefer"][0] + 0.1
        assert product[0] > positive[0] + 0.15


def test_the_sizes_say_why_and_the_mended_map_is_not_about_its_class(found):
    sizes, thing, other = (found[name] for name in ("sizes", "thing", "other"))
    for name, against, alone in zip(TWINS, (0.80, 0.77), (0.89, 0.90), strict=True):
        assert sizes[name, FREE] == pytest.approx(1.05, abs=0.15)
        assert sizes[name, "attention alone"] == pytest.approx(4.1, abs=0.3)
        mean = {which: np.nanmean(thing[name, which]) for which in found["VARIANTS"]}
        assert mean["released x attention, what speaks against"] == pytest.approx(against, abs=0.01)
        assert mean["attention alone"] == pytest.approx(alone, abs=0.01)
        of_two = {which: np.nanmean(other[name, which]) for which in found["VARIANTS"]}
        assert of_two["attention alone"] == pytest.approx(0.5)
        assert of_two[BOTH] - of_two[FREE] < 0.08
        assert of_two["released x attention"] > of_two[BOTH] + 0.05
        assert of_two["released x attention"] == pytest.approx(0.795, abs=0.02)


def test_a_change_for_the_better_read_backwards_is_one_for_the_worse(found):
    before, after = (found["thing"]["toy/p32", which] for which in (FREE, BOTH))
    assert [found["change"](*pair)[0] for pair in ((before, after), (after, before))] == [
        "better",
        "worse",
    ]
    assert found["change"](before, before)[0] == "no difference"


def test_the_verdicts_on_the_embedded_models(found):
    said = verdicts_by_claim(found["claims"].rows)
    assert said == VERDICTS
    assert list(said) == list(VERDICTS)


def test_the_exercises_start_from_calls_that_work(found):
    assert start_exercises(STEM, dict(found)) == 5


def result(values, half):
    return OverImages(np.array(values), None, np.full(np.shape(values), half), 5)


def experiment(areas, halves_left, half):
    """A perturbation test with these areas, and these accuracies with half of the patches gone."""
    curves = {f"class_embedding_{order}": left for order, left in halves_left.items()}
    return SimpleNamespace(
        auc={"released": {curve: result(value, half) for curve, value in areas.items()}},
        removed=np.array([0.1, 0.48, 0.9]),
        curve=lambda name: result([0.8, curves[name], 0.1], half),
    )


def verdicts_of(section, **given):
    """What the claims of a section say of a model whose experiments found what is given."""
    given |= {"models": ["model"], "vl": vl, "estimate": vl.analysis.estimate}
    cells = {"", "-half", "-chefer", "-probes"}
    names = run(STEM, {"judge", *(f"{section}-claims{part}" for part in cells)}, given=given)
    return [verdict(row["model"]) for row in names["claims"].rows]


def test_verdicts_of_the_removal_test_follow_its_numbers():
    published = REMOVAL_AUC["ViT-B/32"]
    swap = {"negative": "positive", "positive": "negative"}
    turned = {
        f"{name}_{swap[order]}" if name else order: value
        for (name, _, order), value in zip(
            (curve.rpartition("_") for curve in published), published.values(), strict=True
        )
    }

    def verdicts(areas, left, half):
        removed = {"model": experiment(areas, left, half)}
        return verdicts_of("removal", removed=removed, np=np)

    left = {"negative": 0.84, "positive": 0.30}
    assert verdicts(published, left, 0.005) == [YES] * 7
    away = verdicts(turned, {"negative": 0.30, "positive": 0.84}, 0.005)
    # Turned, it is still as far from Chefer's rule as before.
    assert away == [NO, NO, NO, YES, YES, NO, NO]
    assert verdicts(published, left, 0.5) == [OPEN] * 7
    far = published | {"chefer_negative": 0.99, "chefer_positive": 0.1}
    assert verdicts(far, left, 0.005)[3:5] == [NO] * 2


def _read(values, half):
    """By site and measure, as the paper has it at the last block."""
    return {key: result([list(by_block.values())[-1]], half) for key, by_block in values.items()}


def test_verdicts_on_probes_follow_their_numbers():
    values = PROBES["ViT-B/32"]
    other = {"accuracy": "projection", "projection": "accuracy"}
    turned = {(site, other[kind]): value for (site, kind), value in values.items()}

    def verdicts(of, half):
        probes = {"model": SimpleNamespace(image_tokens=_read(of, half))}
        return verdicts_of("probes", probes=probes)

    assert verdicts(values, 0.01) == [YES] * 2
    assert verdicts(turned, 0.01) == [NO] * 2
    assert verdicts(values, 0.3) == [OPEN] * 2


def test_the_papers_model_is_held_against_the_published_numbers(tmp_path, monkeypatch):
    folder = tmp_path / "ImageNetS50"
    write_imagenet_s(folder)
    shutil.copytree(folder / "validation", folder / "test")
    names = run_on_imagenet_s(STEM, tmp_path, monkeypatch)
    assert list(names["models"]) == ["ViT-B/32"]
    tested = names["removed"]["ViT-B/32"]
    assert tested.kept.tolist() == list(range(48, 0, -1))
    assert tested.n_images == names["data"].count == 10
    assert tested.table()[SOURCE][:2].tolist() == [0.83629, 0.41282]
    assert tested.published["linear_probe_negative"] == 0.73852
    probed = names["probes"]["ViT-B/32"]
    assert probed.n_train > 50
    assert probed.table()[f"state, probe, {SOURCE}"].iloc[-1] == 0.505
    assert len(names["claims"].rows) == 9  # all but the one on scenes of two things
    kept = sorted(path.name for path in (tmp_path / "relevance_runs").iterdir())
    assert len(kept) == 4  # probes' test and features, removal with random orders and without

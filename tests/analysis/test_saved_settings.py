"""A saved run is one of its settings: with any of them another, its file is refused."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.over_data import OVER_DATA
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets import analysis
from vitlens_widgets.analysis import ClassEmbedding
from vitlens_widgets.data import Examples

OTHER = {
    "activations": [{"site": "resid_pre"}, {"layers": [0]}, {"classes": [1]}, {"k": 3}],
    "best_features": [{"layer": 0}, {"least": {"class": 0.3}}, {"n_shuffles": 3}],
    "identifiability": [{"rule": "text"}],
    "attention_perturbation": [{"rule": "text"}, {"kinds": ["self_only"]}],
    "class_and_context": [{"rule": "text"}, {"mask_rule": "majority"}, {"remove": False}],
    "class_similarity_change": [
        {"rule": "text"},
        {"mlp_input": "resid_mid"},
        {"mask_rule": "majority"},
    ],
    "mean_attribution": [{"target": ["class 1"]}, {"center": True}],
    "deciding_heads": [{"target": "answer"}, {"by": "grey"}, {"how": "denoising"}],
    "cumulative_ablation": [
        {"strength": 4.0},
        {"n_random": 2},
        {"seed": 2},
        {"n_points": 4},
    ],
    "overlay_study": [{"strength": 4.0}, {"size": 0.3}, {"seed": 2}],
    "decoded_states": [{"seed": 2}],
    "decoded_heads": [{"strength": 4.0}, {"nulls": False}, {"n_permutations": 9}, {"seed": 2}],
    "key_value_agreement": [{"k": 3}, {"rule": "text"}, {"coefficients": "post"}],
    "perturbation_test": [
        {"n_points": 2},
        {"n_random": 1},
        {"target": "answer"},
        {"methods": ["rollout"]},
        {"methods": [ClassEmbedding("text", "logit"), "chefer"]},
    ],
    "text_span": [{"layers": [0]}],
    "feature_effects": [{"features": [[0, 3]]}, {"n_random": 2}, {"seed": 2}],
    "lens_agreement": [],  # lenses are of a model: tested with their own
}
"""Other settings of every experiment over data; probes' are tested with their own."""
SOME = {"perturbation_test": {"n_points": 3, "n_random": 0}}


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS"))


def test_every_experiment_over_data_is_asked_with_other_settings():
    assert set(OTHER) == set(OVER_DATA)


@pytest.mark.parametrize("name", OTHER)
def test_titles_say_what_is_not_as_in_the_paper(vit, name):
    experiment, data = getattr(analysis, name), examples(vit, 1)
    few = {"n_points": 2, "n_random": 0} if name == "perturbation_test" else {}
    plain = experiment(vit, data, **few).title
    assert plain == f"{vit.name}, 1 image of {data!r}"
    for other in OTHER[name]:
        (word, value), *_ = other.items()
        said = experiment(vit, data, **{**few, **other}).title
        settles = word not in ("features", "kinds", "remove", "n_points", "n_random", "methods")
        assert said == plain + f", {word}={value!r}" * settles


@pytest.mark.parametrize("name", OTHER)
def test_a_file_of_other_settings_is_refused(vit, tmp_path, name):
    experiment, data, words = getattr(analysis, name), examples(vit, 2), SOME.get(name, {})
    experiment(vit, data, save_to=tmp_path, **words)
    assert len(list(tmp_path.iterdir())) == 1
    for other in OTHER[name]:
        with refused(vl.UsageError):
            experiment(vit, data, save_to=tmp_path, **{**words, **other})


def test_another_baseline_is_another_setting(vit, tmp_path):
    data = examples(vit, 2)
    first, second = (vl.untrained(vit, seed=seed) for seed in (1, 2))
    analysis.identifiability(vit, data, baseline=first, save_to=tmp_path)
    for other in (second, None):
        with refused(vl.UsageError):
            analysis.identifiability(vit, data, baseline=other, save_to=tmp_path)


class Powers:
    """A method of which the name does not say all."""

    name = "powers"

    def __init__(self, power):
        self.settings = {"power": power}

    def __call__(self, trace, _classes):
        return (trace.states[-1] ** self.settings["power"]).sum(-1)


def test_a_methods_own_settings_are_settings(vit, tmp_path):
    data, words = examples(vit, 2), {"n_points": 2, "n_random": 0, "save_to": tmp_path}
    analysis.perturbation_test(vit, data, methods=Powers(2), **words)
    with refused(vl.UsageError):
        analysis.perturbation_test(vit, data, methods=Powers(4), **words)


def test_masks_are_a_setting_where_they_split_what_is_measured(vit, tmp_path):
    data = examples(vit, 2)
    analysis.class_similarity_change(vit, data, save_to=tmp_path)
    bare = Examples([(data[i].image, data[i].label) for i in range(2)], vit.labels, "noise 0")
    with refused(vl.UsageError):
        analysis.class_similarity_change(vit, bare, save_to=tmp_path)

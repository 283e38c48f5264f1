"""The figures of class embedding space hold the numbers of the results."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from bokeh.models import Span

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import MODELS, examples
from tests.sentences import refused
from tests.small_models import timm_model


@pytest.fixture(scope="module")
def vit():
    return vl.load(MODELS["CLS"]())


def drawn(plot):
    """Values by the curve's name, in the order of drawing (`plot.select` has none)."""
    sources = [renderer.data_source.data for renderer in plot.renderers]
    return {data["curve"][0]: data["value"] for data in sources if "curve" in data}


def test_identifiability_has_tokens_readout_baseline_and_published_curves(vit):
    baseline = vl.untrained(vit)
    found = vl.analysis.identifiability(vit, examples(vit), baseline=baseline)
    curves = drawn(found.figure())
    assert list(curves) == [
        "image tokens",
        "readout",
        "image tokens, baseline",
        "readout, baseline",
    ]
    np.testing.assert_allclose(curves["image tokens"], found.mean("score").mean)
    np.testing.assert_allclose(curves["readout, baseline"], found.baseline["readout_score"].mean)
    assert found.figure().select_one(Span).location == pytest.approx(12 / 22)
    assert list(drawn(found.figure("images"))) == ["any image token", "any image token, baseline"]
    twelve = dataclasses.replace(
        found,
        state_names=[str(k) for k in range(13)],
        values={name: _longer(one) for name, one in found.values.items()},
        baseline=None,
        p={},
        paper="ViT-B/32",
    )
    assert drawn(twelve.figure())["image tokens, Vilas et al. 2023"][1:4] == [0.48, 0.49, 0.52]
    several = vl.analysis.compare({"deep": twelve, "shallow": found})
    assert several.yaxis[0].axis_label == "identifiability score"  # of what, its title says
    several = drawn(several)
    assert several["deep"] == pytest.approx(twelve.normalised("score", 3))
    assert several["shallow"] == pytest.approx(found.mean("score").mean[1:])


def test_stars_stand_where_scores_are_above_the_baseline(vit):
    found = vl.analysis.identifiability(vit, examples(vit))
    p = {"all_tokens": np.array([0.2, 0.04, 0.06, 0.001])}
    plot = dataclasses.replace(found, p=p).figure()
    starred = [r.data_source.data for r in plot.renderers if "p" in r.data_source.data]
    assert starred[0]["state"] == ["1_pre", "final"]


def _longer(one):
    mean = np.linspace(0.1, 0.9, 13)
    return dataclasses.replace(one, mean=mean, deviation=mean, half=mean / 10, n=np.full(13, 5))


def test_perturbed_rates_are_drawn_state_by_state(vit):
    found = vl.analysis.attention_perturbation(vit, examples(vit))
    curves = drawn(found.figure())
    assert list(curves) == ["unperturbed", "self_only", "no_cls"]
    np.testing.assert_allclose(curves["no_cls"], found.values["no_cls"]["rate"].mean)
    known = drawn(dataclasses.replace(found, paper="ViT-B/32").figure())
    assert known["no_cls, Vilas et al. 2023"][-1] == 0.607134
    assert np.isnan(known["no_cls, Vilas et al. 2023"][:-1]).all()
    with refused(vl.UsageError):
        found.figure("ratio")


def test_medians_of_class_and_context_are_drawn(vit):
    found = vl.analysis.class_and_context(vit, examples(vit), remove=False)
    plot = found.figure()
    curves = drawn(plot)
    assert list(curves) == ["class-labelled, median", "context-labelled, median"]
    bands = [r.data_source.data for r in plot.renderers if "y1" in r.data_source.data]
    for label, band in zip(("class", "context"), bands, strict=True):
        for end, q in (("y1", 0.25), ("y2", 0.75)):
            np.testing.assert_allclose(band[end], found.quantile(label, q))
    np.testing.assert_allclose(curves["context-labelled, median"], found.quantile("context"))
    known = dataclasses.replace(
        found, state_names=[str(k) for k in range(13)], p=np.ones(13), paper="ViT-B/32",
        counts=found.counts[[0, *range(4), *range(4), *range(4)]],
    )  # fmt: skip
    drawn_twice = drawn(known.figure())
    assert drawn_twice["class-labelled, Vilas et al. 2023"][9] == 0.97
    assert drawn_twice["context-labelled, Vilas et al. 2023"][9] == 0.88
    assert np.isnan(drawn_twice["context-labelled, Vilas et al. 2023"][3])


def test_change_rates_and_composition_are_drawn_block_by_block(vit):
    found = vl.analysis.class_similarity_change(vit, examples(vit))
    curves = drawn(found.figure())
    assert list(curves) == [
        "attention, image tokens",
        "attention, readout",
        "MLP, image tokens",
        "MLP, readout",
    ]
    np.testing.assert_allclose(curves["MLP, readout"], found.changes["mlp_out", "readout"].mean)
    composed = drawn(found.figure("composition"))
    assert list(composed) == ["previous", "attention", "MLP", "neither (released)", "neither"]
    np.testing.assert_allclose(composed["neither"], found.composition["neither"].mean)
    deep = vl.load(timm_model("CLS", depth=12, embed_dim=24, num_heads=2))
    deep.paper = "ViT-B/32"
    known = vl.analysis.class_similarity_change(deep, examples(deep, 2))
    assert drawn(known.figure())["attention, readout, Vilas et al. 2023"][1] == 0.57
    assert drawn(known.figure("composition"))["previous, Vilas et al. 2023"][-1] == 0.55

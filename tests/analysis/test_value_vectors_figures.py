"""The figures of key-value memories hold the numbers of the results."""

from __future__ import annotations

import dataclasses

import numpy as np

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import MODELS, examples
from tests.sentences import refused
from tests.small_models import timm_model


def drawn(plot):
    """Values by the curve's name, in the order of drawing (`plot.select` has none)."""
    sources = [renderer.data_source.data for renderer in plot.renderers]
    return {data["curve"][0]: data["value"] for data in sources if "curve" in data}


def test_class_value_agreement_is_drawn_with_its_baseline():
    vit = vl.load(MODELS["CLS"]())
    found = vl.analysis.class_value_agreement(vit, baseline=vl.untrained(vit))
    curves = drawn(found.figure())
    assert list(curves) == ["attention", "MLP", "attention, baseline", "MLP, baseline"]
    np.testing.assert_allclose(curves["MLP"], found.values["MLP"].mean)
    np.testing.assert_allclose(curves["MLP, baseline"], found.baseline_values["MLP"].mean)
    p = {"attention": np.array([0.2, 0.04, 0.06]), "MLP": np.array([0.01, 0.9, 0.03])}
    starred = dataclasses.replace(found, p=p)
    drawn_to = [(starred.figure(), found.values), (starred.figure("boxes"), found.boxes)]
    for plot, parts in drawn_to:
        sources = [renderer.data_source.data for renderer in plot.renderers]
        stars = [data for data in sources if "p" in data]
        assert [data["state"] for data in stars] == [["1"], ["0", "2"]]
        heights = {kind: max(data["y"]) for kind, data in zip(p, stars, strict=True)}
        top = max(one.high.max() for one in parts.values())
        assert top < heights["attention"] < heights["MLP"] < 1.2 * top
    plain = vl.analysis.class_value_agreement(vit).figure()
    assert not any("p" in renderer.data_source.data for renderer in plain.renderers)


def test_right_and_wrong_answers_are_drawn_with_stars():
    vit = vl.load(MODELS["CLS"]())
    found = vl.analysis.key_value_agreement(vit, examples(vit))
    values = [
        np.array([0.1, 0.5, 0.9]),
        np.array([0.2, np.nan, 0.3]),
        np.array([0.9, np.nan, 0.01]),
    ]
    answers = {"attention": type(found.answers["MLP"])(*values), "MLP": found.answers["MLP"]}
    found = dataclasses.replace(found, answers=answers)
    plot = found.figure("answers")
    curves = drawn(plot)
    assert list(curves) == ["attention, right", "MLP, right", "attention, wrong", "MLP, wrong"]
    np.testing.assert_array_equal(curves["attention, wrong"], values[1])
    np.testing.assert_array_equal(curves["MLP, right"], found.answers["MLP"].right)
    stars = [r.data_source.data for r in plot.renderers if "p" in r.data_source.data]
    assert stars[0]["state"] == ["2"]


def test_key_value_agreement_is_drawn_with_chance_and_published_rates():
    vit = vl.load(timm_model("CLS", depth=12, embed_dim=24, num_heads=2))
    vit.paper = "ViT-B/32"
    found = vl.analysis.key_value_agreement(vit, examples(vit, 2))
    curves = drawn(found.figure())
    random, paper = ([f"{kind}, {what}" for kind in found.kinds] for what in ("random class", "V"))
    assert list(curves)[:4] == ["attention", "MLP", *random]
    assert len(curves) == 4 + len(paper)
    np.testing.assert_allclose(curves["MLP"], found.values["MLP", "agreement"].mean)
    assert curves["attention, Vilas et al. 2023"][-1] == 0.44
    single = drawn(found.figure("single"))
    assert single["MLP, Vilas et al. 2023"][10] == 0.565
    with refused(vl.UsageError):
        found.figure("rate")

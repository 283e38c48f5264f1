"""Results of traces, readings and probes have what those of all experiments have."""

from __future__ import annotations

from inspect import signature

import numpy as np
import pytest
from bokeh.models import ColorBar, ColumnDataSource
from pandas import DataFrame
from scipy import stats

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import MODELS, examples
from tests.analysis.titles import check_titles
from tests.lenses.pictures.fixed import Fixed
from tests.over_data import OVER_DATA
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import Result, experiments, heads


@pytest.fixture(scope="module")
def scenes():
    return [vl.world.scene(seed, objects=2) for seed in range(3)]


@pytest.fixture(scope="module")
def trace(scenes):
    return vl.load("toy/p32").trace([scene.image for scene in scenes])


def probes(*_):
    vit = vl.load(MODELS["CLS"]())
    return vl.analysis.linear_probes(vit, examples(vit, 9), examples(vit, 2, seed=8), shots=1)


def causes_of_lenses(*_):
    vit = vl.load(MODELS["CLS"]())
    words = {"n_train": 4, "n_directions": 2}
    return vl.analysis.lens_causality(vit, examples(vit, 4, seed=8), examples(vit, 2), **words)


def stable(*_):
    vit = vl.load(MODELS["CLS"]())

    def fit(vit, data, seed):
        return vl.TunedLens.fit(vit, data, steps=1, held_out=2, seed=seed)

    return vl.analysis.lens_stability(
        vit, examples(vit, 8, seed=8), examples(vit, 2), fit=fit, n_train=8
    )


def drawn_by_lenses(trace, scenes):
    tuned = vl.TunedLens.load("toy/p32", trace.vit)
    return vl.analysis.lens_segmentation(tuned, scenes)


def removed(trace, _):
    found = vl.analysis.relevance(trace, 1, method="rollout")
    return vl.analysis.removal_curves(trace, found, n_points=2, n_random=0)


def infilled(scenes):
    lens = vl.InfillLens(vl.load("toy/mae"))
    return lens, [scene.image for scene in scenes]


def objects(_, scenes):
    lens, images = infilled(scenes)
    infilling = lens.read(images)
    truth = np.stack([scene.class_mask for scene in scenes])[:, ::2, ::2]
    return vl.analysis.infilling.object_iou(infilling, truth, vl.load("toy/p32-taught"))


def studied(_, scenes):
    return vl.analysis.infilling.mask_study(*infilled(scenes), ratios=(0.5, 0.75), seeds=(1, 2))


def things(trace):
    """Two in each image: the left half and the right one."""
    height, width = trace.pictures.shape[1:3]
    return [np.arange(width)[None].repeat(height, 0) // (width // 2) + 1] * trace.n_images


def pair(trace):
    """The first image as it is, and upside down, of a model with few edges."""
    vit = vl.load("toy/attn-only-2l") if trace.vit.name == "toy/p32" else trace.vit
    image = trace.pictures[0]
    return vit.trace(image), vit.trace(image[::-1].copy())


def decoded(trace, _):
    vit = trace.vit
    return vl.analysis.decoded_similarity(vl.DiffusionLens(vit, Fixed(vit)).read(trace, [0, -1]))


RESULTS = {
    "attribution": lambda trace, _: vl.analysis.attribution(trace, "cat", "dog"),
    "activation_patching": lambda trace, _: vl.analysis.activation_patching(
        *pair(trace), ("cat", "dog"), least_gap=1e-3
    ),
    "decoded_similarity": decoded,
    "convergence": lambda trace, _: vl.analysis.convergence(vl.LogitLens(trace.vit).read(trace)),
    "segmentation": lambda trace, scenes: vl.analysis.segmentation(trace.vit, scenes),
    "heads.statistics": lambda trace, _: heads.statistics(trace),
    "heads.neighbourhood": lambda trace, _: heads.neighbourhood(trace),
    "heads.geometry": lambda trace, _: heads.geometry(trace),
    "heads.same_object": lambda trace, _: heads.same_object(trace, things(trace)),
    "heads.neurons": lambda trace, _: heads.neurons(trace, 2, 1, 0, 12, image=1),
    "infilling.mask_study": studied,
    "infilling.object_iou": objects,
    "attribution_patching": lambda trace, _: vl.analysis.attribution_patching(
        *pair(trace), ("cat", "dog")
    ),
    "circuit": lambda trace, _: vl.analysis.circuit(
        *pair(trace), "cat", method="threshold", scores="eap", n_random=1
    ),
    "edge_attribution_patching": lambda trace, _: vl.analysis.edge_attribution_patching(
        *pair(trace), "cat"
    ),
    "edge_patching": lambda trace, _: vl.analysis.edge_patching(
        *pair(trace), "cat", edges=[("L0 H1", "L1 H2 v"), ("embedding", "logits")]
    ),
    "faithfulness": lambda trace, _: vl.analysis.faithfulness(
        *pair(trace), "cat", [("embedding", "L1 H2 v"), ("L1 H2", "logits")], n_random=2
    ),
    "neighbours": lambda trace, _: vl.analysis.neighbours(trace.vit, 1, 5),
    "partners": lambda trace, _: vl.analysis.partners(
        trace.vit, vl.world.Scenes(), 1, 5, layers=[0, 1, 2], n_images=4
    ),
    "relevance": lambda trace, _: vl.analysis.relevance(trace, "cat"),
    "removal_curves": removed,
    "linear_probes": probes,
    "lens_causality": causes_of_lenses,
    "lens_stability": stable,
    "lens_segmentation": drawn_by_lenses,
    "class_value_agreement": lambda trace, _: vl.analysis.class_value_agreement(trace.vit),
    "value_vectors": lambda trace, _: vl.analysis.value_vectors(trace.vit, 1),
    "features.writes": lambda trace, _: vl.analysis.features.writes(trace.vit, 1, 7),
    "features.readers": lambda trace, _: vl.analysis.features.readers(trace.vit, 1, 7),
    "features.direct_effect": lambda trace, _: vl.analysis.features.direct_effect(trace, 1, 7),
    "features.turned": lambda trace, _: vl.analysis.features.turned(trace, 1, 7),
}
"""Those of all experiments but those over data, which are tested together."""


def test_every_experiment_is_among_them():
    assert {*RESULTS} | {*OVER_DATA} == {*experiments}


@pytest.mark.parametrize("name", RESULTS)
def test_each_has_a_table_a_figure_and_a_summary(trace, scenes, name):
    found = RESULTS[name](trace, scenes)
    assert isinstance(found, Result)
    said = signature(experiments[name].function).return_annotation
    assert type(found).__name__ == getattr(said, "__name__", said)
    table = found.table()
    assert isinstance(table, DataFrame)
    assert found.title in table.attrs["title"]
    assert found.figure().select(ColumnDataSource)
    check_titles(name, found)
    assert found.summary().startswith(found.title)
    assert len(found.summary().splitlines()) > 1


@pytest.mark.parametrize(
    "name", [n for n, one in experiments.items() if one.takes in ("trace", "pair")]
)
def test_those_of_a_trace_run_without_a_classifier_unless_they_need_one(name):
    vit = vl.load(timm_model("CLS", num_classes=0))
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    if experiments[name].needs_classifier:
        with refused(vl.UsageError):
            RESULTS[name](trace, None)
    else:
        assert vit.name in RESULTS[name](trace, None).title


def test_one_score_is_told_channel_by_channel(trace):
    found = heads.neurons(trace, 2, 1, query=0, key=12, image=1)
    assert all(said in found.title for said in ("L2 H1", "query CLS", "image 1"))
    assert trace.layout.describe(12) in found.title
    table = found.table()
    assert table["adds to the score"].sum() + found.rest == pytest.approx(found.score, abs=1e-4)
    sizes = table["adds to the score"].abs()
    assert sizes.tolist() == sorted(sizes, reverse=True)
    for row in table.iloc[:4].itertuples():
        product = found.query[row.channel] * found.key[row.channel]
        assert row[4] == pytest.approx(found.scale * product)
    (data,) = (source.data for source in found.figure(k=5).select(ColumnDataSource))
    assert data["adds to the score"].tolist() == table["adds to the score"][:5].tolist()
    assert data["channel"] == [str(channel) for channel in table["channel"][:5]]
    first = table.iloc[0]
    assert f"most from channels {first['channel']:.0f} ({first.iloc[3]:+.3g})" in found.summary()
    assert found.summary().count("(") == 3
    assert len(found.figure().x_range.factors) == 24
    assert found.figure(k=1).x_range.factors == data["channel"][:1]
    assert heads.neurons(trace, 2, 1, 0, 12).score != found.score
    assert heads.neurons(trace, 2, 1, 0, 12).title.endswith("image 0")
    with refused(vl.UsageError):
        found.figure(k=0)


def test_heads_against_chance_are_told_by_what_their_shares_are_of(trace):
    found = heads.geometry(trace)
    table = found.table()
    rows = table[table["geometry"] == "row"]
    best = rows.iloc[int(rows["ratio"].argmax())]
    at = f"L{best['layer']} H{best['head']}"
    assert f"\nrow: {best['score']:.3f} in {at}, {best['ratio']:.1f} times" in found.summary()
    dots = found.figure("row").select(ColumnDataSource)
    (values,) = (source.data["value"] for source in dots if "value" in source.data)
    assert values.tolist() == rows["ratio"].tolist()
    with refused(vl.UsageError):
        found.figure("rows")


def test_objects_found_in_paintings_are_told_state_by_state(scenes):
    found = objects(None, scenes)
    table, n = found.table(), len(found.state_names)
    assert table["state"].tolist() == [*found.state_names, "original"]
    for name in ("truth", "final"):
        values = getattr(found, name)
        assert table[f"against the {name}"][:n].tolist() == pytest.approx(values.mean(1).tolist())
        half = stats.t.ppf(0.975, 2) * stats.sem(values, axis=1)
        assert table[f"± (against the {name})"][:n].tolist() == pytest.approx(half.tolist())
    original = found.original.mean()
    assert table["against the truth"][n] == pytest.approx(original)
    assert f"original against the truth: {original:.3f} ±" in found.summary()
    assert f"final against the truth: {found.truth[-1].mean():.3f} ±" in found.summary()
    sources = [source.data for source in found.figure().select(ColumnDataSource)]
    curves = {data["curve"][0]: data["value"] for data in sources if "curve" in data}
    assert curves["against the truth"] == pytest.approx(found.truth.mean(1).tolist())
    assert curves["original, against the truth"] == pytest.approx([original] * n)


def test_a_study_says_what_the_model_itself_paints(scenes):
    found = studied(None, scenes)
    assert found.title.endswith("3 images x 2 masks")
    low, high = found.interval("ssim")
    half = (high - low)[1, -1] / 2
    said = f"75% hidden: ssim {found.mean('ssim')[1, -1]:.3f} ± {half:.3f}"
    assert said in found.summary()
    assert found.figure().yaxis.axis_label == found.figure("mse").yaxis.axis_label
    with refused(vl.UsageError):
        found.figure("accuracy")


def test_relevance_names_the_patch_that_counts_most(trace):
    found = vl.analysis.relevance(trace, "cat")
    grid = found.patches(1)
    row, col = np.unravel_index(grid.argmax(), grid.shape)
    assert f"image 1, cat: most at row {row}, col {col}" in found.summary()
    table = found.table(1)
    assert table["relevance"].tolist() == sorted(found.tokens[1].tolist(), reverse=True)
    best = int(found.tokens[1].argmax())
    assert table["token"].iloc[0] == trace.layout.describe(best)
    plot = found.figure(1)
    (data,) = (source.data for source in plot.select(ColumnDataSource))
    np.testing.assert_array_equal(data["relevance"], grid.ravel())
    scale = plot.select_one(ColorBar).color_mapper
    most = abs(grid).max()  # some are below 0, so that 0 is in the middle
    assert (scale.low, scale.high) == (-most, most)
    with refused(vl.UsageError):
        found.figure(3)


def test_a_neighbourhood_is_drawn_for_the_head_that_stands_out_or_another(trace):
    found = heads.neighbourhood(trace)
    rows = found.table().sort_values("ratio")
    best = tuple(rows[["layer", "head"]].iloc[-1])
    assert f"L{best[0]} H{best[1]} reads" in found.summary()
    for head, plot in {best: found.figure(), (2, 1): found.figure(2, 1)}.items():
        (data,) = (source.data for source in plot.select(ColumnDataSource))
        assert data["share"] == found.values[head].ravel().tolist()
        assert data["rows down"] == [*["-1"] * 3, *["0"] * 3, *["1"] * 3]
        assert data["columns right"] == ["-1", "0", "1"] * 3
    with refused(vl.UsageError):
        found.figure(2)
    with refused(vl.UsageError):
        found.figure(2, 3)

"""What Features sends: numbers of all features, looks at one, choices, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_activations import random_activations
from vitlens_widgets.widgets.features.data import FIRST_BIN, LEVELS, SPARK_BINS
from vitlens_widgets.widgets.features.looks import Look, Looks


def array(widget, name, *shape, kind="<f4"):
    return np.frombuffer(getattr(widget, name), kind).reshape(shape)


def arrays(answer):
    said, data = answer
    return said, {
        name: np.frombuffer(data[at : at + size], kind)
        for name, (at, size, kind) in said["parts"].items()
    }


def test_numbers_of_all_features_are_those_of_the_source():
    source = random_activations(1)
    widget = vl.Features(source)
    auc, largest, density, mean, _ = array(widget, "_numbers", 5, 4, 31)
    np.testing.assert_allclose(auc, source.selectivity.auc.max(-1), rtol=1e-6)
    np.testing.assert_array_equal(largest, source.largest)
    np.testing.assert_allclose(mean, source.mean)
    best = array(widget, "_best", 4, 31, kind="<i2")
    np.testing.assert_array_equal(best, source.selectivity.auc.argmax(-1))
    for layer, feature in [(0, 3), (2, 17), (3, 30)]:
        counts = source.counts[layer, feature]
        bound = max(source.largest[layer, feature], 0) / 5
        fires = counts[1:][source.edges[1:-1] >= bound].sum() if bound > 0 else 0
        assert density[layer, feature] == pytest.approx(fires / counts.sum(), rel=1e-5)


def test_its_share_is_of_the_patches_it_fires_on_those_that_show_its_best_class():
    source = random_activations(19)
    widget = vl.Features(source)
    density, _, share = array(widget, "_numbers", 5, 4, 31)[2:]
    best = source.selectivity.auc.argmax(-1)
    for place, layer in enumerate(source.layers):
        for feature in range(31):
            if density[place, feature] == 0:
                assert np.isnan(share[place, feature])
                continue
            bins = source.edges[:-1] >= source.largest[place, feature] / 5
            counts = (
                source.counts_of(layer, feature)[best[place, feature]],
                source.counts[place, feature],
            )
            of_class, all_of_it = (of[bins].sum() for of in counts)
            assert share[place, feature] == pytest.approx(of_class / all_of_it, rel=1e-5)


def test_effects_are_of_the_class_that_is_searched_or_of_the_own_answer():
    source = random_activations(20)
    for target, name in ((-1, None), (2, "thing 2")):
        said, found = arrays(Looks(source)(Look("effect", image=1, target=target)))
        asked, adds = source.effects(1, name)
        assert said["asked"] == asked
        np.testing.assert_array_equal(found["numbers"], adds.ravel())
    widget = vl.Features(source, across="effect", target=3)
    assert ["effect", -1, -1, 0, -1, 3] in [one["of"] for one in widget.saved().state["_saved"]]
    assert widget.sort == "selectivity"
    for wrong in (["effect", -1, -1, 2, -1, 0], ["effect", -1, -1, 0, -1, 5]):
        with refused(vl.UsageError):
            widget._look({"asked": [wrong]}, [])


def test_latents_fire_above_zero():
    source = random_activations(2, kind="latent", layers=(3,))
    density = array(vl.Features(source), "_numbers", 5, 1, 31)[2]
    counts = source.counts
    np.testing.assert_allclose(density, 1 - counts[..., 0] / counts.sum(-1), rtol=1e-6)


def test_small_histograms_end_at_the_largest_bin():
    source = random_activations(3)
    widget = vl.Features(source)
    codes = array(widget, "_sparks", 4, 31, SPARK_BINS, kind="u1")
    most = np.log1p(source.counts[..., FIRST_BIN:].max())
    auc = source.selectivity.auc
    for place, layer in enumerate(source.layers):
        for feature in range(31):
            counts = source.counts[place, feature]
            there = np.flatnonzero(counts[FIRST_BIN:]) + FIRST_BIN
            expected = np.zeros((2, SPARK_BINS), int)
            if len(there):
                of_class = source.counts_of(layer, feature)[auc[place, feature].argmax()]
                for row, of in enumerate((counts, of_class)):
                    shown = of[there[-1] - SPARK_BINS + 1 : there[-1] + 1]
                    expected[row] = np.ceil(LEVELS * np.log1p(shown) / most - 1e-9)
            np.testing.assert_array_equal(codes[place, feature] >> 4, expected[0])
            np.testing.assert_array_equal(codes[place, feature] & 15, expected[1])


def test_areas_are_sent_of_every_class_and_the_table_counts_them():
    source = random_activations(4)
    widget = vl.Features(source)
    codes = array(widget, "_areas", 5, 4, 31, kind="<u2").astype(float)
    np.testing.assert_allclose((codes - 1) / 65534, np.moveaxis(source.selectivity.auc, -1, 0),
                               atol=1e-5)  # fmt: skip
    found = array(widget, "_table", 4, 5, kind="<i4")
    np.testing.assert_array_equal(found, (source.selectivity.auc >= 0.9).sum(1))


def test_a_sheet_has_what_the_source_has_of_a_feature():
    source = random_activations(5)
    place, feature = 1, int(source.largest[1].argmax())
    layer = source.layers[place]
    said, found = arrays(Looks(source)(Look("sheet", layer, feature)))
    top = source.strongest(layer, feature)
    assert said["images"] == top.image.tolist()
    np.testing.assert_array_equal(found["values"], top.value)
    np.testing.assert_array_equal(found["maps"], top.map.ravel())
    np.testing.assert_array_equal(found["counts"], source.counts[place, feature])
    of_classes = found["of_classes"].reshape(5, -1)
    np.testing.assert_array_equal(of_classes, source.counts_of(layer, feature))
    assert said["large"] == [72, 108]  # a whole number of pixels a patch
    shows = [int(source.shown(n)[p]) for n, p in zip(top.image, top.patch, strict=True)]
    assert said["classes"] == shows
    (best, area, (low, high)), (_, second, _) = said["areas"]
    auc = source.selectivity.auc[place, feature]
    assert (best, area) == (auc.argmax(), pytest.approx(auc.max()))
    assert second == pytest.approx(np.sort(auc)[-2])
    assert low < area < high


def test_crops_stay_inside_and_say_where_the_patch_is():
    source = random_activations(6)
    feature = int(source.largest[0].argmax())
    said, found = arrays(Looks(source)(Look("sheet", 0, feature)))
    crops = found["crops"].reshape(10, 64, 64, 3).astype(int)
    tenths = source.tenths(0, feature)
    for crop, (row, col, across), number, patch in zip(
        crops, said["tenth_at"], tenths.image, tenths.patch, strict=True
    ):
        assert across == 3
        cell = 64 / across
        middle = crop[int((row + 0.6) * cell), int((col + 0.5) * cell)]
        y, x = divmod(int(patch), 6)
        expected = source.data_picture(int(number))[10 * y + 6, 10 * x + 5]
        assert np.abs(middle - expected).max() < 30


def test_a_dead_feature_has_counts_and_no_pictures():
    source = random_activations(7, dead=0.5)
    place, feature = np.argwhere(source.largest == 0)[0]
    said, found = arrays(Looks(source)(Look("sheet", source.layers[place], int(feature))))
    assert said["images"] == [] == said["tenth_at"]
    assert found["pictures"].size == 0
    assert found["counts"].sum() == source.counts[0, 0].sum()
    assert found["counts"][0] == found["counts"].sum()


def test_shares_at_a_patch_are_of_each_feature_s_largest():
    source = random_activations(8)
    _, found = arrays(Looks(source)(Look("here", image=1, token=9)))
    values = source.activations(1)[:, 9].ravel().astype(float)
    largest = source.largest.ravel().astype(float)
    expected = np.where(largest > 0, values / np.where(largest > 0, largest, 1), 0)
    np.testing.assert_allclose(found["shares"], expected, rtol=1e-5)


def test_answers_are_sent_of_those_that_move_most_and_of_the_likeliest():
    source = random_activations(9)
    said, found = arrays(Looks(source)(Look("turned", 2, 5, 1)))
    turned = source.turned(1, 2, 5, (0, 0.5, 1, 2, 4, 8))
    moved = np.argsort(-(turned.answers.max(0) - turned.answers.min(0)), kind="stable")
    assert said["classes"][:2] == moved[:2].tolist()
    np.testing.assert_allclose(found["answers"].reshape(6, 5), turned.answers[:, said["classes"]],
                               rtol=1e-6)  # fmt: skip
    np.testing.assert_array_equal(found["named"].reshape(6, 24), turned.named)
    assert said["best"] == turned.answers.argmax(1).tolist()


def test_it_begins_with_a_selective_feature_that_fires_on_the_own_image():
    source = random_activations(10)
    widget = vl.Features(source)
    shares = source.activations(0)[:, 1:].max(1) / np.where(source.largest > 0, source.largest, 1)
    best = np.where(shares >= 0.5, source.selectivity.auc.max(-1), -1)
    place, feature = np.unravel_index(best.argmax(), best.shape)
    assert (widget.layer, widget.feature) == (source.layers[place], feature)
    assert widget.token == 1 + source.activations(0)[place, 1:, feature].argmax()


def test_without_classes_the_largest_comes_first_and_crops_are_sent():
    source = random_activations(11, classes=0, images=0)
    widget = vl.Features(source)
    assert (widget.sort, widget.up) == ("largest", "largest")
    place, feature = np.unravel_index(source.largest.argmax(), source.largest.shape)
    assert (widget.layer, widget.feature) == (source.layers[place], feature)
    assert [one["of"][0] for one in widget._saved].count("crops") == 13
    assert set(widget.meanings()) == {"feature"}


def test_what_there_is_none_of_says_why():
    source = random_activations(12)
    source.refusal = "Give the model to see this."
    said, data = Looks(source)(Look("writes", 0, 3))
    assert (said["why"], data) == (source.refusal, b"")


def test_a_page_asks_for_several_looks_at_once():
    widget = vl.Features(random_activations(13))
    asked = [["crops", 0, 3, -1, -1, -1], ["sheet", 4, 2, -1, -1, -1]]
    response, data = widget._look({"asked": asked}, [])
    assert [one.keys() >= {"parts"} for one in response["found"]] == [True, True]
    assert len(data) == 2
    for wrong in (None, [], [["sheet", 0]], [["sheet", 3, 2, -1, -1, -1]],
                  [["nothing", 0, 2, -1, -1, -1]], [["seen", 0, 2, 5, -1, -1]],
                  [["here", -1, -1, 0, 99, -1]]):  # fmt: skip
        with refused(vl.UsageError):
            widget._look({"asked": wrong}, [])


def test_a_saved_page_has_all_that_was_looked_at():
    widget = vl.Features(random_activations(14))
    widget._look({"asked": [["sheet", 4, 2, -1, -1, -1]]}, [])
    state = widget.saved().state
    assert ["sheet", 4, 2, -1, -1, -1] in [one["of"] for one in state["_saved"]]
    assert sum(one["bytes"] for one in state["_saved"]) == len(state["_saved_bytes"])


def test_a_saved_page_has_the_pictures_that_name_what_it_shows():
    source = random_activations(11, classes=0, images=0)
    order = np.argsort(-source.largest, axis=None, kind="stable")
    place, feature = np.unravel_index(order[40], source.largest.shape)
    widget = vl.Features(source, layer=source.layers[place], feature=int(feature))
    of = [one["of"][:3] for one in widget.saved().state["_saved"]]
    listed = [np.unravel_index(at, source.largest.shape) for at in [*order[:13], *order[28:52]]]
    for place, feature in listed:
        assert ["crops", source.layers[place], feature] in of
    (found,) = [one for one in widget.saved().state["_saved"] if one["of"][0] == "neighbours"]
    for layer, feature, *_ in (one for _, some in found["groups"] for one in some):
        assert ["crops", layer, feature] in of


def test_a_saved_page_keeps_the_features_it_was_told():
    widget = vl.Features(random_activations(18))
    widget.keep((0, 3), (4, 30))
    of = [one["of"][:3] for one in widget.saved().state["_saved"]]
    for kind in ("sheet", "writes", "readers", "neighbours", "seen", "turned"):
        assert [kind, 0, 3] in of
        assert [kind, 4, 30] in of
    with refused(vl.UsageError):
        widget.keep((3, 0))


def test_choices_are_checked():
    widget = vl.Features(random_activations(15))
    widget.layer, widget.feature, widget.strength = 4, 30, 0
    widget.target, widget.sort, widget.token = "thing 2", "here", (1, 2)
    assert (widget.target, widget.token) == (2, 9)
    for name, value in [("layer", 3), ("feature", 31), ("strength", 3), ("sort", "size"),
                        ("token", (4, 0)), ("target", "nothing"), ("image", 2)]:  # fmt: skip
        with refused(vl.UsageError):
            setattr(widget, name, value)
    with refused(vl.UsageError):
        vl.Features("toy/p32")
    with refused(vl.UsageError):
        vl.Features(random_activations(16), caption=3)
    with refused(vl.UsageError):
        vl.Features(random_activations(16), sae="toy/p32/5")


def test_thirty_six_thousand_neurons_are_four_megabytes():
    source = random_activations(17, width=3072, layers=range(12), rows=7, cols=7, classes=17)
    assert vl.Features(source).nbytes < 4_000_000

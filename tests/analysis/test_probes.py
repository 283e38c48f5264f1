"""Linear probes against least squares, one place and one image at a time."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import (
    MODELS,
    examples,
    pixels_of,
    run_one,
    token_logits,
)
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis import linear_probes
from vitlens_widgets.analysis.probes.features import FewShots
from vitlens_widgets.analysis.probes.ridge import ridge
from vitlens_widgets.data import Examples

SITES = ("resid_post", "attn_out", "mlp_out")
SHOTS, ALPHA = 2, 0.5


def least_squares(x, y, alpha):
    """Weight and bias by augmented least squares: the penalty as further examples."""
    x, y = (np.asarray(part, np.float64) for part in (x, y))
    rows = np.vstack([x - x.mean(0), np.sqrt(alpha) * np.eye(x.shape[1])])
    wanted = np.vstack([y - y.mean(0), np.zeros((x.shape[1], y.shape[1]))])
    weight = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    return weight, y.mean(0) - x.mean(0) @ weight


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (7, 7), (2, 3)])
@pytest.mark.parametrize("alpha", [1e-3, 1.0, 50])
def test_ridge_is_penalised_least_squares(shape, alpha):
    rng = np.random.default_rng(sum(shape))
    x, y = rng.normal(2, 3, shape), rng.normal(-1, 1, (shape[0], 4))
    weight, bias = ridge(torch.tensor(x), torch.tensor(y), alpha)
    expected = least_squares(x, y, alpha)
    np.testing.assert_allclose(weight, expected[0], atol=1e-8)
    np.testing.assert_allclose(bias, expected[1], atol=1e-8)


def places_of(said, true, taught):
    """The lowest and the highest rank of a class that rounding to float32 leaves possible.

    All classes that nobody showed have the same answer, -1.
    """
    said = np.where(taught, said, -1.0)
    close = [(said > said[true] + margin) & (said != said[true]) for margin in (1e-5, -1e-5)]
    return [1 + above.sum() for above in close]


def some_of_each(vit, n_images=17, seed=3):
    """Noise of which only some classes are shown, some more often than others."""
    data = examples(vit, n_images, seed)
    return Examples([(data[i].image, data[i].label % 5) for i in range(n_images)], vit.labels)


def sites_of(vit, data):
    """`[image][site][block][token, d]`."""
    runs = [run_one(vit.model, pixels) for pixels in pixels_of(vit, data)]
    return [dict(zip(SITES, (r.states[1:], r.attn_out, r.mlp_out), strict=True)) for r in runs]


@pytest.fixture(scope="module", params=MODELS)
def measured(request):
    vit = vl.load(MODELS[request.param]())
    train, test = some_of_each(vit), examples(vit, 5)
    before = {key: weight.clone() for key, weight in vit.model.state_dict().items()}
    found = linear_probes(vit, train, test, shots=SHOTS, alpha=ALPHA, batch_size=4)
    assert all(torch.equal(w, vit.model.state_dict()[key]) for key, w in before.items())
    return vit, train, test, found


def test_probes_are_those_of_a_loop_over_places(measured):
    vit, train, test, found = measured
    seen, few = {}, []
    for i in range(train.count):  # the first two images of each class
        seen[train[i].label] = seen.get(train[i].label, 0) + 1
        if seen[train[i].label] <= SHOTS:
            few.append(i)
    assert found.n_train == len(few) < train.count
    fitted, tested = sites_of(vit, train), sites_of(vit, test)
    wanted = np.full((len(few), len(vit.labels)), -1.0)
    for row, i in enumerate(few):
        wanted[row, train[i].label] = 1
    patches, compared = vit.layout.patches, 0
    for site in SITES:
        for block in range(vit.n_layers):
            ranks = np.empty((2, test.count, vit.layout.n_tokens))
            for token in range(vit.layout.n_tokens):
                x = [fitted[i][site][block][token].numpy() for i in few]
                weight, bias = least_squares(x, wanted, ALPHA)
                for i in range(test.count):
                    said = tested[i][site][block][token].numpy() @ weight + bias
                    ranks[:, i, token] = places_of(said, test[i].label, wanted.max(0) > 0)
            low, high = ranks
            sure = (low == high).all(0)
            assert sure.mean() > 0.8
            accuracy, rank = (found.values[site, name].mean[block] for name in ("accuracy", "rank"))
            np.testing.assert_allclose(accuracy[sure], (low == 1).mean(0)[sure])
            np.testing.assert_allclose(rank[sure], low.mean(0)[sure])
            assert (rank >= low.mean(0) - 1e-9).all()
            assert (rank <= high.mean(0) + 1e-9).all()
            if sure[patches].all():
                on_patches = found.image_tokens[site, "accuracy"]
                of_images = (low[:, patches] == 1).mean(1)
                assert on_patches.mean[block] == pytest.approx(of_images.mean())
                assert on_patches.deviation[block] == pytest.approx(of_images.std(ddof=1))
                rank = found.image_tokens[site, "rank"].mean[block]
                assert rank == pytest.approx(low[:, patches].mean())
                compared += 1
    assert compared > 2 * vit.n_layers  # of three sites


def test_the_models_own_classifier_stands_beside(measured):
    vit, _, test, found = measured
    tested = sites_of(vit, test)
    for site in SITES:
        for block in range(vit.n_layers):
            first = [
                [row.argmax() == test[i].label for row in token_logits(vit.model, one[site][block])]
                for i, one in enumerate(tested)
            ]
            mine = found.values[site, "projection"].mean[block]
            np.testing.assert_allclose(mine, np.mean(first, axis=0))


def test_probes_need_no_classifier():
    """Their classes are those of the training set, and test images' are found by their names."""
    vit, bare = vl.load(timm_model("CLS")), timm_model("CLS", num_classes=0)
    bare.load_state_dict(vit.model.state_dict(), strict=False)
    bare = vl.load(bare)
    train, test = some_of_each(vit), examples(vit, 5)
    names = list(vit.labels)
    other = [*names[3:], *names[:3]]
    moved = Examples(
        [(test[i].image, other.index(names[test[i].label])) for i in range(test.count)], other
    )
    words = {"shots": SHOTS, "alpha": ALPHA}
    expected = linear_probes(vit, train, test, **words)
    found = linear_probes(bare, train, moved, **words)
    assert not bare.labels
    for site in SITES:
        for name in ("accuracy", "rank"):
            of_tokens, of_images = found.values[site, name], found.image_tokens[site, name]
            np.testing.assert_allclose(of_tokens.mean, expected.values[site, name].mean)
            np.testing.assert_allclose(of_images.half, expected.image_tokens[site, name].half)
    assert not any("classifier" in column for column in found.table())
    assert "classifier" not in found.summary()
    assert found.figure().legend[0].items[0].label.value == "state, probe"
    with refused(vl.UsageError):
        found.table("projection")
    with refused(vl.UsageError):
        linear_probes(bare, train, Examples([(test[0].image, 0)], ["thing"]), **words)
    with refused(vl.UsageError):
        vl.analysis.identifiability(bare, test)


def test_classes_that_the_classifier_lacks_are_those_of_the_training_set():
    """The numbers of a model without a classifier, and nothing beside them."""
    vit, bare = vl.load(timm_model("CLS")), timm_model("CLS", num_classes=0)
    bare.load_state_dict(vit.model.state_dict(), strict=False)
    names = [f"other {name}" for name in vit.labels]
    train, test = (
        Examples([(data[i].image, data[i].label) for i in range(data.count)], names)
        for data in (some_of_each(vit), examples(vit, 5))
    )
    words = {"shots": SHOTS, "alpha": ALPHA}
    found = linear_probes(vit, train, test, **words)
    expected = linear_probes(vl.load(bare), train, test, **words)
    for key, of_place in expected.values.items():
        np.testing.assert_allclose(found.values[key].mean, of_place.mean)
    assert found.values.keys() == expected.values.keys()
    assert found.relevance is None
    with refused(vl.UsageError):
        linear_probes(vit, train, examples(vit, 5), **words)


def test_some_places_are_as_among_all():
    vit = vl.load(MODELS["registers and layer scale"]())
    train, test = some_of_each(vit), examples(vit, 4)
    every = linear_probes(vit, train, test, shots=SHOTS)
    some = linear_probes(
        vit, train, test, shots=SHOTS, sites="mlp_out", layers=[2, 0], tokens=[7, 1, 6]
    )
    assert some.places == (("mlp_out",), (0, 2), (1, 6, 7))
    found, all_ = (one.values["mlp_out", "rank"].mean for one in (some, every))
    np.testing.assert_allclose(found, all_[np.ix_([0, 2], [1, 6, 7])])
    grid = some.patches(2, "mlp_out", "rank")
    assert grid.shape == (vit.layout.rows, vit.layout.cols)
    assert np.isfinite(grid).sum() == 2
    assert grid[vit.layout.row_col(6)] == found[1, 1]
    assert some.tokens("mlp_out")["token"][0] == "register 1"
    prefix = linear_probes(vit, train, test, shots=SHOTS, tokens=[0])
    assert np.isnan(prefix.image_tokens["attn_out", "accuracy"].mean).all()
    np.testing.assert_allclose(
        prefix.values["attn_out", "rank"].mean[:, 0], every.values["attn_out", "rank"].mean[:, 0]
    )


@pytest.mark.parametrize("name", ["CLS", "registers and layer scale", "post-norm"])
def test_relevance_by_probes_is_the_sum_of_ranks(name):
    vit = vl.load(MODELS[name]())
    train, test = examples(vit, 30, seed=4), examples(vit, 4)
    found = linear_probes(vit, train, test, shots=30, alpha=ALPHA, layers=[0, 2])
    fitted, tested = sites_of(vit, train), sites_of(vit, test)
    wanted = -np.ones((30, len(vit.labels)))
    wanted[range(30), [train[i].label for i in range(30)]] = 1
    low, high = expected = np.zeros((2, 4, vit.layout.n_tokens))
    for block in (0, 2):
        for token in range(vit.layout.n_tokens):
            x = [one["resid_post"][block][token].numpy() for one in fitted]
            weight, bias = least_squares(x, wanted, ALPHA)
            for i, one in enumerate(tested):
                said = one["resid_post"][block][token].numpy() @ weight + bias
                expected[:, i, token] += places_of(said, 5, wanted.max(0) > 0)
    trace = vit.trace(pixels_of(vit, test), preprocessed=True)
    mine = vl.analysis.relevance(trace, 5, method=found.relevance)
    assert (-mine.tokens >= low).all()
    assert (-mine.tokens <= high).all()
    assert (low == high).mean() > 0.9
    with refused(vl.UsageError):
        found.relevance(vl.load(MODELS[name]()).trace(pixels_of(vit, test), preprocessed=True), 5)
    assert linear_probes(vit, train, test, shots=1, sites="attn_out").relevance is None


def test_probes_take_part_in_the_perturbation_test():
    vit = vl.load(MODELS["CLS"]())
    train, test = examples(vit, 30, seed=4), examples(vit, 3)
    found = linear_probes(vit, train, test, shots=2, sites="resid_post")
    curves = vl.analysis.perturbation_test(
        vit, test, methods=found.relevance, n_points=3, n_random=0
    )
    assert list(curves.accuracy) == ["linear_probe_negative", "linear_probe_positive"]


def test_features_are_kept_and_a_test_that_was_stopped_goes_on(tmp_path, monkeypatch):
    vit = vl.load(MODELS["CLS"]())
    train, test = some_of_each(vit), examples(vit, 6)
    words = {"shots": SHOTS, "batch_size": 3}
    whole = linear_probes(vit, train, test, **words)
    cache = tmp_path / "features"
    cache.mkdir()
    asked = []
    read = Examples.__getitem__

    def stopping(self, number):
        if self is train:
            asked.append(number)
        if len(asked) > train.count + 3:  # classes are looked up, then a batch is read
            raise KeyboardInterrupt
        return read(self, number)

    monkeypatch.setattr(Examples, "__getitem__", stopping)
    with pytest.raises(KeyboardInterrupt):
        linear_probes(vit, train, test, cache=cache, save_to=tmp_path, **words)
    monkeypatch.undo()
    assert json.loads((cache / "features.json").read_text())["done"] == 3
    linear_probes(vit, train, test, cache=cache, save_to=tmp_path, n_images=3, **words)
    again = linear_probes(vit, train, test, cache=cache, save_to=tmp_path, **words)
    for key, one in whole.values.items():
        np.testing.assert_allclose(again.values[key].mean, one.mean)
        np.testing.assert_allclose(again.values[key].half, one.half)
    traced = []
    monkeypatch.setattr(vl.ViT, "trace", lambda *_, **__: traced.append(1))
    linear_probes(vit, train, test, cache=cache, save_to=tmp_path, **words)
    assert not traced  # a finished test is read, without fitting
    monkeypatch.undo()
    linear_probes(vit, train, test, cache=cache, alpha=3, **words)
    with refused(vl.UsageError):
        linear_probes(vit, train, test, cache=cache, layers=[0], **words)
    with refused(vl.UsageError):
        linear_probes(vit, train, test, save_to=tmp_path, alpha=3, **words)
    (cache / "features.json").write_text("nothing")
    with refused(vl.UsageError):
        linear_probes(vit, train, test, cache=cache, **words)
    with refused(vl.UsageError):
        linear_probes(vit, train, test, cache=tmp_path / "nowhere", **words)


def test_classes_of_training_images_are_found_by_their_names():
    names = [f"thing {i}" for i in range(11)]
    vit = vl.load(MODELS["CLS"](), labels=names)
    train, test = some_of_each(vit), examples(vit, 4)
    other = names[::-1]
    items = [(train[i].image, other.index(names[train[i].label])) for i in range(train.count)]
    words = {"shots": SHOTS, "sites": "resid_post"}
    plain = linear_probes(vit, train, test, **words)
    found = linear_probes(vit, Examples(items, other), test, **words)
    for name in ("accuracy", "rank"):
        ours, theirs = (one.values["resid_post", name].mean for one in (found, plain))
        np.testing.assert_array_equal(ours, theirs)


def test_an_endless_data_set_is_searched_for_all_of_its_classes():
    few = FewShots(vl.world.Scenes(size=32), 2)
    assert few.count == 32
    assert np.bincount(few.classes).tolist() == [2] * 16
    assert [few[i].label for i in range(32)] == few.classes


def test_probes_of_the_world():
    vit = vl.load("toy/attn-only-2l")
    train, test = vl.world.Scenes(classes=["cat", "key"]), vl.world.Scenes(seed=9000)
    found = linear_probes(vit, train, test, shots=1, n_images=2, tokens=range(3))
    assert found.n_train == 2
    assert found.places.sites == ("resid_post", "attn_out")
    assert list(found.table()) == [
        "block",
        "state, probe",
        "± (state, probe)",
        "state, own classifier",
        "± (state, own classifier)",
        "attention, probe",
        "± (attention, probe)",
        "attention, own classifier",
        "± (attention, own classifier)",
    ]


def test_images_that_probes_are_fitted_to_are_refused_as_a_test(tmp_path):
    vit = vl.load("toy/attn-only-2l")
    words = {"shots": 2, "n_images": 3, "tokens": [0], "layers": [0]}
    things = ["cat", "key"]
    train = vl.world.Scenes(seed=40, classes=things)
    for test in (
        train,
        vl.world.Scenes(seed=40, classes=things),
        vl.world.Scenes(seed=38, classes=things),
        vl.world.Scenes(seed=41, classes=things),
    ):
        with refused(vl.UsageError):
            linear_probes(vit, train, test, **words)
    apart = {"seed": 37}, {"seed": 400}, {"seed": 40, "objects": 2}, {"seed": 40, "size": 64}
    for test in apart:
        linear_probes(vit, train, vl.world.Scenes(classes=things, **test), **words)
    linear_probes(vit, train, vl.world.Scenes(seed=40), **words)  # of other things
    for name in ("cat", "key"):
        (tmp_path / name).mkdir()
        for number in range(2):
            noise = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(noise).save(tmp_path / name / f"{number}.png")
    first, all_ = (vl.data.ImageFolder(tmp_path, per_class=n) for n in (1, None))
    with refused(vl.UsageError):
        linear_probes(vit, first, all_, tokens=[0])


def test_published_values_stand_at_their_blocks():
    vit = vl.load(timm_model("CLS", depth=12, embed_dim=24, num_heads=2))
    train, test = some_of_each(vit, 6), examples(vit, 2)
    words = {"shots": 1, "tokens": [0, 1]}
    assert linear_probes(vit, train, test, **words).published == {}
    vit.paper = "ViT-B/32"
    found = linear_probes(vit, train, test, layers=[9, 10, 11], **words)
    table = found.table()
    assert table["attention, probe, Vilas et al. 2023"].tolist() == pytest.approx(
        [np.nan, np.nan, 0.58], nan_ok=True
    )
    assert table["MLP, own classifier, Vilas et al. 2023"].tolist() == pytest.approx(
        [np.nan, 0.265, 0.0], nan_ok=True
    )
    plot = found.figure()
    sources = [renderer.data_source.data for renderer in plot.renderers]
    curves = {data["curve"][0]: data["value"] for data in sources if "curve" in data}
    assert curves["state, probe, Vilas et al. 2023"][-1] == 0.505
    mean = found.image_tokens["mlp_out", "accuracy"].mean
    np.testing.assert_allclose(curves["MLP, probe"], mean)
    assert not any("Vilas" in item.label.value for item in found.figure("rank").legend[0].items)


def test_wrong_words_are_refused():
    vit = vl.load(MODELS["CLS"]())
    train, test = some_of_each(vit, 6), examples(vit, 2)
    refusal = {
        "alpha must be": {"alpha": 0},
        "shots must be": {"shots": 0},
        "Probes read": {"sites": ["z"]},
        "one or more": {"layers": []},
        "layer 3": {"layers": [3]},
        "token 99": {"tokens": [99]},
    }
    for words in refusal.values():
        with refused(vl.UsageError):
            linear_probes(vit, train, test, **words)
    with refused(vl.UsageError):
        linear_probes(vit, vl.world.Scenes(), vl.world.Scenes(), n_images=2)
    with refused(vl.UsageError):
        linear_probes(vit, train, vl.world.Scenes())
    with refused(vl.UsageError):
        linear_probes(vit, Examples([(test[0].image, 0)], vit.labels), test)
    found = linear_probes(vit, train, test, shots=1, layers=1, tokens=0)
    with refused(vl.UsageError):
        found.table()
    with refused(vl.UsageError):
        found.patches(0)
    with refused(vl.UsageError):
        found.tokens("z")
    with refused(vl.UsageError):
        found.figure("score")

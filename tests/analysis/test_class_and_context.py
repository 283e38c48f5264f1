"""Class- and context-labelled tokens, and each without the other, against loops over tokens."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import norm

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import (
    MODELS,
    examples,
    pixels_of,
    place,
    readout_logits,
    run_one,
    through_blocks,
    token_logits,
)
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis import class_and_context
from vitlens_widgets.analysis.class_space.permutation import shuffled_means_p, shuffled_ranks_p
from vitlens_widgets.analysis.class_space.removal import run_kept
from vitlens_widgets.analysis.class_space.token_labels import class_tokens


def top_left(mask, layout):
    """The pixel at the top left of each cell of the whole mask, as plain whole-number division."""
    height, width = mask.shape
    return [
        bool(mask[row * height // layout.rows, col * width // layout.cols])
        for row in range(layout.rows)
        for col in range(layout.cols)
    ]


@pytest.fixture(scope="module", params=MODELS)
def measured(request):
    vit = vl.load(MODELS[request.param]())
    data = examples(vit)
    before = {key: weight.clone() for key, weight in vit.model.state_dict().items()}
    found = {rule: class_and_context(vit, data, rule=rule, batch_size=3) for rule in RULES}
    assert all(torch.equal(w, vit.model.state_dict()[key]) for key, w in before.items())
    return vit, data, found


RULES = ("released", "text")


def test_scores_by_label_are_as_counted_by_hand(measured):
    vit, data, found = measured
    found, n, prefix = found["released"], len(vit.labels), vit.layout.n_prefix
    by_label = {label: [[] for _ in vit.state_names] for label in ("class", "context")}
    for i, pixels in enumerate(pixels_of(vit, data)):
        for k, state in enumerate(run_one(vit.model, pixels).states):
            logits = token_logits(vit.model, state)[prefix:]
            for on_class, x in zip(top_left(data[i].mask, vit.layout), logits, strict=True):
                score = 1 - place(x, data[i].label) / n
                by_label["class" if on_class else "context"][k].append(score)
    for label, states in by_label.items():
        for k, scores in enumerate(states):
            assert found.scores[label].mean[k] == pytest.approx(np.mean(scores))
            for q in (0.25, 0.5, 0.75):
                lower = np.quantile(scores, q, method="inverted_cdf")
                assert found.quantile(label, q)[k] == pytest.approx(lower)
        firsts = [score == 1 for score in states[-1]]
        assert found.together[label].mean == pytest.approx(np.mean(firsts))
    table = found.table()
    assert table["how many"].tolist() == [len(by_label["class"][0]), len(by_label["context"][0])]


@pytest.mark.parametrize("rule", RULES)
def test_tokens_alone_are_those_of_a_forward_pass_written_out(measured, rule):
    vit, data, found = measured
    found, prefix = found[rule], vit.layout.n_prefix
    for label, wanted in (("class", True), ("context", False)):
        shares, hits, total, right, with_tokens = [], 0, 0, [], 0
        for i, pixels in enumerate(pixels_of(vit, data)):
            first, true = run_one(vit.model, pixels).states[0], data[i].label
            labels = top_left(data[i].mask, vit.layout)
            patches = [prefix + p for p, one in enumerate(labels) if one == wanted]
            kept = [*range(prefix), *patches]
            if not kept:
                continue
            last = through_blocks(vit.model, first[kept])[-1]
            places = [place(x, true) for x in token_logits(vit.model, last)]
            shares.append(np.mean([p == 0 for p in places]))
            hits += sum(p == 0 for p in places[prefix:])
            total += len(patches)
            with_tokens += bool(patches)
            if patches or vit.readout.name == "CLS":
                right.append(place(readout_logits(vit.model, last), true) == 0)
        expected = np.mean(shares) if rule == "released" else hits / total
        assert found.alone[label].mean == pytest.approx(expected)
        assert found.accuracy[label].mean == pytest.approx(np.mean(right))
        assert found.alone[label].n == (
            len(shares)
            if rule == "released"
            else 5 - (not prefix or wanted) * 0 - (label == "class")
        )


def test_a_mean_of_no_patches_is_no_answer():
    """CLS is left of an image without class-labelled tokens, and this model does not read it."""
    vit = vl.load(timm_model("CLS", global_pool="avg"))
    assert vit.layout.n_prefix == 1
    found = class_and_context(vit, examples(vit))
    assert found.accuracy["class"].n == 4
    assert found.alone["class"].n == 5
    assert found.accuracy["context"].n == 5


def test_removal_is_that_of_the_drop_edit():
    vit = vl.load(MODELS["registers and layer scale"]())
    pixels = pixels_of(vit, examples(vit, 3))
    dropped = [[7, 9, 20], [6], [8, 12, 25]]
    trace = vit.trace(pixels, preprocessed=True)
    kept = {
        i: torch.tensor([t for t in range(29) if t not in gone]) for i, gone in enumerate(dropped)
    }
    assert [len(tokens) for tokens in kept.values()] == [26, 28, 26]
    last_states = run_kept(trace, kept)
    assert list(run_kept(trace, {1: kept[1]})) == [1]
    assert set(last_states) == {0, 1, 2}
    for i, last in last_states.items():
        edits = [vl.edits.DropTokens(dropped[i])]
        alone = vit.trace(pixels[i : i + 1], preprocessed=True, edits=edits)
        torch.testing.assert_close(last, alone.states[-1, 0], atol=1e-5, rtol=1e-5)


def test_the_top_left_pixel_labels_a_patch_as_opencv_does():
    vit = vl.load("toy/p32")
    mask = np.zeros((500, 375), bool)
    rows = [0, 71, 142, 214, 285, 357, 428]  # OpenCV's INTER_NEAREST from 500 to 7
    cols = [0, 53, 107, 160, 214, 267, 321]  # and from 375
    mask[rows[2], cols[5]] = mask[rows[6], cols[0]] = True
    mask[rows[4] + 1, cols[4]] = True  # beside the pixel that is looked at
    labels = class_tokens(vit, [mask], "top_left")[0].reshape(7, 7)
    assert np.argwhere(labels).tolist() == [[2, 5], [6, 0]]


def test_the_majority_of_the_pixels_that_the_model_sees_labels_a_patch():
    crop = {"mean": (0.5,) * 3, "std": (0.5,) * 3, "crop_pct": 0.5}
    vit = vl.load(MODELS["CLS"](), preprocessing=crop)  # 48 x 80: 3 x 5 patches, of the middle
    mask = np.zeros((96, 160), bool)
    mask[24 + 16 : 24 + 32, 40 + 32 : 40 + 48] = True  # the patch in row 1, column 2
    mask[:24] = True  # cropped away
    labels = class_tokens(vit, [mask], "majority")[0].reshape(3, 5)
    assert np.argwhere(labels).tolist() == [[1, 2]]
    assert class_tokens(vit, [mask], "top_left")[0].reshape(3, 5)[0].all()
    seen = vit.preprocessing.picture(Image.fromarray(mask).convert("RGB"))[..., 0] > 127
    assert seen.mean() == pytest.approx(1 / 15)
    exact = vl.world.Scenes(seed=3)[0].mask
    toy = vl.load("toy/p32")
    cells = exact.reshape(7, 32, 7, 32).mean((1, 3)) > 0.5
    assert np.array_equal(class_tokens(toy, [exact], "majority")[0].reshape(7, 7), cells)


def test_the_majority_may_label_the_tokens_of_the_experiment():
    vit = vl.load(MODELS["CLS"]())
    data = examples(vit)
    found = class_and_context(vit, data, mask_rule="majority", remove=False)
    masks = [data[i].mask for i in range(data.count)]
    labels = class_tokens(vit, masks, "majority")
    assert found.counts[-1].sum(1).tolist() == [labels.sum(), (~labels).sum()]
    assert labels.sum() != class_tokens(vit, masks, "top_left").sum()


def test_shuffles_of_counts_are_shuffles_of_tokens():
    rng = np.random.default_rng(0)
    mine, others = rng.integers(0, 9, 40), rng.integers(1, 10, 70)
    counts = np.stack([np.bincount(one, minlength=11) for one in (mine, others)])
    together, larger = np.concatenate([mine, others]), 0
    for _ in range(4000):
        rng.shuffle(together)
        larger += together[:40].mean() < mine.mean()
    p = shuffled_ranks_p(counts, shuffles=4000)
    assert p == pytest.approx(larger / 4000, abs=0.03)
    assert shuffled_ranks_p(counts[::-1], shuffles=4000) == pytest.approx(1 - p, abs=0.05)
    assert shuffled_ranks_p(counts) == shuffled_ranks_p(counts)
    assert np.isnan(shuffled_ranks_p(np.stack([counts[0], 0 * counts[0]])))


def test_the_limit_of_shuffled_means_is_that_of_shuffles():
    rng = np.random.default_rng(0)
    for shift in (-0.1, 0.05, 0.3):
        mine, others = rng.exponential(size=200) + shift, rng.exponential(size=300)
        together = np.concatenate([mine, others])
        difference, larger = mine.mean() - others.mean(), 0
        total, squares = together.sum(), (together**2).sum()
        for _ in range(4000):
            rng.shuffle(together)
            larger += together[:200].mean() - together[200:].mean() > difference
        p = shuffled_means_p(np.array([200, 300]), difference, total, squares)
        assert p == pytest.approx(larger / 4000, abs=0.03)


def test_few_tokens_are_shuffled_in_every_way():
    """Ties count for nobody, as in the authors' `true < shuffled`; the variance is exact."""
    mine, others = [0, 1, 1], [1, 2, 0, 3]
    counts = np.stack([np.bincount(one, minlength=4) for one in (mine, others)])
    every = np.array([*mine, *others], float)
    chosen = [list(some) for some in combinations(range(7), 3)]
    differences = np.array([every[some].mean() - np.delete(every, some).mean() for some in chosen])
    smaller = (differences < differences[0] - 1e-9).mean()  # a smaller rank is a better score
    tied = (abs(differences - differences[0]) < 1e-9).mean()
    assert tied > 0.1
    assert shuffled_ranks_p(counts, shuffles=20_000) == pytest.approx(smaller, abs=0.015)
    p = shuffled_means_p(np.array([3, 4]), differences[0], every.sum(), np.array((every**2).sum()))
    assert p == pytest.approx(norm.sf(differences[0] / differences.std()))


def test_removal_can_be_left_out_and_the_world_is_taken_as_it_is():
    vit = vl.load("toy/p32")
    found = class_and_context(vit, vl.world.Scenes(), n_images=12, remove=False)
    assert found.alone == {}
    assert found.together["class"].mean > found.together["context"].mean + 0.3
    assert found.p[-1] == 0
    assert "rate, alone" not in found.table()
    assert found.evolution()["difference"].iloc[-1] > 0
    vit.paper = "ViT-B/32"
    table = class_and_context(vit, vl.world.Scenes(), n_images=2).table()
    assert table["rate, alone, Vilas et al. 2023"].tolist() == [0.447048, 0.386835]


def test_published_medians_stand_at_their_states():
    vit = vl.load(timm_model("CLS", depth=12, embed_dim=24, num_heads=2))
    data = examples(vit, 2)
    found = class_and_context(vit, data, remove=False)
    assert found.published == {}
    assert not any("Vilas" in column for column in found.evolution())
    vit.paper = "ViT-B/32"
    table = class_and_context(vit, data, remove=False).evolution()
    medians = table["class, median, Vilas et al. 2023"]
    known = {1: 0.5, 2: 0.5, 9: 0.97, 12: 1.0}  # state 0 and the other blocks were not read off
    assert medians.dropna().to_dict() == known
    assert table["context, median, Vilas et al. 2023"][9] == 0.88


@pytest.mark.parametrize(
    "words",
    [
        {"mask_rule": "bottom"},
        {"rule": "both"},
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(words):
    vit = vl.load(MODELS["CLS"]())
    with refused(vl.UsageError):
        class_and_context(vit, examples(vit), **words)


def test_quantiles_that_there_are_not_are_refused(measured):
    found = measured[2]["released"]
    with refused(vl.UsageError):
        found.quantile("things")
    with refused(vl.UsageError):
        found.quantile("class", 50)

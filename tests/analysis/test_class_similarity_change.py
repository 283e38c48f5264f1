"""Change rates and residual composition against loops over blocks and tokens."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import (
    MODELS,
    examples,
    pixels_of,
    readout_logits,
    run_one,
    token_logits,
)
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis import class_similarity_change
from vitlens_widgets.analysis.class_space.token_labels import class_tokens
from vitlens_widgets.data import Examples


@pytest.fixture(scope="module", params=MODELS)
def measured(request):
    vit = vl.load(MODELS[request.param]())
    data = examples(vit)
    before = {key: weight.clone() for key, weight in vit.model.state_dict().items()}
    found = class_similarity_change(vit, data, batch_size=2)
    assert all(torch.equal(w, vit.model.state_dict()[key]) for key, w in before.items())
    return vit, data, found, [run_one(vit.model, pixels) for pixels in pixels_of(vit, data)]


def test_change_rates_are_as_counted_by_hand(measured):
    vit, data, found, runs = measured
    prefix = vit.layout.n_prefix
    middle = class_similarity_change(vit, data, mlp_input="resid_mid")
    for block in range(vit.n_layers):
        rates = {name: [] for name in ("attn_out", "mlp_out", "block", "after attention")}
        readouts = {name: [] for name in rates}
        for i, run in enumerate(runs):
            true, before = data[i].label, run.states[block]
            pairs = {
                "attn_out": (before, run.attn_out[block]),
                "mlp_out": (before, run.mlp_out[block]),
                "block": (before, run.states[block + 1]),
                "after attention": (before + run.attn_out[block], run.mlp_out[block]),
            }
            for name, (a, b) in pairs.items():
                start = prefix if name != "block" else max(1, prefix)  # as released
                old, new = (token_logits(vit.model, x)[start:, true] for x in (a, b))
                rates[name].append(np.mean([n > o for n, o in zip(new, old, strict=True)]))
                old, new = (readout_logits(vit.model, x)[true] for x in (a, b))
                readouts[name].append(new > old)
        for name in ("attn_out", "mlp_out", "block"):
            assert found.changes[name, "tokens"].mean[block] == pytest.approx(np.mean(rates[name]))
            readout = found.changes[name, "readout"].mean[block]
            assert readout == pytest.approx(np.mean(readouts[name]))
        other = middle.changes["mlp_out", "tokens"].mean[block]
        assert other == pytest.approx(np.mean(rates["after attention"]), abs=1e-9)
        same = middle.changes["attn_out", "tokens"].mean[block]
        assert same == found.changes["attn_out", "tokens"].mean[block]


def test_the_text_counts_every_image_token_of_blocks_too(measured):
    vit, data, found, runs = measured
    text = class_similarity_change(vit, data, rule="text", batch_size=2)
    for block in range(vit.n_layers):
        rates = []
        for i, run in enumerate(runs):
            old, new = (
                token_logits(vit.model, state)[vit.layout.n_prefix :, data[i].label]
                for state in run.states[block : block + 2]
            )
            rates.append(np.mean(new > old))
        assert text.changes["block", "tokens"].mean[block] == pytest.approx(np.mean(rates))
    other = {
        key for key in found.changes if (found.changes[key].mean != text.changes[key].mean).any()
    }
    assert other == (set() if vit.layout.n_prefix else {("block", "tokens")})


def test_composition_is_as_counted_by_hand(measured):
    vit, _, found, runs = measured
    for block in range(vit.n_layers):
        counted = {name: [] for name in found.composition}
        for run in runs:
            top, prev, attn, mlp = (
                token_logits(vit.model, x).argmax(-1)
                for x in (
                    run.states[block + 1],
                    run.states[block],
                    run.attn_out[block],
                    run.mlp_out[block],
                )
            )
            for t in range(len(top)):  # every token, prefix tokens too
                counted["previous"].append(top[t] == prev[t])
                counted["attention"].append(top[t] == attn[t])
                counted["MLP"].append(top[t] == mlp[t])
                counted["neither_released"].append(top[t] != prev[t] and top[t] != attn[t])
                counted["neither"].append(top[t] not in (prev[t], attn[t], mlp[t]))
        for name, shares in counted.items():
            assert found.composition[name].mean[block] == pytest.approx(np.mean(shares)), name


def test_changes_are_split_by_the_label_of_the_token(measured):
    vit, data, found, runs = measured
    prefix = vit.layout.n_prefix
    labels = class_tokens(vit, [data[i].mask for i in range(data.count)], "top_left")
    for block in range(vit.n_layers):
        by_label = {True: [], False: []}
        for i, run in enumerate(runs):
            old, new = (
                token_logits(vit.model, x)[prefix:, data[i].label]
                for x in (run.states[block], run.attn_out[block])
            )
            for t, change in enumerate(new - old):
                by_label[bool(labels[i, t])].append(change)
        split = found.splits["attn_out"]
        assert split.of_class.mean[block] == pytest.approx(np.mean(by_label[True]), abs=1e-5)
        assert split.of_context.mean[block] == pytest.approx(np.mean(by_label[False]), abs=1e-5)
        difference = np.mean(by_label[True]) - np.mean(by_label[False])
        assert split.difference[block] == pytest.approx(difference, abs=1e-5)
        assert 0 < split.p[block] < 1


def test_a_block_that_adds_nothing_raises_nothing():
    model = MODELS["CLS"]()
    with torch.no_grad():
        for part in (model.blocks[1].attn.proj, model.blocks[1].mlp.fc2):
            part.weight.zero_()
            part.bias.zero_()
    vit = vl.load(model)
    found = class_similarity_change(vit, examples(vit))
    for place in ("tokens", "readout"):
        assert found.changes["block", place].mean[1] == 0 < found.changes["block", place].mean[0]
    assert found.composition["previous"].mean[1] == 1


def test_tokens_may_be_labelled_by_the_majority_of_their_pixels():
    vit = vl.load(MODELS["CLS"]())
    data = examples(vit)
    found = class_similarity_change(vit, data, mask_rule="majority").splits["mlp_out"]
    runs = [run_one(vit.model, pixels) for pixels in pixels_of(vit, data)]
    labels = class_tokens(vit, [data[i].mask for i in range(data.count)], "majority")
    assert (labels != class_tokens(vit, [data[i].mask for i in range(5)], "top_left")).any()
    changes = np.stack(
        [
            token_logits(vit.model, run.mlp_out[2])[1:, data[i].label]
            - token_logits(vit.model, run.states[2])[1:, data[i].label]
            for i, run in enumerate(runs)
        ]
    )
    expected = changes[labels].mean() - changes[~labels].mean()
    assert found.difference[2] == pytest.approx(expected, abs=1e-5)


def test_without_masks_nothing_is_split():
    vit = vl.load(MODELS["CLS"]())
    data = examples(vit)
    bare = Examples([(data[i].image, data[i].label) for i in range(3)], vit.labels)
    found = class_similarity_change(vit, bare)
    assert found.splits == {}
    assert not any("context" in column for column in found.table())


def test_a_model_without_mlps_has_nothing_of_them():
    vit = vl.load("toy/attn-only-2l")
    found = class_similarity_change(vit, vl.world.Scenes(), n_images=2)
    assert {site for site, _ in found.changes} == {"attn_out", "block"}
    assert "MLP" not in found.composition
    released, corrected = (found.composition[n] for n in ("neither_released", "neither"))
    assert np.array_equal(released.mean, corrected.mean)
    with refused(vl.UnsupportedModelError):
        class_similarity_change(vit, vl.world.Scenes(), n_images=2, mlp_input="resid_mid")


def test_published_values_stand_at_their_blocks():
    vit = vl.load(MODELS["CLS"](), labels=None)
    data = examples(vit, 2)
    assert class_similarity_change(vit, data).published == {}
    deep = vl.load(timm_model("CLS", depth=12, embed_dim=24, num_heads=2))
    deep.paper = "ViT-B/32"
    found = class_similarity_change(deep, examples(deep, 2))
    table = found.table()
    assert table["attention, readout, Vilas et al. 2023"][1:3].tolist() == [0.57, 0.57]
    assert table["attention, class - context, Vilas et al. 2023"].iloc[-1] == -6.5432
    composed = found.table("composition")["previous, Vilas et al. 2023"]
    assert composed[:3].tolist() == pytest.approx([np.nan, 0.26, np.nan], nan_ok=True)
    assert composed.iloc[-1] == 0.55
    assert "neither, Vilas et al. 2023" not in found.table("composition")


def test_unknown_words_are_refused():
    vit = vl.load(MODELS["CLS"]())
    with refused(vl.UsageError):
        class_similarity_change(vit, examples(vit), mlp_input="attn")
    with refused(vl.UsageError):
        class_similarity_change(vit, examples(vit), rule="paper")

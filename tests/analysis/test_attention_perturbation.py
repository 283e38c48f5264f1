"""Attention cut between tokens, against a forward pass written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

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
from vitlens_widgets.analysis import attention_perturbation


def cut(kind, prefix):
    """Changes attention weights `[head, query, key]` in place, token by token."""

    def change(pattern):
        for head in pattern:
            for t in range(prefix, len(head)):
                if kind == "self_only":
                    head[t] = 0
                    head[t, t] = 1
                if kind == "no_cls":
                    head[t, 0] = 0

    return change


def by_hand(vit, data, kind):
    """Places of the true class at the last state, `[image][token]`, and of the readout."""
    tokens, readout = [], []
    for i, pixels in enumerate(pixels_of(vit, data)):
        first = run_one(vit.model, pixels).states[0]
        last = through_blocks(vit.model, first, cut(kind, vit.layout.n_prefix))[-1]
        tokens.append([place(x, data[i].label) for x in token_logits(vit.model, last)])
        readout.append(place(readout_logits(vit.model, last), data[i].label))
    return np.array(tokens), np.array(readout)


@pytest.mark.parametrize("name", MODELS)
def test_rates_are_those_of_a_forward_pass_written_out(name):
    vit = vl.load(MODELS[name]())
    data, prefix = examples(vit), vit.layout.n_prefix
    before = {key: weight.clone() for key, weight in vit.model.state_dict().items()}
    released = attention_perturbation(vit, data, batch_size=2)
    text = attention_perturbation(vit, data, rule="text")
    assert all(torch.equal(w, vit.model.state_dict()[key]) for key, w in before.items())
    kinds = ["self_only", *(["no_cls"] if prefix else [])]
    assert list(released.values) == ["unperturbed", *kinds]
    whole, _ = by_hand(vit, data, "unperturbed")
    unperturbed = (whole[:, prefix:] == 0).mean(1)
    for found, start in ((released, 0), (text, prefix)):
        rate = found.values["unperturbed"]["rate"]
        assert rate.mean[-1] == pytest.approx(unperturbed.mean())
        for kind in kinds:
            tokens, readout = by_hand(vit, data, kind)
            rates = (tokens[:, start:] == 0).mean(1)
            assert found.values[kind]["rate"].mean[-1] == pytest.approx(rates.mean())
            scores = 1 - tokens[:, start:] / len(vit.labels)
            assert found.values[kind]["score"].mean[-1] == pytest.approx(scores.mean())
            right = found.values[kind]["readout_rate"].mean[-1]
            assert right == pytest.approx((readout == 0).mean())
            change = rates - unperturbed
            assert found.changes[kind].mean[-1] == pytest.approx(change.mean())
            assert found.changes[kind].deviation[-1] == pytest.approx(change.std(ddof=1), abs=1e-7)


def test_the_table_has_a_row_per_kind_and_the_published_rates():
    vit = vl.load(MODELS["CLS"]())
    vit.paper = "ViT-B/32"
    found = attention_perturbation(vit, examples(vit), kinds=["no_cls"])
    table = found.table()
    assert table["attention"].tolist() == ["unperturbed", "no_cls"]
    assert np.isnan(table["change"][0])
    assert table["rate, Vilas et al. 2023"].tolist() == [0.60726, 0.607134]
    every = attention_perturbation(vit, examples(vit, 2)).table()
    assert every["rate, Vilas et al. 2023"].tolist() == [0.60726, 0.0012571, 0.607134]
    assert list(attention_perturbation(vit, examples(vit, 2), kinds="no_cls").changes) == ["no_cls"]


def test_what_cannot_be_cut_is_said():
    vit = vl.load(MODELS["CLS"]())
    with refused(vl.UsageError):
        attention_perturbation(vit, examples(vit), kinds=["none"])
    vit = vl.load(MODELS["post-norm"]())
    with refused(vl.UsageError):
        attention_perturbation(vit, examples(vit), kinds=["no_cls"])

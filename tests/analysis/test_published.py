"""The table of published numbers against a second reading of its sources, in their own units."""

from __future__ import annotations

import numpy as np
import pytest

from vitlens_widgets.analysis.class_space import published

PRINTED = """
ViT-B/32    60.726 95.582 81.71
ViT-B/16    67.040 97.451 85.69
ViT-L/16    72.578 97.121 86.00
MIIL        78.522 95.516 86.26
CIFAR100    90.352 98.800 92.00
Refinement  79.642 96.264 84.97
GAP         52.089 98.527 84.13
"""
"""Percent at the last block: rate, images with a token, the model's accuracy."""
METHODS = ("class_embedding", "chefer", "linear_probe")
RANDOM = {"ViT-B/32": (0.0664, 1.275), "ViT-B/16": (0.0562, 2.176)}

OF_TOKENS = {
    "GAP": "51 52 55 57 60 63 68 75 82 88 91 94",
    "Refinement": "45 48 49 49 51 53 56 64 73 88 93 99",
    "MIIL": "47 50 53 58 65 73 79 83 86 89 94 99",
    "ViT-B/32": "48 49 52 55 58 68 71 75 81 86 92 99",
}
OF_READOUT = {
    "ViT-B/16": "50 51 53 57 63 71 80 85 88 90 94 100",
    "ViT-B/32": "50 52 55 63 68 83 89 90 93 95 98 100",
    "MIIL": "51 59 70 79 88 93 96 97 98 99 100 100",
}
INCREASES = "55 56 59 60 77 66 71 73 72 89.5 80"
CHANGES = {
    ("attn_out", "readout"): "57 57 73 67 92 86.5 78.5 68 84 97 92.5",
    ("attn_out", "tokens"): "59.5 59.5 63.3 64.8 78.3 68.3 66 56.5 41 61 50.5",
    ("mlp_out", "readout"): "53 51.5 48.5 39 43 26.5 8.5 18 31 72.5 3",
    ("mlp_out", "tokens"): "49.5 47.5 43 36 33.5 21.5 24 30.5 30 66.5 4.5",
}
COMPOSITION = """
2  26  0.5  1 73
8  31  6    6 64
9  31 11    9 61
10 34  8   11 59
11 30 20   50 58
12 55 35    0 19
"""
"""Block; percent of previous, attention, MLP, neither."""

CLASS_VALUE = {
    "MLP": {
        "Refinement": 42, "ViT-L/16": 39.3, "ViT-B/16": 38, "ViT-B/32": 32.7, "MIIL": 28,
        "CIFAR100": 22.3, "GAP": 12.8,
    },
    "attention": {"Refinement": 21.7, "CIFAR100": 20, "ViT-L/16": 17.4, "MIIL": 14},
}  # fmt: skip
AGREEMENT = {
    ("attention", 12): {
        "CIFAR100": 77, "Refinement": 66, "MIIL": 64, "ViT-B/16": 56, "ViT-B/32": 44, "GAP": 12,
    },
    ("MLP", 11): {
        "MIIL": 52.5, "Refinement": 50, "ViT-B/32": 40, "ViT-B/16": 40, "CIFAR100": 40,
    },
    ("MLP", 12): {"GAP": 9},
}  # fmt: skip
SINGLE = {
    ("MLP", 11): {
        "ViT-B/32": 56.5, "ViT-B/16": 57, "MIIL": 53.5, "CIFAR100": 54.5, "Refinement": 59.5,
    },
    ("MLP", 21): {"ViT-L/16": 72.5},
    ("MLP", 22): {"ViT-L/16": 63.5},
    ("attention", 12): {
        "ViT-B/32": 11.5, "ViT-B/16": 15.5, "MIIL": 22, "CIFAR100": 73, "Refinement": 27,
    },
}  # fmt: skip
"""Percent by sub-block and block, counted from 1."""


def percent(text):
    return pytest.approx([float(number) / 100 for number in text.split()])


def test_what_the_authors_notebooks_print():
    for name, *numbers in (line.split() for line in PRINTED.split("\n") if line):
        assert published.RATES[name] == percent(" ".join(numbers))
    assert len(published.RATES) == 7
    found = {name: [100 * one for one in pair] for name, pair in published.RANDOM_RATES.items()}
    assert found == {name: pytest.approx(pair) for name, pair in RANDOM.items()}
    (perturbed,) = published.PERTURBED.values()
    assert perturbed == pytest.approx({"self_only": 0.0012571, "no_cls": 0.607134})
    (removed,) = published.REMOVED.values()
    assert removed["class"] == percent("71.9152 44.7048")
    assert removed["context"] == percent("56.2449 38.6835")
    (auc,) = published.REMOVAL_AUC.values()
    assert [auc[f"{name}_negative"] for name in METHODS] == percent("83.629 84.540 73.852")
    assert [auc[f"{name}_positive"] for name in METHODS] == percent("41.282 39.287 68.325")
    assert len(auc) == 7
    assert auc["random"] == pytest.approx(0.71589)
    (apart,) = published.CLASS_MINUS_CONTEXT.values()
    thousandths = [7.0, 29.6, 127.2, 215.7, 231.1, 232.2, 343.5, 435.8, -409.4, -563.6, -6543.2]
    assert [1000 * one for one in apart] == pytest.approx(thousandths)


def test_curves_over_blocks():
    for table, read_off in (
        (published.TOKEN_SCORES, OF_TOKENS),
        (published.READOUT_SCORES, OF_READOUT),
    ):
        assert table == {name: percent(text) for name, text in read_off.items()}
        assert all(np.diff(values).min() >= 0 for values in table.values())
    assert {"ViT-B/32": percent(INCREASES)} == published.LOGIT_INCREASES
    changes = {place: percent(text) for place, text in CHANGES.items()}
    assert {"ViT-B/32": changes} == published.CHANGE_RATES
    (composition,) = published.COMPOSITION.values()
    rows = (line.split(maxsplit=1) for line in COMPOSITION.split("\n") if line)
    assert composition == {int(block): percent(text) for block, text in rows}
    medians = {1: "50 50", 2: "50 50", 9: "97 88", 12: "100 100"}
    expected = {block: percent(text) for block, text in medians.items()}
    assert {"ViT-B/32": expected} == published.LABEL_MEDIANS


def test_agreement_of_classes_with_values_and_keys():
    by_kind = {
        kind: {name: one[kind] for name, one in published.CLASS_VALUE.items() if kind in one}
        for kind in CLASS_VALUE
    }
    expected = {
        kind: {name: pytest.approx(share / 100) for name, share in of.items()}
        for kind, of in CLASS_VALUE.items()
    }
    assert by_kind == expected
    for measure, read_off in (("agreement", AGREEMENT), ("single", SINGLE)):
        found = {}
        for name, kinds in published.KEY_VALUE[measure].items():
            for kind, blocks in kinds.items():
                for block, share in blocks.items():
                    found.setdefault((kind, block), {})[name] = pytest.approx(100 * share)
        assert read_off == found
    groups = {"attention": {12: 0.37}, "MLP": {11: 0.38}}
    assert {"ViT-L/16": groups} == published.GROUPED_AGREEMENT
    assert published.GROUPED == {"ViT-L/16": 12}


def test_probes():
    (probes,) = published.PROBES.values()
    at_the_end = {key: 100 * by_block[12] for key, by_block in probes.items()}
    sites = ("resid_post", "attn_out", "mlp_out")
    for measure, shares in {"accuracy": (50.5, 58, 48.5), "projection": (60.7, 42, 0)}.items():
        assert [at_the_end[site, measure] for site in sites] == pytest.approx(shares)
    assert probes["mlp_out", "projection"][11] == pytest.approx(0.265)
    assert sum(map(len, probes.values())) == 7


def test_what_was_not_published_is_no_number():
    np.testing.assert_array_equal(
        published.placed({2: 0.5, 4: 0.25}, 4), [np.nan, 0.5, np.nan, 0.25]
    )
    assert published.listed([0.5, np.nan, 0.0]) == [0.5, None, 0.0]

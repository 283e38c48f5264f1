"""What Vilas et al. (2023) found for their seven models, to stand beside what is measured here.

Shares and scores lie in [0, 1]. `RATES`, `RANDOM_RATES`, `PERTURBED`, `REMOVED`,
`CLASS_MINUS_CONTEXT` and `REMOVAL_AUC` are printed by the authors' own notebooks; all else is read
off figures, to about 0.02. All are of 910 classes x 5 images of ImageNet-S, CIFAR-100's of 100
classes x 5 images. What was not published is not here.

Source: Vilas, Schaumlöffel, Roig (2023), "Analyzing Vision Transformers for Image Classification in
Class Embedding Space", NeurIPS 2023, and the code that goes with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

SOURCE = "Vilas et al. 2023"


class Rates(NamedTuple):
    """At the last block."""

    rate: float
    """Share of image tokens that have the true class first, mean over images."""
    images: float
    """Share of images with at least one such token."""
    accuracy: float
    """Of the model's own answer."""


RATES = {
    "ViT-B/32": Rates(0.60726, 0.95582, 0.8171),
    "ViT-B/16": Rates(0.67040, 0.97451, 0.8569),
    "ViT-L/16": Rates(0.72578, 0.97121, 0.8600),
    "MIIL": Rates(0.78522, 0.95516, 0.8626),
    "CIFAR100": Rates(0.90352, 0.98800, 0.9200),
    "Refinement": Rates(0.79642, 0.96264, 0.8497),
    "GAP": Rates(0.52089, 0.98527, 0.8413),
}

RANDOM_RATES = {"ViT-B/32": (0.000664, 0.01275), "ViT-B/16": (0.000562, 0.02176)}
"""(rate, images) with random weights."""

TOKEN_SCORES = {
    "GAP": (0.51, 0.52, 0.55, 0.57, 0.60, 0.63, 0.68, 0.75, 0.82, 0.88, 0.91, 0.94),
    "Refinement": (0.45, 0.48, 0.49, 0.49, 0.51, 0.53, 0.56, 0.64, 0.73, 0.88, 0.93, 0.99),
    "MIIL": (0.47, 0.50, 0.53, 0.58, 0.65, 0.73, 0.79, 0.83, 0.86, 0.89, 0.94, 0.99),
    "ViT-B/32": (0.48, 0.49, 0.52, 0.55, 0.58, 0.68, 0.71, 0.75, 0.81, 0.86, 0.92, 0.99),
}
"""Mean identifiability of image tokens after blocks 1 to 12 (figure 2)."""

READOUT_SCORES = {
    "ViT-B/16": (0.50, 0.51, 0.53, 0.57, 0.63, 0.71, 0.80, 0.85, 0.88, 0.90, 0.94, 1.0),
    "ViT-B/32": (0.50, 0.52, 0.55, 0.63, 0.68, 0.83, 0.89, 0.90, 0.93, 0.95, 0.98, 1.0),
    "MIIL": (0.51, 0.59, 0.70, 0.79, 0.88, 0.93, 0.96, 0.97, 0.98, 0.99, 1.0, 1.0),
}
"""Mean identifiability of CLS after blocks 1 to 12 (figure 2)."""

LABEL_MEDIANS = {
    "ViT-B/32": {1: (0.5, 0.5), 2: (0.5, 0.5), 9: (0.97, 0.88), 12: (1.0, 1.0)},
}
"""Median identifiability of class-labelled and of context-labelled tokens after some blocks,
counted from 1."""

LOGIT_INCREASES = {
    "ViT-B/32": (0.55, 0.56, 0.59, 0.60, 0.77, 0.66, 0.71, 0.73, 0.72, 0.895, 0.80),
}
"""Share of image tokens whose true class gains in blocks 2 to 12 (the authors' notebook)."""

PERTURBED = {"ViT-B/32": {"self_only": 0.0012571, "no_cls": 0.607134}}
"""Rate at the last block with attention perturbed in all blocks; all tokens, CLS too."""

REMOVED = {"ViT-B/32": {"class": (0.719152, 0.447048), "context": (0.562449, 0.386835)}}
"""Rate of class-labelled and context-labelled tokens: with all tokens, and with theirs alone."""

CHANGE_RATES = {
    "ViT-B/32": {
        ("attn_out", "readout"): (
            0.57, 0.57, 0.73, 0.67, 0.92, 0.865, 0.785, 0.68, 0.84, 0.97, 0.925,
        ),
        ("attn_out", "tokens"): (
            0.595, 0.595, 0.633, 0.648, 0.783, 0.683, 0.66, 0.565, 0.41, 0.61, 0.505,
        ),
        ("mlp_out", "readout"): (
            0.53, 0.515, 0.485, 0.39, 0.43, 0.265, 0.085, 0.18, 0.31, 0.725, 0.03,
        ),
        ("mlp_out", "tokens"): (
            0.495, 0.475, 0.43, 0.36, 0.335, 0.215, 0.24, 0.305, 0.30, 0.665, 0.045,
        ),
    }
}  # fmt: skip
"""Class similarity change rate of blocks 2 to 12, by sub-block and token (figure 3b)."""

CLASS_MINUS_CONTEXT = {
    "ViT-B/32": (
        0.0070, 0.0296, 0.1272, 0.2157, 0.2311, 0.2322, 0.3435, 0.4358, -0.4094, -0.5636, -6.5432,
    ),
}  # fmt: skip
"""Attention's change of the true logit in blocks 2 to 12: class-labelled minus context-labelled."""

COMPOSITION = {
    "ViT-B/32": {
        2: (0.26, 0.005, 0.01, 0.73),
        8: (0.31, 0.06, 0.06, 0.64),
        9: (0.31, 0.11, 0.09, 0.61),
        10: (0.34, 0.08, 0.11, 0.59),
        11: (0.30, 0.20, 0.50, 0.58),
        12: (0.55, 0.35, 0.0, 0.19),
    }
}
"""Residual composition by block, counted from 1: previous, attention, MLP, "neither" as released
(figure 3c)."""

REMOVAL_AUC = {
    "ViT-B/32": {
        "class_embedding_negative": 0.83629,
        "class_embedding_positive": 0.41282,
        "chefer_negative": 0.84540,
        "chefer_positive": 0.39287,
        "linear_probe_negative": 0.73852,
        "linear_probe_positive": 0.68325,
        "random": 0.71589,
    }
}
"""Area under the accuracy as patches are removed by their relevance, as released."""

GROUPED = {"ViT-L/16": 12}
"""Models of which figures 2 and 4 show means over as many groups of consecutive blocks."""

CLASS_VALUE = {
    "ViT-B/32": {"MLP": 0.327},
    "ViT-B/16": {"MLP": 0.38},
    "ViT-L/16": {"MLP": 0.393, "attention": 0.174},
    "MIIL": {"MLP": 0.28, "attention": 0.14},
    "CIFAR100": {"MLP": 0.223, "attention": 0.20},
    "Refinement": {"MLP": 0.42, "attention": 0.217},
    "GAP": {"MLP": 0.128},
}
"""Class-value agreement, means over classes: MLP, the block where it is largest; attention, the
last block (figure 4a); of ViT-L/16 instead pairs of blocks, see `GROUPED`."""

KEY_VALUE = {
    "agreement": {
        "ViT-B/32": {"attention": {12: 0.44}, "MLP": {11: 0.40}},
        "ViT-B/16": {"attention": {12: 0.56}, "MLP": {11: 0.40}},
        "MIIL": {"attention": {12: 0.64}, "MLP": {11: 0.525}},
        "CIFAR100": {"attention": {12: 0.77}, "MLP": {11: 0.40}},
        "Refinement": {"attention": {12: 0.66}, "MLP": {11: 0.50}},
        "GAP": {"attention": {12: 0.12}, "MLP": {12: 0.09}},
    },
    "single": {
        "ViT-B/32": {"attention": {12: 0.115}, "MLP": {11: 0.565}},
        "ViT-B/16": {"attention": {12: 0.155}, "MLP": {11: 0.57}},
        "ViT-L/16": {"MLP": {21: 0.725, 22: 0.635}},
        "MIIL": {"attention": {12: 0.22}, "MLP": {11: 0.535}},
        "CIFAR100": {"attention": {12: 0.73}, "MLP": {11: 0.545}},
        "Refinement": {"attention": {12: 0.27}, "MLP": {11: 0.595}},
    },
}
"""Key-value agreement rate (figure 4b), and share of tokens whose prediction one of the strongest
memories has alone, by block, counted from 1."""

GROUPED_AGREEMENT = {"ViT-L/16": {"attention": {12: 0.37}, "MLP": {11: 0.38}}}
"""Key-value agreement rate by group of blocks, counted from 1 (figure 4b); see `GROUPED`."""

PROBES = {
    "ViT-B/32": {
        ("resid_post", "accuracy"): {12: 0.505},
        ("attn_out", "accuracy"): {12: 0.58},
        ("mlp_out", "accuracy"): {12: 0.485},
        ("resid_post", "projection"): {12: 0.607},
        ("attn_out", "projection"): {12: 0.42},
        ("mlp_out", "projection"): {11: 0.265, 12: 0.0},
    }
}
"""Top-1 accuracy of 10-shot linear probes, and of class projection, mean over image tokens, by
site, measure, and block, counted from 1."""


def placed(known: Mapping[int, float], count: int) -> np.ndarray:
    """What was published of some blocks or groups, counted from 1, `[count]`; NaN of the others."""
    return np.array([known.get(place, np.nan) for place in range(1, count + 1)])


def listed(values: Iterable[float]) -> list[float | None]:
    """The values for a table's column, None where nothing was published (NaN)."""
    return [None if math.isnan(value) else float(value) for value in values]

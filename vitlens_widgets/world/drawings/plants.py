"""Flower, tree, mushroom and apple."""

from __future__ import annotations

import math

import numpy as np

from vitlens_widgets.world.drawings.palette import BLACK, WHITE, Color, Palette, hsv, mix
from vitlens_widgets.world.drawings.shapes import Parts, arc, ellipse, polygon, rectangle, spline

_STALK: Color = (245, 232, 205)


def flower(rng: np.random.Generator, colors: Palette) -> Parts:
    """Five to eight petals of two tones around a dotted centre."""
    petals = int(rng.integers(5, 9))
    breadth = 0.8 * min(math.sin(math.pi / petals), 0.42)
    tones = (mix(colors.base, colors.light, 0.35), colors.base)
    parts: Parts = []
    for i in range(petals):
        angle = 2 * math.pi * i / petals
        x, y = 0.58 * math.cos(angle), 0.58 * math.sin(angle)
        parts.append((ellipse(x, y, 0.42, breadth, turn=angle), tones[i % 2]))
    return [*parts, (ellipse(0, 0, 0.3), colors.accent), *_seeds(mix(colors.accent, BLACK, 0.4))]


def _seeds(color: Color) -> Parts:
    angles = 2 * np.pi * np.arange(5) / 5
    return [
        (ellipse(0.15 * math.cos(a), 0.15 * math.sin(a), 0.05, points=12), color) for a in angles
    ]


def tree(rng: np.random.Generator, colors: Palette) -> Parts:
    """A fir: a brown trunk under three or four overlapping tiers, the top one in front."""
    width = rng.uniform(0.6, 0.85)
    bark = hsv(0.07 + 0.02 * rng.normal(), 0.6, rng.uniform(0.35, 0.6))
    tiers = int(rng.integers(3, 5))
    parts: Parts = [(rectangle(-0.13, 0.5, 0.13, 1), bark)]
    for tier in reversed(range(tiers)):
        share = (tier + 1) / tiers
        half, bottom = width * (0.45 + 0.55 * share), 0.65 - (tiers - 1 - tier) * 1.26 / tiers
        outline = polygon(-half, bottom, half, bottom, 0, bottom - 0.85 * (0.6 + 0.4 * share))
        parts.append((outline, colors.base if tier % 2 else colors.dark))
    return parts


def mushroom(rng: np.random.Generator, colors: Palette) -> Parts:
    """A pale stalk and a dotted cap."""
    foot = rng.uniform(0.28, 0.4)
    stalk = spline(-foot, 0, foot, 0, 1.25 * foot, 0.9, -1.25 * foot, 0.9, steps=5)
    dome = arc(np.pi, 2 * np.pi, 20) * (0.98, 1.08) + (0, 0.15)
    cap = np.concatenate([dome, polygon(0.7, 0.3, -0.7, 0.3)])
    dots = ((-0.55, -0.1, 0.14), (0, -0.55, 0.18), (0.5, -0.2, 0.17), (-0.1, 0.03, 0.12))
    parts: Parts = [(stalk, _STALK), (cap, colors.base)]
    for x, y, radius in dots:
        dx, dy = rng.normal(size=2) * (0.05, 0.04)
        parts.append((ellipse(x + dx, y + dy, radius, 0.85 * radius, points=12), WHITE))
    return parts


def apple(rng: np.random.Generator, colors: Palette) -> Parts:
    """Round, dented above and below, with a stem, a leaf and a gleam."""
    stem = polygon(-0.05, -0.5, 0.03, -0.98, 0.13, -0.95, 0.06, -0.5)
    leaf = spline(0.08, -0.65, 0.35, -0.95, 0.62, -0.85, 0.4, -0.62)
    body = spline(
        *(0, -0.45, 0.4, -0.62, 0.82, -0.35, 0.82, 0.2, 0.5, 0.8, 0.18, 0.95),
        *(0, 0.87, -0.18, 0.95, -0.5, 0.8, -0.82, 0.2, -0.82, -0.35, -0.4, -0.62),
    )
    return [
        (stem, hsv(0.07, 0.6, 0.4)),
        (leaf, hsv(0.33 + 0.02 * rng.normal(), 0.7, 0.7)),
        (body, colors.base),
        (ellipse(-0.48, -0.1, 0.11, 0.25, turn=0.3, points=12), colors.light),
    ]

"""What nature has: cat, dog and fish; flower, tree, mushroom and apple; star, moon and sun."""

from __future__ import annotations

import math

import numpy as np

from vitlens_widgets.world.drawings.shapes import (
    BLACK,
    WHITE,
    Color,
    Palette,
    Parts,
    arc,
    ellipse,
    hsv,
    mix,
    polygon,
    rectangle,
    rotated,
    spline,
    star_outline,
)

_STALK: Color = (245, 232, 205)
_MOON_X = 0.25  # a crescent open to the right is centred by moving its disc to the right


def cat(rng: np.random.Generator, colors: Palette) -> Parts:
    """A face with pointed ears, a striped forehead and whiskers."""
    width, ears = rng.uniform(0.8, 0.95), rng.uniform(0.85, 1.0)
    parts: Parts = []
    for side in (-1, 1):
        parts += _cat_ear(side, width, ears, colors)
    parts.append((ellipse(0, 0.12, width, 0.75, points=28), colors.base, "face"))
    stripe = polygon(-0.08, -0.6, 0.08, -0.6, 0.03, -0.25, -0.03, -0.25)
    parts.append((stripe, colors.dark, "stripe"))
    parts += _eyes(rng.uniform(-0.05, 0.05), rng.uniform(0.32, 0.4), rng.uniform(0.11, 0.15))
    parts.append((polygon(-0.1, 0.25, 0.1, 0.25, 0, 0.37), colors.accent, "nose"))
    for side in (-1, 1):
        mouth = polygon(0, 0.37, side * 0.22, 0.5, side * 0.2, 0.55, 0, 0.42)
        parts += [(mouth, colors.dark, "mouth"), *_whiskers(side, colors)]
    return parts


def _cat_ear(side: int, width: float, height: float, colors: Palette) -> Parts:
    outer = polygon(side * width * 0.95, -0.1, side * 0.78, -height, side * 0.15, -0.55)
    inner = polygon(side * width * 0.8, -0.3, side * 0.7, -height * 0.8, side * 0.32, -0.52)
    return [(outer, colors.base, "ear"), (inner, colors.light, "ear")]


def _whiskers(side: int, colors: Palette) -> Parts:
    near, far, thick = side * 0.35, side * 1.05, 0.05
    outlines = [
        polygon(near, y0, far, y1, far, y1 + thick, near, y0 + thick)
        for y0, y1 in ((0.28, 0.18), (0.38, 0.42))
    ]
    return [(outline, colors.dark, "whisker") for outline in outlines]


def dog(rng: np.random.Generator, colors: Palette) -> Parts:
    """A long face with hanging ears, a light muzzle and often a tongue."""
    width, ears = rng.uniform(0.62, 0.74), rng.uniform(0.45, 0.6)
    parts: Parts = [(ellipse(0, 0, width, 0.88, points=28), colors.base, "face")]
    parts.append((ellipse(0, 0.42, 0.42), colors.light, "muzzle"))
    for side in (-1, 1):
        parts.append((_dog_ear(side, ears), colors.dark, "ear"))
    parts += _eyes(-0.15, rng.uniform(0.25, 0.32), rng.uniform(0.1, 0.13))
    parts.append((ellipse(0, 0.25, 0.2, 0.14), BLACK, "nose"))
    if rng.random() < 0.7:
        tongue = spline(-0.14, 0.55, 0.14, 0.55, 0.12, 0.9, -0.12, 0.9)
        parts.append((tongue, hsv(0.97, 0.6, 0.95), "tongue"))
    parts.append((polygon(-0.03, 0.35, 0.03, 0.35, 0.03, 0.58, -0.03, 0.58), BLACK, "mouth"))
    return parts


def _dog_ear(side: int, length: float) -> np.ndarray:
    outline = spline(
        *(0.35, -0.8, 0.8, -0.75, 1.0, -0.2),
        *(0.92, length, 0.7, length - 0.05, 0.62, -0.1),
    )
    return outline * (side, 1)


def fish(rng: np.random.Generator, colors: Palette) -> Parts:
    """Looking to the left: a round body with bands, a forked tail and fins."""
    height = rng.uniform(0.4, 0.55)
    tail = polygon(0.45, 0, 1, -0.5, 0.88, 0, 1, 0.5)
    top_fin = spline(-0.1, -0.9 * height, 0.25, -height - 0.25, 0.35, -0.5 * height)
    parts: Parts = [(tail, colors.dark, "tail"), (top_fin, colors.dark, "fin")]
    parts.append((ellipse(-0.15, 0, 0.8, height, points=28), colors.base, "body"))
    for band in range(rng.integers(2, 4)):
        parts.append((_fish_band(-0.15 + 0.25 * band, height), colors.accent, "stripe"))
    parts.append((polygon(-0.05, 0.05, 0.25, 0.2, 0.25, 0.45), colors.dark, "fin"))
    parts.append((ellipse(-0.6, -0.1, 0.13, points=12), WHITE, "eye"))
    parts.append((ellipse(-0.62, -0.1, 0.07, points=12), BLACK, "eye"))
    return parts


def _fish_band(x: float, height: float) -> np.ndarray:
    top, bottom = 0.75 * height, 0.7 * height
    return polygon(x, -top, x + 0.1, -bottom, x + 0.1, bottom, x, top)


def _eyes(y: float, apart: float, radius: float) -> Parts:
    """Two dark eyes, each with a glint."""
    parts: Parts = []
    for x in (-apart, apart):
        parts.append((ellipse(x, y, radius, 1.25 * radius, points=12), BLACK, "eye"))
        glint = ellipse(x + 0.3 * radius, y - 0.4 * radius, 0.35 * radius, points=12)
        parts.append((glint, WHITE, "eye"))
    return parts


def flower(rng: np.random.Generator, colors: Palette) -> Parts:
    """Five to eight petals of two tones around a dotted centre."""
    petals = int(rng.integers(5, 9))
    breadth = 0.8 * min(math.sin(math.pi / petals), 0.42)
    tones = (mix(colors.base, colors.light, 0.35), colors.base)
    parts: Parts = []
    for i in range(petals):
        angle = 2 * math.pi * i / petals
        x, y = 0.58 * math.cos(angle), 0.58 * math.sin(angle)
        parts.append((ellipse(x, y, 0.42, breadth, turn=angle), tones[i % 2], "petal"))
    seeds = _seeds(mix(colors.accent, BLACK, 0.4))
    return [*parts, (ellipse(0, 0, 0.3), colors.accent, "disc"), *seeds]


def _seeds(color: Color) -> Parts:
    angles = 2 * np.pi * np.arange(5) / 5
    centers = [(0.15 * math.cos(a), 0.15 * math.sin(a)) for a in angles]
    return [(ellipse(x, y, 0.05, points=12), color, "disc") for x, y in centers]


def tree(rng: np.random.Generator, colors: Palette) -> Parts:
    """A fir: a brown trunk under three or four overlapping tiers, the top one in front."""
    width = rng.uniform(0.6, 0.85)
    bark = hsv(0.07 + 0.02 * rng.normal(), 0.6, rng.uniform(0.35, 0.6))
    tiers = int(rng.integers(3, 5))
    parts: Parts = [(rectangle(-0.13, 0.5, 0.13, 1), bark, "trunk")]
    for tier in reversed(range(tiers)):
        share = (tier + 1) / tiers
        half, bottom = width * (0.45 + 0.55 * share), 0.65 - (tiers - 1 - tier) * 1.26 / tiers
        outline = polygon(-half, bottom, half, bottom, 0, bottom - 0.85 * (0.6 + 0.4 * share))
        parts.append((outline, colors.base if tier % 2 else colors.dark, "crown"))
    return parts


def mushroom(rng: np.random.Generator, colors: Palette) -> Parts:
    """A pale stalk and a dotted cap."""
    foot = rng.uniform(0.28, 0.4)
    stalk = spline(-foot, 0, foot, 0, 1.25 * foot, 0.9, -1.25 * foot, 0.9, steps=5)
    dome = arc(np.pi, 2 * np.pi, 20) * (0.98, 1.08) + (0, 0.15)
    cap = np.concatenate([dome, polygon(0.7, 0.3, -0.7, 0.3)])
    dots = ((-0.55, -0.1, 0.14), (0, -0.55, 0.18), (0.5, -0.2, 0.17), (-0.1, 0.03, 0.12))
    parts: Parts = [(stalk, _STALK, "stalk"), (cap, colors.base, "cap")]
    for x, y, radius in dots:
        dx, dy = rng.normal(size=2) * (0.05, 0.04)
        parts.append((ellipse(x + dx, y + dy, radius, 0.85 * radius, points=12), WHITE, "dot"))
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
        (stem, hsv(0.07, 0.6, 0.4), "stem"),
        (leaf, hsv(0.33 + 0.02 * rng.normal(), 0.7, 0.7), "leaf"),
        (body, colors.base, "body"),
        (ellipse(-0.48, -0.1, 0.11, 0.25, turn=0.3, points=12), colors.light, "gleam"),
    ]


def star(rng: np.random.Generator, colors: Palette) -> Parts:
    """Five tips: plain, with a rim, or folded from two tones."""
    outline = star_outline(5, inner=rng.uniform(0.38, 0.5))
    style = rng.integers(3)
    if style == 0:
        return [(outline, colors.dark, "rim"), (0.8 * outline, colors.base, "body")]
    if style == 1:
        center = np.zeros(2)
        facets = [np.stack([outline[i], outline[i + 1], center]) for i in range(0, 10, 2)]
        folded: Parts = [(facet, colors.light, "body") for facet in facets]
        return [(outline, colors.base, "body"), *folded]
    return [(outline, colors.base, "body")]


def moon(rng: np.random.Generator, colors: Palette) -> Parts:
    """A crescent, open to the right, with craters."""
    crescent = _crescent(shift=rng.uniform(0.35, 0.55), horn=rng.uniform(0.95, 1.15))
    parts: Parts = [(crescent, colors.base, "body")]
    for _ in range(rng.integers(1, 4)):
        angle = rng.uniform(2.3, 4.0)
        x, y = _MOON_X + 0.72 * math.cos(angle), 0.72 * math.sin(angle)
        parts.append((ellipse(x, y, rng.uniform(0.05, 0.1), points=12), colors.dark, "crater"))
    return parts


def _crescent(shift: float, horn: float) -> np.ndarray:
    """The unit disc from angle `horn` on, without a disc around (shift, 0) through both horns."""
    x, y = math.cos(horn) - shift, math.sin(horn)
    bite = math.atan2(y, x)
    inner = math.hypot(x, y) * arc(2 * np.pi - bite, bite, 24) + (shift, 0)
    outer = arc(horn, 2 * np.pi - horn, 28)
    return np.concatenate([outer, inner]) + np.array([_MOON_X, 0])


def sun(rng: np.random.Generator, colors: Palette) -> Parts:
    """A disc and eight to twelve pointed rays, apart from it."""
    rays = int(rng.integers(8, 13))
    ray = polygon(0.62, 0.13, 1, 0, 0.62, -0.13)
    parts: Parts = [(rotated(ray, 2 * np.pi * i / rays), colors.base, "ray") for i in range(rays)]
    parts.append((ellipse(0, 0, 0.55, points=28), mix(colors.base, colors.light, 0.3), "disc"))
    if rng.random() < 0.5:
        parts.append((ellipse(0, 0, 0.38), colors.base, "disc"))
    return parts

"""Things that do not grow or shine: heart, house, umbrella, car, boat and key."""

from __future__ import annotations

import numpy as np

from vitlens_widgets.world.drawings.shapes import (
    BLACK,
    Color,
    Palette,
    Parts,
    arc,
    ellipse,
    hsv,
    mirrored,
    polygon,
    rectangle,
    spline,
)

_GLASS: Color = hsv(0.55, 0.45, 0.95)
_WOOD: Color = hsv(0.07, 0.5, 0.4)
_HUBCAP: Color = (200, 200, 205)
_HEADLIGHT: Color = hsv(0.14, 0.6, 1.0)


def _heart_outline() -> np.ndarray:
    """The classic heart curve, sin³ against four cosines."""
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([16 * np.sin(t) ** 3, -y], axis=1) / 17


_HEART = _heart_outline()


def heart(rng: np.random.Generator, colors: Palette) -> Parts:
    """With a gleam, half of the time with a dark rim."""
    width = rng.uniform(0.85, 1.05)
    outline = _HEART * (width, 1)
    gleam = (ellipse(-0.45 * width, -0.4, 0.16, 0.24, turn=0.6, points=12), colors.light, "gleam")
    if rng.random() < 0.5:
        inner = 0.86 * outline - (0, 0.02)
        return [(outline, colors.dark, "rim"), (inner, colors.base, "body"), gleam]
    return [(0.98 * outline, colors.base, "body"), gleam]


def house(rng: np.random.Generator, colors: Palette) -> Parts:
    """Light walls under a gable roof with a chimney, a door and a window beside it."""
    eaves, half = rng.uniform(-0.15, 0.0), rng.uniform(0.65, 0.78)
    side = 0.35 if rng.random() < 0.5 else -0.35
    roof = polygon(-half - 0.22, eaves + 0.03, half + 0.22, eaves + 0.03, 0, -0.98)
    return [
        (rectangle(0.35, -0.8, 0.55, -0.2), colors.dark, "chimney"),
        (rectangle(-half, eaves, half, 0.95), colors.light, "wall"),
        (roof, colors.base, "roof"),
        (rectangle(side - 0.16, 0.4, side + 0.16, 0.95), colors.dark, "door"),
        *_window(-0.9 * side, 0.25, colors.dark),
    ]


def _window(x: float, top: float, bars: Color) -> Parts:
    return [
        (rectangle(x - 0.19, top, x + 0.19, top + 0.35), _GLASS, "window"),
        (rectangle(x - 0.03, top, x + 0.03, top + 0.35), bars, "window"),
        (rectangle(x - 0.19, top + 0.15, x + 0.19, top + 0.2), bars, "window"),
    ]


def umbrella(rng: np.random.Generator, colors: Palette) -> Parts:
    """A canopy of four panels in two tones, scalloped below, on a stick with a hook."""
    stick = rng.uniform(0.62, 0.75)
    hook = spline(
        *(-0.05, stick - 0.05, -0.05, 0.85, 0.12, 0.9, 0.25, 0.85, 0.27, 0.7),
        *(0.36, 0.7, 0.34, 0.92, 0.13, 1.02, -0.14, 0.92),
        steps=3,
    )
    dome = arc(np.pi, 2 * np.pi, 21) * (1, 0.95) + (0, 0.05)
    scallops = [
        arc(0, np.pi, 6)[:-1] * (0.25, -0.13) + (x, 0.05) for x in (0.75, 0.25, -0.25, -0.75)
    ]
    return [
        (rectangle(-0.05, -0.1, 0.05, stick), colors.dark, "stick"),
        (hook, colors.dark, "stick"),
        (np.concatenate([dome, *scallops]), colors.base, "canopy"),
        (_panel(-1, -0.5), colors.light, "canopy"),
        (_panel(0, 0.5), colors.light, "canopy"),
    ]


def _panel(left: float, right: float) -> np.ndarray:
    """The part of the canopy between two seams that run from its top to `left` and `right`."""
    t = np.linspace(0, np.pi / 2, 6)
    down = -0.9 + 0.93 * (1 - np.cos(t))
    seams = [np.stack([x * np.sin(t), down], axis=1) for x in (left, right)]
    return np.concatenate([seams[0], seams[1][::-1]])


def car(rng: np.random.Generator, colors: Palette) -> Parts:
    """Driving to the right: a cabin with two windows, two wheels and a headlight."""
    roof = rng.uniform(-0.6, -0.45)
    cabin = spline(-0.55, -0.05, -0.4, roof, 0.35, roof, 0.65, -0.05)
    rear = polygon(-0.42, -0.05, -0.32, roof + 0.12, -0.04, roof + 0.12, -0.04, -0.05)
    front = polygon(0.04, -0.05, 0.04, roof + 0.12, 0.3, roof + 0.12, 0.5, -0.05)
    body = spline(-1, -0.02, -0.6, -0.1, 0.6, -0.1, 0.95, 0, 1, 0.38, -1, 0.38)
    parts: Parts = [(cabin, colors.base, "body")]
    parts += [(rear, _GLASS, "window"), (front, _GLASS, "window"), (body, colors.base, "body")]
    parts.append((rectangle(-1, 0.28, 1, 0.4), colors.dark, "body"))
    for x in (-0.52, 0.52):
        tyre, hubcap = ellipse(x, 0.4, 0.26), ellipse(x, 0.4, 0.12, points=12)
        parts += [(tyre, BLACK, "wheel"), (hubcap, _HUBCAP, "wheel")]
    parts.append((ellipse(0.92, 0.1, 0.08, points=12), _HEADLIGHT, "headlight"))
    return parts


def boat(rng: np.random.Generator, colors: Palette) -> Parts:
    """A hull with a rim under two sails."""
    main = polygon(0.1, -0.9, 0.1, 0.3, rng.uniform(0.65, 0.85), 0.3)
    jib = mirrored(polygon(0.08, -0.75, 0.08, 0.3, rng.uniform(0.55, 0.75), 0.3))
    return [
        (rectangle(-0.04, -0.95, 0.05, 0.45), _WOOD, "mast"),
        (main, colors.light, "sail"),
        (jib, colors.accent, "sail"),
        (polygon(-0.95, 0.42, 0.95, 0.42, 0.6, 0.92, -0.6, 0.92), colors.base, "hull"),
        (polygon(-0.95, 0.42, 0.95, 0.42, 0.9, 0.52, -0.9, 0.52), colors.dark, "hull"),
    ]


def key(rng: np.random.Generator, colors: Palette) -> Parts:
    """A ring one can look through, a shaft with a gleam, and two or three teeth."""
    parts: Parts = [(_ring(rng.uniform(0.36, 0.44)) - (0.55, 0), colors.base, "ring")]
    parts.append((rectangle(-0.22, -0.1, 1, 0.1), colors.base, "shaft"))
    for tooth in range(rng.integers(2, 4)):
        right = 0.93 - 0.25 * tooth
        outline = rectangle(right - 0.13, 0.08, right, 0.32 + 0.08 * (tooth % 2))
        parts.append((outline, colors.base if rng.random() < 0.5 else colors.dark, "tooth"))
    parts.append((rectangle(-0.2, -0.1, 0.98, -0.04), colors.light, "shaft"))
    return parts


def _ring(radius: float) -> np.ndarray:
    """Once around outside, back around inside at half the radius: one polygon with a hole."""
    around = arc(0, 2 * np.pi, 27)
    return radius * np.concatenate([around, 0.5 * around[::-1]])

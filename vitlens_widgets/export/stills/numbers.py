"""How numbers are written, as in js/lib/numbers.js: what is small is never 0.00."""

from __future__ import annotations

import math


def probability(value: float, digits: int = 2) -> str:
    """A number 0..1."""
    if math.isnan(value):
        return "NaN"
    if value == 0:
        return "0"
    smallest = 10**-digits
    return f"<{smallest:.{digits}f}" if value < smallest / 2 else f"{value:.{digits}f}"


def decimal(value: float) -> str:
    """Entropy, divergence and logits, with two decimals."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    if abs(value) < 0.005:
        return "<0.01" if value > 0 else ">−0.01"
    return f"{value:.2f}".replace("-", "−")


def short(value: float) -> str:
    """A weight of attention beside a legend: two digits, one below 0.1."""
    return f"{float(f'{value:.{2 if value >= 0.1 else 1}g}'):g}"


def three_digits(value: float) -> str:
    """Relevance, as in js/relevance_maps/words.js."""
    if value == 0:
        return "0"
    if 0.001 <= abs(value) < 10_000:
        text = f"{value:.0f}" if abs(value) >= 999.5 else f"{value:#.3g}".rstrip(".")
        return text.replace("-", "−")
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "−")

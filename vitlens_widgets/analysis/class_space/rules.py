"""Which of two readings of the paper: as its authors' code computes it, or as its text says."""

from __future__ import annotations

from typing import Literal

from vitlens_widgets.errors import check_choice
from vitlens_widgets.models import TokenLayout

Rule = Literal["released", "text"]
"""`"released"`: as the authors' code does it; `"text"`: as the paper says."""


def check_rule(rule: Rule) -> Rule:
    """The rule, if it is one.

    Raises:
        UsageError: It is not.
    """
    return check_choice("rule", rule, ("released", "text"))


def counted_tokens(layout: TokenLayout, rule: Rule) -> slice:
    """The image tokens that a rate is counted over where the authors' code takes `[:, 1:]`.

    That drops CLS. Of a model without prefix tokens it drops the first patch: "released" does so,
    too; "text" counts every patch.
    """
    if rule == "released" and not layout.n_prefix:
        return slice(1, layout.n_tokens)
    return layout.patches

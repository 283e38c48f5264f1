"""A statistic of language models that is not defined here, and why."""

from __future__ import annotations

from typing import Any, NoReturn

from vitlens_widgets.errors import UsageError


def prefix_matching(*_args: Any, **_words: Any) -> NoReturn:
    """Refused: the prefix-matching score of induction heads needs causal attention.

    It asks how much a token of a repeated random sequence attends to the token *after* its earlier
    occurrence (Olsson et al., 2022, "In-context Learning and Induction Heads"). Patches have no
    earlier and no later, and every token sees all the others at once.

    Raises:
        UsageError: Always.
    """
    raise UsageError(
        "Prefix matching is not defined for bidirectional attention: it scores attention from a "
        "repeated token to what followed its earlier occurrence, and patches have neither an order "
        "in time nor a causal mask; see heads.statistics for what is defined."
    )

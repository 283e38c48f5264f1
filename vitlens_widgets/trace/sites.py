"""The site names as a user gives them; what each one is stands in `models/sites.py`."""

from __future__ import annotations

from collections.abc import Sequence

from vitlens_widgets.errors import UsageError, did_you_mean, many, whole_number
from vitlens_widgets.models.sites import DERIVED_SITES, SITES

STATE_SITES = {"resid_pre": 0, "resid_post": 1}
"""Sites that are states: `(site, layer)` is state `layer + STATE_SITES[site]`."""

ATTENTION_SITES = DERIVED_SITES
"""Sites of shape `[image, head, query, key]`."""

HEAD_SITES = ("q", "k", "v", "z")
"""Sites of shape `[image, token, head, d_head]`; all others are `[image, token, d]`."""


def axes_of(site: str) -> tuple[str, ...]:
    """The axes after `image` along which an edit may choose."""
    if site in ATTENTION_SITES:
        return ("head", "query", "key")
    return ("token", "head") if site in HEAD_SITES else ("token",)


def check_site(name: str) -> str:
    """The name, if it is a site.

    Raises:
        UsageError: It is not; the nearest are named.
    """
    if not isinstance(name, str):
        raise UsageError(f'A site is given by its name, such as "z", not by {name!r}.')
    if name not in SITES:
        last = name.rsplit(".", 1)[-1].removeprefix("hook_")  # Prisma says blocks.3.attn.hook_z
        raise UsageError(
            f'"{name}" is not a site; the sites are {", ".join(SITES)}.{did_you_mean(last, SITES)}'
        )
    return name


def check_index(what: str, index: int, count: int) -> int:
    """The index, if it is a whole number in 0 .. count - 1.

    Raises:
        UsageError: It is not; the range is named.
    """
    number = whole_number(index)
    if number is None:
        raise UsageError(
            f"{what} {index!r} is no index: {many(what)} are counted from 0 to {count - 1}."
        )
    if not 0 <= number < count:
        last = f"; the last is {count - 1}" if number < 0 else ""
        raise UsageError(
            f"{what} {number} is out of range: {many(what)} run from 0 to {count - 1}{last}."
        )
    return number


def check_state(state: int | str, names: Sequence[str]) -> int:
    """The number of a state, given as itself, from the end (-1 is the final one) or by its name.

    Args:
        state: What was given.
        names: Those of all states, `vit.state_names`.

    Raises:
        UsageError: There is no such state.
    """
    if isinstance(state, str):
        if state not in names:
            raise UsageError(
                f'"{state}" is no state: they are named "{names[0]}" to "{names[-1]}".'
                f"{did_you_mean(state, names)}"
            )
        return names.index(state)
    number = whole_number(state)
    if number is not None and -len(names) <= number < 0:
        return number + len(names)
    return check_index("state", state, len(names))

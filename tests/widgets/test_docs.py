"""What `help` says of a widget: all that may be set, its own and what it inherits."""

from __future__ import annotations

import inspect
import re

import pytest

from vitlens_widgets import widgets
from vitlens_widgets.widgets.shared.docs import with_inherited

WIDGETS = [kind for name in widgets.__all__ if hasattr(kind := getattr(widgets, name), "_esm")]


@pytest.mark.parametrize("kind", WIDGETS)
def test_help_says_of_every_choice_what_it_is_and_once(kind):
    doc = inspect.getdoc(kind)
    section = re.search(r"^Attributes:\n((?:    .*\n)+)\nRaises:", doc, re.MULTILINE)
    named = re.findall(r"^    (\w+): \S", section[1], re.MULTILINE)
    assert sorted(named) == sorted([*kind.choices(), "links"])
    assert doc.count("Attributes:\n") == 1


class Base:
    """Base.

    Attributes:
        one: First,
            in two lines.
        two: Second.
    """


class WithoutSections(Base):
    """Of its own."""


class WithExample(Base):
    """With an example.

    Attributes:
        three: Third.

    Example:
        >>> 1
    """


def test_inherited_attributes_follow_a_class_s_own():
    inherited = "    one: First,\n        in two lines.\n    two: Second."
    assert with_inherited(WithoutSections) == f"Of its own.\n\nAttributes:\n{inherited}"
    assert with_inherited(WithExample) == (
        f"With an example.\n\nAttributes:\n    three: Third.\n{inherited}\n\nExample:\n    >>> 1"
    )

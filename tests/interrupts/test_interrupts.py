"""Calls of a session that are struck at random instructions leave nothing, and work again.

Many more, and strikes after a time, which depend on the machine: `python -m tests.interrupts`.
"""

from __future__ import annotations

import pytest

from tests.interrupts.calls import CALLS
from tests.interrupts.round import WAYS, blows

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("way", [way for way in WAYS if "instruction" in way])
def test_nothing_is_left_and_it_works_again(name, way):
    found = list(blows(name, way, 10))
    assert [blow for blow in found if blow.left] == []
    assert sum(bool(blow.struck.error) for blow in found) > 5

"""What was computed last is kept, whatever it is."""

from __future__ import annotations

import pytest

from vitlens_widgets.widgets.shared.recent import Recent


@pytest.mark.parametrize("result", [None, 0, "", [], "some"])
def test_a_result_is_computed_once_also_where_it_is_nothing(result):
    calls = []
    recent = Recent(lambda *of: (calls.append(of), result)[1])
    assert recent(1, "a") == recent(1, "a") == result
    assert calls == [(1, "a")]


def test_the_latest_results_are_kept_and_the_oldest_are_computed_again():
    calls = []
    recent = Recent(calls.append, most=2)
    for n in (1, 2, 1, 3, 1, 2):
        recent(n)
    assert calls == [1, 2, 3, 2]


def test_what_failed_is_tried_again():
    answers = iter([ValueError("once"), 0])

    def compute():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    recent = Recent(compute)
    with pytest.raises(ValueError, match="once"):
        recent()
    assert recent() == 0

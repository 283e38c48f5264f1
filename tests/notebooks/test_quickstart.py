"""What the quick start asks its reader to try works."""

from __future__ import annotations

from tests.notebooks.cells import run, start_exercises

STEM = "00_quickstart"


def test_the_exercises_start_from_calls_that_work():
    assert start_exercises(STEM, run(STEM)) == 4

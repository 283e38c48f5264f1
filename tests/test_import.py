"""Importing the package is light: nothing heavy is loaded before it is used."""

from __future__ import annotations

import operator
import subprocess
import sys

import pytest

import vitlens_widgets as vl

HEAVY = ("torch", "timm", "transformers", "bokeh", "torchvision", "pooch", "anywidget")

PROGRAM = """
import sys
import vitlens_widgets as vl
{use}
print(*(name for name in {heavy!r} if name in sys.modules))
"""


def loaded_by(use):
    """The heavy modules that a fresh interpreter has loaded after running `use`."""
    program = PROGRAM.format(use=use, heavy=HEAVY)
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stderr == ""
    return result.stdout.split()


@pytest.mark.parametrize(
    "use",
    [
        "",
        "dir(vl), vl.__version__",
        "vl.data.emoji_for('cat'), vl.LabelSet.known('world').emoji, vl.read_image",
        "vl.world.scene(seed=3, objects=2).image",
        "vl.UsageError, vl.UnsupportedModelError",
    ],
)
def test_a_fresh_interpreter_loads_nothing_heavy(use):
    assert loaded_by(use) == []


def test_every_public_name_is_there():
    for name in vl.__all__:
        assert getattr(vl, name) is not None
    assert set(vl.__all__) <= set(dir(vl))
    assert {"LogitLens", "PatchGrid", "edits", "load", "world"} <= set(vl.__all__)
    assert not {"trace", "models", "lenses", "widgets", "export"} & set(vl.__all__)  # rooms


def test_a_name_that_is_not_there_says_so():
    with pytest.raises(AttributeError, match=r"has no attribute 'PatchGird'.*vl.PatchGrid"):
        vl.PatchGird  # noqa: B018


@pytest.mark.parametrize(
    ("room", "name", "near"),
    [
        ("analysis", "identifiabilty", "vl.analysis.identifiability"),
        ("analysis.heads", "statistic", "vl.analysis.heads.statistics"),
        ("data", "ImageNet", "vl.data.ImageNetS"),
        ("charts", "with_box", "vl.charts.with_boxes"),
        ("edits", "Knockout", "vl.edits.KnockOut"),
        ("analysis.over_states", "probabilities", "vl.analysis.over_states.probability"),
        ("analysis.infilling", "maskstudy", "vl.analysis.infilling.MaskStudy"),
        ("world", "Scene_", "vl.world.Scene"),
    ],
)
def test_inside_a_room_the_nearest_names_are_said_too(room, name, near):
    with pytest.raises(AttributeError, match=rf"has no attribute {name!r}\. Nearest: .*{near}"):
        operator.attrgetter(f"{room}.{name}")(vl)

"""Drawing needs NumPy and Pillow alone."""

from __future__ import annotations

import subprocess
import sys


def run(code: str) -> str:
    line = [sys.executable, "-c", code]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()


def test_drawing_a_scene_loads_no_torch():
    code = """
import sys
from vitlens_widgets import world
world.scene(1, objects=3, size=48)
print(sorted({"torch", "timm", "transformers", "bokeh"} & set(sys.modules)))
"""
    assert run(code) == "[]"


def test_what_the_embedded_models_are_is_known_without_torch():
    code = """
import sys
import vitlens_widgets as vl
table = vl.toy_models()
card = vl.world.card(table["name"][0])
print(card.name, set(vl.world.NAMES) < set(table["name"]), "torch" in sys.modules)
"""
    assert run(code) == "toy/p32 True False"


def test_names_that_need_torch_load_it_when_used():
    code = """
import sys
from vitlens_widgets import world
assert set(world.__all__) <= set(dir(world))
assert "torch" not in sys.modules
print(world.build.__name__, "torch" in sys.modules)
"""
    assert run(code) == "build True"


def test_train_is_the_function_also_where_the_command_of_this_name_was_imported():
    code = """
import vitlens_widgets.world.__main__
from vitlens_widgets import world
print(world.train.__module__, callable(world.train))
"""
    assert run(code) == "vitlens_widgets.world.own True"


def test_an_unknown_name_is_an_attribute_error():
    code = """
from vitlens_widgets import world
try:
    world.scenes
except AttributeError as error:
    print(error)
"""
    start = "module 'vitlens_widgets.world' has no attribute 'scenes'. Nearest: vl.world.Scenes, "
    assert run(code).startswith(start)

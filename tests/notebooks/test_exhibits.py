"""What hangs in the gallery is what the tutorials show: the same scenes, models and masks.

The code of both is parsed, not run.
"""

from __future__ import annotations

import ast
import inspect
import itertools
from typing import Any

import pytest

from tests.notebooks.cells import code
from vitlens_widgets.gallery import Exhibit, exhibits, tutorials

NOTEBOOK = {"vl.explore": "00_quickstart"}  # whose scene it shows
MODELS_ELSEWHERE = {"explorer": {"toy/mae"}}  # the scene is infilled, too
DEFAULT = inspect.signature(exhibits._model).parameters["name"].default
LOADERS = {"load": 0, "_model": 0, "_read": 1}  # where the model's name stands


def value(node: ast.expr, names: dict[str, Any]) -> Any:
    """The value of an expression of literals, ranges and known names; None for any other."""
    try:
        expression = compile(ast.Expression(node), "cell", "eval")
        return eval(expression, {"__builtins__": {}, "range": range}, names)
    except (NameError, AttributeError, TypeError):
        return None


class Calls(ast.NodeVisitor):
    """Every call in some code.

    Attributes:
        found: `(name, call, names)`: what is called, and the constants that it may refer to; under
            "loops" the values of the comprehensions' variables around it.
    """

    def __init__(self, tree: ast.AST) -> None:
        self.found: list[tuple[str, ast.Call, dict[str, Any]]] = []
        self.names: dict[str, Any] = {}
        self.loops: dict[str, tuple] = {}
        self.visit(tree)

    def visit(self, node: ast.AST) -> None:
        before = dict(self.loops)
        for loop in getattr(node, "generators", ()):
            turns = value(loop.iter, self.names)
            if isinstance(loop.target, ast.Name) and turns is not None:
                self.loops[loop.target.id] = tuple(turns)
        super().visit(node)
        self.loops = before

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant):
            self.names[node.targets[0].id] = node.value.value
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        self.found.append((name, node, self.names | {"loops": dict(self.loops)}))
        self.generic_visit(node)


def over_loops(node: ast.expr | None, names: dict[str, Any], default: Any = None) -> list:
    """An expression's values, one for each turn of the loops that it depends on."""
    if node is None:
        return [default]
    used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    loops = {name: turns for name, turns in names["loops"].items() if name in used}
    turns = itertools.product(*loops.values())
    return [value(node, names | dict(zip(loops, turn, strict=True))) for turn in turns]


def argument(call: ast.Call, place: int | None, name: str) -> ast.expr | None:
    """An argument by its place or its name; None if it is not given."""
    if place is not None and len(call.args) > place:
        return call.args[place]
    return next((given.value for given in call.keywords if given.arg == name), None)


def scenes(tree: ast.AST) -> set[tuple[tuple, Any]]:
    """Seeds and number of objects of the scenes that are drawn."""
    return {
        (tuple(over_loops(argument(call, 0, "seed"), names)), objects)
        for name, call, names in Calls(tree).found
        if name == "scene"
        for objects in over_loops(argument(call, None, "objects"), names, 1)
    }


def models(tree: ast.AST, default: str | None = None) -> set[str]:
    """Names of the embedded models that are loaded."""
    given = (
        over_loops(argument(call, LOADERS[name], "name"), names, default)
        for name, call, names in Calls(tree).found
        if name in LOADERS
    )
    return {name for some in given for name in some if str(name).startswith("toy/")}


def masks(tree: ast.AST) -> set[tuple]:
    """Shares and seeds of the masks that are drawn."""
    return {
        (share, value(argument(call, None, "seed"), names))
        for name, call, names in Calls(tree).found
        if name == "read" and argument(call, None, "mask_ratio") is not None
        for share in over_loops(argument(call, None, "mask_ratio"), names)
    }


def source_of(exhibit: Exhibit) -> str:
    """The code of an exhibit, and of the helper that draws scenes for some."""
    source = inspect.getsource(exhibit.make)
    return source + (inspect.getsource(exhibits._tour) if "_tour()" in source else "")


def strange(source: str, exhibit: Exhibit) -> list:
    """The scenes, models and masks in an exhibit's code that its notebook has not."""
    shown = ast.parse(source)
    notebook = ast.parse(code(NOTEBOOK.get(exhibit.source, exhibit.source)))
    assert scenes(shown)
    assert models(shown, DEFAULT)
    known = models(notebook) | MODELS_ELSEWHERE.get(exhibit.name, set())
    return [
        *(scene for scene in scenes(shown) if not is_among(scene, scenes(notebook))),
        *(models(shown, DEFAULT) - known),
        *(masks(shown) - masks(notebook)),
    ]


def is_among(scene: tuple[tuple, Any], known: set[tuple[tuple, Any]]) -> bool:
    """Of several scenes the first may do; a scene with a seed of its own is that very one."""
    seeds, objects = scene
    return any(
        objects == of_others and seeds == (others if len(seeds) == 1 else others[: len(seeds)])
        for others, of_others in known
    )


OF_NOTEBOOKS = [one for one in tutorials() if not one.source.startswith("vl.")]
"""Those that hang there for a widget that no tutorial shows on scenes are of no notebook."""


@pytest.mark.parametrize("exhibit", OF_NOTEBOOKS, ids=lambda exhibit: exhibit.name)
def test_an_exhibit_has_the_scenes_models_and_masks_of_its_notebook(exhibit):
    assert strange(source_of(exhibit), exhibit) == []


@pytest.mark.parametrize(
    ("name", "here", "other"),
    [
        ("patch_grid", "seed=7", "seed=5"),
        ("patch_grid", "objects=2", "objects=3"),
        ("logit_lens", "range(8)", "range(1, 8)"),
        ("infilling", '"toy/mae"', '"toy/p32"'),
        ("infilling", "seed=2)", "seed=3)"),
        ("infilling", "mask_ratio=0.75", "mask_ratio=0.5"),
        ("twin", '"toy/p32-cls"', '"toy/mae"'),
        ("heads", "range(12)", "range(13)"),
        ("explorer", "seed=7", "seed=8"),
    ],
)
def test_another_scene_model_or_mask_is_noticed(name, here, other):
    (exhibit,) = (one for one in tutorials() if one.name == name)
    source = source_of(exhibit)
    assert here in source
    assert len(strange(source.replace(here, other), exhibit)) == 1


def test_the_exhibits_helpers_load_the_same_model_by_default():
    assert inspect.signature(exhibits._read).parameters["name"].default == DEFAULT

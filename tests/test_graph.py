"""The package's imports run one way: no file is in a circle, and rooms know lower rooms only.

Counted is every import, also one inside a function or for types only. `python -m tests.test_graph`
prints the rooms with the rooms they know.
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "vitlens_widgets"
GROUND = {"_lazy", "_version", "errors", "files", "kinds", "masks", "progress", "ranks"}
ENGINES = GROUND | {"data", "models", "trace", "workers", "lenses", "features"}
KNOWN = {  # what each room may know
    **{room: GROUND - {room} for room in GROUND},
    "data": GROUND,
    "models": GROUND | {"data"},
    "trace": GROUND | {"data", "models"},
    "workers": GROUND | {"data", "models", "trace"},
    "lenses": ENGINES - {"lenses", "features"},
    "features": ENGINES - {"features"},
    "world": ENGINES,
    "zoo": ENGINES | {"world"},
    "charts": GROUND | {"data"},
    "analysis": ENGINES | {"charts"},
    "export": ENGINES | {"charts"},
    "widgets": ENGINES | {"world", "zoo", "charts", "analysis", "export"},
    "gallery": ENGINES | {"world", "zoo", "charts", "analysis", "export", "widgets"},
}


def modules() -> dict[str, Path]:
    """Each module's file; a package is its `__init__.py`."""
    files = {path.relative_to(PACKAGE.parent): path for path in PACKAGE.rglob("*.py")}
    return {
        ".".join(name.with_suffix("").parts).removesuffix(".__init__"): path
        for name, path in files.items()
    }


def imported(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The package's modules that a module imports, wherever in its text."""
    here = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = here.split(".")[: len(here.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names if source in known else ():
                inside = f"{source}.{alias.name}"
                yield inside if inside in known else source


def graph() -> dict[str, set[str]]:
    """Each module with the modules that it imports; the lazy public face knows none."""
    known = modules()
    return {name: set(imported(name, path, known)) - {name} for name, path in known.items()}


def room(name: str) -> str:
    """The folder or file directly inside the package."""
    return name.split(".")[1] if "." in name else ""


def rooms() -> dict[str, set[str]]:
    """Each room with the rooms that it knows."""
    found: dict[str, set[str]] = {}
    for name, others in graph().items():
        if room(name):
            found.setdefault(room(name), set()).update(room(other) for other in others)
    return {name: others - {name} for name, others in found.items()}


def circles() -> list[set[str]]:
    """Sets of modules each of which imports all others of its set, directly or not."""
    arrows = graph()
    reached: dict[str, set[str]] = {}
    for name in arrows:
        seen, todo = set(), [name]
        while todo:
            fresh = arrows[todo.pop()] - seen
            seen |= fresh
            todo += fresh
        reached[name] = seen
    found = {frozenset(b for b in reached[a] if a in reached[b]) for a in reached}
    return sorted((set(one) for one in found if one), key=len)


def test_no_file_is_in_a_circle():
    assert circles() == []


def test_rooms_know_only_lower_rooms():
    against = [
        f"{name} -> {other}"
        for name, others in graph().items()
        for other in others
        if room(name) and room(name) != room(other) and room(other) not in KNOWN[room(name)]
    ]
    assert sorted(against) == []


def test_the_direction_itself_has_no_circle():
    tuple(graphlib.TopologicalSorter(rooms()).static_order())
    assert set(rooms()) == set(KNOWN)


def test_nothing_inside_imports_the_public_face():
    assert [name for name, others in graph().items() if "vitlens_widgets" in others] == []


if __name__ == "__main__":
    for name in graphlib.TopologicalSorter(rooms()).static_order():
        print(f"{name:10} knows {', '.join(sorted(rooms()[name])) or 'no other room'}")
    print(f"{len(graph())} files, {len(circles())} circles")

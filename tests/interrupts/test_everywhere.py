"""Every function that changes a switch or hooks a module is cleaned up after, wherever it fails."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "vitlens_widgets"
ONE_PLACE = PACKAGE / "models" / "cleanup.py"
CHANGES = {
    "no_grad",
    "enable_grad",
    "set_grad_enabled",
    "inference_mode",
    "fork_rng",
    "autocast",
    "device",
    "Cleanup",
    "entered",
}
"""What a `with`, or a decorator, changes for as long as it lasts."""
HOOKING = {
    "register_forward_hook",
    "register_forward_pre_hook",
    "register_full_backward_hook",
    "register_full_backward_pre_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_hook",
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def named(node: ast.expr) -> str:
    """The last word of what is called or named: `no_grad` of `torch.no_grad()`."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def inside(function: Function) -> Iterator[ast.AST]:
    """All nodes of a function, but for those of functions and classes within it."""
    todo: list[ast.AST] = [*function.body]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (Function, ast.ClassDef)):
            todo += ast.iter_child_nodes(node)


@cache
def functions() -> list[tuple[Path, Function]]:
    """Every function of the package with its file."""
    return [
        (path, node)
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != ONE_PLACE
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, Function)
    ]


def changing(names: set[str]) -> list[tuple[Path, Function]]:
    """Functions that change something by a `with` or a decorator of these names."""
    return [
        (path, function)
        for path, function in functions()
        if names & {named(one) for one in function.decorator_list}
        or any(
            names & {named(item.context_expr) for item in node.items}
            for node in inside(function)
            if isinstance(node, (ast.With, ast.AsyncWith))
        )
    ]


@cache
def all_changes() -> set[str]:
    """The names of all that changes something: also context managers that are made of others."""
    names, more = set[str](), CHANGES
    while more - names:
        names |= more
        more = {f.name for _, f in changing(names) if is_manager(f)}
    return names


def is_manager(function: Function) -> bool:
    return "contextmanager" in map(named, function.decorator_list)


def is_generator(function: Function) -> bool:
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in inside(function))


def where(path: Path, function: Function) -> str:
    return f"{path.relative_to(PACKAGE)}:{function.lineno} {function.name}"


def test_a_function_that_changes_something_is_clean():
    bare = []
    for path, function in changing(all_changes()):
        words = [named(one) for one in function.decorator_list]
        outermost = words.index("clean") if "clean" in words else len(words)
        inner = {"no_grad", "enable_grad"} & set(words[:outermost])
        if not is_manager(function) and (outermost == len(words) or inner):
            bare.append(where(path, function))
    assert bare == []


def test_no_generator_stops_in_the_middle_of_a_change():
    found = [
        where(path, function)
        for path, function in changing(all_changes())
        if is_generator(function) and not is_manager(function)
    ]
    assert found == []


def test_hooks_are_put_on_in_one_place():
    found = [
        where(path, function)
        for path, function in functions()
        for node in inside(function)
        if isinstance(node, ast.Call) and named(node) in HOOKING
    ]
    assert found == []


def test_the_rule_sees_what_changes():
    assert {"handling", "instrumented", "watching", "uncompiled"} <= all_changes()
    assert len(changing(all_changes())) > 40

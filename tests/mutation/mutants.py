"""What is changed: each mutant is a file's syntax tree with one node replaced."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARED = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.Mult, ast.Pow: ast.Mult,
}  # fmt: skip
SWAPPED = {"min": "max", "amin": "amax", "argmin": "argmax", "minimum": "maximum", "any": "all"}
SWAPPED |= {after: before for before, after in SWAPPED.items()}
UNREAD = ("annotation", "returns", "decorator_list", "type_params")


@dataclass(frozen=True)
class Mutant:
    """One change: in which file, at which lines, what stood there and what stands there now."""

    path: str
    first: int
    last: int
    before: str
    after: str
    number: int

    @property
    def title(self) -> str:
        """Where it is and what it does, in one line."""
        return f"{self.path}:{self.first}  `{self.before}` -> `{self.after}`"


def mutants_of(root: Path, path: str) -> list[Mutant]:
    """All mutants of one file of the repository, in the order of its nodes."""
    tree = ast.parse((root / path).read_text(encoding="utf-8"))
    changes = enumerate(_changes(tree))
    return [Mutant(path, *_lines(node), *_texts(node, new), k) for k, (node, new) in changes]


def mutated(root: Path, mutant: Mutant) -> ast.Module:
    """The file's tree with the mutant in place."""
    tree = ast.parse((root / mutant.path).read_text(encoding="utf-8"))
    node, new = next(pair for k, pair in enumerate(_changes(tree)) if k == mutant.number)

    class Swap(ast.NodeTransformer):
        def visit(self, other: ast.AST) -> ast.AST:
            return new if other is node else self.generic_visit(other)

    return ast.fix_missing_locations(Swap().visit(tree))


def _lines(node: ast.AST) -> tuple[int, int]:
    return node.lineno, node.end_lineno


def _texts(node: ast.AST, new: ast.AST) -> tuple[str, str]:
    return tuple(" ".join(ast.unparse(one).split())[:90] for one in (node, new))


def _changes(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    for node in _read(tree):
        for kind, change in CHANGES:
            if isinstance(node, kind):
                for new in change(node):
                    yield node, ast.copy_location(new, node)


def _read(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes that run: no annotation, decorator, text of a message, or import for types only."""
    if isinstance(node, ast.JoinedStr) or _for_types(node):
        return
    yield node
    for name, value in ast.iter_fields(node):
        children = value if isinstance(value, list) else [value]
        if name not in UNREAD:
            for child in (child for child in children if isinstance(child, ast.AST)):
                yield from _read(child)


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _compare(node: ast.Compare) -> Iterator[ast.AST]:
    for k, op in enumerate(node.ops):
        for other in COMPARED[type(op)]:
            yield _with(node, ops=[*node.ops[:k], other(), *node.ops[k + 1 :]])


def _arithmetic(node: ast.BinOp) -> Iterator[ast.AST]:
    if type(node.op) in ARITHMETIC:
        yield _with(node, op=ARITHMETIC[type(node.op)]())


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)


def _boolean(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())


def _unary(node: ast.UnaryOp) -> Iterator[ast.AST]:
    if isinstance(node.op, ast.Not | ast.USub):
        yield node.operand


def _bounds(node: ast.Subscript) -> Iterator[ast.AST]:
    if isinstance(node.slice, ast.Slice):
        for bound in ("lower", "upper"):
            if getattr(node.slice, bound) is not None:
                yield _with(node, slice=_with(node.slice, **{bound: None}))


def _call(node: ast.Call) -> Iterator[ast.AST]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", None)
    if name in SWAPPED:
        field_ = "id" if isinstance(node.func, ast.Name) else "attr"
        yield _with(node, func=_with(node.func, **{field_: SWAPPED[name]}))


def _axis(node: ast.Call) -> Iterator[ast.AST]:
    for k, word in enumerate(node.keywords):
        if word.arg in ("dim", "axis"):
            other = _with(word, value=ast.Constant(0 if ast.unparse(word.value) != "0" else -1))
            yield _with(node, keywords=[*node.keywords[:k], other, *node.keywords[k + 1 :]])


def _return(node: ast.Return) -> Iterator[ast.AST]:
    if node.value is not None and ast.unparse(node.value) != "None":
        yield _with(node, value=ast.Constant(None))


CHANGES: list[tuple[type, Callable]] = [
    (ast.Compare, _compare),
    (ast.BinOp, _arithmetic),
    (ast.Constant, _constant),
    (ast.BoolOp, _boolean),
    (ast.UnaryOp, _unary),
    (ast.Subscript, _bounds),
    (ast.Call, _call),
    (ast.Call, _axis),
    (ast.Return, _return),
]

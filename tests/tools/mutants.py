"""Mutants of a module: its text with one small fault.

Operators: comparisons (< and <=, > and >=, == and !=, `is`, `in`), arithmetic (+ and -, * and /, // to /, & and |),
`and` and `or`, dropped `not`, an entry left out of a list or dict, numbers plus one, True and False, `min` and `max`.
Docstrings, annotations and what stands under TYPE_CHECKING are left alone. Only the changed expression is written anew, so
that every other line keeps its number.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
JOINED = {ast.And: ast.Or, ast.Or: ast.And}
CALLED = {"min": "max", "max": "min"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
AS_THEY_ARE = (ast.Constant, ast.List, ast.Dict, ast.Call, ast.JoinedStr, ast.stmt)
"""Nodes that need no brackets wherever they stand."""


@dataclass(frozen=True)
class Mutant:
    """One changed expression.

    where   the function that holds it (`Class.method`), empty for what runs on import
    lines   first and last line of the statement: a test that runs none of them cannot see the fault
    before  the expression, a number with what is around it
    text    the whole module with the fault
    """

    where: str
    lines: tuple[int, int]
    before: str
    after: str
    text: str

    @property
    def line(self) -> int:
        return self.lines[0]

    def __str__(self) -> str:
        return f"{self.line}: {self.before}  ->  {self.after}"


@dataclass(frozen=True)
class Place:
    """Where a node stands: what it is a part of, the function, the statement, and the f-string around it."""

    parent: ast.AST
    name: str
    index: int | None
    function: str
    statement: ast.stmt | None
    text: ast.JoinedStr | None

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.name, node)
        else:
            getattr(self.parent, self.name)[self.index] = node


def replacements(node: ast.AST) -> Iterator[ast.AST]:
    """The node with one fault in itself (its children are asked for theirs)."""
    new = copy.deepcopy(node)
    match new:
        case ast.Compare(ops=ops):
            for i, op in enumerate(ops):
                if type(op) in COMPARED:
                    new = copy.deepcopy(node)
                    new.ops[i] = COMPARED[type(op)]()
                    yield new
        case ast.List(elts=[_, _, *_] as entries, ctx=ast.Load()):
            for i in range(len(entries)):
                yield ast.List([*new.elts[:i], *new.elts[i + 1 :]], ast.Load())
        case ast.Dict(keys=[_, _, *_] as names):
            for i in range(len(names)):
                kept = [j for j in range(len(names)) if j != i]
                yield ast.Dict([new.keys[j] for j in kept], [new.values[j] for j in kept])
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in COMPUTED:
            new.op = COMPUTED[type(op)]()
            yield new
        case ast.BoolOp(op=op):
            new.op = JOINED[type(op)]()
            yield new
        case ast.UnaryOp(op=ast.Not()):
            yield new.operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.Call(func=ast.Name(id=name)) if name in CALLED:
            new.func = ast.Name(CALLED[name])
            yield new


def is_left_alone(node: ast.AST) -> bool:
    """Whether nothing under the node runs: `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def places(
    parent: ast.AST,
    function: str = "",
    names: tuple[str, ...] = (),
    statement: ast.stmt | None = None,
    text: ast.JoinedStr | None = None,
) -> Iterator[tuple[Place, ast.AST]]:
    """Every node that runs, in the order of the text."""
    for name, value in ast.iter_fields(parent):
        if name in ("annotation", "returns"):
            continue
        inside = ".".join(names) if isinstance(parent, FUNCTIONS) and name == "body" else function
        for i, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or is_left_alone(child):
                continue
            place = i if isinstance(value, list) else None
            yield Place(parent, name, place, inside, statement, text), child
            named = isinstance(child, (*FUNCTIONS, ast.ClassDef))
            yield from places(
                child,
                inside,
                (*names, child.name) if named else names,
                child if isinstance(child, ast.stmt) else statement,
                child if isinstance(child, ast.JoinedStr) else text,
            )


def _lines(place: Place, node: ast.AST) -> tuple[int, int]:
    """The statement's lines; of one that holds others (`if`, `for`), those up to the expression's end."""
    statement = node if isinstance(node, ast.stmt) else place.statement
    if statement is None:
        return node.lineno, node.end_lineno
    holds_others = hasattr(statement, "body")
    return statement.lineno, (node if holds_others else statement).end_lineno


def _written(source: bytes, starts: list[int], old: ast.AST, new: ast.AST) -> str:
    """The source with one node written anew, in as many lines."""
    first = starts[old.lineno - 1] + old.col_offset
    last = starts[old.end_lineno - 1] + old.end_col_offset
    text = ast.unparse(ast.fix_missing_locations(new))
    more = source[first:last].count(b"\n") - text.count("\n")
    if more and not isinstance(new, ast.stmt):
        text = f"({text}" + "\n" * more + ")"
    elif not isinstance(new, AS_THEY_ARE):
        text = f"({text})"
    return (source[:first] + text.encode() + source[last:]).decode()


def _is_a_number_in_a_whole(node: ast.AST, parent: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(parent, (ast.expr, ast.keyword))


def mutants_of(text: str) -> list[Mutant]:
    """Every mutant of a module's text, in its order."""
    tree, source = ast.parse(text), text.encode()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for place, node in places(tree):
        if isinstance(node, (ast.FormattedValue, ast.JoinedStr)):
            continue
        for new in replacements(node):
            old = place.text or node  # inside an f-string nodes do not know where they stand
            shown = place.parent if _is_a_number_in_a_whole(node, place.parent) else node
            before = ast.unparse(shown)
            place.put(new)
            after = ast.unparse(shown if shown is place.parent else new)
            text_with = _written(source, starts, old, old if old is place.text else new)
            place.put(node)
            found.append(Mutant(place.function, _lines(place, old), before, after, text_with))
    return found

"""Rules for tests: they say which error they mean, cannot pass on an empty list, and lie where their module's path says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from guards import some
from paths import ROOT
from tested import files_of, home, modules, named, reached
from turns import FIRST, by_file, long_first

FILES = sorted((ROOT / "tests").rglob("*.py"))
UNSAID = ("KeyboardInterrupt",)
"""Exceptions without a message."""
KEEPING = (
    "zip",
    "enumerate",
    "sorted",
    "reversed",
    "list",
    "tuple",
    "set",
    "map",
    "product",
    "pairwise",
)
"""Calls that give something where their arguments hold something."""


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


NAMES = {file: file.relative_to(ROOT).as_posix() for file in FILES}


def test_files_that_start_first_exist_and_do() -> None:
    class Item:
        def __init__(self, path: Path) -> None:
            self.path = path

    assert all((ROOT / name).is_file() for name in some(FIRST))
    last, first, many = ROOT / "a.py", ROOT / FIRST[0], ROOT / "many.py"
    groups = by_file(map(Item, (last, many, first, many)))
    assert [[item.path for item in group] for group in long_first(groups)] == [
        [first], [many, many], [last],
    ]  # fmt: skip


# -- pytest.raises --------------------------------------------------------------------------------


def unsaid(tree: ast.AST) -> Iterator[int]:
    """Lines of `pytest.raises` without `match` whose error is not looked at afterwards either."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            for item in node.items if isinstance(node, ast.With) else ():
                call = item.context_expr
                if not isinstance(call, ast.Call) or ast.unparse(call.func) != "pytest.raises":
                    continue
                said = {k.arg for k in call.keywords} & {"match", "check"}
                name = item.optional_vars
                used = isinstance(name, ast.Name) and any(
                    (isinstance(n, ast.Attribute) and ast.unparse(n.value) == name.id) or
                    (isinstance(n, ast.Call) and name.id in map(ast.unparse, n.args))
                    for n in ast.walk(function)
                )  # fmt: skip
                if not said and not used and ast.unparse(call.args[0]) not in UNSAID:
                    yield node.lineno


@pytest.mark.parametrize("file", FILES, ids=NAMES.get)
def test_every_expected_error_is_known_by_its_message(file: Path) -> None:
    lines = list(unsaid(parsed(file)))
    assert lines == [], f"{NAMES[file]}: pytest.raises without match at lines {lines}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("with pytest.raises(ValueError): f()", 1),
        ("with pytest.raises(ValueError) as e: f()", 1),
        ("with pytest.raises(ValueError, match='x'): f()", 0),
        ("with pytest.raises(ValueError) as e: f()\n    assert 'x' in str(e.value)", 0),
        ("with pytest.raises(ValueError), open('x'): f()", 1),
        ("with pytest.raises(KeyboardInterrupt): f()", 0),
    ],
)
def test_the_rule_on_errors_finds_what_it_looks_for(text: str, found: int) -> None:
    assert len(list(unsaid(ast.parse(f"def test():\n    {text}")))) == found


# -- loops ----------------------------------------------------------------------------------------


def may_be_empty(items: ast.expr, known: frozenset[str]) -> bool:
    """Whether nothing in the text says that there is an item; `known` names hold some."""
    match items:
        case ast.List(elts=found) | ast.Tuple(elts=found) | ast.Set(elts=found):
            return not found
        case ast.Dict(keys=found):
            return not found
        case ast.Name(id=name):
            return not name.isupper() and name not in known
        case ast.Call(func=ast.Name(id="some" | "range")):
            return False
        case ast.Call(func=ast.Name(id=name), args=[_, *_] as arguments) if name in KEEPING:
            given = arguments[1:] if name == "map" else arguments
            return any(may_be_empty(a, known) for a in given)
        case ast.Call(func=ast.Attribute(value=value, attr="items" | "values" | "keys")):
            return may_be_empty(value, known)
    return True


def asserts(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        return name == "pytest.raises" or name.split(".")[-1].startswith("assert_")
    return isinstance(node, ast.Assert)


def unguarded(function: ast.FunctionDef) -> int | None:
    """The line of a loop that may run over nothing, where every assertion of the test lies in such loops."""
    known = frozenset(
        ast.unparse(node.targets[0])
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and not may_be_empty(node.value, frozenset())
    )
    outside, loops = False, list[ast.For]()

    def walk(node: ast.AST, loop: ast.For | None, guarded: bool) -> None:
        nonlocal outside
        for child in ast.iter_child_nodes(node):
            inner, safe = loop, guarded
            if isinstance(child, ast.For) and loop is None:
                safe |= ast.unparse(child.iter).startswith("some(")
                inner = child if may_be_empty(child.iter, known) and not safe else None
            if asserts(child):
                outside |= inner is None
                loops.extend([inner] if inner is not None else [])
            walk(child, inner, safe)

    walk(function, None, False)
    return loops[0].lineno if loops and not outside else None


def functions_of(tree: ast.AST) -> list[ast.FunctionDef]:
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    return [f for f in functions if f.name.startswith("test")]


@pytest.mark.parametrize("file", FILES, ids=NAMES.get)
def test_no_test_passes_on_an_empty_list(file: Path) -> None:
    found = [(f.name, unguarded(f)) for f in functions_of(parsed(file))]
    bad = [f"{name} (line {line})" for name, line in found if line is not None]
    assert bad == [], f"{NAMES[file]}: guard the loop with `some(...)` of tests/support/guards.py"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("for x in things(): assert x", True),
        ("for x in some(things()): assert x", False),
        ("for x in [1, 2]: assert x", False),
        ("for x in []: assert x", True),
        ("found = things()\n    assert found\n    for x in found: assert x", False),
        ("for x in zip(things(), [1]): assert x", True),
        ("for x in sorted(NAMES): assert x", False),
        ("for x in range(3):\n        for y in things(x): assert y", True),
        ("for x in some(things()):\n        for y in x: assert y", False),
        ("wrong = {'a': 1}\n    for x in wrong.items(): assert x", False),
        ("for x in things():\n        with pytest.raises(E, match='x'): f(x)", True),
    ],
)
def test_the_rule_on_loops_finds_what_it_looks_for(text: str, found: bool) -> None:
    (function,) = functions_of(ast.parse(f"def test():\n    {text}"))
    assert (unguarded(function) is not None) is found


def test_a_guard_lets_nothing_pass_on_nothing() -> None:
    assert some(x for x in "ab") == ["a", "b"]
    with pytest.raises(AssertionError, match="nothing to test"):
        some([])


# -- where tests lie ------------------------------------------------------------------------------


def packages(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if (p / "__init__.py").exists())


@pytest.mark.parametrize("folder", packages(ROOT / "thbench"))
def test_every_folder_of_thbench_has_its_tests(folder: str) -> None:
    assert list((ROOT / "tests" / "core" / folder).glob("test_*.py")), f"tests/core/{folder}"


@pytest.mark.parametrize("name", packages(ROOT / "plugins"))
def test_every_plugin_has_its_tests(name: str) -> None:
    folder = name.removeprefix("thbench_")
    assert list((ROOT / "tests" / "builtin" / folder).glob("test_*.py")), f"tests/builtin/{folder}"


TESTED_IN: dict[str, list[str]] = yaml.safe_load(
    (ROOT / "tests/rules/tested_in.yaml").read_text(encoding="utf-8")
)
BY_HAND = "by hand"


def test_the_tests_of_any_module_are_found_by_its_path() -> None:
    """A test file in its folder imports it, or tests/rules/tested_in.yaml says where it is tested."""
    elsewhere = {module for listed in TESTED_IN.values() for module in listed}
    by_path = {
        folder: frozenset().union(*map(named, files_of(folder)))
        for folder in {home(module) for module in modules()}
    }
    with_code = (m for m, path in modules().items() if path.read_bytes().count(b"\n") > 2)
    lost = [m for m in with_code if m not in by_path[home(m)] and m not in elsewhere]
    assert lost == [], (
        "import them in a test of their folder, or say in tested_in.yaml which tests they have"
    )


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted(TESTED_IN.keys() - {BY_HAND}))
def test_what_is_said_to_be_tested_elsewhere_is_reached_there(file: str) -> None:
    assert some(TESTED_IN[file])
    assert set(TESTED_IN[file]) - reached(ROOT / "tests" / file) == set()


@pytest.mark.parametrize("module", TESTED_IN[BY_HAND])
def test_what_is_run_by_hand_is_a_program(module: str) -> None:
    assert '__name__ == "__main__"' in modules()[module].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "module", "expected"),
    [
        ("core/files/test_cache.py", "thbench.files.cache", True),
        ("core/files/test_cache.py", "thbench.leaderboard.verify", False),
        (
            "core/leaderboard/test_cheats.py",
            "thbench.engines.local",
            True,
        ),  # tests/support/boards.py
        ("core/video/test_video.py", "thbench.video.reader", True),  # handed on by thbench.video
    ],
)
def test_the_rule_on_modules_finds_what_it_looks_for(
    file: str, module: str, expected: bool
) -> None:
    assert (module in named(ROOT / "tests" / file)) is expected


def test_every_test_is_in_a_folder_of_the_layout() -> None:
    core = set(packages(ROOT / "thbench"))
    builtin = {name.removeprefix("thbench_") for name in packages(ROOT / "plugins")}
    for file in some(f for f in FILES if f.name.startswith("test_") and "support" not in f.parts):
        kind, *inner = file.relative_to(ROOT / "tests").parts[:-1]
        assert kind in {"core", "builtin", "fuzz", "rules", "whole", "benchmarks"}, NAMES[file]
        known = {"core": core, "builtin": builtin}.get(kind)
        assert known is None or not inner or inner[0] in known, NAMES[file]

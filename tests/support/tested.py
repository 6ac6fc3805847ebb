"""Which modules a test file names by its imports, and which it reaches through them. Nothing is imported: files are parsed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from paths import ROOT

TESTS = ROOT / "tests"


@cache
def modules() -> dict[str, Path]:
    """Dotted names of every module of thbench and of the plugins that holds code, with its file."""
    found = {}
    for base in (ROOT / "thbench", ROOT / "plugins"):
        top = ROOT if base.name == "thbench" else base
        for path in sorted(base.rglob("*.py")):
            parts = path.relative_to(top).with_suffix("").parts
            if {"__pycache__", "templates"} & set(parts[:-1]) or parts[-1] == "__main__":
                continue
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def home(module: str) -> Path:
    """The folder of tests that a module's path leads to."""
    first, *rest = module.split(".")
    if first != "thbench":
        return TESTS / "builtin" / first.removeprefix("thbench_")
    is_folder = len(rest) > 1 or modules()[module].name == "__init__.py"
    return TESTS / "core" / rest[0] if rest and is_folder else TESTS / "core"


def files_of(folder: Path) -> list[Path]:
    """Of `tests/core` itself only the files beside the folders."""
    return sorted(
        folder.glob("test_*.py") if folder == TESTS / "core" else folder.rglob("test_*.py")
    )


@cache
def named(file: Path) -> frozenset[str]:
    """Modules whose names, or what they define, a test file imports, also through tests/support."""
    return frozenset().union(*(_named(path, "") for path in _with_support(file)))


def reached(file: Path) -> set[str]:
    """Modules that may run when a test file does: the closure of what it, its helpers and its conftest.py
    name. A plugin's tests reach it by the names that it registers."""
    starts = set(named(file))
    for folder in file.parents[: file.parents.index(TESTS)]:
        if (folder / "conftest.py").exists():
            starts |= named(folder / "conftest.py")
    if file.is_relative_to(TESTS / "builtin"):
        starts |= {name for name in modules() if name == f"thbench_{file.parent.name}"}
    if "thbench" in file.read_text(
        encoding="utf-8"
    ):  # the command line, in this or another process
        starts |= {"thbench.cli.main"}
    found: set[str] = set()
    while starts:
        module = starts.pop()
        if module not in found:
            found.add(module)
            starts |= _named(modules()[module], module) | _in_quotes(module)
            starts |= _packages(module)
    return found


def _packages(module: str) -> set[str]:
    parts = module.split(".")
    return {".".join(parts[:n]) for n in range(1, len(parts))} & set(modules())


def _with_support(file: Path) -> Iterator[Path]:
    known = {path.stem: path for path in (TESTS / "support").glob("*.py")}
    queue, seen = [file], set[Path]()
    while queue:
        path = queue.pop()
        if path not in seen:
            seen.add(path)
            yield path
            queue += [known[name] for name in _imported(path)[1] if name in known]


@cache
def _imported(path: Path) -> tuple[list[tuple[ast.ImportFrom, str, str]], set[str], set[str]]:
    """(node, name there, name here) of every `from ... import`; modules imported whole or from; words in quotes."""
    taken, whole, words = list[tuple[ast.ImportFrom, str, str]](), set[str](), set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            whole |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            taken += [(node, alias.name, alias.asname or alias.name) for alias in node.names]
            whole |= {node.module or ""}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.add(node.value)
    return taken, whole, words


@cache
def _named(path: Path, module: str) -> frozenset[str]:
    taken, whole, _ = _imported(path)
    found = {name for name in whole if name in modules()}
    for node, name, _ in taken:
        found |= _origin(_base(node, path, module), name)
    return frozenset(found)


@cache
def _in_quotes(module: str) -> frozenset[str]:
    """Modules that a module names in words: imported when they are used, or started as a program."""
    words = _imported(modules()[module])[2]
    near = {f"{module.rpartition('.')[0]}.{word.removesuffix('.py')}" for word in words}
    return frozenset((words | near) & modules().keys())


def _base(node: ast.ImportFrom, path: Path, module: str) -> str:
    if not node.level:
        return node.module or ""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, node.module] if node.module else package)


@cache
def _origin(base: str, name: str, steps: int = 4) -> frozenset[str]:
    """The module that `from base import name` is about: itself, or where a package takes the name from."""
    if f"{base}.{name}" in modules():
        return frozenset({f"{base}.{name}"})
    if base not in modules():
        return frozenset()
    path = modules()[base]
    for node, there, here in _imported(path)[0] if steps else ():
        if here == name and (inner := _origin(_base(node, path, base), there, steps - 1)):
            return inner
    return frozenset({base})

"""The graph of imports inside thbench, and what a unit may reach. A unit is a folder or a module of thbench."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

Graph = Mapping[str, frozenset[str]]

MAY_IMPORT: dict[str, str] = {
    "cli": "interface export report study alignment leaderboard pipeline testing selftest sensitivity training doctor "
    "estimate machine",
    "interface": "export report alignment pipeline",
    "export": "published tables results run",
    "report": "leaderboard score study tables published run charts engines",
    "leaderboard": "pipeline score published tables results run",
    "study": "published tables results run charts engines video statistics",
    "alignment": "pipeline",
    "pipeline": "generate score published tables results run engines",
    "generate": "run suite plugins engines video",
    "score": "results run suite plugins engines video",
    "sensitivity": "pipeline published tables charts run suite plugins engines video",
    "selftest": "score tables charts run suite plugins video testing",
    "testing": "score generate suite plugins video",
    "training": "suite plugins charts",
    "doctor": "run plugins engines",
    "estimate": "pipeline",
    "machine": "video",
    "published": "tables results",
    "tables": "results statistics",
    "run": "suite plugins video",
    "suite": "plugins recipes",
    "recipes": "",
    "engines": "plugins",
    "plugins": "video",
    "results": "statistics",
    "charts": "",
    "video": "",
    "statistics": "",
    "files": "",
    "environment": "",
    "controls": "",
    "api": "",
    "errors": "",
    "geometry": "",
    "progress": "",
}
"""Who may import whom; a unit may also reach what these may (the layout's table)."""
OPEN = {"api", "errors", "controls", "environment", "files", "geometry", "progress"}
"""Open to every unit above them."""
BELOW = {
    "files": {"errors"},
    "api": {"errors", "files", "geometry", "progress"},
    "controls": {"api", "errors", "files", "geometry", "progress"},
    "environment": {"errors"},
    "geometry": {"errors"},
    "errors": set(),
    "progress": set(),
}
"""What the open units themselves may import."""


def graph_of(root: Path) -> dict[str, frozenset[str]]:
    """Modules of the package at `root` and the modules of it that each imports, anywhere in the file."""
    files = {_name(root, p): p for p in root.rglob("*.py") if "templates" not in p.parts}
    return {name: frozenset(_imported(path, files) - {name}) for name, path in files.items()}


def _name(root: Path, path: Path) -> str:
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, files: Mapping[str, Path]) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = inner & set(files)
            names |= modules
            if modules != inner:  # a name that the package itself defines or hands on
                names.add(node.module)
    return names & set(files)


def unit_of(module: str) -> str:
    """`thbench.score.reduce` -> `score`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def reached(graph: Graph, module: str) -> dict[str, list[str]]:
    """Every module that `module` reaches, with the chain of imports that leads there."""
    chains = {module: [module]}
    queue = [module]
    while queue:
        here = queue.pop(0)
        for target in sorted(graph[here]):
            if target not in chains:
                chains[target] = [*chains[here], target]
                queue.append(target)
    return chains


@lru_cache(maxsize=1)
def allowed_units() -> dict[str, set[str]]:
    """The closure of MAY_IMPORT, with the open units."""
    closure: dict[str, set[str]] = {}

    def of(unit: str) -> set[str]:
        if unit not in closure:
            direct = set(MAY_IMPORT[unit].split())
            below = BELOW.get(unit, OPEN)
            closure[unit] = {unit} | below | direct | {t for d in direct for t in of(d)}
        return closure[unit]

    for unit in MAY_IMPORT:
        of(unit)
    return closure


def violations(graph: Graph, of: Iterable[str] | None = None) -> Iterator[str]:
    """One line per module that reaches a unit which its own may not, with the shortest chain."""
    allowed = allowed_units()
    for module in sorted(graph if of is None else of):
        unit = unit_of(module)
        if unit in ("", "__main__"):
            continue
        if unit not in allowed:
            yield f"{module}: unit '{unit}' is not in the table"
            continue
        seen: set[str] = set()
        for target, chain in reached(graph, module).items():
            other = unit_of(target)
            if other and other not in allowed[unit] and other not in seen:
                seen.add(other)
                yield f"{unit} reaches {other}: {' -> '.join(chain)}"


def cycles(graph: Graph) -> list[list[str]]:
    """Groups of modules that import one another (strongly connected components of two or more)."""
    every = {m: set(reached(graph, m)) for m in graph}
    groups = {frozenset(o for o in every[m] if m in every[o]) for m in graph}
    return sorted(sorted(g) for g in groups if len(g) > 1)


def with_import(graph: Graph, module: str, target: str) -> dict[str, frozenset[str]]:
    """The graph with one more import."""
    return {**graph, module: graph[module] | {target}}


def unit_edges(graph: Graph) -> Iterable[tuple[str, str]]:
    """Pairs of units of which one imports the other directly."""
    pairs = {(unit_of(m), unit_of(t)) for m, targets in graph.items() for t in targets}
    return sorted(p for p in pairs if p[0] != p[1] and all(p))

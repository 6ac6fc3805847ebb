"""Digests of source code: what a plugin's results depend on, found from the imports themselves.

A plugin's value depends on its own package, on the plugin packages it imports, and on those parts of
thbench that compute (`thbench.training`, `thbench.video`), at any number of removes. Code is digested
as parsed, so that comments, docstrings and layout can change without redoing work. Nothing is
imported here: files are found and parsed.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    distributions,
    entry_points,
    version,
)
from pathlib import Path

from thbench.plugins.parsed import parsed

GROUP = "thbench"
COMPUTING = ("thbench.training", "thbench.video")  # parts of thbench that move a plugin's value
MEDIA = ("thbench.video.reader", "thbench.video.writer")  # behind `Context.media` and stored videos
PROSE = {".md", ".rst", ".txt.license"}  # never read by code


@lru_cache(maxsize=256)
def plugin_digest(module: str) -> str:
    """SHA-256 over the package of a plugin and the closure of its imports; `module` is its entry point's.

    Covers every file of the plugin's own package (shipped weights included), the modules of other
    plugin packages and of `COMPUTING` that are reached through imports, data files of the packages
    reached, and versions of the distributions imported. Prose (`*.md`) is left out.
    """
    top = module.partition(".")[0]
    starts = modules_in(top) if top != "thbench" and _is_package(top) else [module]
    return _digest(starts)


@lru_cache(maxsize=256)
def code_digest(*modules: str) -> str:
    """SHA-256 over these modules and the closure of their imports, as `plugin_digest` follows it."""
    return _digest(modules)


def closure(modules: Iterable[str]) -> tuple[dict[str, Path], set[str]]:
    """Modules reached from `modules` (themselves included) with their files, and other packages imported."""
    reached: dict[str, Path] = {}
    others: set[str] = set()
    queue = list(modules)
    while queue:
        name = queue.pop()
        path = _file_of(name)
        if path is None or name in reached:
            continue
        reached[name] = path
        for imported in _found(path, name, path.stat().st_mtime_ns)[1]:
            if _is_followed(imported, name):
                queue += [m for m in _with_parents(imported) if m != "thbench"]
            elif (top := imported.partition(".")[0]) not in sys.stdlib_module_names:
                others.add(top)
    return reached, others - {"thbench"}


def _digest(modules: Iterable[str]) -> str:
    reached, others = closure(modules)
    total = hashlib.sha256()
    for name, content in sorted(_contents(reached)):
        total.update(f"{name}\0{content}\0".encode())
    for top in sorted(others):
        total.update(f"{top} {_version_of(top)}\0".encode())
    parsed(_RULES).keep()
    return total.hexdigest()


def _contents(reached: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """Every module and every data file next to one, with the digest of its content."""
    for name, path in reached.items():
        yield name, _found(path, name, path.stat().st_mtime_ns)[0]
    for top in {name.partition(".")[0] for name in reached} - {"thbench"}:
        for file in _data_files(top):
            with file.open("rb") as stream:
                name = file.relative_to(
                    _root(top)
                ).as_posix()  # equal names in two folders are two files
                yield f"{top}/{name}", hashlib.file_digest(stream, "sha256").hexdigest()


def _data_files(top: str) -> list[Path]:
    if not _is_package(top):
        return []
    root = _root(top)
    files = (p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return sorted(p for p in files if p.suffix not in {".py", ".pyc", *PROSE})


def forget() -> None:
    """Drop what is remembered of installed files, for a process in which an installation changed."""
    for remembered in (plugin_digest, code_digest, _plugin_packages, _is_sibling, _file_of, _root):
        remembered.cache_clear()


# -- one file -----------------------------------------------------------------------------------


_RULES = Path(__file__)


@lru_cache(maxsize=1024)
def _found(path: Path, name: str, mtime: int) -> tuple[str, frozenset[str]]:
    """Digest of a module's code without docstrings, comments and layout, and what it imports."""
    content, known = path.read_bytes(), parsed(_RULES)
    key = hashlib.sha256(f"{name} {path.name == '__init__.py'}\0".encode() + content).hexdigest()
    found = known.get(key)
    if found is None:
        tree = _tree(content)
        digest = hashlib.sha256(ast.unparse(tree).encode()).hexdigest()
        found = digest, sorted(_imports(tree, path, name))
        known.add(key, found)
    return found[0], frozenset(found[1])


def _tree(content: bytes) -> ast.Module:
    """A module's code without docstrings."""
    tree = ast.parse(content)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = _without_docstring(node.body)
    return tree


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    if (
        body
        and isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and isinstance(body[0].value.value, str)
    ):
        return body[1:] or [ast.Pass()]
    return body


def _imports(tree: ast.Module, path: Path, name: str) -> set[str]:
    """Dotted names that a module imports, at its top and inside functions; not those for types alone."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in _running(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute) and node.attr == "media":
            found.update(MEDIA)  # Context.media: reached through the harness, not through an import
        elif _is_import_by_name(node):
            found.add(node.args[0].value)  # type: ignore[attr-defined]
    return found


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but the bodies of `if TYPE_CHECKING:`."""
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            stack += node.orelse
        else:
            stack += ast.iter_child_nodes(node)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def _is_import_by_name(node: ast.AST) -> bool:
    """`import_module("a.b")`, however it is spelt, with a literal name."""
    if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
        return False
    called = (
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    )
    return called == "import_module" and isinstance(node.args[0].value, str)


# -- where modules are --------------------------------------------------------------------------


def _is_followed(name: str, importer: str) -> bool:
    top = name.partition(".")[0]
    if top == "thbench":
        return any(name == part or name.startswith(f"{part}.") for part in COMPUTING)
    return top in _plugin_packages() or _is_sibling(top, importer.partition(".")[0])


@lru_cache(maxsize=1)
def _plugin_packages() -> frozenset[str]:
    """Top-level packages of every distribution that declares a thbench entry point."""
    names: set[str] = set()
    for point in entry_points(group=GROUP):
        names.add(point.module.partition(".")[0])
        for file in (point.dist.files if point.dist else None) or ():
            if file.suffix == ".py":
                names.add(file.parts[0].removesuffix(".py"))
    return frozenset(names - {"thbench"})


@lru_cache(maxsize=1024)
def _is_sibling(top: str, plugin: str) -> bool:
    """Whether `top` lies next to a plugin's package in a source tree (an editable installation)."""
    if plugin == "thbench":
        return False
    here, there = _root(plugin), _root(top)
    installed = {"site-packages", "dist-packages"}
    return bool(there.name) and here.parent == there.parent and here.parent.name not in installed


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


@lru_cache(maxsize=1024)
def _file_of(name: str) -> Path | None:
    """The file of a module, or None where it is no module (a name in one) or compiled code."""
    top, *rest = name.split(".")
    root = _root(top)
    if not root.name:
        return None
    if root.suffix == ".py":
        return root if not rest else None
    path = root.joinpath(*rest)
    module, package = path.with_suffix(".py"), path / "__init__.py"
    if rest and module.is_file():
        return module
    return package if package.is_file() else None


@lru_cache(maxsize=1024)
def _root(top: str) -> Path:
    """The folder of a top-level package, or the file of a top-level module; `Path()` where there is none."""
    spec = PathFinder.find_spec(top)
    if spec is None or spec.origin is None:
        return Path()
    path = Path(spec.origin)
    return path.parent if path.name == "__init__.py" else path if path.suffix == ".py" else Path()


def _is_package(top: str) -> bool:
    return bool(_root(top).name) and _root(top).suffix != ".py"


def modules_in(top: str) -> list[str]:
    """Dotted names of every module of a package."""
    root = _root(top)
    paths = (p.relative_to(root) for p in root.rglob("*.py") if "__pycache__" not in p.parts)
    names = (p.parent if p.name == "__init__.py" else p.with_suffix("") for p in paths)
    return sorted(".".join((top, *name.parts)) for name in names)


@lru_cache(maxsize=256)
def _version_of(top: str) -> str:
    for name in (top, *_distributions().get(top, ())):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "absent"


@lru_cache(maxsize=1)
def _distributions() -> Mapping[str, list[str]]:
    """Names of the distributions that bring a top-level module or package.

    As `importlib.metadata.packages_distributions`, which makes an object of each of 30,000 installed files: a
    tenth of the time of a short command.
    """
    found: dict[str, list[str]] = {}
    for one in distributions():
        for top in _tops(one):
            found.setdefault(top, []).append(one.metadata["Name"])
    return found


def _tops(one: Distribution) -> set[str]:
    """Top-level names of a distribution: those it declares, else those of its Python files."""
    if declared := (one.read_text("top_level.txt") or "").split():
        return set(declared)
    record = one.read_text("RECORD")
    listed = map(str, one.files or ()) if record is None else record.splitlines()
    paths = (line.partition(",")[0] for line in listed)
    return {p.partition("/")[0].removesuffix(".py") for p in paths if p.endswith(".py")}

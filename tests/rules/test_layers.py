"""The import rules of the architecture, by parsing imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from guards import some
from import_graph import (
    MAY_IMPORT,
    Graph,
    allowed_units,
    cycles,
    graph_of,
    reached,
    unit_of,
    violations,
    with_import,
)
from paths import ROOT

PLUGINS = sorted(p for p in (ROOT / "plugins").iterdir() if (p / "__init__.py").exists())
HEAVY = {"torch", "cv2", "scipy", "torchmetrics", "av", "face_alignment", "pooch", "matplotlib"}


def imports(file: Path, top_level_only: bool = False) -> Iterator[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def python_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.py") if "templates" not in p.parts)


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda p: p.name)
def test_a_plugin_imports_only_the_contract(plugin: Path) -> None:
    allowed = ("thbench.api", "thbench.training")
    for file in some(python_files(plugin)):
        for name in imports(file):
            if name == "thbench" or name.startswith("thbench."):
                assert name.startswith(allowed), f"{file.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda p: p.name)
def test_a_plugins_entry_module_imports_nothing_heavy(plugin: Path) -> None:
    for name in some(imports(plugin / "__init__.py", top_level_only=True)):
        assert name.split(".")[0] not in HEAVY, f"{plugin.name} imports {name} at start"


def test_the_core_names_no_plugin() -> None:
    """Neither imports one nor has the name of one in a string."""
    from thbench.environment import NUMERIC_LIBRARIES
    from thbench.plugins.discovery import KINDS, registry

    words = {
        "clips",
        "folder",
        "command",
        "sharpness",
        *NUMERIC_LIBRARIES,
    }  # also ordinary words of the core
    packages = {p.name for p in PLUGINS}
    ours = {
        r.plugin.name
        for kind in KINDS
        for r in registry()
        if r.kind == kind
        and r.owner.distribution == "thbench"
        and not r.owner.module.startswith("thbench.")  # the default engine lives in the core
    }
    for file in some(python_files(ROOT / "thbench")):
        for name in imports(file):
            assert name.split(".")[0] not in packages, f"{file.name} imports {name}"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in ours - words, f"{file.name}: names {node.value!r}"


def test_only_video_opens_media() -> None:
    for file in some(python_files(ROOT / "thbench")):
        if "video" not in file.relative_to(ROOT).parts:
            assert not [n for n in imports(file) if n.split(".")[0] == "av"], file


@pytest.mark.parametrize("words", [["--help"], ["list"], ["list", "--json"]])
def test_help_and_list_import_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from thbench.cli.main import cli\n"
        f"cli({words!r}, standalone_mode=False)\n"
        f"print([m for m in {sorted(HEAVY)!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_nothing_is_unpickled_and_no_shell_is_used() -> None:
    for folder in ("thbench", "plugins"):
        for file in some(python_files(ROOT / folder)):
            text = file.read_text(encoding="utf-8")
            assert "shell=True" not in text, file
            assert "pickle.load" not in text, file
            assert "allow_pickle=True" not in text, file
            assert "weights_only=False" not in text, file


@pytest.fixture(scope="module")
def graph() -> Graph:
    return graph_of(ROOT / "thbench")


def test_every_unit_is_in_the_table(graph: Graph) -> None:
    units = {unit_of(module) for module in graph} - {"", "__main__"}
    assert units == set(MAY_IMPORT)


def test_units_reach_only_what_the_table_allows(graph: Graph) -> None:
    assert list(violations(graph)) == []


def test_no_module_imports_itself_at_any_remove(graph: Graph) -> None:
    assert cycles(graph) == []


def test_score_reaches_no_generator_and_tables_reach_no_media(graph: Graph) -> None:
    """Two rules that matter most, said outright: the table above must not drift away from them."""
    for module in some(graph):
        units = {unit_of(target) for target in reached(graph, module)}
        if unit_of(module) == "score":
            assert not units & {"generate", "pipeline"}, module
        if unit_of(module) in ("results", "tables", "published", "statistics"):
            assert not units & {"run", "video", "plugins"}, module


FORBIDDEN = sorted(
    (low, high)
    for low in MAY_IMPORT
    for high in MAY_IMPORT
    if low != high and high not in allowed_units()[low]
)


@pytest.mark.parametrize(("low", "high"), FORBIDDEN, ids=lambda unit: unit)
def test_a_planted_import_against_the_table_is_found(graph: Graph, low: str, high: str) -> None:
    """Directly, and at two removes through a module that `low` may import."""
    source = next(m for m in sorted(graph) if unit_of(m) == low)
    target = next(m for m in sorted(graph) if unit_of(m) == high)
    planted = with_import(graph, source, target)
    assert any(line.startswith(f"{low} reaches {high}:") for line in violations(planted, [source]))
    between = next((m for m in sorted(reached(graph, source)) if m not in (source, target)), None)
    if between is not None:
        planted = with_import(graph, between, target)
        assert any(
            line.startswith(f"{low} reaches {high}:") for line in violations(planted, [source])
        )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("thbench.api", "thbench.training.contract"),
        ("thbench.cli.run", "thbench.cli.merge"),
        ("thbench.video.reader", "thbench.video.writer"),
    ],
)
def test_a_planted_cycle_is_found(graph: Graph, one: str, other: str) -> None:
    planted = with_import(with_import(graph, one, other), other, one)
    assert any({one, other} <= set(group) for group in cycles(planted))


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda p: p.name)
def test_modules_of_a_plugin_import_one_another_in_one_direction(plugin: Path) -> None:
    """Apart from the entry module, whose builders import the others when they are called."""
    modules = graph_of(plugin)
    inner = {m: targets - {plugin.name} for m, targets in modules.items() if m != plugin.name}
    assert cycles(inner) == []

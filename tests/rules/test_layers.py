"""The import rules of the architecture, by parsing imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    for file in python_files(plugin):
        for name in imports(file):
            if name == "thbench" or name.startswith("thbench."):
                assert name.startswith(allowed), f"{file.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda p: p.name)
def test_a_plugins_entry_module_imports_nothing_heavy(plugin: Path) -> None:
    for name in imports(plugin / "__init__.py", top_level_only=True):
        assert name.split(".")[0] not in HEAVY, f"{plugin.name} imports {name} at start"


def test_the_core_names_no_plugin() -> None:
    """Neither imports one nor has the name of one in a string."""
    from thbench.environment import NUMERIC_LIBRARIES
    from thbench.plugins.discovery import KINDS, registry

    words = {"clips", "folder", "command", *NUMERIC_LIBRARIES}  # also ordinary words of the core
    packages = {p.name for p in PLUGINS}
    ours = {
        r.plugin.name
        for kind in KINDS
        for r in registry()
        if r.kind == kind
        and r.owner.distribution == "thbench"
        and not r.owner.module.startswith("thbench.")  # the default engine lives in the core
    }
    for file in python_files(ROOT / "thbench"):
        for name in imports(file):
            assert name.split(".")[0] not in packages, f"{file.name} imports {name}"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in ours - words, f"{file.name}: names {node.value!r}"


def test_only_video_opens_media() -> None:
    for file in python_files(ROOT / "thbench"):
        if "video" not in file.relative_to(ROOT).parts:
            assert not [n for n in imports(file) if n.split(".")[0] == "av"], file


def test_results_leaderboard_and_normalise_compute_from_files_alone() -> None:
    for module in ("results", "leaderboard", "normalise"):
        for name in imports(ROOT / "thbench" / f"{module}.py"):
            assert name.split(".")[0] not in {"torch", "time", "datetime", "socket", "requests"}
            assert name not in {"thbench.score.stage", "thbench.generate.stage", "thbench.video"}


def test_the_score_stage_never_calls_a_generator() -> None:
    for module in ("score", "observe", "reduce", "keys", "collect"):
        names = list(imports(ROOT / "thbench" / f"{module}.py"))
        assert "thbench.run.job.generator_of" not in names
        assert "thbench.generate.answers" not in names


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
        for file in python_files(ROOT / folder):
            text = file.read_text(encoding="utf-8")
            assert "shell=True" not in text, file
            assert "pickle.load" not in text, file
            assert "allow_pickle=True" not in text, file
            assert "weights_only=False" not in text, file

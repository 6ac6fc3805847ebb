"""Digests of code: a change anywhere a plugin reaches gives a new digest, a change of words none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import thbench
from thbench.plugins import sources

ROOT = Path(thbench.__file__).parent.parent
POINTS = {
    p.name: p.module for p in entry_points(group="thbench") if p.dist and p.dist.name == "thbench"
}
assert len(POINTS) > 10


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    sources.forget()
    yield
    sources.forget()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `mine` that imports `helper`, a second one in the same tree, inside a function."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, text in {
        "mine/__init__.py": '"""Words."""\nfrom mine.part import f\n',
        "mine/part.py": "def f():\n    import helper.deep\n    return helper.deep.G\n",
        "mine/weights.bin": "1",
        "mine/README.md": "words",
        "helper/__init__.py": "",
        "helper/deep.py": "from helper.deeper import G\n",
        "helper/deeper.py": "G = 1  # a comment\n",
        "helper/unused.py": "H = 1\n",
        "helper/table.csv": "1",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def _changed(root: Path, name: str, text: str) -> bool:
    """Whether the digest of `mine` moves when this file holds `text`; the file is put back."""
    path = root / name
    kept, before = path.read_text(), sources.plugin_digest("mine")
    path.write_text(text)
    sources.forget()
    after = sources.plugin_digest("mine")
    path.write_text(kept)
    sources.forget()
    return before != after


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mine/part.py", "def f():\n    import helper.deep\n    return 2\n"),
        ("mine/weights.bin", "2"),
        ("helper/__init__.py", "X = 1\n"),
        ("helper/deep.py", "from helper.deeper import G\nG += 1\n"),
        ("helper/deeper.py", "G = 2\n"),
        ("helper/table.csv", "2"),
    ],
)
def test_a_change_at_any_remove_is_a_new_digest(package: Path, name: str, text: str) -> None:
    assert _changed(package, name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mine/README.md", "other words"),
        ("mine/__init__.py", '"""Other words."""\n\n\nfrom mine.part import f\n'),
        (
            "mine/part.py",
            'def f():\n    """New."""\n    import helper.deep\n\n    return helper.deep.G\n',
        ),
        ("helper/deeper.py", "# another comment\nG = (\n    1\n)\n"),
        ("helper/unused.py", "H = 2\n"),  # imported by nothing that `mine` reaches
    ],
)
def test_words_layout_and_what_is_not_reached_change_nothing(
    package: Path, name: str, text: str
) -> None:
    assert not _changed(package, name, text)


def test_imports_by_name_relative_ones_and_media_are_followed(package: Path) -> None:
    (package / "mine/part.py").write_text(
        "from . import weights\nfrom importlib import import_module\n"
        "def f(context):\n    import_module('helper.unused')\n    return context.media\n"
    )
    (package / "mine/weights.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import helper.deep\n"
    )
    reached, _ = sources.closure(["mine.part"])
    assert {"mine", "mine.weights", "helper.unused", "thbench.video.reader"} <= set(reached)
    assert "helper.deep" not in reached  # for types alone


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of thbench and its plugins: code only."""
    root = tmp_path_factory.mktemp("tree")
    only_code = shutil.ignore_patterns("__pycache__", "*.safetensors", "benchmarks")
    shutil.copytree(ROOT / "thbench", root / "thbench", ignore=only_code)
    shutil.copytree(ROOT / "plugins", root / "plugins", ignore=only_code)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(POINTS))
def test_every_module_that_a_built_in_plugin_uses_moves_its_digest(
    name: str, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tree))
    monkeypatch.syspath_prepend(str(tree / "plugins"))
    sources.forget()
    module = POINTS[name]
    package = module.partition(".")[0]
    starts = [module] if package == "thbench" else sources.modules_in(package)
    reached, _ = sources.closure(starts)
    assert reached
    assert all(path.is_relative_to(tree) for path in reached.values())
    before = sources.plugin_digest(module)
    for path in reached.values():
        kept, time = path.read_text(), path.stat().st_mtime_ns
        path.write_text(kept + "\nPLANTED = 1\n")
        sources.plugin_digest.cache_clear()  # not `forget`: no file came or went
        assert sources.plugin_digest(module) != before, path
        path.write_text(kept)
        os.utime(path, ns=(time, time))  # what was parsed of it is still remembered
    sources.forget()
    assert sources.plugin_digest(module) == before


@pytest.mark.parametrize(
    ("plugin", "used"),
    [
        ("ddpm", "thbench_speech.encoders"),
        ("ddpm", "thbench.training.pictures"),
        ("gan", "thbench_speech.encoders"),
        ("clips", "thbench_face.detector"),
        ("clips", "thbench.video.reader"),
        ("crema_d", "thbench_face.box"),
        ("syncnet", "thbench_speech.mfcc"),
    ],
)
def test_what_the_built_in_plugins_borrow_is_reached(plugin: str, used: str) -> None:
    reached, _ = sources.closure(sources.modules_in(POINTS[plugin].partition(".")[0]))
    assert used in reached

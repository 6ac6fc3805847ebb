"""Discovery: collisions with both owners named, broken plugins deferred, provenance."""

from __future__ import annotations

import sys
from importlib.metadata import Distribution, EntryPoint, PathDistribution
from pathlib import Path

import pytest

from thbench.errors import UserError
from thbench.plugins.discovery import load_registry, registry

GENERATOR = """
from dataclasses import dataclass
from thbench.api import Plugin, hookimpl

@dataclass(frozen=True)
class Options:
    steps: int = 1

@hookimpl
def thbench_generators():
    return [Plugin("same", Options, lambda o, c: None)]
"""


@pytest.fixture
def points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write distributions into a folder; gives a function from (distribution, module, source) to points."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made = []

    def make(distribution: str, module: str, source: str, name: str = "") -> list[EntryPoint]:
        (tmp_path / f"{module}.py").write_text(source)
        sys.modules.pop(module, None)
        info = tmp_path / f"{distribution}-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(f"[thbench]\n{name or module} = {module}\n")
        found: Distribution = PathDistribution(info)
        made.extend(found.entry_points)
        return list(made)

    return make


def test_two_owners_of_one_name_are_refused_and_both_named(points) -> None:
    points("first", "mod_a", GENERATOR)
    found = load_registry(points("second", "mod_b", GENERATOR))
    with pytest.raises(UserError) as caught:
        found.find("generator", "same")
    assert "first[mod_a]" in str(caught.value)
    assert "second[mod_b]" in str(caught.value)


def test_two_distributions_may_use_one_entry_point_name(points) -> None:
    points("first", "mod_a", GENERATOR, name="plugin")
    found = load_registry(
        points("second", "mod_b", GENERATOR.replace('"same"', '"other"'), name="plugin")
    )
    assert found.names("generator") == ["other", "same"]


def test_disabling_one_owner_frees_the_name(points, monkeypatch: pytest.MonkeyPatch) -> None:
    points("first", "mod_a", GENERATOR)
    both = points("second", "mod_b", GENERATOR)
    monkeypatch.setenv("THBENCH_DISABLE", "second[mod_b]")
    found = load_registry(both)
    assert str(found.find("generator", "same").owner) == "first[mod_a]"
    assert [str(o) for o in found.disabled] == ["second[mod_b]"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("raise RuntimeError('no CUDA')", "RuntimeError: no CUDA"),
        ("def broken(:", "SyntaxError"),
        (GENERATOR.replace("thbench_generators", "thbench_generator"), "PluginValidationError"),
        (GENERATOR.replace("[Plugin(", "[str("), "TypeError"),
        (GENERATOR.replace("return [", "1 / 0; return ["), "ZeroDivisionError"),
    ],
)
def test_a_broken_plugin_is_an_error_only_when_it_is_used(points, source: str, says: str) -> None:
    points("good", "mod_a", GENERATOR)
    found = load_registry(points("bad", "mod_b", source, name="bad-one"))
    assert found.find("generator", "same").owner.distribution == "good"
    with pytest.raises(UserError) as caught:
        found.find("generator", "bad-one")
    assert "bad[bad-one]" in str(caught.value)
    assert says in str(caught.value)


def test_unknown_names_get_the_nearest_right_one() -> None:
    with pytest.raises(UserError, match="did you mean 'toy-echo'"):
        registry().find("generator", "toy-eco")


def test_provenance_is_recorded() -> None:
    found = registry().find("generator", "toy-echo")
    assert (found.owner.distribution, found.owner.version) == ("thbench-toys", "1.0")
    assert len(found.source_digest) == 64

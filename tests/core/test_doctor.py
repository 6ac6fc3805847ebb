"""`thbench doctor` and `thbench check PLUGIN`: what is there, what is broken, what to type."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runs import SUITE, suite_from
from thbench.api import WeightsFile
from thbench.doctor import Diagnosis, as_text, examine, is_broken
from thbench.environment import Settings
from thbench.plugins.discovery import Owner, Registry, registry


@pytest.fixture
def sound() -> Registry:
    """The installed plugins without the one that is broken on purpose."""
    return replace(registry(), broken=[])


def states(findings: list[Diagnosis], section: str) -> dict[str, str]:
    return {f.name: f.state for f in findings if f.section == section}


@pytest.mark.slow
def test_a_sound_installation(sound: Registry) -> None:
    findings = examine(sound, Settings())
    assert [f for f in findings if f.state == "broken"] == []
    assert not is_broken(findings)
    assert states(findings, "codecs")["libx264"] == "ok"
    assert states(findings, "versions")["torch"] == "ok"
    assert {"cpu", "cuda"} <= states(findings, "devices").keys() | {"cuda"}
    about = next(f.about for f in findings if f.name == "generators")
    assert "toy-echo" in about


def test_broken_plugins_and_double_names_are_broken() -> None:
    known = registry()
    key = ("generator", "toy-echo")
    (mine,) = known.owners[key]
    other = replace(mine, owner=Owner("rival", "1", "rival", mine.owner.module))
    findings = examine(replace(known, owners={**known.owners, key: [mine, other]}), Settings())
    plugins = states(findings, "plugins")
    assert plugins["thbench-toys[toy-broken]"] == "broken"
    assert plugins["generator toy-echo"] == "broken"
    assert is_broken(findings)
    text = as_text(findings)
    assert "! thbench-toys[toy-broken] ImportError: libtoy.so.7" in text
    assert "-> pip uninstall rival" in text


def test_weights_missing_present_and_damaged(
    sound: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_WEIGHTS", str(tmp_path))
    owner = Owner("toys", "1", "toys", "thbench_toys")
    names = {"here": b"abc", "damaged": b"xyz", "away": None}
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # SHA-256 of abc
    items = {}
    for name, content in names.items():
        items[name] = [(WeightsFile(name, f"{name}.pt", (), digest, 3, "MIT", True), owner)]
        if content:
            (tmp_path / f"{name}.pt").write_bytes(content)
    findings = examine(replace(sound, weights_owners=items), Settings())
    found = states(findings, "weights")
    assert (found["here"], found["away"], found["damaged"]) == ("ok", "missing", "broken")
    assert "-> thbench weights fetch away" in as_text(findings)


def test_a_cache_that_cannot_be_written(
    sound: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "file" / "cache"))
    findings = examine(sound, Settings())
    assert states(findings, "caches")["cache"] == "broken"
    assert states(findings, "caches")["THBENCH_CACHE"] == "note"


def test_a_codec_that_is_not_there(sound: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thbench.video.codecs.ENCODERS", ("libx264", "no_such_codec"))
    findings = examine(sound, Settings())
    assert states(findings, "codecs")["no_such_codec"] == "broken"
    assert is_broken(findings)


def test_two_builds_of_opencv(sound: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    class Build:
        def __init__(self, name: str) -> None:
            self.metadata = {"Name": name}

    builds = [Build("opencv-python"), Build("opencv-python-headless")]
    monkeypatch.setattr("thbench.doctor.distributions", lambda: builds)
    (finding,) = [f for f in examine(sound, Settings()) if f.name == "OpenCV"]
    assert finding.state == "broken"
    assert finding.command == "pip uninstall opencv-python-headless"


def test_what_a_suite_lacks_with_its_command(sound: Registry, tmp_path: Path) -> None:
    lacking = suite_from(tmp_path, SUITE.replace("name: toy}", "name: toy, absent: true}"))
    findings = examine(sound, Settings(), lacking)
    (finding,) = [f for f in findings if f.section == "suite"]
    assert (finding.about, finding.command) == ("toy media, 5 MB", "make toys")
    assert is_broken(findings)
    assert not is_broken(examine(sound, Settings(), suite_from(tmp_path)))


def test_the_command(thbench, suite: Path) -> None:
    done = thbench("doctor", suite, "--json")
    assert done.code == 1, "the toys have one broken plugin"
    findings: list[dict[str, Any]] = json.loads(done.out)
    assert {f["section"] for f in findings} >= {"versions", "codecs", "plugins", "suite"}
    assert "has everything" in next(f["about"] for f in findings if f["section"] == "suite")
    text = thbench("doctor").out
    assert "versions:" in text and "caches:" in text


@pytest.mark.slow
def test_checking_a_plugin(thbench, suite: Path) -> None:
    done = thbench("check", "toy-extracted", "--on", suite)
    assert (done.code, done.out.splitlines()[0]) == (0, "metric toy-extracted")
    assert "all checks hold" in done.out
    done = thbench("check", "toy-echo", "--on", suite, "--set", "fault=short")
    assert done.code == 1
    assert "5 frames, 6 needed" in done.out
    assert "1 check(s) failed" in done.out


def test_checking_what_cannot_be_checked(thbench) -> None:
    assert "no conformance suite" in thbench("check", "toy-levels").err
    assert "did you mean 'toy-echo'" in thbench("check", "toy-eco").err
    assert "libtoy.so.7" in thbench("check", "toy-broken").err
    assert "smoke" in thbench("check", "smok").err

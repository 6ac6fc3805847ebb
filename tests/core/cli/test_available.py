"""--available: what can be scored now is scored, the rest is marked with the command that brings it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runs import SUITE

METRICS = "[toy-brightness, toy-weighty]"
WHY = "lacks weights syncnet (55 MB): thbench weights fetch syncnet"


@pytest.fixture
def partial(suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A suite with a metric that lacks weights and a system that lacks its folder."""
    monkeypatch.setenv("THBENCH_WEIGHTS", str(tmp_path / "weights"))
    system = "  away: {generator: folder, root: nowhere, resolution: 32}\n"
    text = SUITE.replace("[toy-brightness]", METRICS).replace("metrics:", f"{system}metrics:")
    suite.write_text(text)
    return suite


def result(run: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((run / f"systems/{name}/result.json").read_text()))


def test_without_it_nothing_is_done_and_it_is_offered(
    thbench, partial: Path, tmp_path: Path
) -> None:
    done = thbench("run", partial, "--out", tmp_path / "out")
    assert done.code == 2
    assert "add --available" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_what_can_be_scored_is_and_the_rest_is_marked(
    thbench, partial: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = thbench("run", partial, "--out", out, "--available")
    assert done.code == 0, done.err
    assert f"left out: metric toy-weighty: {WHY}" in done.err
    assert "left out: system away: lacks folder of generated videos" in done.err
    assert "--set systems.away.root=FOLDER" in done.err
    shown = " ".join(done.out.split())
    assert WHY in shown[shown.index("– ") :]

    scores = result(out, "echo")["scores"]
    assert scores["brightness"]["value"] is not None
    assert scores["click"] | {"value": None, "reason": WHY, "n": 0} == scores["click"]
    away = result(out, "away")
    assert away["clips"]["failed"] == away["clips"]["n"] == 9
    assert away["clips"]["failures"][0]["reason"].startswith("lacks folder of generated")
    assert not away["ranked"]


@pytest.mark.slow
def test_what_was_left_out_is_made_as_soon_as_it_is_here(
    thbench, partial: Path, tmp_path: Path
) -> None:
    """Nothing of a partial run is stored as a failure: the whole run afterwards is as if it were the first."""
    from thbench.plugins.discovery import registry
    from thbench.plugins.weights import location

    out, whole = tmp_path / "out", tmp_path / "whole"
    partial.write_text(
        partial.read_text().replace(
            "generator: folder, root: nowhere", "generator: toy-echo, gain: 2"
        )
    )
    thbench("run", partial, "--out", out, "--available")
    file = location("syncnet", registry().weights())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"weights")
    for folder in (out, whole):
        done = thbench("run", partial, "--out", folder, "--available")
        assert done.code == 0, done.err
        assert "left out" not in done.err
    for name in ("echo", "away"):
        for file_name in ("result.json", "clips.csv"):
            found = [(f / "systems" / name / file_name).read_bytes() for f in (out, whole)]
            assert found[0] == found[1]
    assert result(out, "echo")["scores"]["click"]["value"] is not None


def test_a_dry_run_says_what_would_be_left_out(thbench, partial: Path, tmp_path: Path) -> None:
    done = thbench("run", partial, "--out", tmp_path / "out", "--available", "--dry-run")
    assert done.code == 0
    assert f"left out: metric toy-weighty: {WHY}" in done.err


def test_without_references_nothing_can_be_scored(thbench, suite: Path, tmp_path: Path) -> None:
    suite.write_text(SUITE.replace("name: toy}", "name: toy, absent: true}"))
    done = thbench("run", suite, "--out", tmp_path / "out", "--available")
    assert done.code == 2
    assert "missing: dataset toy: toy media" in done.err


@pytest.mark.slow
def test_a_metric_that_cannot_be_built_without_its_weights_has_no_columns(
    thbench, partial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from thbench.plugins.discovery import registry

    (found,) = registry().owners["metric", "toy-weighty"]

    def build(options: object, context: object) -> object:
        return context.weights("syncnet")

    plugin = replace(found, plugin=replace(found.plugin, build=build))
    monkeypatch.setitem(registry().owners, ("metric", "toy-weighty"), [plugin])
    done = thbench("run", partial, "--out", tmp_path / "out", "--available")
    assert done.code == 0, done.err
    assert f"left out: metric toy-weighty: {WHY}" in done.err
    assert "brightness" in result(tmp_path / "out", "echo")["scores"]

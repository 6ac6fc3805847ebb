"""Fifty clips through a program that fails on some, killed in the middle: coverage, reasons, litter, what is asked again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from quirky import LOADER
from waiting import at_rest, until

CLIPS = 50


def suite(folder: Path, root: Path) -> Path:
    argv = [sys.executable, "-I", "-S", "-c", LOADER, "--image", "{identity}", "--audio", "{audio}"]
    system = {
        "generator": "command",
        "resolution": 32,
        "argv": [*argv, "--frames", "{frames}", "--size", "{size}", "--habit", "some"],
        "root": str(root),
        "collect": ["{root}/results/**/{clip}*.avi"],
        "env": {"CALLS": str(folder / "calls")},
        "isolation": "none",
    }
    data = {
        "schema": 1,
        "name": "toys",
        "dataset": {"name": "toy", "n_actors": CLIPS // 2},
        "split": "all",
        "limits": {"clips": CLIPS},
        "systems": {"theirs": system},
        "metrics": ["toy-brightness"],
        "controls": ["ground-truth"],
    }
    file = folder / "suite.yaml"
    file.write_text(yaml.safe_dump(data))
    return file


def calls(folder: Path) -> list[str]:
    file = folder / "calls"
    return file.read_text().split() if file.exists() else []


@pytest.mark.slow
def test_fifty_clips_and_a_kill(tmp_path: Path) -> None:
    root = tmp_path / "Program"
    (root / "results").mkdir(parents=True)
    (root / "results" / "old.avi").write_bytes(b"old")
    file, out = suite(tmp_path, root), tmp_path / "run"
    words = [sys.executable, "-m", "thbench", "run", str(file), "--out", str(out), "--workers", "2"]
    journal = out / "systems" / "theirs" / "journal.jsonl"

    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: len(answered(journal)) >= 12)
    finally:
        process.kill()
        process.wait()
    # until the workers have seen that their parent has gone
    assert at_rest(lambda: (answered(journal), len(calls(tmp_path))), pause=1)
    before, asked = answered(journal), len(calls(tmp_path))
    assert 12 <= len(before) < CLIPS

    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    again = calls(tmp_path)[asked:]
    assert len(again) == CLIPS - len(before), "it was asked for what was missing, and once for each"
    clips = result(out)["clips"]
    kinds = Counter(kind_of(r["reason"]) for r in clips["failures"] for _ in r["clips"])
    assert clips["generated"] + clips["failed"] == clips["n"] == CLIPS
    assert sum(kinds.values()) == clips["failed"] and set(kinds) == {"nothing", "died", "half"}
    score = next(iter(result(out)["scores"].values()))
    assert (score["n"], score["of"]) == (clips["generated"], CLIPS)
    left = sorted(p.relative_to(root).as_posix() for p in root.rglob("*"))
    stray = [p for p in left if p not in ("results", "results/old.avi")]
    assert len(stray) <= 4, "what was under way when it was killed, and nothing more"

    third = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert third.returncode in (0, 1)
    assert len(calls(tmp_path)) == asked + len(again), (
        "failures are answers: nothing is asked again"
    )


def answered(journal: Path) -> set[str]:
    if not journal.exists():
        return set()
    lines = journal.read_text(errors="replace").splitlines()
    return {json.loads(line)["clip"] for line in lines if line.endswith("}")}


def result(out: Path) -> Any:
    return json.loads((out / "systems" / "theirs" / "result.json").read_text())


def kind_of(reason: str) -> str:
    """Another worker's file may be there meanwhile; its name says nothing of this clip."""
    looked = "looked for {root}/results/**/{clip}*.avi; found "
    if looked + "nothing new" in reason or looked + "only files of other clips" in reason:
        return "nothing"
    return (
        "died"
        if reason.endswith("CUDA out of memory")
        else "half"
        if "truncated" in reason
        else reason
    )

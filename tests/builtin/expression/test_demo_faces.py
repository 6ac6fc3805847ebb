"""The suite `demo_faces`: what is shown with and without the mesh's weights, and that nothing else changes by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crema_place import Done, thbench

PUPPET = ("m_lmd@puppet-v1", "pose_std_yaw@puppet-v1", "blink_rate@puppet-v1")
MESH = ("m_lmd", "pose_std_yaw", "blink_rate")
FETCH = "thbench weights fetch face_mesh"


def test_without_weights_it_says_what_to_fetch_and_what_can_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_WEIGHTS", str(tmp_path))
    plain = thbench("run", "demo_faces", "--dry-run")
    assert plain.code == 2 and FETCH in plain.out + plain.err
    partly = thbench("run", "demo_faces", "--dry-run", "--available")
    assert partly.code == 0, partly.err
    for metric in ("lmd", "head_pose", "blinks"):
        assert f"metric {metric}: lacks weights face_mesh" in partly.out + partly.err


def run(out: Path) -> tuple[Done, dict[str, Any]]:
    words = ["run", "demo_faces", "--available", "--out", out, "--systems", "loudness-warp"]
    words += ["--set", "limits={actors: 1, clips_per_actor: 1}"]
    done = thbench(*words, "--set", "controls=[ground-truth]")
    return done, json.loads((out / "systems/loudness-warp/result.json").read_text())


@pytest.mark.slow
def test_one_table_with_and_without_the_mesh(
    assets: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_WEIGHTS", str(tmp_path / "none"))
    done, without = run(tmp_path / "without")
    assert done.code == 0, done.err
    for column in PUPPET:
        assert without["scores"][column]["value"] is not None
    for column in MESH:
        score = without["scores"][column]
        assert score["value"] is None and FETCH in json.dumps(score), column

    assets("weights/yunet_n_640_640.onnx")
    monkeypatch.setenv("THBENCH_WEIGHTS", str(assets("weights/face_landmark.tflite").parent))
    done, beside = run(tmp_path / "beside")
    assert done.code == 0, done.err
    assert beside["suite"]["digest"] == without["suite"]["digest"]
    for puppet, mesh in zip(PUPPET, MESH, strict=True):
        assert beside["scores"][puppet] == without["scores"][puppet]
        assert beside["scores"][mesh]["value"] is not None
        identities = [beside["scores"][c]["identity_digest"] for c in (puppet, mesh)]
        assert identities[0] != identities[1]
        assert identities[1] == without["scores"][mesh]["identity_digest"]

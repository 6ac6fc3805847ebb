"""`runtime: docker | apptainer`, with executables that stand in for them: words, mounts, GPU, removal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fake_containers import install, recorded
from quirky import PROGRAM, request
from thbench.api import Generated
from thbench.testing.subject import subject_of
from thbench.video import MediaReader

GIVEN = ["--image", "{identity}", "--audio", "{audio}", "--frames", "{frames}", "--size", "{size}"]


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = install(tmp_path / "bin", ("docker", "apptainer"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return found


def given(tmp_path: Path, runtime: str, **more: Any) -> dict[str, Any]:
    root = tmp_path / "Program"
    root.mkdir(exist_ok=True)
    image = tmp_path / "theirs.sif"
    image.write_bytes(b"image")
    argv = ["python", str(PROGRAM), *GIVEN, "--results", "{out_folder}"]
    return {
        "argv": argv,
        "root": str(root),
        "runtime": runtime,
        "image": str(image) if runtime == "apptainer" else "theirs:1.2",
        "output": "{clip}.avi",
        "readable": [str(PROGRAM.parent)],
        **more,
    }


@pytest.mark.parametrize("runtime", ["docker", "apptainer"])
def test_a_program_in_an_image(tmp_path: Path, record: Path, runtime: str, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("SECRET", "x")
    built = subject_of("generator", "command", given(tmp_path, runtime, memory_mb=900)).build()
    (answer,) = built.generate([request()])
    assert isinstance(answer, Generated), answer
    (words,) = (w for w in recorded(record) if w[1] in ("run", "exec"))
    text = " ".join(words)
    assert words[0] == runtime and "SECRET" not in text
    assert {"docker": "--network none", "apptainer": "--net --network none"}[runtime] in text
    assert {"docker": '--gpus "device=1"', "apptainer": "--nv"}[runtime] in text
    assert {"docker": "--memory 900m", "apptainer": "--memory 900M"}[runtime] in text
    mounted = f"src={PROGRAM.parent}," if runtime == "docker" else f"{PROGRAM.parent}:"
    assert mounted in text and ("readonly" in text or ":ro" in text)
    assert "HOME=" in text and f"HOME={os.environ['HOME']} " not in text
    assert built.about == f"in a container ({runtime}, {built._options.image}): no network"
    key = {"docker": "image id", "apptainer": "image sha256"}[runtime]
    assert len(built.environment[key]) > 20


def test_the_videos_are_those_of_the_program_itself(tmp_path: Path, record: Path) -> None:
    built = subject_of("generator", "command", given(tmp_path, "docker")).build()
    shapes = [MediaReader().read(a.file).frames.shape for a in built.generate([request()])]
    assert shapes == [(5, 32, 32, 3)]


@pytest.mark.slow
def test_a_container_that_outlives_its_client_is_removed(tmp_path: Path, record: Path) -> None:
    for seconds in (1.0, 10.0, 100.0):  # on a busy machine the client may not have started in one
        slow = given(tmp_path, "docker", timeout=seconds)
        slow["argv"] = ["python", "-c", "import time; time.sleep(600)"]
        (answer,) = subject_of("generator", "command", slow).build().generate([request()])
        assert f"took over {seconds:.0f} s" in answer.reason
        *_, run, removed = ([], *recorded(record))
        if "run" in run:
            break
    assert removed[:3] == ["docker", "rm", "--force"]
    assert removed[3] == run[run.index("--name") + 1]


def test_a_missing_runtime_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    subject = subject_of("generator", "command", given(tmp_path, "apptainer"))
    assert [m.what for m in subject.plugin.missing(subject.options)] == ["program apptainer"]

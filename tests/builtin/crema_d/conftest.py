"""The small CREMA-D: fetched and prepared once, for all tests that need it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crema_place import CUT, DAMAGED, HUNG, POINTER, Done, Place, thbench
from crema_server import serving
from crema_tree import make_tree
from waiting import LONGEST, until


@pytest.fixture(scope="session")
def store(assets: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights store with the two small face networks."""
    folder = tmp_path_factory.mktemp("weights")
    for name in ("yunet_n_640_640.onnx", "pfld.onnx", "face_landmark.tflite"):
        (folder / name).write_bytes(assets(f"weights/{name}").read_bytes())
    return folder


@pytest.fixture
def weights(store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THBENCH_WEIGHTS", str(store))
    return store


@pytest.fixture(scope="session")
def place(
    assets: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("crema_d")
    tree = make_tree(folder / "published", assets)
    with serving(tree) as host:
        yield Place(folder / "root", tree / "files.csv", host)


@pytest.fixture(scope="session")
def fetched(place: Place, store: Path) -> dict[str, Done]:
    """Three fetches: stopped by Ctrl-C, finished with two bad files at the host, fixed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THBENCH_WEIGHTS", str(store))
        return _fetched(place)


def _fetched(place: Place) -> dict[str, Done]:
    host = place.host
    host.faults = {HUNG: ["hang"], CUT: ["cut", "busy"], POINTER: "pointer", DAMAGED: "damaged"}
    words = ["data", "fetch", "crema_d", *place.where(), "--mirror", host.url]
    command = [sys.executable, "-m", "thbench", *words, "--connections", "2"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert host.hanging.wait(LONGEST)
    until(lambda: any(p.stat().st_size for p in place.root.rglob("*.part")))
    first.send_signal(signal.SIGINT)
    host.release.set()
    out, err = first.communicate(timeout=LONGEST)
    done = {"stopped": Done(first.returncode, out, err)}
    done["parts"] = Done(0, " ".join(p.name for p in place.root.rglob("*.part")), "")
    done["bad"] = thbench(*words)
    host.faults = {}
    done["fixed"] = thbench(*words)
    return done


@pytest.fixture(scope="session")
def prepared(place: Place, store: Path, fetched: dict[str, Done]) -> Done:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THBENCH_WEIGHTS", str(store))
        return thbench("data", "prepare", "crema_d", *place.where())

"""Where the recordings of these tests lie, and a weights store with the two networks that prepare them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crema_place import Done
from recordings_place import Trees
from recordings_tree import make_grid, make_hdtf, make_mead


@pytest.fixture(scope="session")
def networks(assets: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    for name in ("yunet_n_640_640.onnx", "face_landmark.tflite"):
        (folder / name).write_bytes(assets(f"weights/{name}").read_bytes())
    return folder


@pytest.fixture
def weights(networks: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THBENCH_WEIGHTS", str(networks))
    return networks


@pytest.fixture(scope="session")
def trees(assets: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Trees:
    folder = tmp_path_factory.mktemp("recordings")
    makers = {"mead": make_mead, "hdtf": make_hdtf, "grid": make_grid}
    roots = {name: make(folder / name, assets) for name, make in makers.items()}
    return Trees(roots, folder / "prepared")


@pytest.fixture(scope="session")
def prepared(trees: Trees, networks: Path) -> Callable[..., Done]:
    """`prepared("mead")`: prepares all clips of a tree once, and what was said."""
    done: dict[tuple[str, ...], Done] = {}

    def of(dataset: str, *more: str) -> Done:
        key = (dataset, *more)
        if key not in done:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("THBENCH_WEIGHTS", str(networks))
                done[key] = trees.data("prepare", dataset, "--split", "all", *more)
        return done[key]

    return of

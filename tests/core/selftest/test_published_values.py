"""`thbench selftest --reference`: missing, equal and different numbers, and the built-in measurements."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from random_trunk import random_state, random_trunk
from thbench.api import ClipFailure, PublishedValue, UserError, WeightsFile
from thbench.plugins.discovery import registry
from thbench.selftest.reference import as_text, check
from thbench_fid.published import RECORD, N, pictures_of
from thbench_lpips.distance import distances, linear_layers
from thbench_lpips.published import zeros_against_ones

KNOWN = {
    "net": WeightsFile("net", "net.pth", (), hashlib.sha256(b"weights").hexdigest(), 7, "MIT", True)
}
CONTEXT: Any = SimpleNamespace(device="cpu", batch=4)


def value(measured: float | Exception, **more: Any) -> PublishedValue:
    def measure(weights: Mapping[str, Path], samples: Path, context: Any) -> Mapping[str, float]:
        assert weights["net"].read_bytes() == b"weights" and (samples / "clip.avi").exists()
        if isinstance(measured, Exception):
            raise measured
        return {"x": measured}

    given: dict[str, Any] = {
        "name": "Net",
        "source": "a paper",
        "weights": ("net",),
        "printed": {"x": 5.353},
        "tolerance": {"x": 0.1},
        "measure": measure,
        "samples": {"clip.avi": "https://example.org/clip.avi"},
    }
    return PublishedValue(**given | more)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THBENCH_WEIGHTS", str(tmp_path))
    return tmp_path


def outcomes(folder: Path, *values: PublishedValue) -> list[str]:
    return list(as_text(check(values, KNOWN, folder / "samples", CONTEXT)))


def test_what_is_missing_is_named_with_the_way_to_get_it(folders: Path) -> None:
    (line,) = outcomes(folders, value(5.0))
    assert line.startswith("missing") and "thbench weights fetch net" in line
    assert "clip.avi: https://example.org/clip.avi" in line


def test_numbers_stand_side_by_side_and_a_wrong_one_is_told(folders: Path) -> None:
    (folders / "net.pth").write_bytes(b"weights")
    (folders / "samples").mkdir()
    (folders / "samples" / "clip.avi").touch()
    near, far, broken = outcomes(
        folders, value(5.4), value(6.7), value(ClipFailure("no audio track"))
    )
    assert near.startswith("ok") and "printed 5.353, measured 5.4 (a paper)" in near
    assert far.startswith("DIFFERS") and "measured 6.7" in far
    assert broken.startswith("FAILED") and "no audio track" in broken
    assert outcomes(folders, value(float("nan")))[0].startswith("DIFFERS")
    assert outcomes(folders, value(1.0, printed={"y": 1.0}))[0].startswith("DIFFERS")


def test_the_published_numbers_of_the_issue_are_registered() -> None:
    printed = {v.name: dict(v.printed) for v in registry().published}
    values = [x for of in printed.values() for x in of.values()]
    for wanted in (10.3233274, 3.0, 5.353, 10.021, 0.8140090703964233, 151.25648496845326, 0.7237):
        assert wanted in values


def test_black_against_white_by_lpips_and_a_file_that_is_not_its_name(tmp_path: Path) -> None:
    torch.save(random_state("alex"), tmp_path / "x.pth")
    digits = hashlib.sha256((tmp_path / "x.pth").read_bytes()).hexdigest()[:8]
    path = (tmp_path / "x.pth").rename(tmp_path / f"alexnet-owt-{digits}.pth")
    found = zeros_against_ones({"alexnet": path}, tmp_path, CONTEXT)["alex"]
    black = np.zeros((1, 64, 64, 3), np.uint8)
    exact = distances(
        black,
        black + 255,
        random_trunk("alex"),
        linear_layers("alex", torch.float64),
        torch.float64,
    )
    assert found == pytest.approx(exact[0], rel=1e-5)
    other = path.rename(tmp_path / "alexnet-owt-00000000.pth")
    with pytest.raises(UserError, match="not 00000000"):
        zeros_against_ones({"alexnet": other}, tmp_path, CONTEXT)


def test_pictures_of_cifar_are_planes_of_red_green_and_blue(tmp_path: Path) -> None:
    record = np.zeros(RECORD, np.uint8)
    record[0], record[1], record[1 + 1024], record[1 + 2048 + 33] = 7, 10, 20, 30
    (tmp_path / "batch.bin").write_bytes(np.tile(record, N).tobytes())
    pictures = pictures_of(tmp_path / "batch.bin")
    assert pictures.shape == (N, 32, 32, 3)
    assert pictures[-1, 0, 0].tolist() == [10, 20, 0] and pictures[0, 1, 1].tolist() == [0, 0, 30]
    (tmp_path / "short.bin").write_bytes(b"abc")
    with pytest.raises(UserError, match="holds no 5,000 pictures"):
        pictures_of(tmp_path / "short.bin")

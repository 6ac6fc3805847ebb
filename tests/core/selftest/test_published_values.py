"""`thbench selftest --reference`: missing, equal and different numbers, and the built-in measurements."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch

import made_cifar
import random_i3d
import random_inception
import random_syncnet
from random_trunk import PAIRS, pair_of, random_state, random_trunk
from thbench.api import ClipFailure, PublishedValue, UserError, WeightsFile
from thbench.plugins.discovery import registry
from thbench.selftest.reference import as_text, check
from thbench_fid.published import RECORD, N, pictures_of
from thbench_lpips.distance import distances, linear_layers
from thbench_lpips.published import zeros_against_ones

KNOWN = {
    "net": WeightsFile("net", "net.pth", (), hashlib.sha256(b"weights").hexdigest(), 7, "MIT", True)
}
BUILTIN = Path(__file__).resolve().parents[2] / "builtin"
SYNCNET, LPIPS = BUILTIN / "syncnet" / "reference.npz", BUILTIN / "lpips" / "reference.json"
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
    assert found == pytest.approx(float(exact[0]), rel=1e-5)
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


# -- the built-in measurements, executed on random weights ------------------------------------------

PEERS = json.loads(Path(__file__).with_name("published_values.json").read_text())["values"]
"""What other programs say of the same random weights: tests/tools/make_published_values.py."""


def registered(name: str) -> PublishedValue:
    (found,) = [v for v in registry().published if v.name.startswith(name)]
    return found


def run_with(
    folder: Path,
    name: str,
    file: bytes,
    printed: Mapping[str, float],
    relative: float,
    **context: Any,
) -> list[str]:
    """The lines of one built-in value with these weights in the registry, `printed` in place of the published."""
    value = registered(name)
    (weights,) = value.weights
    digest = hashlib.sha256(file).hexdigest()
    known = {
        weights: WeightsFile(weights, f"net-{digest[:8]}.pth", (), digest, len(file), "MIT", True)
    }
    (folder / f"net-{digest[:8]}.pth").write_bytes(file)
    tolerance = {name: abs(number) * relative for name, number in printed.items()}
    value = replace(value, printed=printed, tolerance=tolerance)
    settings: Any = SimpleNamespace(device="cpu", batch=4, **context)
    return list(as_text(check([value], known, folder / "samples", settings)))


def saved(state: Mapping[str, torch.Tensor]) -> bytes:
    file = io.BytesIO()
    torch.save(dict(state), file)
    return file.getvalue()


def all_ok(lines: list[str], count: int) -> bool:
    assert len(lines) == count and all(line.startswith("ok ") for line in lines), lines
    return True


@pytest.mark.slow
def test_fvd_of_black_against_white_is_that_of_pytorch_i3d(folders: Path, one_thread: None) -> None:
    with np.load(random_i3d.REFERENCE) as stored:
        file = saved(random_i3d.random_state(dict(stored)))
    lines = run_with(folders, "FVD, black against white", file, {"FVD": PEERS["FVD"]}, 1e-5)
    assert all_ok(lines, 1)


@pytest.mark.slow
def test_fid_and_kid_of_cifar_are_those_of_torch_fidelity(
    folders: Path, one_thread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with np.load(random_inception.REFERENCE) as stored:
        file = saved(random_inception.random_state(dict(stored)))
    printed = {name: PEERS[name] for name in ("FID", "KID")}
    (missing,) = run_with(folders, "FID of CIFAR-10", file, printed, 1e-5)
    assert missing.startswith("missing")
    assert all(
        f"{folders / 'samples' / name}: cifar-10-binary" in missing for name in made_cifar.NAMES
    )
    (folders / "samples").mkdir()
    made_cifar.write(folders / "samples")
    monkeypatch.setattr("thbench_fid.published.N", made_cifar.COUNT)
    assert all_ok(run_with(folders, "FID of CIFAR-10", file, printed, 1e-5), 2)


@pytest.mark.slow
def test_syncnet_on_a_clip_is_that_of_syncnet_python(folders: Path, one_thread: None) -> None:
    with np.load(SYNCNET, allow_pickle=False) as stored:
        norms = {n.removeprefix("norm/"): stored[n] for n in stored.files if n.startswith("norm/")}
        file = saved(random_syncnet.random_state(int(stored["seed"]), norms))
        printed = {
            "offset": float(stored["offset"]),
            "LSE-D": float(stored["distances"].mean(axis=0).min()),
            "confidence": float(stored["confidence"]),
        }
    frames, audio = random_syncnet.synthetic_clip()
    media = SimpleNamespace(read=lambda path: SimpleNamespace(frames=frames, audio=audio))
    (folders / "samples").mkdir()
    (folders / "samples" / "example.avi").touch()
    lines = run_with(folders, "SyncNet, example.avi", file, printed, 1e-4, media=media)
    assert all_ok(lines, 3)


def test_lpips_of_five_pairs_is_that_of_the_package(folders: Path) -> None:
    values = json.loads(LPIPS.read_text())["values"]["alex"]
    printed = {}
    for side in ("dist_dir", "ref_dir"):
        (folders / "samples" / "ResultsCalibra" / side).mkdir(parents=True)
    for i in range(5):
        pair, which = divmod(i, 2)
        for side, pictures in zip(("dist_dir", "ref_dir"), pair_of(*PAIRS[pair]), strict=True):
            path = folders / "samples" / "ResultsCalibra" / side / f"{i}.bmp"
            assert cv2.imwrite(str(path), pictures[which][..., ::-1])
        printed[f"pair {i + 1}"] = values[pair][which]
    lines = run_with(folders, "LPIPS, TID2013", saved(random_state("alex")), printed, 1e-5)
    assert all_ok(lines, 5)


def test_where_nothing_is_there_every_line_says_which_file(folders: Path, thbench: Any) -> None:
    done = thbench("selftest", "--reference", "--samples", folders / "samples")
    lines = [line for line in done.out.splitlines() if line.startswith("missing")]
    assert done.code == 0 and len(lines) == len(registry().published) == 5
    for line in lines:
        assert "`thbench weights fetch " in line, line
    for name in ("inception-2015", "syncnet", "alexnet", "i3d-kinetics400"):
        assert any(f"`thbench weights fetch {name}" in line for line in lines), name
    for file in ("data_batch_1.bin", "test_batch.bin", "example.avi", "ResultsCalibra"):
        assert any(f"{folders / 'samples' / file}: " in line for line in lines), file

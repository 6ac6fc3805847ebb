"""The backend `yunet-dlib`: on real CREMA-D recordings where dlib is installed, and what is said where it is not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crema_place import Done, Place, thbench
from crema_tree import GOOD
from denoisers import trainer
from real_networks import dlib_file
from thbench.api import Source, UserError
from thbench.suite.clips import fetchable, reduced_suite
from thbench.video import MediaReader
from thbench_crema_d.backends import YunetDlib, YunetPfld, backend
from thbench_crema_d.recipe import WEIGHTS, recipe_of
from thbench_face import DLIB68, PFLD, YUNET, dlib_missing

RECORDINGS = ("1001_DFA_ANG_XX.flv", "1001_DFA_HAP_XX.flv")


@pytest.mark.parametrize("recording", RECORDINGS)
def test_real_recordings(assets: Callable[[str], Path], recording: str) -> None:
    """dlib's points lie where PFLD's do (measured 5 to 6 % of the eye distance), mouth included."""
    landmarks = dlib_file(DLIB68.file)
    yunet, pfld = (assets(f"weights/{w.file}") for w in (YUNET, PFLD))
    dlib = backend("yunet-dlib", str(yunet), str(landmarks), "cpu", 1)
    assert isinstance(dlib, YunetDlib)
    other = YunetPfld(yunet, pfld)
    frames = islice(MediaReader().frames(assets(f"clips/crema_d/{recording}")), 5, 60, 10)
    for frame in frames:
        (box,) = dlib.faces(frame)
        found, expected = dlib.landmarks(frame, box), other.landmarks(frame, box)
        assert found.shape == (68, 2) and found.dtype == np.float32
        io = np.linalg.norm(expected[36:42].mean(0) - expected[42:48].mean(0))
        apart = np.linalg.norm(found - expected, axis=-1) / io
        assert apart.mean() < 0.09 and apart[48:].mean() < 0.09


def test_without_the_package_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, assets: Callable[[str], Path]
) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    yunet = assets(f"weights/{YUNET.file}")
    backend.cache_clear()
    with pytest.raises(UserError, match="dlib is not installed") as error:
        backend("yunet-dlib", str(yunet), str(tmp_path / "absent.dat"), "cpu", 1)
    assert "thbench[dlib]" in error.value.remedy


def test_what_is_missing_comes_with_its_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (missing,) = dlib_missing()
    assert missing.command == "pip install 'thbench[dlib]'"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert not dlib_missing()


def test_a_set_of_its_own_under_a_licence_of_its_own() -> None:
    assert len({recipe_of(name, "code") for name in WEIGHTS}) == 4
    assert not DLIB68.commercial and "no commercial use" in DLIB68.licence
    assert any(w.name == "dlib68" for w in WEIGHTS["yunet-dlib"])


def test_the_option_is_offered(tmp_path: Path) -> None:
    from thbench_crema_d import Options, build

    context: Any = type(
        "C", (), {"cache": tmp_path, "offline": False, "source": lambda *_: "code"}
    )()
    dataset: Any = build(Options(root=tmp_path, backend="yunet-dlib"), context)
    assert list(dataset.weights) == ["yunet", "dlib68"]


@pytest.mark.slow
def test_a_prepared_set_and_a_ddpm_trained_on_it_have_dlibs_landmarks(
    place: Place, fetched: dict[str, Done], prepared: Done, weights: Path
) -> None:
    """Fetched, licence accepted, prepared and loaded as a user does it; the trainer's signal is those points."""
    dlib_file(DLIB68.file)
    refused = thbench("weights", "fetch", "dlib68")
    assert refused.code == 2 and "no commercial use" in refused.out + refused.err
    taken = thbench("weights", "fetch", "dlib68", "--accept-licence")
    assert taken.code == 0, taken.err
    where = [*place.where("dlib"), "--set", "dataset.backend=yunet-dlib"]
    done = thbench("data", "prepare", "crema_d", *where, "--clip", GOOD[0].name)
    assert done.code == 0 and "1 prepared" in done.out, done.out + done.err

    dlib, pfld = (load(words, 320) for words in (where, place.where()))
    io = np.linalg.norm(pfld[:, 36:42].mean(1) - pfld[:, 42:48].mean(1), axis=-1)[:, None]
    apart = np.linalg.norm(dlib - pfld, axis=-1) / io
    assert 0.01 < apart.mean() < 0.09  # the same face, found by another network

    learner = trainer(size=64, architecture={"landmarks": True})
    source = loaded(where, 64)
    kept = learner.prepare(source)["landmarks"].reshape(-1, 68, 2)
    assert kept == pytest.approx(source.annotations["landmarks"] / 64 * 2 - 1, abs=1e-6)
    assert (kept + 1) * 160 == pytest.approx(dlib + 0.5, abs=3)  # of the master's 320 pixels


def loaded(words: list[str], size: int) -> Source:
    dataset, clips = fetchable(reduced_suite("crema_d", None, words[1::2], {}), "cpu")
    return dataset.load(next(c for c in clips if c.id == GOOD[0].name), size)


def load(words: list[str], size: int) -> np.ndarray:
    return loaded(words, size).annotations["landmarks"].astype(np.float64)

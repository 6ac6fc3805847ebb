"""The backend `yunet-dlib`: on real CREMA-D recordings where dlib is installed, and what is said where it is not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from real_networks import dlib_file
from thbench.api import UserError
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

"""A small run with videos and a study of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from made import made_run
from studies import QUESTIONS, SYSTEMS, named
from thbench.engines.local import LocalEngine
from thbench.study.form import StudyKey, read_key
from thbench.study.make import Asked, make
from thbench.study.material import material_of


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three systems, four clips of 16 frames with videos."""
    folder = tmp_path_factory.mktemp("people")
    return named(made_run(folder / "run", list(SYSTEMS), n_clips=4, videos=4, n_frames=16), SYSTEMS)


@pytest.fixture(scope="session")
def study_folder(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study") / "study"
    asked = Asked(questions=QUESTIONS, trials=6, lists=2, catch=2, seconds=0.4, seed=3)
    make(material_of(finished_run, (), True, None, 3), asked, out, LocalEngine(1))
    return out


@pytest.fixture(scope="session")
def study_key(study_folder: Path) -> StudyKey:
    return read_key(study_folder / "key.json")

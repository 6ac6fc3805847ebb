"""progress.png: a row for every step that was shown, the same after any stop."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from thbench.api import Frames
from thbench.training.progress import Progress
from trainings import bytes_of, setting, trained

pytestmark = pytest.mark.usefixtures("one_thread")
EVERY = setting(progress_every=4, samples=3)


def grey(value: int) -> Frames:
    return np.full((16, 16, 3), value, np.uint8)


def rows(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "progress").iterdir())


def test_a_row_is_what_the_weights_of_its_step_drew(tmp_path: Path) -> None:
    values = {"a": 40, "b": 90}
    shown = Progress(tmp_path, [grey(7), grey(8)], lambda file: [grey(values[file.name]), "gone"])
    shown.show(0, Path("a"))
    one = cv2.imread(str(tmp_path / "progress.png"))
    shown.show(500, Path("b"))
    two = cv2.imread(str(tmp_path / "progress.png"))
    assert one is not None
    assert two is not None
    assert two.shape[0] > one.shape[0]
    assert {7, 8, 40} <= set(one.ravel().tolist())
    assert {7, 8, 40, 90} <= set(two.ravel().tolist())
    assert rows(tmp_path) == ["000000000.png", "000000500.png"]
    shown.forget(499)
    assert rows(tmp_path) == ["000000000.png"]


def test_a_row_that_cannot_be_read_says_so_and_is_passed_over(tmp_path: Path) -> None:
    shown = Progress(tmp_path, [grey(7)], lambda file: [grey(40)])
    shown.show(0, Path("a"))
    (tmp_path / "progress" / "000000000.png").write_bytes(b"cut")
    shown.show(1, Path("a"))
    assert cv2.imread(str(tmp_path / "progress.png")) is not None


@pytest.mark.slow
def test_it_is_made_while_training_and_changes_no_byte(tmp_path: Path) -> None:
    plain = trained(tmp_path, setting(samples=3), name="plain", steps=6)
    shown = trained(tmp_path, EVERY, name="shown", steps=6)
    names = ["000000000.png", "000000004.png", "000000006.png"]
    assert rows(shown) == names
    weights = {k: v for k, v in bytes_of(shown).items() if k.endswith(".csv")}
    assert weights == {k: v for k, v in bytes_of(plain).items() if k.endswith(".csv")}
    assert not list(shown.glob("shown.*"))
    pictures = [(shown / "progress" / n).read_bytes() for n in names]
    assert len(set(pictures)) == 3
    assert not (plain / "progress.png").exists()


@pytest.mark.slow
def test_a_resumed_training_has_the_same_picture(tmp_path: Path) -> None:
    whole = trained(tmp_path, EVERY, name="whole", steps=10)
    trained(tmp_path, EVERY, name="parts", steps=5)
    parts = trained(tmp_path, EVERY, name="parts", steps=10)
    kept = {n: (whole / "progress" / n).read_bytes() for n in rows(whole)}
    assert {n: (parts / "progress" / n).read_bytes() for n in kept} == kept
    assert set(rows(parts)) - set(kept) == {"000000005.png"}  # the last of the shorter one

"""Frames of a long clip lie in a file, and the process holds a bounded part of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from thbench.video import gather as module
from thbench.video.digests import frames_digest
from thbench.video.gather import Mapped, gather

SHAPE = (96, 96, 3)
N = 400


@pytest.fixture
def mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapped:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "KEPT", 1_000_000)  # 36 frames
    frames = (np.full(SHAPE, i % 251, np.uint8) for i in range(N))
    found = gather(frames, in_memory=100_000)
    assert isinstance(found, Mapped)
    return found


def resident() -> int:
    """Bytes of files in the memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssFile"))


def test_frames_and_blocks_are_those_that_were_given(mapped: Mapped) -> None:
    assert mapped.shape == (N, *SHAPE)
    assert [int(frame[0, 0, 0]) for frame in mapped] == [i % 251 for i in range(N)]
    assert mapped[300:303, 5, 5, 0].tolist() == [49, 50, 51]
    assert mapped[[399, 0], 1, 1, 2].tolist() == [148, 0]
    assert int(mapped[2, 3, 4, 1]) == 2
    assert frames_digest(mapped) == frames_digest(np.array(mapped))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_walking_through_all_frames_holds_a_bounded_part(mapped: Mapped) -> None:
    before = resident()
    most = 0
    for frame in mapped[: N - 1]:
        frame.sum()
        most = max(most, resident() - before)
    assert most < 3_000_000 < mapped.nbytes / 3


def test_pages_are_let_go_of_about_every_so_many_bytes(
    mapped: Mapped, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[int] = []
    monkeypatch.setattr(Mapped, "let_go", lambda self: times.append(len(self)))
    for start in range(0, N, 16):
        block = mapped[start : start + 16]
        assert type(block) is np.ndarray
    assert len(times) == mapped.nbytes // (48 * mapped[0].nbytes)  # every third block goes beyond
    assert isinstance(mapped[:200], Mapped)

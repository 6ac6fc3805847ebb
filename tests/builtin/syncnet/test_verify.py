"""Telling syncnet_v2.model from the older file and from anything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from syncnet_fakes import FakeContext, talking
from thbench.api import ClipFailure, Recording, UserError
from thbench_syncnet import verify
from thbench_syncnet.distance import Sync
from thbench_syncnet.verify import OLDER, V2, recognise, verify_with_example


@pytest.mark.parametrize(
    ("numbers", "known"),
    [
        ((3, 5.353, 10.021), V2),
        ((3, 5.40, 9.95), V2),
        ((4, 6.742, 10.447), OLDER),
        ((4, 6.70, 10.50), OLDER),
        ((-3, 5.353, 10.021), None),
        ((4, 5.353, 10.021), None),
        ((3, 6.742, 10.447), None),
        ((3, 5.353, 9.8), None),
        ((0, 13.0, 0.4), None),
    ],
)
def test_numbers_of_the_example_tell_the_file(
    numbers: tuple[int, float, float], known: object
) -> None:
    assert recognise(*numbers) is known


def said(offset: int, distance: float, confidence: float) -> Sync:
    return Sync(offset, confidence, distance, np.zeros(31), np.zeros(9))


def test_published_file_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "measure", lambda *_: said(3, 5.36, 10.0))
    line = verify_with_example(Path("w"), Path("example.avi"), FakeContext())
    assert line == (
        "syncnet_v2.model, the published file: offset 3, distance 5.360, confidence 10.000"
    )


def test_older_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "measure", lambda *_: said(4, 6.74, 10.45))
    with pytest.raises(UserError, match=r"the older SyncNet weights.*expected 3 / 5.353 / 10.021"):
        verify_with_example(Path("w"), Path("example.avi"), FakeContext())


def test_anything_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "measure", lambda *_: said(0, 12.0, 0.5))
    with pytest.raises(UserError, match="not the published file, or the sample is not"):
        verify_with_example(Path("w"), Path("other.avi"), FakeContext())


def test_a_sample_without_sound_is_a_persons_mistake() -> None:
    class Media:
        def read(self, path: Path) -> Recording:
            return Recording(talking(40).frames, None, 25)

    with pytest.raises(UserError, match="cannot be scored: no audio track"):
        verify_with_example(Path("w"), Path("mute.avi"), FakeContext(media=Media()))


def test_measure_reads_scores_and_raises_clip_failures(tmp_path: Path) -> None:
    class Media:
        def read(self, path: Path) -> Recording:
            raise ClipFailure("not a video")

    with pytest.raises(ClipFailure, match="not a video"):
        verify.measure(Path("w"), tmp_path, FakeContext(media=Media()))

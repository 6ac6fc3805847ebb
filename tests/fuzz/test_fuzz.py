"""300 hostile inputs of each kind; `python tests/fuzz/inputs.py --count 10000` tries more."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from inputs import KINDS, tried

from thbench.api import ClipFailure
from thbench.errors import Damaged, UserError
from thbench.files.cache import Cache
from thbench.files.journal import Journal
from thbench.files.yamlfile import read_yaml
from thbench.results.document import read_result
from thbench.video import MediaReader, StoredVideo, audio_digest, frames_digest, write_lossless


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_hostile_inputs(kind: str) -> None:
    _, wrong, _ = tried(kind, seed=0, count=300)
    assert not wrong, wrong[:5]


def test_a_file_that_would_block_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(ClipFailure, match="no regular file"):
            MediaReader().probe(path)
        with pytest.raises(UserError, match="no regular file"):
            read_yaml(path)
        with pytest.raises(UserError, match="no regular file"):
            read_result(path)


def flipped(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def test_a_flipped_bit_in_the_cache_is_never_a_number(tmp_path: Path) -> None:
    """2,000 flips: the record as it was, or none."""
    cache, rng = Cache(tmp_path), random.Random(1)
    rows = {"psnr": 31.25, "ssim": 0.875, "n": 3.0}
    array = np.arange(48, dtype=np.float32).reshape(6, 8)
    key = "ab" * 32
    cache.put(key, rows, {"features": array})
    path = cache.path(key)
    good, none = path.read_bytes(), 0
    for _ in range(2000):
        path.write_bytes(flipped(good, rng))
        entry = cache.get(key)
        if entry is None:
            none += 1
            continue
        assert entry.reason is None and dict(entry.rows) == rows
        np.testing.assert_array_equal(entry.arrays["features"], array)
    assert none > 1000


@pytest.mark.slow
def test_a_flipped_bit_in_a_stored_video_is_never_a_picture_or_a_sound(tmp_path: Path) -> None:
    _flip_in_a_video(tmp_path, flips=200)


@pytest.mark.slow
def test_two_thousand_flipped_bits_in_a_stored_video(tmp_path: Path) -> None:
    _flip_in_a_video(tmp_path, flips=2000)


def _flip_in_a_video(tmp_path: Path, flips: int) -> None:
    """The pictures and the sound are as they were, or Damaged, which ends a command."""
    rng, path = random.Random(3), tmp_path / "v.mkv"
    noise = np.random.default_rng(0)
    frames = noise.integers(0, 255, (4, 16, 16, 3), dtype=np.uint8)
    audio = noise.integers(-999, 999, 4 * 640).astype(np.int16)
    write_lossless(path, frames, audio)
    good, damaged = path.read_bytes(), 0
    sums = {"frames_digest": frames_digest(frames), "audio_digest": audio_digest(audio)}
    for _ in range(flips):
        path.write_bytes(flipped(good, rng))
        video = StoredVideo(path, "d", 4, 16, **sums)
        try:
            np.testing.assert_array_equal(video.frames, frames)
            np.testing.assert_array_equal(video.audio, audio)
        except Damaged:
            damaged += 1
    assert damaged > flips / 2


@pytest.mark.slow
def test_a_flipped_bit_in_a_journal_is_never_a_record(tmp_path: Path) -> None:
    journal, rng = Journal(tmp_path / "j.jsonl"), random.Random(2)
    records = [{"clip": f"c{n}", "n_frames": n, "digest": f"{n:064x}"} for n in range(8)]
    for record in records:
        journal.append(record)
    good, lost = journal.path.read_bytes(), 0
    for _ in range(2000):
        journal.path.write_bytes(flipped(good, rng))
        for record in journal.lines():
            known = {k: record[k] for k in ("clip", "n_frames", "digest")}
            assert known in records
        lost += len(journal.lines()) < len(records)
    assert lost > 1500

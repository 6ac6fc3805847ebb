"""Every complete line survives whatever cut the file short."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thbench.api import UserError
from thbench.files.journal import Journal

RECORDS: list[dict[str, Any]] = [
    {"clip": "a", "digest": "1" * 64, "n_frames": 75},
    {"clip": "b", "failure": "too short\nby far — 12 ☃ frames"},
    {"clip": os.fsdecode(b"latin \xe9"), "seconds": 0.1 + 0.2, "nested": {"x": [1, None, True]}},
    {"clip": "a", "digest": "2" * 64},
    {"clip": "", "n_frames": 0},
]


def filled(path: Path) -> Journal:
    journal = Journal(path)
    for record in RECORDS:
        journal.append(record)
    return journal


def test_what_was_appended_is_read(tmp_path: Path) -> None:
    journal = filled(tmp_path / "sub" / "journal.jsonl")
    assert journal.lines() == RECORDS
    assert Journal(journal.path).read() == {
        "a": RECORDS[3], "b": RECORDS[1], RECORDS[2]["clip"]: RECORDS[2], "": RECORDS[4],
    }  # fmt: skip
    assert list(journal.read()) == ["a", "b", RECORDS[2]["clip"], ""]


def test_a_line_is_json_of_its_own(tmp_path: Path) -> None:
    lines = filled(tmp_path / "j").path.read_text("ascii").splitlines()
    assert [{k: v for k, v in json.loads(line).items() if k != "sum"} for line in lines] == RECORDS


def test_nothing_yet(tmp_path: Path) -> None:
    assert Journal(tmp_path / "absent").read() == {}


def test_a_log_without_keys(tmp_path: Path) -> None:
    log = Journal(tmp_path / "timings.jsonl", key=None)
    log.append({"seconds": 1.5})
    assert log.lines() == [{"seconds": 1.5}]
    with pytest.raises(TypeError, match="without a key"):
        log.read()


def test_what_cannot_be_said_is_not_written(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j")
    before = journal.path.read_bytes()
    for record, says in (
        ({"clip": "x", "v": float("nan")}, "not JSON compliant"),
        ({"clip": "x", "v": {1}}, "not JSON serializable"),
        ({"name": "x"}, "clip"),
    ):
        with pytest.raises((TypeError, ValueError, KeyError), match=says):
            journal.append(record)
    assert journal.path.read_bytes() == before


@given(cut=st.integers(0, 10_000), tail=st.binary(max_size=30))
@settings(max_examples=300, deadline=None)
def test_every_complete_line_survives(
    tmp_path_factory: pytest.TempPathFactory, cut: int, tail: bytes
) -> None:
    """Cut anywhere, with rubbish of a power cut behind it: whole lines stay, the next append is whole."""
    path = tmp_path_factory.mktemp("journal") / "j"
    whole = filled(path).path.read_bytes()
    kept = whole[: cut % (len(whole) + 1)]
    rubbish = tail.replace(b"\n", b"\0")
    path.write_bytes(kept + rubbish)
    complete = RECORDS[: kept.count(b"\n")]
    journal = Journal(path)
    assert journal.lines() == complete
    journal.append({"clip": "new"})
    assert journal.lines() == [*complete, {"clip": "new"}]
    assert path.read_bytes().startswith(kept[: kept.rfind(b"\n") + 1] + b'{"clip":"new","sum":"')


@pytest.mark.parametrize(
    "damage", [b"\0\0\0\n", b"[1]\n", b'{"no": "key"}\n', b"\xff\xfe\n", b"\n"]
)
def test_damaged_lines_in_the_middle_are_left_out(damage: bytes, tmp_path: Path) -> None:
    journal = filled(tmp_path / "j")
    journal.path.write_bytes(damage + journal.path.read_bytes())
    journal.append({"clip": "new"})
    assert journal.lines() == [*RECORDS, {"clip": "new"}]


def test_a_torn_line_longer_than_a_block(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j")
    with journal.path.open("ab") as file:
        file.write(b'{"clip": "' + b"x" * 200_000)
    journal.append({"clip": "new"})
    assert journal.lines() == [*RECORDS, {"clip": "new"}]


def test_one_append_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    real = os.write
    monkeypatch.setattr(os, "write", lambda d, data: written.append(bytes(data)) or real(d, data))
    filled(tmp_path / "j")
    assert len(written) == len(RECORDS) and all(w.endswith(b"\n") for w in written)


def test_a_full_disk_takes_nothing_back_and_adds_nothing(tmp_path: Path) -> None:
    import resource

    journal = filled(tmp_path / "j")
    before = journal.path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, hard))
    try:
        with pytest.raises(UserError, match="no space left"):
            journal.append({"clip": "x" * 1000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert journal.path.read_bytes() == before


WRITER = """
import sys
from pathlib import Path
from thbench.files.journal import Journal
journal = Journal(Path(sys.argv[1]))
for i in range(int(sys.argv[2]), 10**9):
    journal.append({"clip": str(i), "payload": "x" * 500})
    print(i, flush=True)
"""


def test_kill_nine(tmp_path: Path) -> None:
    """What `append` returned from is there after SIGKILL, and the next process goes on behind it."""
    path, start = tmp_path / "j", 0
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(start)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        seen = int(process.stdout.readline())
        time.sleep(0.03)
        process.send_signal(signal.SIGKILL)
        seen = int((process.stdout.read().splitlines() or [str(seen).encode()])[-1])
        process.wait()
        process.stdout.close()
        clips = [int(r["clip"]) for r in Journal(path).lines()]
        assert clips == list(range(len(clips))) and seen in clips
        start = len(clips)

"""Whole or absent: atomic writes and the content-addressed store."""

from __future__ import annotations

import errno
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thbench.api import UserError
from thbench.files.atomic import (
    atomic_file,
    atomic_write,
    is_temporary,
    printable,
    sweep,
    temporary_folder,
    temporary_path,
)
from thbench.files.cache import UNFINISHED, Cache, cache_root, sweep_caches
from thbench.files.canonical import digest

ARRAYS: dict[str, Any] = {
    "features": np.arange(12, dtype=np.float32).reshape(3, 4),
    "a/b ☃": np.array([1, 2], np.int64),
    "scalar": np.array(2.5),
    "none": np.zeros((0, 3), bool),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
}


# -- keys -----------------------------------------------------------------------------------------


def test_keys_do_not_depend_on_the_order_of_mappings() -> None:
    assert digest({"a": 1, "b": [1.5, None]}) == digest({"b": [1.5, None], "a": 1})
    parts: list[tuple[Any, ...]] = [(1,), ("1",), (1.0,), (True,), ([1],), (1, 1), ((1, 2), 3), ()]
    assert len({digest(p) for p in parts}) == len(parts)


def test_keys_stay_the_same_between_versions() -> None:
    """A key that changes throws away what everybody has computed: SHA-256 of `["x",{"steps":20}]`."""
    expected = "52ed9da20be227bb53d907eb5136b3a4c5500476798662c60678b99e0272b29a"
    assert digest(["x", {"steps": 20}]) == expected


@pytest.mark.parametrize("part", [float("nan"), float("inf"), {1, 2}, Path("x"), b"x"])
def test_what_json_cannot_say_is_no_key(part: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"not JSON (compliant|serializable)"):
        digest(part)


def test_a_name_with_stray_bytes_is_a_key() -> None:
    assert digest(os.fsdecode(b"\xff.mp4")) != digest(os.fsdecode(b"\xfe.mp4"))


# -- records --------------------------------------------------------------------------------------


def peak() -> int:
    """Bytes that were held at most since tracemalloc was started or this was last asked."""
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    return found


def test_a_large_record_is_read_piece_by_piece(tmp_path: Path) -> None:
    """Features of a long clip: as they were, writable, in no more memory than they need; damage is seen anywhere."""
    cache, key = Cache(tmp_path), digest("large")
    features = np.random.default_rng(0).integers(0, 255, (40 * 2**20,), np.uint8)
    tracemalloc.start()
    cache.put(key, {"n": 1.0}, {"features": features})
    written = peak()
    record = cache.get(key)
    assert record is not None
    checked = peak()
    array = record.arrays["features"]
    read = peak()
    tracemalloc.stop()
    assert np.array_equal(array, features) and array.flags.writeable
    assert written < 2.5 * 2**24  # NumPy's pieces, not the array
    assert checked < features.nbytes * 1.4  # the array itself was not read
    assert read < 1.1 * features.nbytes + 2**21
    content = bytearray(cache.path(key).read_bytes())
    for place in (0, 2**22 - 1, 2**22, len(content) - 65, len(content) - 1):
        content[place] ^= 1
        cache.path(key).write_bytes(content)
        assert cache.get(key) is None, place
        content[place] ^= 1
    cache.path(key).write_bytes(content)
    assert cache.get(key) is not None


def test_a_large_record_has_the_bytes_of_one_that_was_put_together_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    arrays = {**ARRAYS, "large": rng.random((700, 1000)), "columns": rng.random((9, 7)).T}
    Cache(tmp_path / "file").put(digest(1), {"n": 1.0}, arrays)
    monkeypatch.setattr("thbench.files.cache._PIECE", 2**30)
    Cache(tmp_path / "memory").put(digest(1), {"n": 1.0}, arrays)
    monkeypatch.undo()
    one, other = (Cache(tmp_path / place).path(digest(1)) for place in ("file", "memory"))
    assert one.read_bytes() == other.read_bytes() and one.stat().st_size > 5_600_000
    record = Cache(tmp_path / "file").get(digest(1))
    assert record is not None
    assert all(np.array_equal(record.arrays[name], arrays[name]) for name in arrays)


def test_a_large_record_that_the_disk_cannot_take_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(UserError, match="no space left"):
        Cache(tmp_path).put(digest(1), {}, {"large": np.zeros(10**6)})
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    rows = {"psnr": 0.1 + 0.2, "nothing": math.nan, "best": math.inf, "z ☃": -0.0}
    cache.put(digest(1), rows, ARRAYS)
    record = cache.get(digest(1))
    assert record is not None and record.reason is None
    assert repr(record.rows) == repr({n: rows[n] for n in sorted(rows)})
    assert sorted(record.arrays) == sorted(ARRAYS) and len(record.arrays) == len(ARRAYS)
    for name, array in ARRAYS.items():
        loaded = record.arrays[name]
        assert loaded.dtype == array.dtype and loaded.shape == array.shape
        assert np.array_equal(loaded, array)
    with pytest.raises(KeyError, match="absent"):
        record.arrays["absent"]


def test_a_reason_is_a_record(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put(digest(1), reason="too short: 12 frames, needs 30")
    record = cache.get(digest(1))
    assert record is not None and record.reason == "too short: 12 frames, needs 30"
    assert not record.rows and not record.arrays
    assert cache.get(digest(2)) is None


def test_equal_records_are_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = Cache(tmp_path / "a"), Cache(tmp_path / "b")
    a.put("k" * 64, {"x": 1.0, "y": 2.0}, ARRAYS)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    b.put("k" * 64, {"y": 2.0, "x": 1.0}, dict(reversed(ARRAYS.items())))
    assert a.path("k" * 64).read_bytes() == b.path("k" * 64).read_bytes()


def test_arrays_load_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, loaded = Cache(tmp_path), []
    cache.put(digest(1), {"x": 1.0}, ARRAYS)
    import thbench.files.cache as module

    real = module._stored_array
    monkeypatch.setattr(
        module, "_stored_array", lambda file, place: loaded.append(place) or real(file, place)
    )
    record = cache.get(digest(1))
    assert record is not None and record.rows == {"x": 1.0} and not loaded
    assert record.arrays["features"].shape == (3, 4) and len(loaded) == 1


def test_arrays_are_found_without_the_directory_and_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path)
    cache.put(digest(1), {"x": 1.0}, ARRAYS)
    (record,) = [cache.get(digest(1))]
    assert record is not None
    quick = {name: record.arrays[name] for name in ARRAYS}
    monkeypatch.setattr("thbench.files.cache._LARGEST_READ", 0)
    for name, array in record.arrays.items():
        assert array.dtype == quick[name].dtype and np.array_equal(array, ARRAYS[name])
        assert np.array_equal(quick[name], ARRAYS[name])
    with pytest.raises(KeyError, match="absent"):
        record.arrays["absent"]


@pytest.mark.parametrize("place", range(0, 2000, 97))
def test_an_array_with_a_flipped_bit_is_never_returned(tmp_path: Path, place: int) -> None:
    cache = Cache(tmp_path)
    cache.put(digest(1), {"x": 1.0}, {"levels": np.arange(200.0)})
    record = cache.get(digest(1))
    assert record is not None
    content = bytearray(cache.path(digest(1)).read_bytes())
    content[place] ^= 4
    cache.path(digest(1)).write_bytes(content)
    try:
        found = record.arrays["levels"]
    except UserError as error:
        assert "run the same command again" in str(error)
    else:  # the bit is none of the array's
        assert np.array_equal(found, np.arange(200.0))


def test_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        Cache(tmp_path).put(digest(1), arrays={"x": np.array([{}], dtype=object)})
    assert not list(tmp_path.rglob("*.npz"))


def test_entries_fan_out(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put("abcdef", {"x": 1.0})
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.npz")] == [
        "ab/cd/abcdef.npz"
    ]
    assert cache.size() == cache.path("abcdef").stat().st_size


def test_size_of_a_cache_that_was_never_used(tmp_path: Path) -> None:
    assert Cache(tmp_path / "absent").size() == 0


def test_the_root_is_a_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "here"))
    assert Cache().root == tmp_path / "here" == cache_root()
    monkeypatch.delenv("THBENCH_CACHE")
    assert "thbench" in cache_root().parts


# -- damage ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cache, bytes]:
    cache = Cache(tmp_path_factory.mktemp("damaged"))
    cache.put(digest(1), {"x": 1.0}, ARRAYS)
    return cache, cache.path(digest(1)).read_bytes()


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damage_is_absence_or_harmless(entry: tuple[Cache, bytes], data: st.DataObject) -> None:
    """Any cut or flipped bit: no entry, or the right one; never an error, never other numbers."""
    cache, whole = entry
    content = bytearray(whole)
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        place = data.draw(st.integers(0, len(whole) - 1))
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    cache.path(digest(1)).write_bytes(bytes(content))
    record = cache.get(digest(1))
    if record is not None:
        assert record.rows == {"x": 1.0} and record.reason is None
        for name, array in ARRAYS.items():
            assert np.array_equal(record.arrays[name], array)
    cache.put(digest(1), {"x": 1.0}, ARRAYS)
    assert cache.path(digest(1)).read_bytes() == whole


def test_numbers_are_read_without_the_directory_of_the_archive(
    entry: tuple[Cache, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred thousand clips are over a million entries; any zip reader still opens each of them."""
    cache, _ = entry
    with zipfile.ZipFile(cache.path(digest(1))) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:2] == ["meta.json", "rows.npy"]
    monkeypatch.setattr(zipfile, "ZipFile", None)
    record = cache.get(digest(1))
    assert record is not None and record.rows == {"x": 1.0}


# -- atomic writes --------------------------------------------------------------------------------


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "a.json"
    atomic_write(path, "öld")
    with pytest.raises(RuntimeError, match="on purpose"), atomic_file(path) as file:
        file.write(b"half of the n")
        assert path.read_text("utf-8") == "öld"
        raise RuntimeError("on purpose")
    assert path.read_text("utf-8") == "öld"
    atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["a.json"]


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_file(tmp_path / "a") as file:
        file.write(b"x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_said_in_words(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError) as error:
        atomic_write(tmp_path / "a.json", "x")
    assert "no space left" in error.value.message and "a.json" in error.value.message
    assert str(tmp_path) in error.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_cache_on_a_full_disk(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(UserError, match=r"no space left.*free some space"):
            Cache(tmp_path).put(digest(1), arrays={"x": np.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write"):
        atomic_write(tmp_path / "file" / "a", "x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="Permission denied"):
        atomic_write(tmp_path / "a", "x")


def test_permissions_are_those_of_ordinary_files(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    atomic_write(tmp_path / "ours", "x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def _write_often(root: str, seed: int) -> None:
    cache = Cache(Path(root))
    for _ in range(60):
        cache.put(digest("shared"), {"x": 1.0}, {"a": np.full(2000, 7)})
        cache.put(digest(seed), {"x": float(seed)})
        record = cache.get(digest("shared"))
        assert record is not None and (record.arrays["a"] == 7).all()


@pytest.mark.slow
def test_writers_of_one_key_do_no_harm(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_often, args=(str(tmp_path), i)) for i in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [w.exitcode for w in writers] == [0, 0, 0]
    assert not [p for p in tmp_path.rglob("*") if is_temporary(p)]
    assert len(list(tmp_path.rglob("*.npz"))) == 4


WRITER = """
import sys
from pathlib import Path
from thbench.files.atomic import atomic_file
i = 0
while True:
    i += 1
    with atomic_file(Path(sys.argv[1]), durable=False) as file:
        for _ in range(50):
            file.write(str(i % 10).encode() * 1000)
    print(i, flush=True)
"""


def test_a_killed_writer_leaves_the_file_whole_and_a_name_to_sweep(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None and process.stdout.readline()
        time.sleep(np.random.default_rng().uniform(0, 0.02))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        content = path.read_bytes()
        assert len(content) == 50_000 and len(set(content)) == 1
    assert all(is_temporary(p) for p in tmp_path.iterdir() if p != path)


def test_sweep_takes_old_litter_only(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    old, young = tmp_path / "sub" / ".thbench-1-a.tmp", tmp_path / ".thbench-2-b.tmp"
    for path in (old, young, tmp_path / "kept.tmp"):
        path.touch()
    os.utime(old, (0, 0))
    os.utime(tmp_path / "kept.tmp", (0, 0))
    assert sweep(tmp_path) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [".thbench-2-b.tmp", "kept.tmp", "sub"]
    assert sweep(tmp_path, older_than=0) == 1


def test_printable_names() -> None:
    assert printable(os.fsdecode(b"caf\xe9 \xe2\x98\x83.mp4")) == "caf\\xe9 ☃.mp4"


def test_old_litter_of_caches_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path))
    cache = Cache(tmp_path / "observations")
    with (
        pytest.raises(RuntimeError, match="on purpose"),
        atomic_file(cache.path("ab12"), beside=cache.root / UNFINISHED),
    ):
        (litter,) = (cache.root / UNFINISHED).iterdir()
        raise RuntimeError("on purpose")
    for name, age in ((litter.name, 7200), (".thbench-2-b.tmp", 0)):
        (litter.parent / name).touch()
        os.utime(litter.parent / name, (time.time() - age,) * 2)
    sweep_caches()
    assert [p.name for p in litter.parent.iterdir()] == [".thbench-2-b.tmp"]


# -- what killed processes leave ------------------------------------------------------------------


def of_dead(path: Path) -> Path:
    """The same name as a process that is no more would have given."""
    code = "import os; print(os.getpid())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return path.with_name(path.name.replace(f"-{os.getpid()}-", f"-{int(done.stdout)}-"))


def test_a_writer_sweeps_what_dead_ones_left_in_its_folder(tmp_path: Path) -> None:
    own, left = temporary_path(tmp_path), of_dead(temporary_path(tmp_path))
    elsewhere = left.with_name(left.name.replace(".thbench-", ".thbench-00"))  # another machine
    for path in (own, left, elsewhere):
        path.write_bytes(b"half")
    atomic_write(tmp_path / "x", "whole")
    assert {p.name for p in tmp_path.iterdir()} == {own.name, elsewhere.name, "x"}


def test_a_temporary_folder_goes_with_its_process(tmp_path: Path) -> None:
    with temporary_folder(tmp_path) as folder:
        (folder / "a").write_text("a")
        assert "." not in folder.name and folder.stat().st_mode & 0o077 == 0
        left = of_dead(folder)
        left.mkdir()
        (left / "a").write_text("a")
        with temporary_folder(tmp_path) as other:
            assert set(tmp_path.iterdir()) == {folder, other}
    assert not list(tmp_path.iterdir())

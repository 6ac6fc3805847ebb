"""Numbers of observations in columns: what the cache would have said, or nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from thbench.errors import UserError
from thbench.files.cache import Cache, Entry
from thbench.score.packs import (
    Keys,
    Pack,
    joined,
    pack_cache,
    packed,
    read_pack,
    write_pack,
)

KEYS = [bytes([i, 255 - i]) * 16 for i in (9, 3, 200, 0)]


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """One with numbers and arrays, one with fewer numbers, one that has a reason, one without anything."""
    cache = Cache(tmp_path / "observations")
    cache.put(KEYS[0].hex(), {"x": 1 / 3, "y": -0.0}, {"levels": np.arange(4.0)})
    cache.put(KEYS[1].hex(), {"y": 1e300})
    cache.put(KEYS[2].hex(), reason="no face in \u201cclip\u201d\0")
    cache.put(KEYS[3].hex())
    return cache


def raw(keys: list[bytes]) -> Keys:
    return np.frombuffer(b"".join(keys), np.uint8).reshape(-1, 32)


def of(cache: Cache, keys: list[bytes]) -> Pack:
    entries = {key: cache.get(key.hex()) for key in keys}
    return packed([(k, e) for k, e in entries.items() if e is not None], cache)


def said(pack: Pack, cache: Cache, keys: list[bytes]) -> list[tuple[object, ...]]:
    places = pack.find(raw(keys))
    assert (places >= 0).all()
    return [plain(entry) for entry in pack.entries(places, [k.hex() for k in keys], cache)]


def plain(entry: Entry | None) -> tuple[object, ...]:
    assert entry is not None
    arrays = {name: array.tolist() for name, array in entry.arrays.items()}
    return dict(entry.rows), list(entry.rows), arrays, entry.reason


def test_a_pack_says_what_the_cache_says(cache: Cache) -> None:
    expected = [plain(cache.get(key.hex())) for key in KEYS]
    whole = of(cache, KEYS)
    halves = joined([of(cache, KEYS[:2]), of(cache, KEYS[2:])])
    write_pack("a" * 64, whole)
    read = read_pack("a" * 64, cache)
    assert read is not None
    for pack in (whole, halves, read):
        assert said(pack, cache, KEYS) == expected
        assert said(pack, cache, KEYS[::-1]) == expected[::-1]
        assert len(pack) == 4


def test_only_the_very_key_is_found(cache: Cache) -> None:
    pack = of(cache, KEYS)
    near = [
        KEYS[0][:-1] + b"\0",
        bytes(32),
        b"\xff" * 32,
    ]  # the first shares the bytes it is sorted by
    assert pack.find(raw([near[0], KEYS[2], *near[1:]])).tolist() == [-1, 3, -1, -1]
    assert joined([]).find(raw(KEYS)).tolist() == [-1] * 4
    assert pack.find(raw([])).tolist() == []


def test_an_observation_whose_arrays_are_gone_is_absent(cache: Cache) -> None:
    write_pack("a" * 64, of(cache, KEYS))
    cache.path(KEYS[1].hex()).unlink()  # numbers alone: nothing is lost
    file = cache.path(KEYS[0].hex())
    file.write_bytes(file.read_bytes()[:-1])
    pack = read_pack("a" * 64, cache)
    assert pack is not None and (pack.find(raw(KEYS)) >= 0).tolist() == [False, True, True, True]


def test_damaged_arrays_are_removed_so_that_they_are_made_again(cache: Cache) -> None:
    pack, file = of(cache, KEYS), cache.path(KEYS[0].hex())
    content = bytearray(file.read_bytes())
    at = content.index(np.arange(4.0).tobytes())
    content[at] ^= 1
    file.write_bytes(content)
    (entry,) = pack.entries(pack.find(raw(KEYS[:1])), [KEYS[0].hex()], cache)
    with pytest.raises(UserError, match="run the same command again"):
        entry.arrays["levels"]
    assert not file.exists()


def test_a_damaged_pack_is_none(cache: Cache) -> None:
    assert read_pack("a" * 64, cache) is None
    write_pack("a" * 64, of(cache, KEYS))
    file = pack_cache().path("a" * 64)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert read_pack("a" * 64, cache) is None


def test_equal_observations_are_equal_bytes(cache: Cache) -> None:
    write_pack("a" * 64, of(cache, KEYS))
    first = pack_cache().path("a" * 64).read_bytes()
    write_pack("a" * 64, of(cache, KEYS[::-1]))
    assert pack_cache().path("a" * 64).read_bytes() == first


def test_a_part_of_a_pack_stays_sorted(cache: Cache) -> None:
    pack = of(cache, KEYS)
    part = pack.at(np.array([1, 3]))
    assert (part.find(raw(KEYS)) >= 0).tolist() == [False, True, True, False]
    assert replace(part, names=()).names == ()

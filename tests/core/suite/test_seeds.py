"""Seed and identity frame of a clip: functions of the suite's seed and the clip's id alone."""

from __future__ import annotations

import hashlib
import random

import pytest

from guards import some
from thbench.api import ClipFailure
from thbench.suite.seeds import identity_index, request_seed


def test_a_seed_is_the_first_eight_bytes_of_the_digest() -> None:
    digest = hashlib.sha256(b"7/1001_AAA").hexdigest()
    assert request_seed(7, "1001_AAA") == int(digest[:16], 16)
    assert request_seed(0, "") == int(hashlib.sha256(b"0/").hexdigest()[:16], 16)


def test_no_two_clips_or_suites_share_a_seed() -> None:
    seeds = {request_seed(s, c) for s in range(50) for c in ("a", "b", "\ud800", "1/a")}
    assert len(seeds) == 200
    assert max(seeds) > 2**63  # all 64 bits are used


@pytest.mark.parametrize(
    ("rule", "n", "index"),
    [("first", 1, 0), ("first", 9, 0), (0, 1, 0), (8, 9, 8), (-1, 9, 8), (-9, 9, 0), ("3", 4, 3)],
)
def test_the_frame_of_a_rule(rule: object, n: int, index: int) -> None:
    assert identity_index(rule, n, 5) == index  # type: ignore[arg-type]


@pytest.mark.parametrize(("rule", "n"), [(9, 9), (-10, 9), (1, 1), (-2, 1)])
def test_a_clip_that_is_too_short_is_refused(rule: int, n: int) -> None:
    with pytest.raises(ClipFailure, match=f"identity frame {rule} of a clip of {n} frames"):
        identity_index(rule, n, 5)


def test_a_random_frame_follows_from_the_seed_and_may_be_any() -> None:
    drawn = [identity_index("random", 5, seed) for seed in range(200)]
    assert drawn == [random.Random(seed).randrange(5) for seed in range(200)]
    assert sorted(some(set(drawn))) == [0, 1, 2, 3, 4]

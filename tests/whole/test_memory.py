"""What is held at one time does not grow with the number of clips."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from runs import SUITE, start
from thbench.engines.local import LocalEngine
from thbench.video import StoredVideo


class Counting(Sequence[int]):
    """Tasks that count how many have been handed out."""

    def __init__(self, n: int) -> None:
        self.n, self.handed = n, 0

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: Any) -> Any:
        return range(self.n)[i]

    def __iter__(self) -> Iterator[int]:
        for i in range(self.n):
            self.handed += 1
            yield i


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_few_tasks_are_under_way_at_once(workers: int) -> None:
    tasks, done = Counting(60), []
    for i, result in LocalEngine(workers).map(abs, tasks):
        done.append((i, result))
        assert tasks.handed - len(done) <= 2 * workers
    assert sorted(done) == [(i, i) for i in range(60)]


@pytest.mark.slow
@pytest.mark.parametrize("takes", [1, 3])
def test_one_clip_is_decoded_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes: int
) -> None:
    """While a metric works, only its pair holds frames; afterwards and while reducing nobody does."""
    import thbench_toys

    most = [0, 0]

    def watched(name: str, which: int) -> None:
        original = getattr(thbench_toys.Brightness, name)

        def call(self: object, given: object) -> object:
            result = original(self, given)
            most[which] = max(most[which], decoded())
            return result

        monkeypatch.setattr(thbench_toys.Brightness, name, call)

    watched("observe", 0)
    watched("reduce", 1)
    start(tmp_path, SUITE.replace("name: toy}", f"name: toy, takes: {takes}}}")).both()
    assert most[0] in (1, 2)
    assert most[1] == 0


def decoded() -> int:
    """Stored videos whose frames are in memory."""
    # By type alone: isinstance asks every object in memory for its class, and some compute it.
    return sum(type(o) is StoredVideo and "frames" in vars(o) for o in gc.get_objects())

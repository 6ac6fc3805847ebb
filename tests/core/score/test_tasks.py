"""Observations are shared out so that no worker waits while another has more than a video to do."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import pytest

from guards import some
from thbench.api import Clip
from thbench.score.tasks import ClipTask, Observing, balanced

PICTURES = ("ground-truth", "still", "h264", "a", "b")


def clip(name: str, n_frames: int, pictures: Sequence[str] = PICTURES) -> ClipTask:
    """A clip whose reference's picture is shown with another sound as well."""
    made = [
        (p, {"digest": f"{name} {p}", "frames_digest": p, "n_frames": n_frames}) for p in pictures
    ]
    made.insert(3, ("delayed", {**made[0][1], "digest": f"{name} delayed"}))
    observing = tuple(Observing(f"{name} {v} {m}", m, v, r) for v, r in made for m in range(2))
    return ClipTask(Clip(name, "actor"), made[0][1], 64, observing)


def ends(tasks: Sequence[ClipTask], workers: int) -> list[int]:
    """When each worker is done, if each takes the next task as soon as it is free."""
    free = [0] * workers
    for task in tasks:
        heapq.heappush(free, heapq.heappop(free) + task.cost)
    return sorted(free)


@pytest.mark.parametrize("workers", [2, 3, 4])
@pytest.mark.parametrize("clips", [1, 3, 5, 40])
def test_no_worker_waits_for_more_than_a_picture(clips: int, workers: int) -> None:
    given = [clip(f"c{i}", 50 + 7 * (i % 9)) for i in range(clips)]
    tasks = balanced(given, workers)
    finished = ends(tasks, workers)
    picture = max(task.cost for task in given) // 3  # the reference's, shown with two sounds of six
    assert finished[-1] - finished[0] <= picture
    asked = [o.key for task in tasks for o in task.observing]
    assert sorted(asked) == sorted(o.key for task in given for o in task.observing)


def test_clips_stay_whole_while_there_are_many() -> None:
    given = [clip(f"c{i}", 50) for i in range(40)]
    tasks = balanced(given, 2)
    assert tasks[:36] == given[:36]
    assert len(tasks) < 40 + 4 * len(PICTURES)


def test_the_longest_come_first() -> None:
    lengths = [40, 90, 60, 80]
    costs = [t.cost for t in balanced([clip(f"c{n}", n) for n in lengths * 10], 2)[:30]]
    assert costs == sorted(costs, reverse=True)


def test_pieces_begin_with_the_references_and_keep_pictures_together() -> None:
    tasks = balanced([clip("c1", 50), clip("c2", 60)], 4)
    assert len(tasks) == 2 * len(PICTURES)
    for task in some(tasks[:2]):
        assert [o.entrant for o in task.observing] == ["ground-truth"] * 2 + ["delayed"] * 2
    assert {o.entrant for t in tasks[2:] for o in t.observing} == {*PICTURES} - {"ground-truth"}


def test_one_worker_keeps_the_order_of_the_split() -> None:
    given = [clip("c1", 50), clip("c2", 60)]
    assert balanced(given, 1) == given


def test_a_clip_with_just_its_share_stays_whole() -> None:
    """Two workers and four equal clips: the first is half of what each of them would get."""
    given = [clip(f"c{i}", 50) for i in range(4)]
    tasks = balanced(given, 2)
    assert tasks[0] == given[0]
    assert len(tasks) == 1 + 3 * len(PICTURES)

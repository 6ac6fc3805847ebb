"""How observations are shared out among workers: by clip, and by video where a worker would wait at the end.

A clip's videos are observed together while there is plenty to do, because they share the decode of
their reference. The longest clips come first, and the last ones are split, so that what the slowest
worker has left when the others are done is one video and not one clip.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from thbench.api import Clip
from thbench.run.folder import Record

SHARE = 0.5
"""Of what each worker would get of the work that is left: a clip with more of it is split."""


@dataclass(frozen=True)
class Observing:
    """One observation to make: which metric, on which video, stored under which key."""

    key: str
    metric: int
    entrant: str
    record: Record

    @property
    def picture(self) -> tuple[str, int]:
        """What is seen of the video: its frames, and how many of them."""
        return str(self.record["frames_digest"]), int(self.record["n_frames"])


@dataclass(frozen=True)
class ClipTask:
    """Observations missing for one clip at one resolution."""

    clip: Clip
    reference: Record
    resolution: int
    observing: tuple[Observing, ...]

    @property
    def about(self) -> tuple[str, int]:
        """The clip and the resolution."""
        return self.clip.id, self.resolution

    @property
    def cost(self) -> int:
        """Frames to be seen, times the side: networks resize to their own, all else grows with its square."""
        return self.resolution * sum(int(o.record["n_frames"]) for o in self.observing)


def balanced(tasks: Sequence[ClipTask], workers: int) -> list[ClipTask]:
    """The tasks in the order in which `workers` take them; their order for one, who never waits.

    Pieces of split clips begin with those of the references: features of these are asked for again
    beside every other video, and are then in the cache.
    """
    if workers == 1:
        return list(tasks)
    whole: list[ClipTask] = []
    split: list[ClipTask] = []
    left = sum(task.cost for task in tasks)
    for task in _longest_first(tasks):
        if task.cost * workers > SHARE * left:
            split.append(task)
        else:
            whole.append(task)
        left -= task.cost
    pieces = [list(_by_picture(task)) for task in split]
    first = [piece for of in pieces for piece in of[:1]]
    return [*whole, *first, *_longest_first([piece for of in pieces for piece in of[1:]])]


def _longest_first(tasks: Sequence[ClipTask]) -> list[ClipTask]:
    return sorted(tasks, key=lambda task: -task.cost)


def _by_picture(task: ClipTask) -> Iterator[ClipTask]:
    """A task for each picture: videos that differ in their sound alone share features and decode."""
    pictures: dict[tuple[str, int], list[Observing]] = {}
    for item in task.observing:
        pictures.setdefault(item.picture, []).append(item)
    for items in pictures.values():
        yield replace(task, observing=tuple(items))

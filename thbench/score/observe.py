"""Observations per clip, cached and in parallel; each video is decoded at most once per clip.

The unit of work is one clip at one resolution, or a part of its videos (`thbench.score.tasks`): its
reference and every system's video are opened there and shared by all metrics. What is in the cache is
not opened at all.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from itertools import groupby

import numpy as np

from thbench import controls
from thbench.api import Clip, ClipFailure, Engine, Metric, Observation, Pair, UserError, Video
from thbench.environment import return_freed_memory
from thbench.errors import stop_for_machine
from thbench.files.cache import Cache, Entry
from thbench.files.journal import Journal
from thbench.progress import Progress
from thbench.run.events import Log, Logged
from thbench.run.folder import Record
from thbench.run.job import Job, Order, observing_metric_of, release_networks, suite_of
from thbench.run.records import timing_of
from thbench.score.keys import KeyBook, keybook_of, observation_cache, over_span
from thbench.score.reduce import RowKey, unforeseen
from thbench.score.tasks import ClipTask, Observing, balanced
from thbench.suite.split import Split
from thbench.video import Cut, StoredVideo, Watched
from thbench.video.gather import IN_MEMORY

VERY_LONG = 1_000_000_000
"""Bytes of a clip's pictures beyond which networks are built anew for every metric: all of them together, and
features, would need a gigabyte. Building one takes a second or two; a clip like that has a minute at 512 px."""


def observe(
    job: Job, tasks: Sequence[ClipTask], cache: Cache, engine: Engine, order: Order
) -> dict[str, str]:
    """Fill the cache; returns key -> reason for observations that raised something unforeseen."""
    lost, deadly = _map(job, order.arrange(balanced(tasks, engine.workers)), engine)
    if deadly:  # which observation of a clip killed its process is found by making one at a time
        single = [
            replace(task, observing=(o,))
            for task in deadly
            for o in task.observing
            if cache.get(o.key) is None
        ]
        lost.update(_map(job, single, engine, alone=True)[0])
    return lost


def tasks_of(
    job: Job,
    split: Split,
    rows: Sequence[RowKey],
    finished: Mapping[tuple[int, str], Mapping[str, Record]],
    references: Mapping[int, Mapping[str, Record]],
    keys: KeyBook,
    cache: Cache,
    complete: Mapping[int, Set[str]] | None = None,
) -> list[ClipTask]:
    """What there is to observe: nothing where every observation is in the cache, refusals included.

    complete  resolution -> clips of which all that their rows show is observed already
    """
    tasks = []
    for size, records in references.items():
        here = [e for e in rows if e.resolution == size]
        known = (complete or {}).get(size, frozenset())
        for clip in split.clips:
            if clip.id in known and not _is_cut(clip, records, here, finished):
                continue
            reference = records.get(clip.id, {"failure": "absent"})
            if "failure" in reference:
                continue
            videos = [(controls.GROUND_TRUTH, reference)]
            videos += [(e.name, finished[size, e.name].get(clip.id, {"failure": ""})) for e in here]
            if missing := _missing(job, cache, clip, reference, videos, keys):
                tasks.append(ClipTask(clip, reference, size, tuple(missing)))
    return tasks


def _is_cut(
    clip: Clip,
    references: Mapping[str, Record],
    rows: Sequence[RowKey],
    finished: Mapping[tuple[int, str], Mapping[str, Record]],
) -> bool:
    """Whether a video of the clip is shorter than its reference, so that a span of this is observed too."""
    whole = references.get(clip.id, {}).get("n_frames", 0)
    videos = (finished[e.resolution, e.name].get(clip.id, {}) for e in rows)
    return any(video.get("n_frames", whole) < whole for video in videos)


def _map(
    job: Job, tasks: list[ClipTask], engine: Engine, alone: bool = False
) -> tuple[dict[str, str], list[ClipTask]]:
    """What raised something unforeseen, and the tasks of several observations that killed their process."""
    timings = Journal(job.run.logs / "timings.jsonl", key="stage")
    shard, log = job.run.shard, _log(job)
    lost: dict[str, str] = {}
    deadly: list[ClipTask] = []

    def died(task: ClipTask, reason: str) -> tuple[dict[str, str], Record]:
        if not alone:
            deadly.append(task)
        log.write([task.clip.id], "failed" if alone else "retried", reason=reason)
        return {o.key: reason for o in task.observing if alone}, {}

    left = Counter(task.about for task in tasks)
    with Progress(f"score [{shard}]" if shard else "score", len(left)) as progress:
        for i, (bad, timing) in engine.map(_logged(job), tasks, died):
            lost.update(bad)
            if timing:
                timings.append({"stage": "score", **timing})
            left[tasks[i].about] -= 1
            progress.advance(int(not left[tasks[i].about]))
    return lost, deadly


def observer(job: Job) -> Callable[[Clip, Record, Mapping[str, Record]], Record | None]:
    """What workers do with a clip as soon as a system has answered it."""
    return partial(_observe_answered, job, _logged(job))


def _observe_answered(
    job: Job, observe: Logged, clip: Clip, reference: Record, videos: Mapping[str, Record]
) -> Record | None:
    """Observe the clip's videos, its controls among them, and return the timing.

    Only fills the cache: what raises something unforeseen here is asked again, and counted, by
    whoever scores.
    """
    rows = [(controls.GROUND_TRUTH, reference), *videos.items()]
    missing = _missing(job, observation_cache(), clip, reference, rows, keybook_of(job))
    if not missing:
        return None
    _, timing = observe(ClipTask(clip, reference, reference["size"], tuple(missing)))
    return {"stage": "score", **timing}


def _logged(job: Job) -> Logged:
    """`observe_clip` with its events; made here, where the log's own machine is."""
    return Logged(partial(observe_clip, job), _log(job), _clips_of, _failures)


def _log(job: Job) -> Log:
    shard = job.run.shard
    return Log(job.run.logs / "events.jsonl", "score", None, str(shard) if shard else None)


def _clips_of(task: ClipTask) -> list[str]:
    return [task.clip.id]


def _failures(task: ClipTask, result: tuple[dict[str, str], Record]) -> dict[str, str]:
    return {task.clip.id: next(iter(result[0].values()))} if result[0] else {}


def _missing(
    job: Job,
    cache: Cache,
    clip: Clip,
    reference: Record,
    videos: Sequence[tuple[str, Record]],
    keys: KeyBook,
) -> list[Observing]:
    found: dict[str, Observing] = {}
    for name, record in [*videos, *_spans(reference, [record for _, record in videos])]:
        if "failure" in record:
            continue
        for metric, part in enumerate(suite_of(job).metrics):
            if job.lack(part):
                continue
            key = keys.observation(metric, clip, record, reference)
            if key not in found and cache.get(key) is None:
                found[key] = Observing(key, metric, name, record)
    return list(found.values())


def _spans(reference: Record, records: Sequence[Record]) -> list[tuple[str, Record]]:
    """The reference over the span of every video that is shorter than it."""
    lengths = {r["n_frames"] for r in records if "failure" not in r}
    return [
        (controls.GROUND_TRUTH, over_span(reference, n))
        for n in sorted(lengths)
        if n < reference["n_frames"]
    ]


def observe_clip(job: Job, task: ClipTask) -> tuple[dict[str, str], Record]:
    """Make all missing observations of one clip; each video is opened once and shared by its metrics.

    What a metric made of a picture without asking for its sound also holds where the picture is shown to
    another sound, as two controls do.

    Returns key -> reason of what raised something unforeseen (which is not cached), and the timing.
    """
    start = time.perf_counter()
    cache, index = observation_cache(), keybook_of(job).identity_index(task.clip, task.reference)
    reference = job.run.references(task.resolution).open(task.reference)
    lost = {}
    seen: dict[tuple[int, str, int], str] = {}  # what was made of a picture -> its key
    for _, items in groupby(task.observing, key=_video_of):
        observing = list(items)
        generated = _generated(job, task, observing[0].record, reference)
        for item in observing:
            shown = (item.metric, *item.picture)
            same = cache.get(seen[shown]) if shown in seen else None
            if same is not None and same.reason is None:
                cache.put(item.key, same.rows, same.arrays)
                continue
            watched = Watched(generated.bare())
            pair = _pair(task.clip, watched, reference, index)
            if (reason := _observe_into(cache, job, item, pair)) is not None:
                lost[item.key] = reason
            elif not watched.heard:
                seen[shown] = item.key
            _forget(3 * reference.n_frames * task.resolution**2)
    timing = timing_of([task.clip.id], start)
    return lost, {**timing, "observations": len(task.observing)}


def _observe_into(cache: Cache, job: Job, item: Observing, pair: Pair) -> str | None:
    """Put the observation, or the reason for none, into the cache; the text of an unforeseen exception is returned.

    What was observed is let go of: features of a long clip are hundreds of megabytes.
    """
    found = observe_once(observing_metric_of(job, item.metric), pair)
    if isinstance(found, str):
        return found
    cache.put(item.key, found.rows, found.arrays, found.reason)
    return None


def _forget(pictures: int) -> None:
    """Give back what the metric of a clip of so many bytes of pictures asked for, if that is much."""
    if pictures > VERY_LONG:
        release_networks()
    elif pictures > IN_MEMORY:
        return_freed_memory()


def _video_of(observing: Observing) -> tuple[str, int]:
    """What a video is: its content, and how much of it."""
    return str(observing.record["digest"]), int(observing.record["n_frames"])


def _generated(
    job: Job, task: ClipTask, record: Record, reference: StoredVideo
) -> StoredVideo | Cut:
    """The video of a record; one that is the reference, or a span of it, or shows its picture to another
    sound, shares its decode."""
    if record["digest"] != reference.digest:
        return job.run.references(task.resolution).open(record).shown_by(reference)
    n = record["n_frames"]
    return reference.cut(n) if n < reference.n_frames else reference


def _pair(clip: Clip, generated: Video, reference: StoredVideo, index: int | None) -> Pair:
    """A video trimmed on purpose stands next to the same span of its reference."""
    if generated.n_frames < reference.n_frames:
        return Pair(clip, generated, reference.cut(generated.n_frames), index)
    return Pair(clip, generated, reference, index)


def observe_once(metric: Metric, pair: Pair) -> Entry | str:
    """An entry for the cache (values, or the reason for none), or the text of an unforeseen exception."""
    try:
        observation = metric.observe(pair)
        return Entry(_finite(observation), observation.arrays, None)
    except ClipFailure as failure:
        stop_for_machine(failure, f"clip {pair.clip.id}")
        return failure.reason if failure.again else Entry(reason=failure.reason)
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # a plugin may end itself, never the run
        stop_for_machine(error, f"metric {type(metric).__name__}, clip {pair.clip.id}")
        return unforeseen(error)


def _finite(observation: Observation) -> dict[str, float]:
    rows = {str(k): float(v) for k, v in observation.rows.items()}
    for name, value in rows.items():
        if not np.isfinite(value):
            raise ClipFailure(f"{name} is {value}")
    return rows

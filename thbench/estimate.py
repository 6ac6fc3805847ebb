"""What a run will take on this machine, from some of its own clips: made and scored for real, clip by clip.

A pilot works in a folder of its own with an empty cache, since what is in the cache takes no time. The first
clip also loads models and compiles; the others tell what one more clip takes. A run that has begun is
its own pilot: its timings are used for the stages that they cover.
"""

from __future__ import annotations

import io
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from thbench.engines import usable_cores
from thbench.engines.local import LocalEngine
from thbench.files.cache import cache_root
from thbench.files.journal import Journal
from thbench.pipeline import Stages, run_generate, run_observe
from thbench.plugins.weights import store
from thbench.run.folder import RunFolder
from thbench.run.job import Job, suite_of
from thbench.suite.split import Split

PILOT = 3
"""Clips that are tried: one for what is loaded once, two for the others."""
SCORE = "score"
LEAST = 3
"""Clips of a stage that a begun run must have finished for its timings to be used."""


@dataclass(frozen=True)
class Expected:
    """One stage: `left` clips to do, what each took in seconds, and what the first took beyond that."""

    stage: str
    left: int
    each: tuple[float, ...]
    loading: float = 0.0

    @property
    def seconds(self) -> float:
        return self.left * statistics.fmean(self.each) + self._loads

    @property
    def range(self) -> tuple[float, float]:
        """If all clips were like the quickest of those tried, and like the slowest."""
        return self.left * min(self.each) + self._loads, self.left * max(self.each) + self._loads

    @property
    def _loads(self) -> float:
        return self.loading if self.left else 0.0


@dataclass(frozen=True)
class Estimate:
    """By stage, for `workers` processes; `tried` clips took `pilot` seconds."""

    stages: Sequence[Expected]
    workers: int
    tried: int
    pilot: float

    @property
    def at_once(self) -> int:
        """Processes that do not wait for one another."""
        return min(self.workers, usable_cores())

    def wall(self, seconds: Sequence[float]) -> float:
        """Of the work of all stages; what is loaded, every process loads for itself."""
        loading = sum(s._loads for s in self.stages)
        return (sum(seconds) - loading) / self.at_once + loading


def estimate(job: Job, split: Split, workers: int, stages: Stages) -> Estimate:
    """Try clips evenly spaced over the split; files of the run itself are read and never written."""
    begun = _timed(job.run.root)
    wanted = [name for name in _stages(job, stages) if len(begun.get(name, ())) < LEAST]
    pilots: list[Mapping[str, float]] = []
    start = time.perf_counter()
    if wanted:
        pilots = list(_pilot(job, split, stages))
    found = []
    for name in _stages(job, stages):
        left = _left(job, split, name, begun)
        if name not in wanted:
            found.append(Expected(name, left, tuple(begun[name])))
            continue
        first, *others = [p.get(name, 0.0) for p in pilots]
        each = others or [first]
        found.append(Expected(name, left, tuple(each), max(0.0, first - statistics.fmean(each))))
    return Estimate(found, workers, len(pilots), time.perf_counter() - start)


def _stages(job: Job, stages: Stages) -> list[str]:
    """Names as in timings.jsonl, in their order."""
    from thbench import controls

    suite, names = suite_of(job), []
    if stages.generate:
        for size in suite.resolutions:
            names.append(f"references {size} px")
            names += [f"{c} {size} px" for c in suite.controls if c != controls.HALVES]
        names += [f"generate {s.name}" for s in suite.systems if job.lack(s) is None]
    return names + [SCORE] * stages.score


def _pilot(job: Job, split: Split, stages: Stages) -> Iterator[Mapping[str, float]]:
    """Seconds by stage of one clip more each time."""
    n = min(PILOT, len(split.clips))
    places = np.linspace(0, len(split.clips) - 1, n).round().astype(int)
    engine = LocalEngine(1, job.settings.device)
    with tempfile.TemporaryDirectory() as folder, _own_cache(Path(folder) / "cache"):
        trial = replace(job, run=RunFolder(Path(folder) / "run"))
        before: Mapping[str, float] = {}
        for i in range(1, n + 1):
            part = replace(split, clips=tuple(split.clips[p] for p in sorted(places[:i])))
            trial.run.root.mkdir(parents=True, exist_ok=True)
            (trial.run.root / "suite.json").unlink(missing_ok=True)  # says which clips there are
            with redirect_stderr(io.StringIO()):  # its progress is not that of the run
                run_generate(trial, part, engine)
                if stages.score:
                    run_observe(trial, part, engine)
            after = {name: sum(seconds) for name, seconds in _timed(trial.run.root).items()}
            yield {name: s - before.get(name, 0.0) for name, s in after.items()}
            before = after


@contextmanager
def _own_cache(folder: Path) -> Iterator[None]:
    """An empty cache, beside the weights and what plugins have prepared."""
    held = {name: os.environ.get(name) for name in ("THBENCH_CACHE", "THBENCH_WEIGHTS")}
    prepared, weights = cache_root() / "plugins", store()
    folder.mkdir(parents=True)
    if prepared.is_dir():
        (folder / "plugins").symlink_to(prepared.absolute(), target_is_directory=True)
    os.environ |= {"THBENCH_CACHE": str(folder), "THBENCH_WEIGHTS": str(weights.absolute())}
    try:
        yield
    finally:
        for name, value in held.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _timed(run: Path) -> dict[str, list[float]]:
    """Seconds of each clip by stage, as timings.jsonl has them; the clips of a batch share its time."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for line in Journal(run / "timings.jsonl", key=None).lines():
        clips = line.get("clips") or []
        for clip in clips:
            found[str(line.get("stage"))][clip] += float(line.get("seconds", 0)) / len(clips)
    return {stage: list(of.values()) for stage, of in found.items()}


def _left(job: Job, split: Split, stage: str, begun: Mapping[str, Sequence[float]]) -> int:
    """Clips that the run has not finished in this stage."""
    n = len(split.clips)
    if stage == SCORE:
        return max(0, n - len(begun.get(stage, ())))
    kind, _, rest = stage.partition(" ")
    if kind == "generate":
        folder = job.run.system(rest)
    else:
        size = int(rest.removesuffix(" px"))
        folder = job.run.references(size) if kind == "references" else job.run.control(size, kind)
    done = folder.finished()
    return sum(clip.id not in done for clip in split.clips)


def as_text(found: Estimate, name: str) -> Iterator[str]:
    """For people; how sure it is stands beside each number."""
    yield f"{name}: what is left to do, measured on {found.tried} of its clips in {clock(found.pilot)}:"
    for s in found.stages:
        low, high = s.range
        each = f"{statistics.fmean(s.each):.3g} s each" if s.left else ""
        spread = (
            f"{clock(low)} to {clock(high)}" if len(s.each) > 1 else f"{clock(low)}, spread unknown"
        )
        spread = spread if s.left else "done"
        yield f"  {s.stage:<34} {s.left:>7,} clips  {each:<14} {spread}"
    low, high = (found.wall([s.range[end] for s in found.stages]) for end in (0, 1))
    likely = found.wall([s.seconds for s in found.stages])
    loading = sum(s._loads for s in found.stages)
    yield f"  loading models, once a process: {clock(loading)}"
    processes = f"{found.workers} process{'es' * (found.workers > 1)} on {usable_cores()} cores"
    known = all(len(s.each) > 1 for s in found.stages if s.left)
    ends = f"{clock(low)} to {clock(high)}" if known else "too few clips to say how sure that is"
    yield f"in all about {clock(likely)} with {processes}; {ends}"
    yield (
        "the ends are those of all clips being like the quickest or the slowest that was tried: longer ones take "
        "longer, and so does a machine with other work. Reducing and tables are not counted."
    )


def clock(seconds: float) -> str:
    """`0:04`, `12:30`, `3:05:00`; over two days in days."""
    if seconds >= 2 * 86400:
        return f"{seconds / 86400:.1f} days"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

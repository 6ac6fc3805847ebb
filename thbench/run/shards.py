"""A run in parts: `--shard 3/16` does the third of sixteen parts, `thbench merge` joins them.

RUN/shards/plan.json             what all shards agree on; another plan is refused
RUN/shards/job.json              the suite as it was asked for, from which `merge` goes on
RUN/shards/3-of-16/              one lock, journals of what this shard finished, timings, events
RUN/shards/3-of-16/finished.json written last

Videos go where an undivided run puts them, each clip to a file of its own; only journals lie apart,
since a journal has one writer. Every reader reads all of them, so shards see each other's work.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from thbench import controls
from thbench.api import UserError
from thbench.environment import Settings
from thbench.files.atomic import atomic_write, sweep_dead, temporary_path
from thbench.files.foreign import json_or
from thbench.files.journal import Journal
from thbench.files.yamlfile import Document
from thbench.run.folder import SHARDS, RunFolder, Shard, VideoFolder, held
from thbench.run.job import Job, suite_of
from thbench.suite.split import Split

_STARTING = 60.0  # seconds; shards that start together wait for each other this long
_FOLDED = "folded"
"""Marks that all shards know is where an undivided run has it: they may be gone in part."""
_FINISHED = "finished.json"


def parse_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """`3/16`, or `slurm`: this task of a Slurm array. Raises UserError.

    Nothing is read from the environment unasked: an array may well run another suite in each task.
    """
    if text == "slurm":
        return _of_slurm(environment)
    found = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise UserError(f"--shard {text}: not of the form K/N with 1 <= K <= N", "e.g. 3/16")
    return Shard(int(found[1]), int(found[2]))


def _of_slurm(environment: Mapping[str, str]) -> Shard:
    """Task ids from MIN in equal steps; a list with gaps says nothing about who does what."""
    names = ("ID", "COUNT", "MIN", "MAX")
    try:
        own, count, first, last = (int(environment[f"SLURM_ARRAY_TASK_{n}"]) for n in names)
    except (KeyError, ValueError):
        raise UserError(
            "--shard slurm: this is no task of a Slurm array (SLURM_ARRAY_TASK_ID is not set)",
            "submit with sbatch --array=1-N, or give --shard K/N",
        ) from None
    step = (last - first) // max(count - 1, 1) or 1
    if first + step * (count - 1) != last or (own - first) % step:
        raise UserError(
            f"--shard slurm: {count} tasks from {first} to {last} have gaps between them",
            "submit with --array=1-N, or give --shard K/N",
        )
    return Shard((own - first) // step + 1, count)


def part_of(split: Split, shard: Shard | None) -> Split:
    """The clips of one shard: every N-th of the split's order."""
    if shard is None:
        return split
    return replace(split, clips=split.clips[shard.number - 1 :: shard.count])


def with_partners(split: Split, part: Split, names: Sequence[str]) -> Split:
    """The clips whose references a part needs: its own, and those whose speech a control borrows."""
    if controls.MISMATCHED not in names or part is split:
        return part
    partner = controls.partners(split.clips)
    needed = {c.id for c in part.clips} | {partner.get(c.id, "") for c in part.clips}
    return replace(part, clips=tuple(c for c in split.clips if c.id in needed))


@contextmanager
def shard_locked(job: Job, split: Split) -> Iterator[None]:
    """Hold the lock of this job's shard; the plan is agreed on first.

    Raises UserError where the run folder was made for another plan or somebody else holds it.
    """
    run, shard = job.run, job.run.shard
    assert shard is not None
    with held(run.root / ".lock", run.root, timeout=_STARTING):
        run.claim(
            f"{SHARDS}/plan.json",
            _plan(job, split),
            "shards of one run need the same command and installation everywhere; "
            "thbench run without --shard joins what there is",
        )
        atomic_write(run.root / SHARDS / "job.json", _job_text(job))
        (run.root / SHARDS / _FOLDED).unlink(missing_ok=True)
        own = held(run.logs / ".lock", run.logs)
        own.__enter__()
    try:
        (run.logs / _FINISHED).unlink(missing_ok=True)
        yield
        atomic_write(run.logs / _FINISHED, json.dumps({"clips": len(part_of(split, shard).clips)}))
    finally:
        own.__exit__(None, None, None)


def _plan(job: Job, split: Split) -> dict[str, Any]:
    suite = suite_of(job)
    systems = {
        s.name: [s.resolution, s.part.identity] if s.part else [s.resolution, s.broken]
        for s in suite.systems
    }
    return {
        "suite": suite.digest,
        "split": split.digest,
        "systems": systems,
        "resolutions": suite.resolutions,
        "controls": list(suite.controls),
        "settings": job.settings.numerics(),
    }


def _job_text(job: Job) -> str:
    document = job.document
    data = {
        "file": document.file,
        "data": document.data,
        "folders": [[list(key), str(folder)] for key, folder in document.folders.items()],
        "folder": str(document.folder),
        "overrides": list(document.overrides),
        "settings": asdict(job.settings),
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def planned(root: Path) -> tuple[Document, Settings]:
    """What the shards of a run folder were asked to do. Raises UserError where there are none."""
    file = root / SHARDS / "job.json"
    if not file.exists():
        raise UserError(
            f"{root} has no shards to merge",
            "make them with --shard; on several machines it must lie on a shared file system",
        )
    try:
        data = json_or(file, None)
        document = Document(
            data["file"],
            data["data"],
            folders={tuple(key): Path(folder) for key, folder in data["folders"]},
            folder=Path(data["folder"]),
            overrides=tuple(data["overrides"]),
        )
        return document, Settings(**data["settings"])
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{file} is damaged", "run one of the shards again") from None


def check_complete(job: Job, split: Split) -> None:
    """Raises UserError naming the shards that have not finished, and how to go on."""
    job.run.claim(f"{SHARDS}/plan.json", _plan(job, split), "merge with the shards' installation")
    shards = shards_in(job.run)
    counts = {s.count for s in shards}
    lacking = _unrecorded(job, split)
    if len(counts) == 1 and not (job.run.root / SHARDS / _FOLDED).exists():
        (n,) = counts
        known = {s.number for s in shards if (_folder(job.run, s) / _FINISHED).exists()}
        missing = [f"{k}/{n}" for k in range(1, n + 1) if k not in known]
        if missing:
            raise UserError(
                f"{job.run.root} is not complete: not finished: shard {', '.join(missing)}",
                "run the command of each again with its --shard; what was finished is kept",
            )
    if lacking:
        raise UserError(
            f"{job.run.root} is not complete: {len(lacking)} of {len(split.clips)} clips are missing",
            "run the shards again; what was finished is kept",
        )


def _unrecorded(job: Job, split: Split) -> set[str]:
    """Clips that some row or some reference has no record of."""
    suite, run = suite_of(job), job.run
    folders = [run.references(size) for size in suite.resolutions]
    names = [name for name in suite.controls if name != controls.HALVES]
    folders += [run.control(size, name) for size in suite.resolutions for name in names]
    folders += [run.system(s.name) for s in suite.systems]
    clips = {c.id for c in split.clips}
    return {clip for folder in folders for clip in clips - folder.stored().keys()}


def shards_in(run: RunFolder) -> list[Shard]:
    """The shards that have begun and are not joined yet, in order."""
    found = (_shard_of(folder) for folder in run.shard_folders())
    return sorted((s for s in found if s is not None), key=lambda s: (s.count, s.number))


def _shard_of(folder: Path) -> Shard | None:
    found = re.fullmatch(r"([0-9]+)-of-([0-9]+)", folder.name)
    return Shard(int(found[1]), int(found[2])) if found else None


def _folder(run: RunFolder, shard: Shard) -> Path:
    return run.root / SHARDS / shard.folder


def fold(run: RunFolder) -> None:
    """Bring what shards wrote to where an undivided run writes it; the caller holds the run's lock.

    Stopped half-way, it is repeated: shards are removed only after all they know is written.
    """
    folders = run.shard_folders()
    places = {
        p.parent.relative_to(f) for f in folders for p in f.rglob("journal.jsonl") if p.parent != f
    }
    for place in sorted(places):
        videos = VideoFolder(run.root, run.root / place)
        videos.journal.rewrite(videos.records().values())
    for name in sorted({p.name for f in folders for p in f.glob("*.jsonl")}):  # timings, events
        _join_logs(run.root / name, [f / name for f in folders])
    if folders:
        atomic_write(run.root / SHARDS / _FOLDED, "")
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def forget(run: RunFolder) -> None:
    """The run is undivided from here on, and another plan may follow. All at once: a kill leaves no half."""
    folder = run.root / SHARDS
    if folder.exists():
        gone = folder.replace(temporary_path(run.root))
        shutil.rmtree(gone, ignore_errors=True)


def is_merged(root: Path) -> bool:
    """Whether the results of a run are written and no shard is left; what a killed merge left goes."""
    if (root / SHARDS).exists() or not (root / "leaderboard.json").is_file():
        return False
    sweep_dead(root)
    return True


def _join_logs(into: Path, parts: Sequence[Path]) -> None:
    lines = Journal(into, key=None).lines()
    added = [line for part in parts for line in Journal(part, key=None).lines()]
    if added:
        seen = {json.dumps(line, sort_keys=True) for line in lines}
        new = [line for line in added if json.dumps(line, sort_keys=True) not in seen]
        Journal(into, key=None).rewrite([*lines, *new])

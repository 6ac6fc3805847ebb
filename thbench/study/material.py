"""What of a finished run enters a study: entries, clips that all of them have, and whose speech is swapped."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from thbench.api import Clip, UserError
from thbench.controls import CONTROLS, GROUND_TRUTH, HALVES, partners
from thbench.files.atomic import printable
from thbench.files.foreign import read_json, reading
from thbench.results.document import Result
from thbench.results.finished import finished_rows
from thbench.results.row import Row
from thbench.run.folder import CLIPS, Record, RunFolder, VideoFolder
from thbench.video import audio_digest

_CLIPS = 100_000_000


@dataclass(frozen=True)
class Entry:
    """A system, a control or the ground truth. `contestant`: it is compared, not only used in catch trials."""

    name: str
    kind: str
    resolution: int
    contestant: bool
    videos_digest: str
    folder: VideoFolder
    records: Mapping[str, Record]

    def usable(self, clip: str) -> bool:
        """Whether it has a video with sound of this clip."""
        record = self.records.get(clip, {"failure": "not answered"})
        return "failure" not in record and record["audio_digest"] != audio_digest(None)


@dataclass(frozen=True)
class Material:
    """entries: contestants in the order of the tables, then the ground truth where it is not among them.

    clips        chosen ones, in the run's order
    speech       clip -> clip whose speech it gets in a catch trial; only of those that have one
    left_out     why something of the run is not in the study, a line each
    """

    run: Path
    suite: str
    suite_digest: str
    entries: Sequence[Entry]
    clips: Sequence[Clip]
    speech: Mapping[str, str]
    left_out: Sequence[str]

    @property
    def contestants(self) -> list[int]:
        """Indices among the entries."""
        return [i for i, entry in enumerate(self.entries) if entry.contestant]

    @property
    def truth(self) -> int:
        """The index of the ground truth."""
        return next(i for i, e in enumerate(self.entries) if e.name == GROUND_TRUTH)


def material_of(
    run: Path, systems: Sequence[str], with_truth: bool, most: int | None, seed: int
) -> Material:
    """Everything that a study of `run` shows.

    systems     names of systems or controls; empty: every ranked system
    with_truth  the ground truth is compared as well
    most        clips at most, spread over actors; None: all that every entry has

    Raises UserError where the run is not finished, a name is unknown, or fewer than two can be compared.
    """
    rows = finished_rows(run)
    folder = RunFolder(run)
    if not (run / CLIPS).is_file():
        raise UserError(
            f"{printable(run)} is no run folder with its clips", "give a folder of `run`"
        )
    chosen, left_out = _chosen(rows, systems)
    if with_truth and all(row.name != GROUND_TRUTH for row in chosen):
        chosen = [*chosen, _truth(rows)]
    if len(chosen) < 2:
        raise UserError(
            f"{printable(run)} has {len(chosen)} ranked system(s); a study compares two or more",
            "--ground-truth compares with the ground truth, --systems names others",
        )
    entries = [_entry(folder, row.result, True) for row in chosen]
    if all(entry.name != GROUND_TRUTH for entry in entries):
        entries.append(_entry(folder, _truth(rows).result, False))
    every = _clips(run)
    usable = [c for c in every if all(e.usable(c.id) for e in entries)]
    if not usable:
        raise UserError(
            f"{printable(run)}: no clip has a video with sound of every one of "
            f"{', '.join(e.name for e in entries)}",
            "leave one of them out with --systems",
        )
    if len(usable) < len(every):
        left_out.append(
            f"{len(every) - len(usable)} of {len(every)} clips are not shown: not every one of the "
            "compared has a video with sound of them"
        )
    clips = _spread(usable, most, seed)
    suite = rows[0].result.suite
    known = {c.id for c in usable}
    speech = {c: other for c, other in partners(usable).items() if other in known}
    ids = [c.id for c in clips]
    return Material(
        run, suite.name, suite.digest, entries, clips,
        {c: speech[c] for c in ids if c in speech}, left_out,
    )  # fmt: skip


def _chosen(rows: Sequence[Row], names: Sequence[str]) -> tuple[list[Row], list[str]]:
    """Rows to compare, in the order of the tables, and which systems are not and why."""
    if not names:
        systems = [row for row in rows if row.result.system.kind == "system"]
        left_out = [
            f"{row.name} is not ranked: {'; '.join(row.result.unranked_because)}"
            for row in systems
            if not row.result.ranked
        ]
        return [row for row in systems if row.result.ranked], left_out
    found: list[Row] = []
    for name in dict.fromkeys(names):
        fitting = [r for r in rows if r.name == name and name != HALVES]
        if not fitting:
            known = sorted({r.name for r in rows} - {HALVES})
            near = get_close_matches(name, known, n=1, cutoff=0.5)
            remedy = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(known)}"
            raise UserError(f"--systems: the run has no '{name}'", remedy)
        found.append(max(fitting, key=lambda r: r.result.system.resolution))
    return found, []


def _truth(rows: Sequence[Row]) -> Row:
    found = [row for row in rows if row.name == GROUND_TRUTH]
    if not found:
        raise UserError("the run has no ground truth", "run it with its control rows")
    return max(found, key=lambda row: row.result.system.resolution)


def _entry(run: RunFolder, result: Result, contestant: bool) -> Entry:
    system = result.system
    if system.name == GROUND_TRUTH:
        folder = run.references(system.resolution)
    elif system.name in CONTROLS:
        folder = run.control(system.resolution, system.name)
    else:
        folder = run.system(system.name)
    return Entry(
        system.name, system.kind, system.resolution, contestant,
        result.clips.videos_digest, folder, folder.stored(),
    )  # fmt: skip


def _clips(run: Path) -> list[Clip]:
    file, remedy = run / CLIPS, "score the run again"
    data = read_json(file, remedy, _CLIPS)
    with reading(printable(file), remedy):
        return [Clip(str(c["id"]), str(c["actor"]), dict(c.get("labels", {}))) for c in data]


def _spread(clips: Sequence[Clip], most: int | None, seed: int) -> list[Clip]:
    """At most `most` clips, of as many actors as can be, in a seeded choice; in the given order."""
    if most is None or most >= len(clips):
        return list(clips)
    rng = random.Random(f"clips {seed}")  # noqa: S311
    shuffled = list(clips)
    rng.shuffle(shuffled)
    turn: dict[str, int] = {}
    waiting = []
    for clip in shuffled:
        turn[clip.actor] = turn.get(clip.actor, 0) + 1
        waiting.append((turn[clip.actor], clip.id))
    kept = {clip for _, clip in sorted(waiting, key=lambda item: item[0])[:most]}
    return [clip for clip in clips if clip.id in kept]

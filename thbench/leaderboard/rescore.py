"""Score a row's videos again, by the same stages as any run, and compare clip by clip."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

from thbench.api import Engine, UserError
from thbench.environment import Settings
from thbench.files.yamlfile import read_yaml
from thbench.leaderboard.checks import within
from thbench.leaderboard.ground import Ground, in_flags
from thbench.leaderboard.recompute_sets import unlike
from thbench.leaderboard.store import CommittedRow
from thbench.pipeline import run_generate, run_score
from thbench.plugins.discovery import registry
from thbench.results.clips import ClipsTable
from thbench.results.document import Result
from thbench.results.finished import finished_rows, tables_of
from thbench.run.plan import job_for, lacks
from thbench.suite import Suite, benchmarks_folder, build_suite
from thbench.suite.videos import TEMPLATE

TOLERANCE = 0.001
"""Share by which a clip's number may differ on another machine."""


@dataclass(frozen=True)
class Rescored:
    """What came of it: `clips` were scored again of `of`; `sets` says that set metrics were, too."""

    problems: tuple[str, ...]
    clips: int
    of: int
    sets: bool


def rescore(
    row: CommittedRow,
    ground: Ground,
    videos: Path,
    sample: int | None,
    seed: int,
    settings: Settings,
    engine: Engine,
    scratch: Path,
) -> Rescored:
    """Score `sample` random clips (None: all) of a folder of videos and compare them with the row.

    videos   one file per clip, named by its id
    seed     draws the sample: unknown to the submitter before
    scratch  a folder for the run

    Raises UserError where the dataset or a metric is not ready on this machine.
    """
    claimed = [c for c in row.clips.actors if c not in _failed(row)]
    size = len(claimed) if sample is None else min(sample, len(claimed))
    chosen = frozenset(random.Random(seed).sample(sorted(claimed), size))  # noqa: S311  no secret
    suite, settings = _suite_of_videos(row, ground, videos), decoded_as(row, settings)
    if missing := lacks(suite, settings):
        raise UserError(
            f"to score videos again: {in_flags(missing[0].line())}", "then verify again"
        )
    split = replace(ground.split, clips=tuple(c for c in ground.split.clips if c.id in chosen))
    job = job_for(suite, scratch, settings)
    with job.run.locked():
        run_generate(job, split, engine)
        results = run_score(job, split, engine)
        tables = tables_of(finished_rows(job.run.root))[1]
    again, table = results[0], tables[results[0].system.resolution, results[0].system.name]
    found = list(_clips(row, table, sorted(chosen), again))
    found += _copies(row, again)
    found += unlike(row, job.run.system(again.system.name).result_file)
    whole = size == len(claimed) == row.result.clips.n
    if whole:
        found += _sets(row, again)
    if found and len(split.clips) == len(ground.split.clips):
        found += _references(row, again)
    return Rescored(tuple(found), size, row.result.clips.n, whole)


def decoded_as(row: CommittedRow, settings: Settings) -> Settings:
    """The settings with the row's way of decoding colours: other pixels give other numbers."""
    usual = any(s.identity.get("decode") == "ffmpeg-default" for s in row.result.scores.values())
    return replace(settings, decode="ffmpeg-default") if usual else settings


def _copies(row: CommittedRow, again: Result) -> Iterator[str]:
    """Videos that move as the ground truth does, where the row does not say so itself."""
    for clip in sorted({*(again.clips.copies or ())} - {*(row.result.clips.copies or ())}):
        yield f"clip {clip}: its video is a copy of the ground truth's, and the row does not say so"


def _references(row: CommittedRow, again: Result) -> Iterator[str]:
    """Why other numbers came out, maybe: the recordings here are not those of the row."""
    ours, theirs = (r.dataset.references_digest for r in (again, row.result))
    if ours != theirs:
        yield f"the recordings here are other references ({ours[:12]}) than the row's ({theirs[:12]})"


def _failed(row: CommittedRow) -> set[str]:
    record = row.result.clips
    return {c for r in (*record.failures, *record.without_reference) for c in r.clips}


def _suite_of_videos(row: CommittedRow, ground: Ground, videos: Path) -> Suite:
    """The suite with one system, which delivers the videos as they are."""
    template = next(iter(read_yaml(benchmarks_folder() / TEMPLATE).data["systems"].values()))
    system = {
        "generator": template["generator"],
        "resolution": row.result.system.resolution,
        "root": str(videos.absolute()),
        "crop": "none",  # they are the squares that were scored
        "given": row.result.system.given,
    }
    if row.result.clips.trimmed:
        system["length"] = template["length"]
    data = deepcopy(ground.suite.document.data)
    data.update(systems={row.result.system.name: system}, controls=[], resolutions=[])
    return build_suite(replace(ground.suite.document, data=data), registry())


def _clips(
    row: CommittedRow, again: ClipsTable, chosen: Sequence[str], result: Result
) -> Iterator[str]:
    failed = {c: r.reason for r in result.clips.failures for c in r.clips}
    for clip in chosen:
        if clip in failed:
            yield f"clip {clip}: {failed[clip]}"
            continue
        for column in sorted(row.clips.cells.keys() | again.cells.keys()):
            ours, theirs = _cell(again, column, clip), _cell(row.clips, column, clip)
            if not _agree(ours, theirs):
                yield f"clip {clip}, {column}: scored again {ours or 'nothing'}, claimed {theirs or 'nothing'}"


def _cell(table: ClipsTable, column: str, clip: str) -> str:
    cells: Mapping[str, str] = table.cells.get(column, {})
    return cells.get(clip, "")


def _agree(ours: str, theirs: str) -> bool:
    if ours == theirs:
        return True
    try:
        return within(float(theirs), float(ours), TOLERANCE)
    except ValueError:
        return False


def _sets(row: CommittedRow, again: Result) -> Iterator[str]:
    for column, score in sorted(row.result.scores.items()):
        found = _value(again, column)
        if score.set_level and not within(score.value, found, TOLERANCE):
            yield f"{column}: scored again {found!r}, claimed {score.value!r}"


def against(row: CommittedRow, other: Result) -> list[str]:
    """What differs in a result that somebody else's run of the same system gave."""
    ours = row.result
    if (ours.suite.digest, ours.split.digest) != (other.suite.digest, other.split.digest):
        return ["the other run is of another suite or split"]
    return [
        f"{column}: reproduced {found!r}, claimed {score.value!r}"
        for column, score in sorted(ours.scores.items())
        if not within(score.value, found := _value(other, column))
    ]


def _value(result: Result, column: str) -> float | None:
    score = result.scores.get(column)
    return score.value if score else None

"""What was scored, with its provenance, as result documents on disk."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from thbench import controls
from thbench.api import Aggregation, Given, Score, TrainedOn
from thbench.environment import provenance
from thbench.files.atomic import atomic_write
from thbench.files.canonical import digest
from thbench.plugins.discovery import Registered
from thbench.plugins.identity import weights_digest
from thbench.plugins.options import file_digests
from thbench.results import scores as intervals
from thbench.results.document import (
    ClipsRecord,
    DatasetRecord,
    OverRecord,
    PluginRecord,
    Reason,
    Result,
    ScoreRecord,
    SplitRecord,
    SuiteRecord,
    SystemRecord,
    TrainedOnRecord,
    result_text,
)
from thbench.results.ranking import why_unranked
from thbench.run.folder import Record
from thbench.run.job import Job, dataset_of, suite_of, system_of
from thbench.score import framing
from thbench.score.columns import Columns, clips_table, column_identity
from thbench.score.reduce import RowKey, Scored
from thbench.statistics.paired import ACTORS_UNKNOWN
from thbench.suite.split import Split
from thbench.video.edits import EDIT_COPY
from thbench.video.likeness import COPY


def write_results(
    job: Job, columns: Columns, split: Split, scored: Sequence[Scored]
) -> list[Result]:
    """Write result.json and clips.csv of every row; what is measured alike gives the same bytes."""
    results = []
    sizes = {row.entrant.resolution for row in scored}
    references = {size: job.run.references(size).stored() for size in sizes}
    for row in scored:
        size = row.entrant.resolution
        table = clips_table(columns, split, row, _unusable(split, references[size]))
        result = _result(
            job, columns, split, row, scored, references[row.entrant.resolution], table
        )
        atomic_write(row.entrant.folder.clips_file, table)
        _write_framing(row)
        atomic_write(row.entrant.folder.result_file, result_text(result))
        results.append(result)
    return results


def _write_framing(row: Scored) -> None:
    if table := framing.framing_table(row.records):
        atomic_write(row.entrant.folder.path / framing.FILE, table)


def _result(
    job: Job,
    columns: Columns,
    split: Split,
    row: Scored,
    scored: Sequence[Scored],
    references: Mapping[str, Record],
    table: str,
) -> Result:
    suite = suite_of(job)
    system = _system_record(job, row.entrant)
    clips = _clips_record(split, row, _unusable(split, references), table, system.given)
    scores = _scores(job, columns, split, row, scored, clips.n)
    reasons = why_unranked(split.dataset, split.actors, system, clips)
    return Result(
        suite=SuiteRecord(
            name=suite.name,
            digest=suite.digest,
            overrides=suite.overrides,
            primary=suite.primary,
            headline=suite.headline,
            seed=suite.seed,
            identity_frame=str(suite.identity_frame),
        ),
        split=SplitRecord(
            name=split.name,
            digest=split.digest,
            n_clips=len(split.clips),
            n_actors=len(split.actors),
            excluded=dict(split.excluded),
        ),
        dataset=_dataset_record(job, split, references),
        system=system,
        clips=clips,
        scores=scores,
        ranked=not reasons and system.kind == "system",
        unranked_because=tuple(reasons),
        provenance=provenance(job.settings),
    )


def plugin_record(registered: Registered) -> PluginRecord:
    owner = registered.owner
    return PluginRecord(
        name=registered.plugin.name,
        version=registered.plugin.version,
        distribution=owner.distribution,
        distribution_version=owner.version,
        entry_point=owner.entry_point,
        source_digest=registered.source_digest,
    )


def _dataset_record(job: Job, split: Split, references: Mapping[str, Record]) -> DatasetRecord:
    part = suite_of(job).dataset
    seen = [[c.id, references.get(c.id, {}).get("digest")] for c in split.clips]
    return DatasetRecord(
        plugin=plugin_record(part.registered),
        version=dataset_of(job).version,
        options=part.resolved,
        references_digest=digest(seen),
        synthetic=bool(getattr(dataset_of(job), "synthetic", False)),
        actors_unknown=_actors_unknown(job),
    )


def _actors_unknown(job: Job) -> bool:
    return bool(getattr(dataset_of(job), "actors_unknown", False))


def _system_record(job: Job, entrant: RowKey) -> SystemRecord:
    if entrant.kind == "control":
        about = controls.ABOUT[entrant.name]
        return SystemRecord(
            name=entrant.name, kind="control", resolution=entrant.resolution, about=about
        )
    system = system_of(job, entrant.name)
    if system.part is None:
        return SystemRecord(
            name=system.name, kind="system", resolution=system.resolution, given=system.given
        )
    part = system.part
    known = part.registry.weights()
    names = sorted(part.plugin.weights(part.options))
    return SystemRecord(
        name=system.name,
        kind="system",
        resolution=system.resolution,
        about="; ".join(entrant.folder.declared_about()),
        plugin=plugin_record(part.registered),
        options_given={k: str(v) if k not in part.resolved else v for k, v in part.given.items()},
        options=part.resolved,
        files=file_digests(part.plugin, part.options),
        weights={n: weights_digest(n, part.registry) for n in names},
        non_commercial=tuple(n for n in names if n in known and not known[n].commercial),
        oracle=system.oracle,
        environment=entrant.folder.declared_environment(),
        given=system.given,
        trained_on=_trained_on(entrant.folder.declared_training()),
    )


def _trained_on(declared: TrainedOn | None) -> TrainedOnRecord | None:
    if declared is None:
        return None
    return TrainedOnRecord(dataset=declared.dataset, actors=tuple(sorted(declared.actors)))


def _clips_record(
    split: Split, row: Scored, unusable: Mapping[str, str], table: str, given: Given
) -> ClipsRecord:
    if row.entrant.name == controls.HALVES:
        return _no_videos(split, table)
    records = {c.id: row.records.get(c.id, {"failure": "not generated"}) for c in split.clips}
    asked = {clip: r for clip, r in records.items() if clip not in unusable}
    good = [r for r in asked.values() if "failure" not in r]
    failures = [(clip, str(r["failure"])) for clip, r in asked.items() if "failure" in r]
    return ClipsRecord(
        n=len(asked),
        generated=len(good),
        failed=len(failures),
        failures=_reasons(failures),
        without_reference=_reasons(unusable.items()),
        stores=_counted(r.get("store") for r in good),
        tracks=_counted(r.get("track") for r in good),
        trimmed=sum(bool(r.get("trimmed")) for r in good),
        changes=_counted(change for r in good for change in r.get("changes", ())),
        placements=_counted(framing.placements(good)),
        misframed=_reasons(framing.misframed(asked)),
        copies=None if row.entrant.kind == "control" else _copies(good, given),
        table_sha256=hashlib.sha256(table.encode()).hexdigest(),
        videos_digest=digest([r.get("digest") for r in records.values()]),
    )


def _copies(records: Sequence[Record], given: Given) -> tuple[str, ...] | None:
    """Clips whose video is the ground truth's or one made from it; None where one was not compared."""
    if any("likeness" not in r for r in records):
        return None
    copy = EDIT_COPY if given == "recording" else COPY
    return tuple(sorted(r["clip"] for r in records if r["likeness"] >= copy))


def _unusable(split: Split, references: Mapping[str, Record]) -> dict[str, str]:
    """Clips whose reference was tried and failed, and why; one not tried yet is just not generated."""
    found = {c.id: references.get(c.id, {}).get("failure") for c in split.clips}
    return {clip: str(reason) for clip, reason in found.items() if reason is not None}


def _no_videos(split: Split, table: str) -> ClipsRecord:
    """The halves of the references have no videos of their own."""
    n = len(split.clips)
    sha = hashlib.sha256(table.encode()).hexdigest()
    return ClipsRecord(n=n, generated=n, failed=0, table_sha256=sha, videos_digest=digest([]))


def _counted(values: Iterable[str | None]) -> dict[str, int]:
    return dict(sorted(Counter(v for v in values if v is not None).items()))


def _reasons(failures: Iterable[tuple[str, str]]) -> tuple[Reason, ...]:
    """Failures grouped by reason, the most frequent first."""
    clips: dict[str, list[str]] = {}
    for clip, reason in failures:
        clips.setdefault(reason, []).append(clip)
    ordered = sorted(clips.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(Reason(reason=r, count=len(c), clips=tuple(c)) for r, c in ordered)


def _scores(
    job: Job,
    columns: Columns,
    split: Split,
    row: Scored,
    scored: Sequence[Scored],
    n_clips: int,
) -> dict[str, ScoreRecord]:
    truth = _ground_truth(row.entrant.resolution, scored)
    note = ACTORS_UNKNOWN if _actors_unknown(job) else ""
    found = {}
    for column in columns:
        index, name, meaning = column.metric, column.score, column.meaning
        cell = row.cells.get((index, name))
        if cell is None:
            continue
        identity = column_identity(column.part, row.entrant.resolution, job.settings.decode)
        same_span = row.same_span.get((index, name)) if truth else None
        beside = same_span or (truth.cells.get((index, name)) if truth else None)
        over, interval = row.intervals.get((index, name), (None, None))
        failures = [
            (c.id, reason)
            for c in split.clips
            if (reason := row.failures.get((index, c.id)))
            and "failure" not in row.records.get(c.id, {})
        ]
        found[column.name] = ScoreRecord(
            metric=column.part.plugin.name,
            score=name,
            value=cell.value,
            reason=cell.reason,
            notes=cell.notes,
            counts=dict(cell.counts),
            unit=meaning.unit,
            better=meaning.better,
            set_level=meaning.set_level,
            range=_range(meaning),
            over=_over_record(columns, index, over) if over else None,
            n=cell.n,
            of=n_clips,
            distance_from_reference=_distance(cell.value, beside.value if beside else None),
            reference_over_span=same_span.value if same_span else None,
            interval=intervals.with_note(interval, note),
            failures=_reasons(failures),
            identity=identity,
            identity_digest=digest(identity),
        )
    return found


def _over_record(columns: Columns, index: int, over: Aggregation) -> OverRecord:
    return OverRecord(
        column=columns.row(index, over.row),
        statistic=over.statistic,
        absolute=over.absolute,
        at_most=over.at_most,
    )


def _range(meaning: Score) -> tuple[float | None, float | None]:
    """JSON knows no infinity: null is unbounded."""
    low, high = (float(x) if np.isfinite(x) else None for x in meaning.range)
    return low, high


def _ground_truth(resolution: int, scored: Sequence[Scored]) -> Scored | None:
    return next(
        (
            s
            for s in scored
            if s.entrant.name == controls.GROUND_TRUTH
            and s.entrant.kind == "control"
            and s.entrant.resolution == resolution
        ),
        None,
    )


def _distance(value: float | None, truth: float | None) -> float | None:
    if value is None or truth is None:
        return None
    return abs(value - truth)

"""Everything joined: references, deliveries, the same scoring as a run's, and how far each score moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from thbench.api import Engine
from thbench.controls import GROUND_TRUTH
from thbench.engines import serving
from thbench.environment import Settings, apply_threads, provenance
from thbench.files.yamlfile import read_yaml
from thbench.pipeline import Stages, run_stages
from thbench.plugins.discovery import Registry, registry
from thbench.results.document import ScoreRecord
from thbench.results.row import Row, read_row
from thbench.results.sensitivity import (
    ColumnRecord,
    DeliveryRecord,
    Sensitivity,
    SourceRecord,
)
from thbench.run.folder import RunFolder
from thbench.run.job import Job
from thbench.run.plan import job_for
from thbench.sensitivity.make import folder_of, make_deliveries
from thbench.sensitivity.measure import differing, moves_of
from thbench.sensitivity.plan import LOSSLESS
from thbench.sensitivity.sources import Source, check_recordings, system_name
from thbench.suite import Suite, benchmarks_folder, build_suite
from thbench.suite.split import Split
from thbench.suite.videos import TEMPLATE
from thbench.video.delivery import Delivery, encoder_versions, lacking


@dataclass(frozen=True)
class Trial:
    """What is asked: a suite at one size, whose videos, which deliveries.

    lack   metric -> what it lacks, where only what is available was asked for
    """

    suite: Suite
    size: int
    sources: Sequence[Source]
    deliveries: Mapping[str, Delivery]
    out: Path
    settings: Settings
    lack: Mapping[str, str] = field(default_factory=dict)

    @property
    def possible(self) -> dict[str, Delivery]:
        return {n: d for n, d in self.deliveries.items() if not lacking(d)}

    @property
    def unavailable(self) -> dict[str, str]:
        return {n: why for n, d in self.deliveries.items() if (why := lacking(d))}


def references_only(suite: Suite, size: int) -> Suite:
    """The suite without its systems, at one size, with the ground truth as its one control."""
    return replace(suite, systems=(), controls=(GROUND_TRUTH,), also_at=(size,))


def run_trial(trial: Trial, split: Split, engine: Engine) -> Sensitivity:
    """Deliver, score, compare. Continues what an earlier command left; raises UserError as a run does."""
    apply_threads(trial.settings.threads)
    first = _job(trial, references_only(trial.suite, trial.size))
    with serving(engine, first.run.root):
        run_stages(first, split, engine, Stages(score=False))
        for source in trial.sources:
            check_recordings(source, first.run.references(trial.size).stored())
        with first.run.locked():
            clips = [c.id for c in split.clips]
            make_deliveries(first.run, trial.sources, clips, trial.possible, engine)
        job = _job(trial, with_deliveries(trial, first.run, registry()))
        run_stages(job, split, engine, Stages())
    return _document(trial, split, job)


def with_deliveries(trial: Trial, run: RunFolder, known: Registry) -> Suite:
    """The suite with every delivery of every source as a system that is a folder of videos."""
    template = next(iter(read_yaml(benchmarks_folder() / TEMPLATE).data["systems"].values()))
    data: dict[str, Any] = deepcopy(trial.suite.document.data)
    data["systems"] = {
        system_name(source.name, name): {
            **template,
            "resolution": trial.size,
            "root": str(folder_of(run, source.name, name).path / "videos"),
        }
        for source in trial.sources
        for name in (LOSSLESS, *trial.possible)
    }
    data["controls"], data["resolutions"] = [GROUND_TRUTH], [trial.size]
    document = replace(trial.suite.document, data=data)
    document.typed(("systems",), "the deliveries")
    return build_suite(document, known)


def _job(trial: Trial, suite: Suite) -> Job:
    return replace(job_for(suite, trial.out, trial.settings), lacking=dict(trial.lack))


# -- what came out ----------------------------------------------------------------------------------


def _document(trial: Trial, split: Split, job: Job) -> Sensitivity:
    truth = read_row(job.run.control(trial.size, GROUND_TRUTH).result_file)
    rows = {
        (s.name, name): read_row(job.run.system(system_name(s.name, name)).result_file)
        for s in trial.sources
        for name in (LOSSLESS, *trial.possible)
    }
    moves = [
        move
        for (source, name), row in rows.items()
        if name != LOSSLESS
        for move in moves_of(source, name, row, rows[source, LOSSLESS])
    ]
    result = truth.result
    return Sensitivity(
        suite=trial.suite.name,
        suite_digest=trial.suite.digest,
        split_digest=result.split.digest,
        references_digest=result.dataset.references_digest,
        dataset=result.dataset.plugin.name,
        synthetic=result.dataset.synthetic,
        resolution=trial.size,
        n_clips=len(split.clips),
        n_actors=result.split.n_actors,
        sources={s.name: _source(s, rows[s.name, LOSSLESS], truth) for s in trial.sources},
        deliveries={n: _delivery(trial, job.run, n, d) for n, d in trial.possible.items()},
        columns={n: _column(s) for n, s in truth.result.scores.items()},
        moves=tuple(moves),
        unavailable={**trial.unavailable, **trial.lack},
        lost=_lost(trial, job.run),
        provenance={**provenance(trial.settings), "encoders": encoder_versions()},
    )


def _source(source: Source, lossless: Row, truth: Row) -> SourceRecord:
    """The lossless delivery must score what the source did."""
    itself = source.row or truth
    differs = differing(lossless, itself)
    return SourceRecord(
        kind="control" if source.row is None else "system",
        clips=lossless.result.clips.generated,
        unmoved=not differs,
        differs=tuple(differs),
    )


def _delivery(trial: Trial, run: RunFolder, name: str, delivery: Delivery) -> DeliveryRecord:
    rates = {}
    for source in trial.sources:
        found = [
            r["kbps"] for r in folder_of(run, source.name, name).stored().values() if "kbps" in r
        ]
        if found:
            rates[source.name] = round(sum(found) / len(found), 3)
    return DeliveryRecord(
        about=delivery.about, usual=delivery.usual, changes=delivery.changes, kbps=rates
    )


def _column(score: ScoreRecord) -> ColumnRecord:
    return ColumnRecord(
        metric=score.metric,
        unit=score.unit,
        better=score.better,
        set_level=score.set_level,
        identity_digest=score.identity_digest,
    )


def _lost(trial: Trial, run: RunFolder) -> dict[str, dict[str, int]]:
    """System -> reason -> clips that could not be delivered."""
    found: dict[str, dict[str, int]] = {}
    for source in trial.sources:
        for name in (LOSSLESS, *trial.possible):
            records = folder_of(run, source.name, name).records().values()
            reasons = Counter(str(r["failure"]) for r in records if "failure" in r)
            if reasons:
                found[system_name(source.name, name)] = dict(sorted(reasons.items()))
    return found

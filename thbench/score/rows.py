"""One entrant's row while its metrics are reduced, in whichever process: what is asked, and what came back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from thbench import controls
from thbench.run.folder import Record
from thbench.run.job import Job, metric_of, suite_of
from thbench.score.keys import over_span
from thbench.score.numbers import ClipKeys, ClipNumbers
from thbench.score.packing import PackedRow, Packing, RowKeys
from thbench.score.reduce import Reduced, ReduceTask, RowKey, Scored, Side
from thbench.suite.split import Split

REFERENCES = "references"
"""The row of packs that holds the references, which are the ground truth as well."""


@dataclass(frozen=True, eq=False)
class Row:
    """An entrant, its videos and the references of its resolution."""

    entrant: RowKey
    records: Mapping[str, Record]
    references: Mapping[str, Record]

    @property
    def packed(self) -> Sequence[PackedRow]:
        """What holds its numbers: the references, and what is its own."""
        found = [PackedRow(self.entrant.resolution, REFERENCES, self.references, self.references)]
        if self.entrant.name not in (controls.HALVES, controls.GROUND_TRUTH):
            name = f"{self.entrant.kind} {self.entrant.name}"
            found.append(PackedRow(self.entrant.resolution, name, self.records, self.references))
        return found

    def tasks(self, job: Job, packing: Packing) -> Iterator[ReduceTask]:
        """One for each metric that has something to say of this row."""
        own = packing.keys(self.records, self.references)
        reference = packing.keys(self.references, self.references)
        spans = self._spans()
        span = packing.keys(spans, self.references) if spans else None
        packed = self.packed if packing.is_large else ()
        for metric in range(len(suite_of(job).metrics)):
            scores = metric_of(job, metric).scores.values()
            if self.entrant.is_halves and not any(s.set_level for s in scores):
                continue
            yield ReduceTask(
                self.entrant,
                metric,
                tuple(packing.name(metric, row) for row in packed),
                _side(own, metric),
                _side(reference, metric),
                _side(span, metric) if span else None,
            )

    def _spans(self) -> Mapping[str, Record]:
        """The references over the span of each video; empty where every video is as long as its clip."""
        videos = {clip: r["n_frames"] for clip, r in self.records.items() if "failure" not in r}
        whole = {c: r for c, r in self.references.items() if c in videos and "failure" not in r}
        if all(videos[clip] >= reference["n_frames"] for clip, reference in whole.items()):
            return {}
        return {clip: over_span(reference, videos[clip]) for clip, reference in whole.items()}

    def collected(
        self, split: Split, packing: Packing, found: Iterable[tuple[ReduceTask, Reduced]]
    ) -> Scored:
        """The row, of what its tasks gave."""
        scored = Scored(self.entrant, self.records)
        keys = packing.keys(self.records, self.references)
        places: dict[str, int] = {}
        for task, reduced in found:
            index = task.metric
            scored.cells.update({(index, n): cell for n, cell in reduced.cells.items()})
            scored.same_span.update({(index, n): cell for n, cell in reduced.same_span.items()})
            scored.intervals.update({(index, n): of for n, of in reduced.intervals.items()})
            if self.entrant.is_halves:
                continue
            if reduced.without is not None:
                scored.without[index] = reduced.without
            scored.failures.update({(index, c): reason for c, reason in keys.lacking.items()})
            for place, reason in reduced.failures.items():
                scored.failures[index, split.clips[place].id] = reason
            clips = [keys.clips[i].id for i in reduced.observed.tolist()]
            if clips != list(places):  # most metrics of a row have the same clips
                places = {clip: i for i, clip in enumerate(clips)}
            assert reduced.numbers is not None
            scored.rows[index] = ClipNumbers(places, reduced.numbers)
            scored.keys[index] = ClipKeys(places, keys.keys[index][reduced.observed])
        return scored


def _side(keys: RowKeys, metric: int) -> Side:
    return Side(keys.places, keys.keys[metric])

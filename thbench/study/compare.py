"""Metrics of a run beside what people said of its videos: which of them agrees with people.

Every score is turned so that more is better; +1 is the people's order, -1 the opposite one. Only systems of
one resolution are set beside each other, as in tables: a metric's values at two resolutions are two things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from thbench.api import UserError
from thbench.controls import GROUND_TRUTH
from thbench.files.atomic import printable
from thbench.results.document import ScoreRecord
from thbench.results.finished import finished_rows
from thbench.results.row import Row
from thbench.results.scores import clip_values
from thbench.statistics.rank_correlation import FEWEST, Correlation, Kind, of_clusters, of_points
from thbench.statistics.two_way import TwoWayInterval, spread_of, two_way_interval
from thbench.study.document import QuestionResult, StudyResult, Vote
from thbench.tables.headline import headline

Floats: TypeAlias = NDArray[np.float64]
Clips: TypeAlias = Mapping[int, Mapping[str, float]]
"""Entry -> clip -> goodness."""
SEED = 0


@dataclass(frozen=True)
class Beside:
    """One metric's score beside one question.

    systems, systems_kendall   over systems
    videos, videos_kendall     over videos, clips resampled; None of a set's own number
    votes                      share of the votes that chose where the metric's own difference points; None likewise
    """

    question: str
    column: str
    better: str
    systems: Correlation
    systems_kendall: Correlation
    videos: Correlation | None = None
    videos_kendall: Correlation | None = None
    votes: TwoWayInterval | None = None
    n_votes: int = 0

    @property
    def told_by(self) -> list[str]:
        """At which levels something can be concluded: Spearman's interval leaves 0 out."""
        levels = {"systems": self.systems, "videos": self.videos}
        return [name for name, found in levels.items() if found is not None and found.tells]

    @property
    def warning(self) -> str:
        """Why nothing can be concluded at any level; empty where something can."""
        if self.told_by:
            return ""
        videos = "it is a number of the whole set" if self.videos is None else self.videos.doubt
        return f"nothing can be concluded: over systems {self.systems.doubt}; over videos {videos}"


@dataclass(frozen=True)
class Comparison:
    """Every score beside every question; `said`: what is and what is not in it, and why."""

    study: str
    resolution: int
    systems: Sequence[str]
    beside: Sequence[Beside]
    said: Sequence[str]


def compare(run: Path, study: StudyResult, all_columns: bool = False) -> Comparison:
    """Every headline score of the run, or every score, beside every question of the study.

    Raises UserError where the run is not the one the study was made from, or its videos are others now.
    """
    rows = finished_rows(run)
    suite = rows[0].result.suite
    if study.suite_digest != suite.digest:
        raise UserError(
            f"{printable(run)} is not the run that the study was made from", "give that one"
        )
    size, mine, said = _together(rows, study)
    for i, row in mine.items():
        if row.result.clips.videos_digest != study.entries[i].videos_digest:
            raise UserError(
                f"{row.name} of {printable(run)} has other videos than people saw",
                "give the run as it was when the study was made",
            )
    truth = next((r for r in rows if r.key == (GROUND_TRUTH, "control", size)), None)
    columns = _columns(list(mine.values()), suite.primary, suite.headline, all_columns)
    said += [
        f"{q.question}: people gave no scores: {q.note}"
        for q in study.questions
        if all(e.score.value is None for e in q.entries)
    ]
    beside = [
        _beside(question, study, mine, truth, name, score)
        for question in study.questions
        for name, score in columns.items()
    ]
    return Comparison(study.study, size, [row.name for row in mine.values()], beside, said)


def _together(rows: Sequence[Row], study: StudyResult) -> tuple[int, dict[int, Row], list[str]]:
    """Resolution that most entries have (of equally many the larger), rows by number of entry, what is left out."""
    found = {row.key: row for row in rows}
    shown = {i: e for i, e in enumerate(study.entries) if e.contestant}
    held = {
        i: found[e.name, e.kind, e.resolution]
        for i, e in shown.items()
        if (e.name, e.kind, e.resolution) in found
    }
    sizes = [shown[i].resolution for i in held]
    size = max(sorted(set(sizes), reverse=True), key=sizes.count) if sizes else 0
    mine = {i: row for i, row in held.items() if shown[i].resolution == size}
    said = [f"systems of {size} px: {', '.join(row.name for row in mine.values())}"] if mine else []
    if len(mine) < FEWEST:
        said.append(
            f"{len(mine)} systems, fewer than {FEWEST}: what videos and votes tell holds of these alone; whether a "
            "score agrees with people in general cannot be concluded"
        )
    if others := [e.name for i, e in shown.items() if i in held and i not in mine]:
        said.append(f"not set beside them, being of another resolution: {', '.join(others)}")
    if gone := [e.name for i, e in shown.items() if i not in held]:
        said.append(f"shown to people, not in this run: {', '.join(gone)}")
    return size, mine, said


def _columns(
    rows: Sequence[Row], primary: str | None, named: Sequence[str], all_columns: bool
) -> dict[str, ScoreRecord]:
    every: dict[str, ScoreRecord] = {}
    for row in rows:
        for name, score in row.result.scores.items():
            every.setdefault(name, score)
    if all_columns:
        return every
    chosen = headline({n: s.model_dump() for n, s in every.items()}, primary, named)
    return {name: every[name] for name in chosen}


def _beside(
    question: QuestionResult, study: StudyResult, rows: Mapping[int, Row], truth: Row | None,
    name: str, score: ScoreRecord,
) -> Beside:  # fmt: skip
    people: dict[tuple[str, str, int], float | None] = {
        (e.name, e.kind, e.resolution): e.score.value for e in question.entries
    }
    pairs = [
        (goodness, human)
        for row in rows.values()
        if (goodness := _goodness(row.result.scores.get(name))) is not None
        and (human := people.get(row.key)) is not None
    ]
    x, y = (np.array([p[k] for p in pairs], dtype=np.float64) for k in (0, 1))
    beside = Beside(
        question.question,
        name,
        score.better,
        of_points("spearman", x, y),
        of_points("kendall", x, y),
    )
    clips = {i: _clip_goodness(row, truth, name) for i, row in rows.items()}
    if not any(clips.values()):
        return beside
    votes = [v for v in study.votes if v.question == question.question]
    agreed, n_votes = _agreed(votes, clips) if study.form == "2afc" else (None, 0)
    return replace(
        beside,
        videos=_over_videos("spearman", study, votes, clips),
        videos_kendall=_over_videos("kendall", study, votes, clips),
        votes=agreed,
        n_votes=n_votes,
    )


def _goodness(score: ScoreRecord | None) -> float | None:
    """More is better."""
    if score is None or score.value is None:
        return None
    if score.better == "nearer-reference":
        away = score.distance_from_reference
        return None if away is None else -away
    return score.value if score.better == "higher" else -score.value


def _clip_goodness(row: Row, truth: Row | None, name: str) -> dict[str, float]:
    """Clip -> goodness, from the column that the score is made of; empty for a set's own number."""
    score = row.result.scores.get(name)
    if score is None or score.over is None or score.over.column not in row.clips.cells:
        return {}
    mine = _values(row, score)
    if score.better != "nearer-reference":
        sign = 1.0 if score.better == "higher" else -1.0
        return {clip: sign * value for clip, value in mine.items()}
    if truth is None or score.over.column not in truth.clips.cells:
        return {}
    reference = _values(truth, score)
    return {c: -abs(v - reference[c]) for c, v in mine.items() if c in reference}


def _values(row: Row, score: ScoreRecord) -> dict[str, float]:
    assert score.over is not None
    numbers = row.clips.numbers(score.over.column)
    values = clip_values(score.over, list(numbers.values()))
    return dict(zip(numbers, values.tolist(), strict=True))


def _over_videos(
    kind: Kind, study: StudyResult, votes: Sequence[Vote], clips: Clips
) -> Correlation:
    """Over (clip, system): what people said of that video on average, against its own number."""
    told: dict[tuple[str, int], list[float]] = {}
    for vote, entry, value in _said_of(study, votes):
        if vote.clip in clips.get(entry, {}):
            told.setdefault((vote.clip, entry), []).append(value)
    if not told:
        return Correlation(None, None, None, 0, "no votes on videos with a value")
    keys = sorted(told)
    x = np.array([clips[entry][clip] for clip, entry in keys])
    y = np.array([np.mean(told[key]) for key in keys])
    owner = np.unique([clip for clip, _ in keys], return_inverse=True)[1].astype(np.intp)
    return of_clusters(kind, x, y, owner, SEED)


def _said_of(study: StudyResult, votes: Sequence[Vote]) -> Iterator[tuple[Vote, int, float]]:
    """(vote, entry, how good it was found): won 1, tie 1/2, lost 0; or the rating."""
    for vote in votes:
        if study.form == "mos":
            yield vote, vote.first, float(vote.outcome)
        else:
            yield vote, vote.first, 1 - vote.outcome / 2
            yield vote, vote.second, vote.outcome / 2


def _agreed(votes: Sequence[Vote], clips: Clips) -> tuple[TwoWayInterval | None, int]:
    """Votes that are no ties, on pairs the metric tells apart: share of those that it would have cast alike."""
    raters, owners, agreed = [], [], []
    for vote in votes:
        a, b = (clips.get(e, {}).get(vote.clip) for e in (vote.first, vote.second))
        if vote.outcome != 1 and a is not None and b is not None and a != b:
            raters.append(vote.rater)
            owners.append(vote.clip)
            agreed.append((a > b) == (vote.outcome == 0))
    if not agreed:
        return None, 0
    hit = np.array(agreed, dtype=np.float64)

    def share(weights: Floats) -> Floats:
        total = weights.sum(axis=1, keepdims=True)
        return np.asarray(
            np.where(total > 0, weights @ hit[:, None] / np.maximum(total, 1e-300), np.nan)
        )

    numbers = [
        np.unique(np.array(v), return_inverse=True)[1].astype(np.intp) for v in (raters, owners)
    ]
    spread = spread_of(share, numbers[0], numbers[1], SEED)
    return two_way_interval(spread, np.ones(1)), len(agreed)

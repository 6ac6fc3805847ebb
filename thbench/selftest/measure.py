"""Observations -> curves -> findings: each score reduced once per corruption and amount."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from thbench.api import Clip, Metric, Observed, Score
from thbench.files.cache import Entry
from thbench.score.reduce import ObservedSets, reduce_once
from thbench.selftest.judge import Curve, Rule, Verdict, by_damage, declared, judge, slope, spearman
from thbench.selftest.observe import Lost, Seen
from thbench.selftest.plan import CLEAN, Plan

Everything = Mapping[tuple[str, str], Seen]
"""By clip id and corruption."""


@dataclass(frozen=True)
class Reaction:
    """One score under one corruption. An empty score or corruption means all of them.

    `n` of `of` clips were scored at every amount; `lost` counts reasons for observations without value.
    """

    metric: str
    score: str
    corruption: str
    verdict: Verdict
    declared: str = ""
    unit: str = ""
    curve: Curve | None = None
    slope: float | None = None
    spearman: float | None = None
    n: int = 0
    of: int = 0
    lost: Mapping[str, int] = field(default_factory=dict)


def findings_of(
    name: str, index: int, metric: Metric, plan: Plan, clips: Sequence[Clip], seen: Everything
) -> list[Reaction]:
    """Every score of a metric under every corruption; what it raised instead is said once."""
    found: list[Reaction] = []
    raised: dict[str, list[str]] = {}
    for corruption in plan.corruptions:
        measured = _measure(index, metric, plan, corruption, clips, seen)
        if measured.error:
            raised.setdefault(measured.error, []).append(corruption)
            continue
        found += [
            _finding(name, score, corruption, meaning, measured, plan)
            for score, meaning in metric.scores.items()
        ]
    for error, where in raised.items():
        kinds = "" if len(where) == len(plan.corruptions) else ", ".join(where)
        found.append(Reaction(name, "", kinds, Verdict("FAILED", error), of=len(clips)))
    return found + _beyond_the_plan(name, metric, plan, len(clips))


def _finding(
    name: str, score: str, corruption: str, meaning: Score, measured: Measured, plan: Plan
) -> Reaction:
    says = declared(meaning, corruption)
    curve, verdict = _verdict(measured, score, meaning, says, plan)
    points = by_damage(curve, says) if curve else []
    return Reaction(
        metric=name,
        score=score,
        corruption=corruption,
        verdict=verdict,
        declared=says,
        unit=meaning.unit,
        curve=curve,
        slope=slope(points) if points else None,
        spearman=spearman(points) if points else None,
        n=measured.n,
        of=measured.of,
        lost=measured.lost,
    )


def _beyond_the_plan(name: str, metric: Metric, plan: Plan, of: int) -> list[Reaction]:
    """Declarations about corruptions this plan does not know."""
    verdict = Verdict("untested", f"no such corruption; known: {', '.join(plan.corruptions)}")
    return [
        Reaction(name, score, kind, verdict, declared(meaning, kind), meaning.unit, of=of)
        for score, meaning in metric.scores.items()
        for kind in sorted({*meaning.reacts_to, *meaning.ignores} - {*plan.corruptions})
    ]


# -- reducing -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """The scores of one metric by amount, over the same `n` of `of` clips; a text says why there are none."""

    values: Mapping[float, Mapping[str, float] | str]
    n: int
    of: int
    lost: Mapping[str, int]
    error: str = ""


def _measure(
    index: int, metric: Metric, plan: Plan, corruption: str, clips: Sequence[Clip], seen: Everything
) -> Measured:
    """Amounts at which no clip could be scored have no value; else only clips that all have count."""
    table = {
        amount: {c.id: seen[c.id, corruption if amount else CLEAN][index, amount] for c in clips}
        for amount in sorted([0.0, *plan.corruptions[corruption].amounts])
    }
    lost = [e for row in table.values() for e in row.values() if isinstance(e, Lost)]
    counted = {e.reason: sum(o.reason == e.reason for o in lost) for e in lost}
    if unforeseen := [e for e in lost if e.unforeseen]:
        return Measured({}, 0, len(clips), counted, unforeseen[0].reason)
    good = {a: {c for c, e in row.items() if isinstance(e, Entry)} for a, row in table.items()}
    common = set.intersection({c.id for c in clips}, *(ids for ids in good.values() if ids))
    reference = _observed(table[0.0], good[0.0], clips)
    values: dict[float, Mapping[str, float] | str] = {}
    for amount, row in table.items():
        if not good[amount]:
            values[amount] = "no clip could be scored"
            continue
        outcome = reduce_once(metric, ObservedSets(_observed(row, common, clips), reference))
        if isinstance(outcome, str):
            return Measured({}, len(common), len(clips), counted, outcome)
        values[amount] = outcome.rows if outcome.reason is None else outcome.reason
    return Measured(values, len(common), len(clips), counted)


def _observed(
    row: Mapping[str, Entry | Lost], ids: set[str], clips: Sequence[Clip]
) -> list[Observed]:
    entries = [(clip, row[clip.id]) for clip in clips if clip.id in ids]
    return [Observed(c, e.rows, e.arrays) for c, e in entries if isinstance(e, Entry)]


# -- judging --------------------------------------------------------------------------------------


def _verdict(
    measured: Measured, score: str, meaning: Score, says: str, plan: Plan
) -> tuple[Curve | None, Verdict]:
    values = {a: _value(v, score, meaning) for a, v in measured.values.items()}
    if wrong := [v for v in values.values() if isinstance(v, Lost) and v.unforeseen]:
        return None, Verdict("FAILED", wrong[0].reason)
    known = {a: v for a, v in values.items() if not isinstance(v, Lost)}
    reasons = {f"{a:g}": v.reason for a, v in values.items() if isinstance(v, Lost)}
    if 0.0 not in known or len(known) < 2:
        amount, reason = next(iter(reasons.items()))
        return None, Verdict("untested", f"no value at {amount}: {reason}")
    clean = known.pop(0.0)
    curve = Curve(clean, tuple(known), tuple(known.values()))
    verdict = judge(curve, says, Rule(plan.tolerance, plan.slack))
    if reasons:
        words = [w for w in (verdict.why, f"no value at {', '.join(reasons)}") if w]
        return curve, Verdict(verdict.word, "; ".join(words))
    return curve, verdict


def _value(values: Mapping[str, float] | str, score: str, meaning: Score) -> float | Lost:
    """The number, or why there is none; what a metric must never return is `unforeseen`."""
    if isinstance(values, str):
        return Lost(values)
    value = values.get(score)
    if value is None:
        return Lost("the metric returned no value", unforeseen=True)
    low, high = meaning.range
    if not low <= value <= high or not math.isfinite(value):
        return Lost(f"{value!r} is outside the metric's range {low}..{high}", unforeseen=True)
    return value

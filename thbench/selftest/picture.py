"""What a self-test found, as one picture of small charts."""

from __future__ import annotations

from thbench.charts.plots import PALETTE, Series, chart_grid, line_chart
from thbench.selftest.measure import Reaction
from thbench.selftest.trial import TrialOutcome

_COLOURS = {
    "ok": PALETTE[2],
    "FAILED": PALETTE[1],
    "undeclared": PALETTE[0],
    "unaffected": "#9A9A9A",
}


def as_svg(outcome: TrialOutcome) -> str:
    """Small multiples: one row per score, one column per corruption, the clean value dashed."""
    kinds = list(outcome.plan.corruptions)
    rows: dict[tuple[str, str], dict[str, Reaction]] = {}
    for found in outcome.findings:
        if found.curve is not None:
            rows.setdefault((found.metric, found.score), {})[found.corruption] = found
    return chart_grid(
        [[_chart(row.get(kind)) for kind in kinds] for row in rows.values()],
        width=176,
        height=112,
        title=f"Self-test of metrics, {len(outcome.clips)} clips: {_legend()}",
        row_labels=[_row_label(metric, score) for metric, score in rows],
        column_labels=kinds,
    )


def _row_label(metric: str, score: str) -> str:
    name, _, variant = metric.partition("@")
    return "\n".join(
        [score, *([name] if name != score else []), *([f"@{variant}"] if variant else [])]
    )


def _legend() -> str:
    return "green as declared, orange not, blue reacts undeclared, grey unaffected; dashed: clean"


def _chart(found: Reaction | None) -> str:
    if found is None:
        return ""
    points = found.curve.points if found.curve else []
    line = Series(
        f"{found.metric} {found.score} {found.corruption}",
        [x for x, _ in points],
        [y for _, y in points],
        colour=_COLOURS.get(found.verdict.word, ""),
    )
    return line_chart(
        [line], width=172, height=108, level=found.curve.clean if found.curve else None
    )

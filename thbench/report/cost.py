"""Quality over cost: each score against the measured seconds per frame, systems of one resolution in one plot."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from thbench.charts.axes import Plot, axis_labels, frame, known, range_of, tick_text, ticks
from thbench.charts.plots import PALETTE
from thbench.charts.svg import FAINT, GRID, INK, LETTER, line, mark, svg, text
from thbench.report.run_data import ReportData, ReportRow
from thbench.report.speed import Speed, speeds
from thbench.tables.markdown import ARROWS

WIDTH, HEIGHT, SIZE = 400, 270, 11


@dataclass(frozen=True)
class Point:
    """One system: what a frame costs in seconds, its value with the ends of its interval, and what draws it."""

    system: str
    generator: str
    seconds: float
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Cost:
    """The plots of one resolution, by column."""

    resolution: int
    plots: dict[str, str]


def costs(material: ReportData) -> list[Cost]:
    """Of every resolution where two systems have a cost and a score in common."""
    known_speeds = {s.stage: s for s in speeds(material)}
    found = []
    for size in material.resolutions:
        plots = {}
        for column, score in material.columns.items():
            points = list(_points(material, size, column, known_speeds))
            if len(points) > 1:
                title = f"{column} {ARROWS[score.better]}"
                level = _level(points, material.truth(size), column)
                plots[column] = cost_chart(points, title, score.unit, level)
        if plots:
            found.append(Cost(size, plots))
    return found


def _points(
    material: ReportData, size: int, column: str, known_speeds: dict[str, Speed]
) -> Iterator[Point]:
    for _, entrant in material.at(size):
        cost = _seconds_per_frame(known_speeds.get(f"generate {entrant.name}"))
        score = entrant.scores.get(column)
        if cost is None or score is None or score.value is None:
            continue
        ends = score.interval
        low, high = (ends.low, ends.high) if ends else (None, None)
        yield Point(entrant.name, _generator(entrant), cost, score.value, low, high)


def _level(points: Sequence[Point], truth: ReportRow | None, column: str) -> float | None:
    """The ground truth's value; None where it is no target and so far off that it would flatten the rest."""
    score = truth.scores.get(column) if truth else None
    if score is None or score.value is None or score.better == "nearer-reference":
        return score.value if score else None
    values = [v for p in points for v in (p.value, p.low, p.high) if known(v)]
    low, high = min(values), max(values)
    near = low - (high - low) <= score.value <= high + (high - low)
    return score.value if near else None


def _seconds_per_frame(speed: Speed | None) -> float | None:
    rate = speed.frames_per_second if speed else None
    return 1 / rate if rate else None


def _generator(entrant: ReportRow) -> str:
    plugin = entrant.result.system.plugin
    return plugin.name if plugin else entrant.name


def cost_chart(points: Sequence[Point], title: str, y_label: str, level: float | None) -> str:
    """An <svg>: seconds per frame to the right, logarithmic; `level` is the ground truth, dashed.

    Systems of one generator share a colour and, in the order of cost, a line.
    """
    ordered = sorted(points, key=lambda p: (p.seconds, p.system))
    y_range = range_of([v for p in ordered for v in (p.value, p.low, p.high)] + [level], 0.12)
    assert y_range is not None
    y_ticks = ticks(*y_range, 5)
    left = 24 + max(len(tick_text(t)) for t in y_ticks) * SIZE * LETTER
    plot = Plot(left, 30, WIDTH - left - 14, HEIGHT - 30 - 40, _decades(ordered), y_range)
    parts = [*frame(plot, (), y_ticks, SIZE), *_seconds(plot)]
    parts += axis_labels(plot, "seconds per frame", y_label, SIZE)
    if known(level):
        y = plot.py(level)
        parts.append(line((plot.left, y), (plot.left + plot.width, y), FAINT, "stroke-dasharray='4 3'"))  # fmt: skip
    for i, generator in enumerate(dict.fromkeys(p.generator for p in ordered)):
        parts += _drawn([p for p in ordered if p.generator == generator], plot, i)
    return svg(WIDTH, HEIGHT, title, [*parts, *_labels(ordered, plot)])


def _decades(points: Sequence[Point]) -> tuple[float, float]:
    """Ends of the axis as logarithms, with some air; at least a factor of four apart."""
    logs = [math.log10(p.seconds) for p in points]
    middle, half = (min(logs) + max(logs)) / 2, (max(logs) - min(logs)) / 2
    half = max(1.3 * half, math.log10(4) / 2)
    return middle - half, middle + half


def _seconds(plot: Plot) -> list[str]:
    """1, 2 and 5 of each decade, and fewer where they would not fit."""
    low, high = plot.x
    digits = (1, 2, 5) if high - low < 2.2 else (1,)
    parts, base = [], plot.top + plot.height
    for power in range(math.floor(low), math.ceil(high) + 1):
        for digit in digits:
            x = plot.px(power + math.log10(digit))
            if plot.left <= x <= plot.left + plot.width:
                parts.append(line((x, plot.top), (x, base), GRID))
                words = f"{digit * 10.0**power:.6g}"
                parts.append(text(x, base + SIZE + 4, words, SIZE, "middle", FAINT))
    return parts


def _drawn(points: Sequence[Point], plot: Plot, index: int) -> list[str]:
    colour, places = PALETTE[index % len(PALETTE)], [_place(p, plot) for p in points]
    parts = [line(a, b, colour) for a, b in pairwise(places)]
    for point, (x, y) in zip(points, places, strict=True):
        if known(point.low) and known(point.high):
            parts.append(line((x, plot.py(point.low)), (x, plot.py(point.high)), colour))
        tip = f"{point.system}: {point.value:.6g}, {point.seconds:.4g} s per frame"
        parts.append(mark(index, x, y, colour, tip))
    return parts


def _place(point: Point, plot: Plot) -> tuple[float, float]:
    return plot.at(math.log10(point.seconds), point.value)


Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def _labels(points: Sequence[Point], plot: Plot) -> list[str]:
    """Names next to their marks, where they cover neither a mark nor each other; above, if nowhere."""
    taken: list[Box] = [(x - 4, y - 4, x + 4, y + 4) for x, y in (_place(p, plot) for p in points)]
    parts = []
    for point in points:
        box = _free(_around(point, plot), taken, plot)
        taken.append(box)
        parts.append(text(box[0], box[3] - 2, point.system, SIZE - 1, "start", INK))
    return parts


def _around(point: Point, plot: Plot) -> Iterator[Box]:
    (x, y), wide, high = _place(point, plot), len(point.system) * SIZE * LETTER, SIZE
    places = [(x + 7, y - high - 2), (x + 7, y + 3), (x - wide - 7, y - high - 2),
              (x - wide - 7, y + 3), (x - wide / 2, y - high - 6), (x - wide / 2, y + 7)]  # fmt: skip
    for left, top in places:
        yield left, top, left + wide, top + high


def _free(boxes: Iterator[Box], taken: Sequence[Box], plot: Plot) -> Box:
    tried = [b for b in boxes if b[0] >= plot.left - 2 and b[2] <= WIDTH]
    clear = [
        b
        for b in tried
        if plot.top - 8 <= b[1]
        and b[3] <= plot.top + plot.height
        and not any(b[0] < t[2] and t[0] < b[2] and b[1] < t[3] and t[1] < b[3] for t in taken)
    ]
    return (clear or tried or [(plot.left, plot.top, WIDTH, plot.top + SIZE)])[0]

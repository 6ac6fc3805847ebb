"""Small charts as inline SVG: no library, no script, legible on paper and on a screen.

Colours are those of Okabe and Ito, told apart by every kind of colour vision; series differ in the
shape of their marks as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

from thbench.charts.axes import Plot, axis_labels, frame, known, range_of, tick_text, ticks
from thbench.charts.svg import (
    FAINT,
    INK,
    LETTER,
    coordinate,
    line,
    mark,
    safe,
    shortened,
    svg,
    text,
)

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5A5A5A")
DASHES = ("", *(f" stroke-dasharray='{d}'" for d in ("7 3", "2 2", "9 3 2 3")))
"""Of fine curves, by the number of the series."""


@dataclass(frozen=True)
class Series:
    """One line. A y that is None or not finite leaves a gap; `low` and `high` are ends of whiskers.

    `fine` is a curve through many points: dashes instead of marks tell it from others, and `low` and
    `high` are the edges of a band.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    colour: str = ""
    fine: bool = False


@dataclass(frozen=True)
class IntervalMark:
    """One row of an interval chart: a value with the ends of its interval, where there are any."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    colour: str = ""
    note: str = ""


def line_chart(
    series: Sequence[Series],
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    width: int = 420,
    height: int = 260,
    level: float | None = None,
    background: str = "",
) -> str:
    """An <svg> of one or several lines with marks; `level` is a dashed line to compare with.

    A legend stands below the plot where there are several series. Without any finite value the
    picture says so.
    """
    size = 11
    legend = _legend(
        [(s.label, _colour(s.colour, i), s.fine) for i, s in enumerate(series)], width, size
    )
    ys = [v for s in series for v in (*s.y, *s.low, *s.high)]
    y_range = range_of([*ys, level])
    x_range = range_of([v for s in series for v in s.x], margin=0.03)
    if y_range is None or x_range is None or not any(known(v) for s in series for v in s.y):
        return svg(
            width,
            height,
            title,
            [text(width / 2, height / 2, "no value", size, "middle", FAINT)],
            background,
        )
    y_ticks = ticks(*y_range, 3 + height // 120)
    left = 8 + max(len(tick_text(t)) for t in y_ticks) * size * LETTER + (16 if y_label else 0)
    bottom = 20 + (15 if x_label else 0) + legend.height
    top = 30 if title else 10
    plot = Plot(left, top, width - left - 12, height - top - bottom, x_range, y_range)
    x_ticks = ticks(*x_range, max(2, int(plot.width // 55)))
    parts = [*frame(plot, x_ticks, y_ticks, size), *axis_labels(plot, x_label, y_label, size)]
    if known(level):
        a, b = plot.at(x_range[0], level), plot.at(x_range[1], level)
        parts.append(line(a, b, FAINT, "stroke-dasharray='4 3'"))
    for i, one in enumerate(series):
        parts += _drawn(one, plot, _colour(one.colour, i), i)
    parts += legend.placed(height - legend.height + 4)
    return svg(width, height, title, parts, background)


def notice(title: str, words: str, width: int, height: int) -> str:
    """An <svg> in a chart's place that says why there is none."""
    lines = wrap(words, max(8, int((width - 24) / (11 * LETTER))))
    top = height / 2 - 7 * (len(lines) - 1)
    parts = [
        text(width / 2, top + 14 * i, each, 11, "middle", FAINT) for i, each in enumerate(lines)
    ]
    return svg(width, height, title, parts)


def interval_chart(
    rows: Sequence[IntervalMark],
    *,
    title: str = "",
    x_label: str = "",
    width: int = 420,
    level: float | None = None,
) -> str:
    """An <svg> with one dot and whisker per row, labels to the left; `level` is a dashed upright line."""
    size, step = 12, 22
    top, bottom = (28 if title else 8), 22 + (15 if x_label else 0)
    height = top + step * max(len(rows), 1) + bottom
    x_range = range_of([*(v for r in rows for v in (r.value, r.low, r.high)), level])
    if x_range is None:
        return svg(
            width, height, title, [text(width / 2, height / 2, "no value", size, "middle", FAINT)]
        )
    room = min(max((len(r.label) for r in rows), default=0) * size * LETTER + 14, width / 2)
    plot = Plot(room, top, width - room - 14, height - top - bottom, x_range)
    x_ticks = ticks(*x_range, max(2, int(plot.width // 60)))
    parts = [*frame(plot, x_ticks, (), size - 1), *axis_labels(plot, x_label, "", size - 1)]
    if known(level):
        parts.append(line(plot.at(level, 0), plot.at(level, 1), FAINT, "stroke-dasharray='4 3'"))
    for i, row in enumerate(rows):
        parts += _interval(row, plot, top + step * (i + 0.5), size)
    return svg(width, height, title, parts)


def chart_grid(
    charts: Sequence[Sequence[str]],
    *,
    width: int,
    height: int,
    title: str = "",
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
) -> str:
    """Charts of equal size, row by row, as one <svg>; an empty text leaves its place empty.

    A row label may have several lines.
    """
    size, step = 12, 15
    longest = max((len(t) for label in row_labels for t in label.split("\n")), default=0)
    left = longest * size * 1.15 * LETTER + 16 if longest else 8  # bold letters are wider
    top = (30 if title else 8) + (20 if column_labels else 0)
    columns = max((len(row) for row in charts), default=0)
    parts = [
        text(left + (c + 0.5) * width, top - 7, label, size, "middle", INK, "bold")
        for c, label in enumerate(column_labels)
    ]
    for r, row in enumerate(charts):
        for i, words in enumerate((row_labels[r] if row_labels else "").split("\n")):
            y = top + r * height + 26 + i * step
            parts.append(text(8, y, words, size, "start", FAINT if i else INK, "" if i else "bold"))
        for c, chart in enumerate(row):
            place = f"translate({coordinate(left + c * width)} {coordinate(top + r * height)})"
            parts.append(f"<g transform='{place}'>{chart}</g>" if chart else "")
    return svg(
        round(left + columns * width + 8), top + len(charts) * height + 8, title, parts, "#FFFFFF"
    )


# -- drawing ----------------------------------------------------------------------------------------


def _drawn(series: Series, plot: Plot, colour: str, index: int) -> list[str]:
    """Whiskers, then the line in pieces between gaps, then marks with their exact values."""
    if series.fine:
        return [*_band(series, plot, colour), *_curve(series, plot, colour, index)]
    parts = []
    for x, low, high in zip(series.x, series.low, series.high, strict=False):
        if known(low) and known(high):
            parts += _whisker(plot.px(x), plot.py(low), plot.py(high), colour)
    for piece in _pieces(series):
        path = " ".join(_place(plot, *p) for p in piece)
        parts.append(
            f"<polyline points='{path}' fill='none' stroke='{escape(colour)}' stroke-width='1.8'/>"
        )
        for x, y in piece:
            tip = (
                f"{series.label}: {tick_text(x)}, {y:.6g}"
                if series.label
                else f"{tick_text(x)}, {y:.6g}"
            )
            parts.append(mark(index, *plot.at(x, y), colour, tip))
    return parts


def _band(series: Series, plot: Plot, colour: str) -> list[str]:
    """Between `low` and `high`, in pieces between gaps."""
    if not series.low or not series.high:
        return []
    parts = []
    lows, highs = (_pieces(Series("", series.x, edge)) for edge in (series.low, series.high))
    for low, high in zip(lows, highs, strict=True):
        corners = " ".join(_place(plot, *p) for p in (*low, *reversed(high)))
        parts.append(f"<polygon points='{corners}' fill='{escape(colour)}' fill-opacity='0.13'/>")
    return parts


def _curve(series: Series, plot: Plot, colour: str, index: int) -> list[str]:
    dashes = DASHES[index % len(DASHES)]
    return [
        f"<polyline points='{' '.join(_place(plot, *p) for p in piece)}' fill='none' "
        f"stroke='{escape(colour)}' stroke-width='1.8'{dashes}><title>{safe(series.label)}</title></polyline>"
        for piece in _pieces(series)
    ]


def _place(plot: Plot, x: float, y: float) -> str:
    return f"{coordinate(plot.px(x))},{coordinate(plot.py(y))}"


def _pieces(series: Series) -> list[list[tuple[float, float]]]:
    pieces: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(series.x, series.y, strict=True):
        if known(y):
            pieces[-1].append((x, y))
        elif pieces[-1]:
            pieces.append([])
    return [p for p in pieces if p]


def _whisker(x: float, low: float, high: float, colour: str) -> list[str]:
    caps = [line((x - 3, y), (x + 3, y), colour) for y in (low, high)]
    return [line((x, low), (x, high), colour), *caps]


def _interval(row: IntervalMark, plot: Plot, y: float, size: int) -> list[str]:
    label = shortened(row.label, (plot.left - 14) / (size * LETTER))
    parts = [text(plot.left - 8, y + 4, label, size, "end", INK)]
    colour = row.colour or PALETTE[0]
    if known(row.low) and known(row.high):
        a, b = plot.px(row.low), plot.px(row.high)
        parts.append(line((a, y), (b, y), colour, "stroke-width='2'"))
        parts += [line((x, y - 4), (x, y + 4), colour) for x in (a, b)]
    if known(row.value):
        tip = f"{row.label}: {row.value:.6g}{f' {row.note}' if row.note else ''}"
        parts.append(mark(0, plot.px(row.value), y, colour, tip))
    else:
        parts.append(text(plot.left + 6, y + 4, row.note or "no value", size - 1, "start", FAINT))
    return parts


@dataclass(frozen=True)
class _Legend:
    """Names of series in rows that fit the width."""

    entries: Sequence[tuple[str, str, bool, float, int]]
    height: int
    size: int

    def placed(self, top: float) -> list[str]:
        parts = []
        for i, (label, colour, fine, x, row) in enumerate(self.entries):
            y = top + 16 * row + 6
            thick = f"stroke-width='1.8'{DASHES[i % len(DASHES)]}"
            parts.append(
                line((x - 4, y), (x + 11, y), colour, thick)
                if fine
                else mark(i, x + 5, y, colour, label)
            )
            parts.append(text(x + 14, y + 4, label, self.size, "start", INK))
        return parts


def _legend(names: Sequence[tuple[str, str, bool]], width: int, size: int) -> _Legend:
    if len(names) < 2:
        return _Legend((), 0, size)
    entries, x, row = [], 8.0, 0
    for name, colour, fine in names:
        label = shortened(name, (width - 30) / (size * LETTER))
        wide = 14 + len(label) * size * LETTER + 14
        if x > 8 and x + wide > width:
            x, row = 8.0, row + 1
        entries.append((label, colour, fine, x, row))
        x += wide
    return _Legend(entries, 16 * (row + 1) + 4, size)


def _colour(given: str, index: int) -> str:
    return given or PALETTE[index % len(PALETTE)]

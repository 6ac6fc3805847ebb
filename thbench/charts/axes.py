"""Axes of charts: where data lands, round numbers to write next to it, grid and labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from thbench.charts.svg import FAINT, GRID, INK, LETTER, coordinate, line, shortened, text

_SMALLEST = 8.0
"""Height of letters that can still be read."""


@dataclass(frozen=True)
class Plot:
    """Where data lands on the picture."""

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float] = (0.0, 1.0)

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.px(x), self.py(y)

    def px(self, x: float) -> float:
        return self.left + self.width * (x - self.x[0]) / (self.x[1] - self.x[0])

    def py(self, y: float) -> float:
        return self.top + self.height * (self.y[1] - y) / (self.y[1] - self.y[0])


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers (1, 2, 2.5 or 5 times a power of ten) between `low` and `high`, about `most`, at least two."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    rough = span / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    rising = [power * m for m in (0.25, 0.5, 1, 2, 2.5, 5, 10)]
    fitting = next(i for i, step in enumerate(rising) if step >= rough * (1 - 1e-9))
    found: list[float] = []
    while len(found) < 2 and fitting >= 0:  # one number alone says nothing about the scale
        step = rising[fitting]
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        found = [float(f"{i * step:.12g}") + 0.0 for i in range(first, last + 1)]
        fitting -= 1
    return found


def tick_text(value: float) -> str:
    """Short and plain: four digits, no exponent for everyday sizes."""
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.2g}"
    return f"{value:.4g}"


def range_of(values: Sequence[float | None], margin: float = 0.08) -> tuple[float, float] | None:
    """Lowest and highest with some air; None where no value is finite."""
    finite = [float(v) for v in values if known(v)]
    if not finite:
        return None
    low, high = min(finite), max(finite)
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # a still line lies in the middle
        air = 0.1 * abs(low) or 1.0
        return low - air, high + air
    return low - margin * (high - low), high + margin * (high - low)


def known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def frame(plot: Plot, x_ticks: Sequence[float], y_ticks: Sequence[float], size: int) -> list[str]:
    """Grid, ticks and their numbers."""
    base, parts = plot.top + plot.height, []
    for t in y_ticks:
        y = plot.py(t)
        parts.append(line((plot.left, y), (plot.left + plot.width, y), GRID))
        parts.append(text(plot.left - 5, y + size * 0.35, tick_text(t), size, "end", FAINT))
    for t in x_ticks:
        x = plot.px(t)
        upright = ((x, plot.top), (x, base)) if not y_ticks else ((x, base), (x, base + 3))
        parts.append(line(*upright, GRID if not y_ticks else FAINT))
        parts.append(text(x, base + size + 4, tick_text(t), size, "middle", FAINT))
    parts.append(line((plot.left, base), (plot.left + plot.width, base), FAINT))
    return parts


def axis_labels(plot: Plot, x_label: str, y_label: str, size: int) -> list[str]:
    """Labels of both axes, smaller and at last cut where they would leave the picture."""
    parts = []
    if x_label:
        middle = plot.left + plot.width / 2
        words, fitted = _fitted(
            x_label, 2 * min(middle, plot.left + plot.width + 10 - middle), size
        )
        at = middle, plot.top + plot.height + 2 * size + 9
        parts.append(text(*at, words, fitted, "middle", INK))
    if y_label:
        x, y = 12.0, plot.top + plot.height / 2
        words, fitted = _fitted(y_label, 2 * y, size)
        turned = f"transform='rotate(-90 {coordinate(x)} {coordinate(y)})'"
        parts.append(text(x, y, words, fitted, "middle", INK, extra=turned))
    return parts


def _fitted(words: str, room: float, size: int) -> tuple[str, float]:
    """The words and the size at which they fit into `room`."""
    fitted = min(float(size), room / max(len(words) * LETTER, 1))
    if fitted >= _SMALLEST:
        return words, fitted
    return shortened(words, room / (_SMALLEST * LETTER)), _SMALLEST

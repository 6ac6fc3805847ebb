"""A curve and a declaration -> a verdict. Pure functions of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from thbench.api import Score

EXACT = 1e-9
"""Values closer than this, relative to the larger, are the same."""

Word: TypeAlias = Literal["ok", "FAILED", "undeclared", "unaffected", "untested"]
"""ok: as declared. FAILED: not as declared. undeclared: reacts, which is not declared. unaffected: neither
reacts nor declares. untested: there is no curve to judge."""


@dataclass(frozen=True)
class Verdict:
    word: Word
    why: str = ""


@dataclass(frozen=True)
class Curve:
    """A score against the amount of one corruption; `clean` is its value without."""

    clean: float
    amounts: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def points(self) -> list[tuple[float, float]]:
        """(amount, value) by amount, the clean clip included as amount 0."""
        return sorted([(0.0, self.clean), *zip(self.amounts, self.values, strict=True)])

    def sides(self) -> list[list[tuple[float, float]]]:
        """The points from the clean clip outwards, per sign of the amount: damage grows along each."""
        positive = [p for p in self.points if p[0] >= 0]
        negative = [p for p in reversed(self.points) if p[0] <= 0]
        return [side for side in (positive, negative) if len(side) > 1]


@dataclass(frozen=True)
class Rule:
    """What counts as proof; see `Plan`."""

    tolerance: float = 0.5
    slack: float = 0.02


def declared(score: Score, corruption: str) -> str:
    """`+`, `-`, `=n`, `ignored`, or empty where nothing is declared; both at once is `+, ignored`."""
    words = [score.reacts_to.get(corruption, ""), "ignored" if corruption in score.ignores else ""]
    return ", ".join(w for w in words if w)


def judge(curve: Curve, declaration: str, rule: Rule) -> Verdict:
    """Whether the curve is as declared."""
    if declaration in ("+", "-"):
        return _monotone(curve, declaration, rule.slack)
    if declaration.startswith("="):
        return _on_the_line(curve, declaration, rule.tolerance)
    if declaration == "ignored":
        return _unmoved(curve)
    if declaration:
        return Verdict("FAILED", f"declares '{declaration}', which is none of +, -, =n and ignored")
    moved = [a for a, v in curve.points if not same(v, curve.clean)]
    return Verdict("undeclared", _how(curve)) if moved else Verdict("unaffected")


def same(a: float, b: float) -> bool:
    return abs(a - b) <= EXACT * max(abs(a), abs(b))


def _monotone(curve: Curve, sign: str, slack: float) -> Verdict:
    """Along each side no step against `sign`, and the end beyond the clean value."""
    factor = 1.0 if sign == "+" else -1.0
    for side in curve.sides():
        amounts, values = zip(*side, strict=True)
        steps = factor * np.diff(values)
        allowed = slack * float(np.ptp(values))
        if same(values[-1], values[0]) or factor * (values[-1] - values[0]) < 0:
            return Verdict(
                "FAILED", f"{values[0]:.4g} when clean, {values[-1]:.4g} at {amounts[-1]:g}"
            )
        if steps.min() < -allowed:
            at = int(steps.argmin())
            back = (
                f"{values[at]:.4g} at {amounts[at]:g}, {values[at + 1]:.4g} at {amounts[at + 1]:g}"
            )
            return Verdict("FAILED", f"turns back: {back}")
    return Verdict("ok")


def _on_the_line(curve: Curve, declaration: str, tolerance: float) -> Verdict:
    try:
        step = float(declaration[1:])
    except ValueError:
        return Verdict("FAILED", f"declares '{declaration}', whose number cannot be read")
    off = {a: v - curve.clean - step * a for a, v in curve.points}
    worst = max(off, key=lambda a: abs(off[a]))
    if abs(off[worst]) <= tolerance * abs(step):
        return Verdict("ok", f"at most {abs(off[worst]):.2g} off")
    return Verdict("FAILED", f"{off[worst]:+.3g} off the line at {worst:g}")


def _unmoved(curve: Curve) -> Verdict:
    for amount, value in curve.points:
        if not same(value, curve.clean):
            return Verdict("FAILED", f"{curve.clean!r} when clean, {value!r} at {amount:g}")
    return Verdict("ok")


def _how(curve: Curve) -> str:
    """In which direction and how far it moves where nothing is declared."""
    words = {"+": "grows", "-": "falls"}
    signs = [s for s in words if _monotone(curve, s, slack=0.02).word == "ok"]
    direction = words[signs[0]] if signs else "moves, not in one direction"
    furthest = max(curve.values, key=lambda v: abs(v - curve.clean))
    return f"{direction}: {curve.clean:.4g} to {furthest:.4g}"


# -- measures shown in the table --------------------------------------------------------------------


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Change per unit of the amount, by least squares; 0 for values that are the same but for rounding."""
    x, y = np.array(points, dtype=np.float64).T
    if same(y.min(), y.max()):
        return 0.0
    return float(np.polynomial.polynomial.polyfit(x, y, 1)[1])


def spearman(points: Sequence[tuple[float, float]]) -> float | None:
    """Rank correlation of amount and value; None where either stands still."""
    from scipy.stats import spearmanr

    x, y = np.array(points, dtype=np.float64).T
    if np.ptp(x) == 0 or same(y.min(), y.max()):
        return None
    return float(spearmanr(x, y).statistic)


def by_damage(curve: Curve, declaration: str) -> list[tuple[float, float]]:
    """Points to measure on: against the signed amount for `=n`, else against its size."""
    if declaration.startswith("="):
        return curve.points
    return [(abs(a), v) for a, v in curve.points]

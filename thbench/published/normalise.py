"""Numbers from papers on this suite's scale, and where there is no such thing.

The paper puts its Diffused Heads row on its own scale "by the ratio of the respective ground truth"
(table 3): x * GT_here / GT_there. That means something only where all three numbers measure the same
quantity in the same unit, 0 means "none of it", and neither ground truth is 0. Everything else is
refused, with the reason as text for the cell. Distance from the ground truth is defined for every
metric and needs no such rule: `distance_from_reference`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from thbench.api import Score

Scale: TypeAlias = Literal["ratio", "distance", "signed", "logarithmic", "unknown"]
"""What 0 means: none of the quantity (ratio), the ground truth itself (distance: FID, LPIPS), a point
in the middle (signed), or nothing (the rest)."""

NOTHING = 1e-6
"""A ground truth below this share of the value is 0 but for rounding, as a measured FID of 1e-9 is."""

_NOT_RATIO: dict[Scale, str] = {
    "distance": "a distance from the ground truth, whose own is 0: nothing to scale by",
    "signed": "a signed quantity: its ratio to the ground truth says nothing",
    "logarithmic": "a logarithmic quantity: decibels differ, they have no ratio",
    "unknown": "it is not known whether 0 means none of the quantity",
}


@dataclass(frozen=True)
class Quantity:
    """One number and where it comes from.

    unit        as in `Score.unit`, empty for a pure number; None where the source does not say
    source      who measured it: a paper's key, a result file, this suite
    resolution  pixels the metric saw; None where unknown
    identity    the column's identity; None where the source does not say how it was measured
    printed     the digits as printed, which bound what was rounded away; None for a measured number
    """

    value: float
    unit: str | None
    source: str
    resolution: int | None = None
    identity: str | None = None
    printed: str | None = None

    @property
    def rounding(self) -> tuple[float, float]:
        """Smallest and largest number that prints like this one; the number itself if measured."""
        return (self.value, self.value) if self.printed is None else rounding_interval(self.printed)


@dataclass(frozen=True)
class Normalised:
    """A published number on another scale.

    value      x * GT_here / GT_there
    low, high  its limits over all numbers that print like the inputs
    inputs     x, GT_there, GT_here with their provenance
    flags      what a reader must know: unlike resolutions or sources, unknown identities
    """

    value: float
    low: float
    high: float
    inputs: tuple[Quantity, Quantity, Quantity]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """Why there is no number, in words for the table's cell."""

    reason: str


@dataclass(frozen=True)
class Ratio:
    """A quotient of two printed numbers, with the limits that their rounding leaves."""

    value: float
    low: float
    high: float


def normalise(
    x: Quantity, there: Quantity | None, here: Quantity | None, scale: Scale
) -> Normalised | Refused:
    """The paper's rule x * GT_here / GT_there.

    x      the published value        there  ground truth measured by the publisher
    here   ground truth measured here, by this suite, at the resolution of the table
    """
    if reason := next(_objections(x, there, here, scale), None):
        return Refused(reason)
    assert there is not None and here is not None
    (x_low, x_high), (t_low, t_high), (h_low, h_high) = (q.rounding for q in (x, there, here))
    low = max(x_low, 0.0) * h_low / t_high
    high = x_high * h_high / t_low
    value = x.value * here.value / there.value
    if not (math.isfinite(value) and math.isfinite(high)):
        return Refused("the result is not finite")
    return Normalised(value, low, high, (x, there, here), _flags(x, there, here))


def _objections(
    x: Quantity, there: Quantity | None, here: Quantity | None, scale: Scale
) -> Iterator[str]:
    """What speaks against the rule, the plainest reason first."""
    if scale != "ratio":
        yield _NOT_RATIO[scale]
    if there is None or here is None:
        yield from _absent(x, there, here)
        return
    three = (x, there, here)
    if not all(math.isfinite(q.value) for q in three):
        yield "not every number is finite"
    if min(abs(there.value), abs(here.value)) <= NOTHING * abs(x.value):
        yield "the ground truth is 0: nothing to scale by"
    if min(q.value for q in three) < 0:
        yield "a negative number on a scale that starts at 0"
    if min(there.rounding[0], here.rounding[0]) <= 0:
        yield "the ground truth may be 0 before rounding"
    yield from _unlike("unit", [q.unit for q in three])
    yield from (f"the unit of {q.source} is not known" for q in three if q.unit is None)
    yield from _unlike("identity", [q.identity for q in three])


def _absent(x: Quantity, there: Quantity | None, here: Quantity | None) -> Iterator[str]:
    if there is None:
        yield f"{x.source} gives no ground truth to divide by"
    if here is None:
        yield "this suite has no ground truth to multiply by"


def _unlike(what: str, names: Sequence[str | None]) -> Iterator[str]:
    known = sorted({name or "a pure number" for name in names if name is not None})
    if len(known) > 1:
        yield f"unlike {what}: {' and '.join(known)}"


def _flags(x: Quantity, there: Quantity, here: Quantity) -> tuple[str, ...]:
    flags = []
    if x.resolution != there.resolution:
        sizes = f"{_pixels(x)}, its ground truth {_pixels(there)}"
        flags.append(f"mixed resolutions: measured at {sizes}")
    if there.resolution != here.resolution:
        flags.append(f"mixed resolutions: from {_pixels(there)} to {_pixels(here)}")
    if x.source != there.source:
        flags.append(f"value of {x.source}, its ground truth of {there.source}")
    if unknown := sorted({q.source for q in (x, there, here) if q.identity is None}):
        flags.append(f"how {' and '.join(unknown)} measured it is not known")
    return tuple(flags)


def _pixels(q: Quantity) -> str:
    return "an unknown size" if q.resolution is None else f"{q.resolution} px"


def implied_ratio(normalised: Quantity, here: Quantity) -> Ratio | Refused:
    """x / GT_there, recovered from a published normalised value and the ground truth it was put beside.

    Arithmetic on printed digits only: it does not say that normalising was allowed.
    """
    low_here, high_here = here.rounding
    if low_here <= 0 <= high_here:
        return Refused("the ground truth is 0, or may be before rounding")
    low, high = normalised.rounding
    corners = [a / b for a in (low, high) for b in (low_here, high_here)]
    return Ratio(normalised.value / here.value, min(corners), max(corners))


def rounding_interval(printed: str) -> tuple[float, float]:
    """The numbers that print like `printed`: half a unit of its last digit to either side.

    "0.643" gives (0.6425, 0.6435). Raises ValueError for what is not a finite decimal number.
    """
    try:
        number = Decimal(printed)
    except ArithmeticError:
        raise ValueError(f"{printed!r} is not a decimal number") from None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"{printed!r} is not finite")
    half = Decimal((0, (5,), exponent - 1))
    return float(number - half), float(number + half)


def distance_from_reference(value: float, reference: float | None) -> float | None:
    """|value - ground truth|, for every metric; None where there is no finite ground truth or value."""
    if reference is None or not (math.isfinite(value) and math.isfinite(reference)):
        return None
    return abs(value - reference)


def scale_of(score: Score) -> Scale:
    """The scale that a score's range and unit declare: only one that starts at 0 has ratios.

    A distance looks like a ratio here; its ground truth of 0 gives it away in `normalise`.
    """
    if score.unit.casefold() in {"db", "decibel", "decibels"}:
        return "logarithmic"
    low, high = score.range
    if low == 0:
        return "ratio"
    return "signed" if low < 0 < high else "unknown"

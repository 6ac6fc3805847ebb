"""Where a number comes from: the worst half second of the worst clips, metric by metric, side by side.

The worst clips of a metric are those of its own per-clip numbers. Within a clip the half second counts
in which the values that the metric kept per frame lie furthest, on average, from those of the ground
truth on the same frames; a metric that keeps none is explained by how far the pictures differ there,
and the page says so. Pictures are few and small, whatever the run: `most` moments per metric.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import FPS, ClipFailure, Frames
from thbench.charts.grid import GridRow, draw_grid
from thbench.charts.plots import Series, line_chart
from thbench.files.atomic import atomic_write
from thbench.files.cache import Cache, cache_root
from thbench.files.canonical import digest
from thbench.report.curves import kept_arrays, motion, observation_keys, over_time, sharpness
from thbench.report.run_data import ReportData, ReportRow
from thbench.run.folder import Record
from thbench.tables.markdown import score_text

HALF = 12
"""Frames of a half second: 0.48 s."""
PICTURES = "the pictures themselves"
"""What is compared where a metric keeps nothing per frame: mean |difference| of a pixel, 0..255."""
SHOWN, CELL, GAIN = 4, 96, 3
"""Frames of a moment that are shown, their side in pixels, and by how much differences are enlarged."""
_QUALITY = 85  # of the JPEG
_SAMPLES = 8  # clips looked at to tell which arrays run over time

FORM = 1
"""Raised when pictures or facts are made anew, so that what was kept is not shown."""

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Moment:
    """The worst half second of one clip of one system, as one metric sees it.

    column, value   the number of the clip by which it was chosen, and the ground truth's own
    curve           what was compared frame by frame: an array that the metric keeps, or PICTURES
    start, end      frames, end excluded
    share           of the clip's whole deviation that lies in the moment, 0..1
    facts           what differs there, in words
    """

    metric: str
    system: str
    entrant: int
    clip: str
    column: str
    value: float
    truth: float | None
    curve: str
    start: int
    end: int
    n_frames: int
    share: float
    facts: Sequence[str]
    picture: str
    chart: str

    @property
    def value_text(self) -> str:
        beside = "" if self.truth is None else f" (ground truth {score_text(self.truth)})"
        return f"{self.column} {score_text(self.value)}{beside}"


@dataclass(frozen=True)
class Explained:
    """`silent`: metric -> why no moment of it is shown."""

    moments: Sequence[Moment] = ()
    silent: Mapping[str, str] | None = None

    @property
    def metrics(self) -> list[str]:
        return list(dict.fromkeys(m.metric for m in self.moments))

    def of(self, metric: str) -> list[Moment]:
        return [m for m in self.moments if m.metric == metric]


@dataclass(frozen=True)
class _Case:
    """One clip of one system by one per-clip number; the larger `badness`, the worse."""

    entrant: int
    clip: str
    column: str
    value: float
    truth: float | None
    badness: float


def explained(material: ReportData, out: Path, most: int) -> Explained:
    """The `most` worst moments of every metric; pictures are written below `out`/worst."""
    if most == 0 or material.run is None:
        return Explained()
    shutil.rmtree(out / "worst", ignore_errors=True)  # of an earlier report
    looks = _Looks(material)
    moments: list[Moment] = []
    silent: dict[str, str] = {}
    for metric, columns in _columns_by_metric(material).items():
        cases = sorted(_cases(material, columns), key=lambda c: (-c.badness, c.entrant, c.clip))
        if not cases:
            silent[metric] = _why_none(material, columns)
            continue
        names = (f"worst/{i}.jpg" for i in count(len(moments)))
        found = (_moment(material, looks, metric, c, out, names) for c in _each_clip_once(cases))
        shown = list(islice(filter(None, found), most))
        moments += shown
        if not shown:
            silent[metric] = "no clip with pictures of both the system and the ground truth"
    return Explained(moments, silent)


# -- which clips ----------------------------------------------------------------------------------


def _columns_by_metric(material: ReportData) -> dict[str, list[str]]:
    """Metric with its variant -> its scores, in the order of the tables."""
    found: dict[str, list[str]] = {}
    for column, score in material.columns.items():
        label = column.partition("@")[2]
        found.setdefault(f"{score.metric}@{label}" if label else score.metric, []).append(column)
    return found


def _cases(material: ReportData, columns: Sequence[str]) -> Sequence[_Case]:
    """Every clip of every system by the first score of the metric whose numbers per clip differ from the
    ground truth's."""
    for score in columns:
        column = _row_column(material, score)
        found = list(_cases_of(material, score, column)) if column else []
        if found:
            return found
    return []


def _cases_of(material: ReportData, score: str, column: str) -> Iterator[_Case]:
    better = material.columns[score].better
    for i, entrant in enumerate(material.entrants):
        truth = material.truth(entrant.resolution)
        if entrant.is_control or truth is None:
            continue
        values = entrant.values.get(column, ())
        beside = truth.values.get(column) or [None] * len(material.clips)
        for clip, value, true in zip(material.clips, values, beside, strict=False):
            if value is None or (better == "nearer-reference" and true is None):
                continue
            bad = _badness(better, value, true)
            if math.isfinite(bad) and value != true:
                yield _Case(i, clip.id, column, value, true, bad)


def _row_column(material: ReportData, score: str) -> str | None:
    """The column of clips.csv that a score follows from, if there is one."""
    over = material.columns[score].over
    column = over.column if over else score
    return column if column in material.row_columns else None


def _why_none(material: ReportData, columns: Sequence[str]) -> str:
    if not any(e.is_truth for e in material.entrants):
        return "the run has no ground truth to compare with"
    if not any(_row_column(material, c) for c in columns):
        return "it scores the whole set: there is no number per clip"
    return "no clip's number differs from the ground truth's"


def _badness(better: str, value: float, truth: float | None) -> float:
    if better == "nearer-reference" and truth is not None:
        return abs(value - truth)
    return value if better == "lower" else -value


def _each_clip_once(cases: Sequence[_Case]) -> Iterator[_Case]:
    """A clip of a system that is shown need not be shown again."""
    seen: set[tuple[int, str]] = set()
    for case in cases:
        if (case.entrant, case.clip) not in seen:
            seen.add((case.entrant, case.clip))
            yield case


# -- where in a clip ------------------------------------------------------------------------------


def worst_window(deviation: Curve, length: int = HALF) -> tuple[int, int]:
    """(start, end) of the `length` frames whose mean is the largest; NaN is no value.

    Windows with values for fewer than half of their frames do not count; a shorter curve is one window.
    """
    length = min(length, len(deviation))
    known = np.isfinite(deviation)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, deviation, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    total, n = sums[length:] - sums[:-length], counts[length:] - counts[:-length]
    means = np.where(n >= max(1, length / 2), total / np.maximum(n, 1), -np.inf)
    start = int(means.argmax())
    return start, start + length


class _Looks:
    """Records, videos and kept arrays of a report's rows; a clip that several metrics share is decoded once."""

    def __init__(self, material: ReportData) -> None:
        self._material = material
        self._records = lru_cache(maxsize=None)(self._read_records)
        self._keys = lru_cache(maxsize=None)(self._read_keys)
        self.frames = lru_cache(maxsize=8)(self._decode)

    def truth_of(self, entrant: int) -> int | None:
        """Index of the ground truth at the size of a row."""
        size = self._material.entrants[entrant].resolution
        return next((i for i, e in self._material.at(size) if e.is_truth), None)

    def _row(self, entrant: int) -> ReportRow:
        return self._material.entrants[entrant]

    def _read_records(self, entrant: int) -> Mapping[str, Record]:
        folder = self._row(entrant).folder
        return {} if folder is None else folder.stored()

    def _read_keys(self, entrant: int) -> Mapping[str, Mapping[str, str]]:
        folder = self._row(entrant).folder
        return {} if folder is None else observation_keys(folder)

    def record(self, entrant: int, clip: str) -> Record | None:
        """Of a video that is there."""
        record = self._records(entrant).get(clip)
        return None if record is None or "failure" in record else record

    def _decode(self, entrant: int, clip: str) -> Frames:
        """Raises ClipFailure for a video that is not there or damaged."""
        folder, record = self._row(entrant).folder, self.record(entrant, clip)
        if folder is None or record is None:
            raise ClipFailure("no video")
        return folder.open(record).frames

    def kept(self, entrant: int, metric: str, clip: str) -> dict[str, tuple[float, Curve]]:
        """Arrays over time that a metric kept of a clip: name -> (frame of the first value, values)."""
        key = self._keys(entrant).get(metric, {}).get(clip)
        record = self.record(entrant, clip)
        if key is None or record is None:
            return {}
        n = int(record["n_frames"])
        over = self._over_time(entrant, metric)
        return {
            kept["name"]: (kept["start"], np.array(kept["values"], np.float64))
            for kept in kept_arrays({metric: key}, n, over)
            if kept["start"] is not None
        }

    def _over_time(self, entrant: int, metric: str) -> set[tuple[str, str]]:
        known = self._keys(entrant).get(metric, {})
        records = {c: r for c in known if (r := self.record(entrant, c))}
        clips = list(records)[:_SAMPLES]
        return over_time(({metric: known[c]}, int(records[c]["n_frames"])) for c in clips)


class _Both:
    """A clip of a system beside the ground truth's. What is taken of the pictures is kept by their digests, so
    that a report that is made again decodes nothing."""

    def __init__(self, looks: _Looks, case: _Case, truth: int, records: Sequence[Record]) -> None:
        self._looks, self._clip, self._rows = looks, case.clip, (case.entrant, truth)
        self._digests = [record["frames_digest"] for record in records]
        self._kept = Cache(cache_root() / "features")
        self.n = min(int(record["n_frames"]) for record in records)

    def _frames(self) -> tuple[Frames, Frames]:
        ours, true = (self._looks.frames(row, self._clip)[: self.n] for row in self._rows)
        return ours, true

    def difference(self) -> Curve:
        """[n], see `picture_difference`. Raises ClipFailure."""
        key = digest(["worst difference", FORM, *self._digests])
        if (kept := self._kept.get(key)) is not None:
            return np.asarray(kept.arrays["difference"], np.float64)
        found = picture_difference(*self._frames())
        self._kept.put(key, arrays={"difference": found})
        return found

    def shown(self, system: str, span: tuple[int, int]) -> tuple[bytes, list[str]]:
        """A JPEG of the frames of a moment, and what differs in them. Raises ClipFailure."""
        key = digest(["worst picture", FORM, *self._digests, system, list(span)])
        if (kept := self._kept.get(key)) is not None:
            words = kept.arrays["facts"].tobytes().decode()
            return kept.arrays["jpeg"].tobytes(), words.splitlines()
        ours, true = self._frames()
        jpeg = _picture(system, ours, true, span)
        facts = differences(ours[slice(*span)], true[slice(*span)])
        said = np.frombuffer("\n".join(facts).encode(), np.uint8)
        self._kept.put(key, arrays={"jpeg": np.frombuffer(jpeg, np.uint8), "facts": said})
        return jpeg, facts


def _both(looks: _Looks, case: _Case, truth: int) -> _Both | None:
    """None where there are no pictures of both, of one size."""
    records = [looks.record(row, case.clip) for row in (case.entrant, truth)]
    known = [r for r in records if r is not None]
    if len(known) < 2 or known[0]["size"] != known[1]["size"]:
        return None
    return _Both(looks, case, truth, known)


def _moment(
    material: ReportData,
    looks: _Looks,
    metric: str,
    case: _Case,
    out: Path,
    names: Iterator[str],
) -> Moment | None:
    """None where there are no pictures of both; the next of `names` is its picture's."""
    truth = looks.truth_of(case.entrant)
    both = None if truth is None else _both(looks, case, truth)
    if truth is None or both is None:
        return None
    try:
        name, at, lines = _compared(looks, metric, case, truth, both)
        deviation = np.abs(lines[0] - lines[1])
        start, end = worst_window(deviation)
        first = min(max(0, round(start + at)), max(0, both.n - (end - start)))
        span = (first, min(both.n, first + end - start))
        system = material.entrants[case.entrant].name
        jpeg, facts = both.shown(system, span)
    except ClipFailure:
        return None
    total = float(np.nansum(deviation))
    share = float(np.nansum(deviation[start:end])) / total if total > 0 else 0.0
    picture = next(names)
    atomic_write(out / picture, jpeg, durable=False)
    return Moment(
        metric=metric,
        system=system,
        entrant=case.entrant,
        clip=case.clip,
        column=case.column,
        value=case.value,
        truth=case.truth,
        curve=name,
        start=span[0],
        end=span[1],
        n_frames=both.n,
        share=share,
        facts=facts,
        picture=picture,
        chart=_chart(system, name, at, lines, span),
    )


def _compared(
    looks: _Looks, metric: str, case: _Case, truth: int, both: _Both
) -> tuple[str, float, tuple[Curve, Curve]]:
    """What is compared: its name, the frame of its first value, and both curves.

    Of several arrays the one that deviates most in units of its own spread.
    """
    mine, theirs = (looks.kept(i, metric, case.clip) for i in (case.entrant, truth))
    best: tuple[float, str] = (0.0, "")
    for name in mine.keys() & theirs.keys():
        a, b = _aligned(mine[name][1], theirs[name][1])
        known = np.isfinite(a) & np.isfinite(b)
        if known.sum() < HALF / 2:
            continue
        spread = float(np.concatenate([a[known], b[known]]).std())
        size = float(np.abs(a - b)[known].mean()) / spread if spread > 0 else 0.0
        best = max(best, (size, name))
    if best[1]:
        return best[1], mine[best[1]][0], _aligned(mine[best[1]][1], theirs[best[1]][1])
    return PICTURES, 0.0, (both.difference(), np.zeros(both.n))


def _aligned(a: Curve, b: Curve) -> tuple[Curve, Curve]:
    n = min(len(a), len(b))
    return a[:n], b[:n]


def picture_difference(a: Frames, b: Frames) -> Curve:
    """[T] mean |difference| of a pixel of two videos of equal size, 0..255."""
    return np.array([cv2.absdiff(x, y).mean() for x, y in zip(a, b, strict=True)], np.float64)


# -- what differs ---------------------------------------------------------------------------------


def differences(ours: Frames, true: Frames) -> list[str]:
    """What differs in a moment, in words: where in the picture, brightness, sharpness, motion."""
    found = []
    rows = np.zeros(ours.shape[1])
    for a, b in zip(ours, true, strict=True):
        rows += cv2.absdiff(a, b).mean(axis=(1, 2))
    if total := float(rows.sum()):
        thirds = [100 * float(part.sum()) / total for part in np.array_split(rows, 3)]
        found.append("difference of pictures: " + ", ".join(
            f"{share:.0f} % in the {name} third"
            for share, name in zip(thirds, ("upper", "middle", "lower"), strict=True)
        ))  # fmt: skip
    shift = float(ours.mean()) - float(true.mean())
    if abs(shift) >= 1:
        found.append(f"{abs(shift):.1f} grey levels {'brighter' if shift > 0 else 'darker'}")
    for words, measure in (("sharp", sharpness), ("in motion", motion)):
        mine, theirs = (float(np.nanmean(measure(f))) for f in (ours, true))
        if theirs > 0 and not 0.8 < mine / theirs < 1.25:
            found.append(f"{mine / theirs:.2g} times as {words} as the ground truth")
    return found


# -- what is shown --------------------------------------------------------------------------------


def _picture(system: str, ours: Frames, true: Frames, span: tuple[int, int]) -> bytes:
    """JPEG: frames of the ground truth, of the system below them, and where they differ."""
    at = np.unique(np.linspace(span[0], span[1] - 1, SHOWN).round().astype(int))
    heads = [f"{i / FPS:.2f} s" for i in at]
    rows = [
        GridRow("truth", "", [_cell(true[i]) for i in at]),
        GridRow(system[:14], "", [_cell(ours[i]) for i in at]),
        GridRow(f"|diff| x{GAIN}", "", [_cell(_difference(ours[i], true[i])) for i in at]),
    ]
    grid = cv2.cvtColor(draw_grid(heads, rows, CELL), cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", grid, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert done
    content: bytes = data.tobytes()
    return content


def _cell(frame: Frames) -> Frames:
    """At most CELL pixels of side, by area averages; smaller pictures are enlarged by the grid."""
    if frame.shape[0] <= CELL:
        return frame
    small: Frames = cv2.resize(frame, (CELL, CELL), interpolation=cv2.INTER_AREA)
    return small


def _difference(a: Frames, b: Frames) -> Frames:
    """Mean |difference| of the colours, GAIN times, as grey."""
    grey = np.minimum(cv2.absdiff(a, b).mean(axis=2) * GAIN, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _chart(
    system: str, name: str, at: float, lines: tuple[Curve, Curve], span: tuple[int, int]
) -> str:
    """Both curves over frames, and the moment as a band."""
    both = np.concatenate(lines)
    held = both[np.isfinite(both)]
    low, high = (float(held.min()), float(held.max())) if len(held) else (0.0, 1.0)
    edges = [float(span[0]), float(span[1] - 1)]
    x = [i + at for i in range(len(lines[0]))]
    band = Series(
        "worst half second", edges, [None, None], [low, low], [high, high], "#D55E00", True
    )
    drawn = [Series(system, x, _plain(lines[0]), fine=True, colour="#0072B2")]
    if name != PICTURES:
        drawn.append(Series("ground truth", x, _plain(lines[1]), fine=True, colour="#5A5A5A"))
    label = "mean |difference|, 0..255" if name == PICTURES else name
    return line_chart([*drawn, band], x_label="frame", y_label=label, width=400, height=220)


def _plain(values: Curve) -> list[float | None]:
    return [float(v) if math.isfinite(v) else None for v in values]

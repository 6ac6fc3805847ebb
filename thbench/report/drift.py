"""Drift: how the pictures of a system change with the frame index, averaged over clips, next to the ground truth.

Brightness, sharpness and motion are taken from the stored frames, and every one-dimensional array that
a metric kept over the time of a video (thbench.report.curves) is treated alike. Each is shown as it is,
and as the difference from the ground truth of the same clip and frame, in which neither the people nor
the clips that have ended count. Frame numbers count from 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure, Engine, UserError
from thbench.charts.plots import Series, chart_grid, line_chart, notice
from thbench.controls import GROUND_TRUTH
from thbench.files.atomic import atomic_write
from thbench.progress import Progress
from thbench.report.colours import colours
from thbench.report.curves import kept_arrays, observation_keys, over_time
from thbench.report.filmstrip import StripColumn, rows_of
from thbench.report.looks import QUANTITIES, Array, Look, kept_curves
from thbench.report.workers import fitting
from thbench.results.document import read_result
from thbench.run.folder import Record, RunFolder, VideoFolder

SAMPLES = 8
"""Clips looked at to tell which arrays run over time."""
WIDTH, HEIGHT = 360, 260


@dataclass(frozen=True)
class DriftCurve:
    """At each place `x` (frames): mean and quartiles over the `n` clips that have a value there."""

    x: Array
    n: NDArray[np.int64]
    mean: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Panel:
    """One quantity at one resolution.

    values  per row of the drift and clip an array that begins at frame `start`
    absent  why nobody has any
    """

    title: str
    unit: str
    values: Sequence[Mapping[str, Array]] = ()
    start: float = 0.0
    absent: str = ""

    def lines(self) -> list[DriftCurve]:
        """One per row."""
        return [averaged(list(of_row.values()), self.start) for of_row in self.values]

    def differences(self) -> list[DriftCurve]:
        """One per row: its clips minus the same clips of the first row, the ground truth."""
        truth, *_ = self.values
        return [
            averaged([_minus(a, truth[clip]) for clip, a in of_row.items() if clip in truth], self.start)
            for of_row in self.values
        ]  # fmt: skip


@dataclass(frozen=True)
class Drift:
    """The panels of one resolution with its rows, and of how many of the run's clips they speak.

    colours  by the name of a row
    """

    resolution: int
    names: Sequence[str]
    colours: Mapping[str, str]
    panels: Sequence[Panel]
    clips: int
    of: int


def drifts(
    run: RunFolder, engine: Engine | None, systems: Sequence[str] = (), most: int | None = None
) -> list[Drift]:
    """One for each resolution; the ground truth leads the rows, then `systems` (default: all, no controls).

    Of more than `most` clips so many are taken, evenly spaced in the order of their ids. Raises
    UserError for a folder that is no run and for an unknown system.
    """
    shown = rows_of(run, systems)
    clips = sorted({clip for s in shown for clip in s.records})
    chosen = _spaced(clips, most)
    drawn_in = colours([p.name for p in (run.root / "systems").glob("*")])
    found = []
    for size in sorted({s.resolution for s in shown}):
        rows = [s for s in shown if s.resolution == size]
        panels = [*_of_frames(rows, chosen, engine), *_of_metrics(run, rows, chosen)]
        names = [r.name for r in rows]
        found.append(Drift(size, names, drawn_in, panels, len(chosen), len(clips)))
    return found


def charts(drift: Drift) -> list[tuple[str, str]]:
    """Per panel two <svg>, as it is and minus the ground truth (empty without values); last the clips at each frame."""
    found = [
        (_chart(drift, panel, panel.lines(), panel.title),
         _chart(drift, panel, panel.differences(), f"{panel.title} − ground truth"))
        if panel.values else (notice(panel.title, panel.absent, WIDTH, HEIGHT), "")
        for panel in drift.panels
    ]  # fmt: skip
    counts = [
        Series(name, line.x.tolist(), line.n.tolist(), colour=drift.colours[name], fine=True)
        for name, line in zip(drift.names, drift.panels[0].lines(), strict=True)
    ]
    last = line_chart(
        counts, title="clips that reach the frame", x_label="frame", y_label="clips",
        width=WIDTH, height=HEIGHT,
    )  # fmt: skip
    return [*found, (last, "")]


def write_drift(run: RunFolder, engine: Engine | None, systems: Sequence[str], out: Path) -> Path:
    """All charts as one SVG, two rows for each resolution."""
    if out.suffix.lower() != ".svg":
        raise UserError(f"{out}: --drift writes SVG", "give -o FILE.svg")
    found = drifts(run, engine, systems)
    rows = [row for drift in found for row in zip(*charts(drift), strict=True)]
    labels = [label for d in found for label in (f"{d.resolution} px\n{d.clips} clips", "")]
    picture = chart_grid(rows, width=WIDTH, height=HEIGHT, row_labels=labels)
    atomic_write(out, picture)
    return out


# -- what is averaged -----------------------------------------------------------------------------


def averaged(arrays: Sequence[Array], start: float = 0.0) -> DriftCurve:
    """Over arrays of any lengths that all begin at frame `start`; NaN is no value, places without any are left out."""
    table = np.full((len(arrays), max((len(a) for a in arrays), default=0)), np.nan)
    for row, array in zip(table, arrays, strict=True):
        row[: len(array)] = array
    n = np.isfinite(table).sum(axis=0)
    seen = np.flatnonzero(n)
    if not len(seen):
        return DriftCurve(np.empty(0), np.empty(0, np.int64), *(np.empty(0) for _ in range(3)))
    low, high = np.nanpercentile(table[:, seen], (25, 75), axis=0)
    x = seen.astype(np.float64) + start
    return DriftCurve(x, n[seen], np.nanmean(table[:, seen], axis=0), low, high)


def _minus(a: Array, b: Array) -> Array:
    both = min(len(a), len(b))
    return a[:both] - b[:both]


def _spaced(clips: Sequence[str], most: int | None) -> list[str]:
    if most is None or len(clips) <= most:
        return list(clips)
    return [clips[i] for i in np.linspace(0, len(clips) - 1, most).round().astype(int)]


# -- from frames ----------------------------------------------------------------------------------


def measure(place: tuple[VideoFolder, Record]) -> dict[str, Array]:
    """Every quantity of one video, [T] each; {} where it is unreadable."""
    try:
        return Look(*place).curves()
    except ClipFailure:
        return {}


def _of_frames(
    rows: Sequence[StripColumn], clips: Sequence[str], engine: Engine | None
) -> Iterator[Panel]:
    places = [
        (i, clip, row.folder, row.records[clip])
        for i, row in enumerate(rows)
        for clip in clips
        if "failure" not in row.records.get(clip, {"failure": ""})
    ]
    held: dict[str, list[dict[str, Array]]] = {name: [{} for _ in rows] for name in QUANTITIES}
    todo = []
    for place in places:
        row, clip, _, record = place
        if (kept := kept_curves(record)) is None:
            todo.append(place)
        else:
            _hold(held, row, clip, kept)
    frames = sum(int(record["n_frames"]) for *_, record in todo)
    with Progress("drift", len(todo)) as progress:
        for index, curves in fitting(engine, frames).map(measure, [(f, r) for _, _, f, r in todo]):
            row, clip, *_ = todo[index]
            _hold(held, row, clip, curves)
            progress.advance()
    for name, (unit, _) in QUANTITIES.items():
        yield Panel(name, unit, [dict(sorted(of_row.items())) for of_row in held[name]])


def _hold(
    held: Mapping[str, Sequence[dict[str, Array]]], row: int, clip: str, curves: Mapping[str, Array]
) -> None:
    for name, curve in curves.items():
        held[name][row][clip] = curve


# -- from metrics ---------------------------------------------------------------------------------

Observed = tuple[Mapping[str, str], int]
"""Metric -> key of its observation, and the number of frames, of one video."""


def _of_metrics(run: RunFolder, rows: Sequence[StripColumn], clips: Sequence[str]) -> list[Panel]:
    """What metrics kept over time, then metrics that have no value at all, with their reason."""
    videos = [_observed(run, row, clips) for row in rows]
    sampled = [
        v for of_row in videos for v in list(of_row.values())[:: max(1, len(clips) // SAMPLES)]
    ]
    of_metric = groupby(sorted(over_time(sampled)), key=itemgetter(0))
    panels = [p for m, arrays in of_metric for p in _kept(videos, m, [name for _, name in arrays])]
    panels += [Panel(name, "", absent=why) for name, why in _valueless(run, rows).items()]
    return panels or [Panel("metrics", "", absent="no metric of this run keeps a number per frame")]


def _observed(run: RunFolder, row: StripColumn, clips: Sequence[str]) -> dict[str, Observed]:
    """By clip, of those that have a video."""
    keys = observation_keys(_results_of(run, row))
    return {
        clip: ({m: k[clip] for m, k in keys.items() if clip in k}, int(row.records[clip]["n_frames"]))
        for clip in clips
        if "failure" not in row.records.get(clip, {"failure": ""})
    }  # fmt: skip


def _kept(
    videos: Sequence[Mapping[str, Observed]], metric: str, names: Sequence[str]
) -> Iterator[Panel]:
    """Arrays of one metric, a video's read together; all of a kind begin at the same frame, half a window in."""
    values: dict[str, list[dict[str, Array]]] = {name: [{} for _ in videos] for name in names}
    starts = dict.fromkeys(names, 0.0)
    arrays = [(metric, name) for name in names]
    for i, of_row in enumerate(videos):
        for clip, (keys, n_frames) in of_row.items():
            of_metric = {metric: keys[metric]} if metric in keys else {}
            for kept in kept_arrays(of_metric, n_frames, arrays):
                if (name := kept["name"]) in values:
                    starts[name] = kept["start"]
                    values[name][i][clip] = np.array(kept["values"], np.float64)
    for name in names:
        yield Panel(metric, name.replace("_", " "), values[name], starts[name])


def _results_of(run: RunFolder, row: StripColumn) -> VideoFolder:
    """The ground truth's videos are the references, its results those of the control."""
    return run.control(row.resolution, GROUND_TRUTH) if row.name == GROUND_TRUTH else row.folder


def _valueless(run: RunFolder, rows: Sequence[StripColumn]) -> dict[str, str]:
    """Metrics that no row has a value of, with the first reason."""
    reasons: dict[str, str] = {}
    valued: set[str] = set()
    for row in rows:
        file = _results_of(run, row).result_file
        for column, score in (read_result(file).scores if file.exists() else {}).items():
            metric = "@".join((score.metric, *column.split("@")[1:]))
            if score.n:
                valued.add(metric)
            why = next((f.reason for f in score.failures), score.reason or "no value")
            reasons.setdefault(metric, why)
    return {metric: why for metric, why in reasons.items() if metric not in valued}


# -- drawing --------------------------------------------------------------------------------------


def _chart(drift: Drift, panel: Panel, lines: Sequence[DriftCurve], title: str) -> str:
    series = [
        Series(
            name, line.x.tolist(), line.mean.tolist(), line.low.tolist(), line.high.tolist(),
            drift.colours[name], fine=True,
        )
        for name, line in zip(drift.names, lines, strict=True)
    ]  # fmt: skip
    return line_chart(
        series, title=title, x_label="frame", y_label=panel.unit, width=WIDTH, height=HEIGHT
    )

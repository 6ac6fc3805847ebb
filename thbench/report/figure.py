"""A figure for papers: a film strip of one clip and below it the curves of the mouth over time.

Curves are arrays that metrics kept of the mouth (their names say so); where the cache has none, the mean
|difference| to the frame before stands in, and its axis says that.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import FPS, UserError
from thbench.charts.plots import Series, line_chart
from thbench.charts.svg import svg
from thbench.files.atomic import atomic_write
from thbench.report.colours import colours
from thbench.report.curves import kept_arrays, motion, observation_keys, over_time
from thbench.report.filmstrip import StripColumn, film_strip, rows_of
from thbench.run.folder import RunFolder

WIDTH, HEIGHT = 900, 230


def write_figure(
    run: RunFolder,
    clip: str,
    frames: Sequence[int],
    columns: int,
    systems: Sequence[str],
    out: Path,
) -> Path:
    """Write the figure as SVG; returns `out`. Raises UserError for unknown clips, systems and frames, and for a
    name that promises something else."""
    if out.suffix.lower() != ".svg":
        raise UserError(f"{out}: --figure writes SVG", "give -o FILE.svg")
    strip = film_strip(run, clip, frames, columns, systems)
    height = round(WIDTH * strip.shape[0] / strip.shape[1])
    _, png = cv2.imencode(".png", cv2.cvtColor(strip, cv2.COLOR_RGB2BGR))
    content = base64.b64encode(png.tobytes()).decode("ascii")
    picture = (
        f"<image width='{WIDTH}' height='{height}' href='data:image/png;base64,{content}'>"
        f"<title>film strip</title></image>"
    )
    shown = rows_of(run, systems)
    charts = [
        line_chart(
            _series(shown, values), x_label="seconds", y_label=label, width=WIDTH, height=HEIGHT
        )
        for label, values in _curves(shown, clip).items()
    ]
    parts = [picture]
    for i, chart in enumerate(charts):
        parts.append(f"<g transform='translate(0 {height + 8 + i * HEIGHT})'>{chart}</g>")
    total = height + 8 + HEIGHT * len(charts)
    atomic_write(out, svg(WIDTH, total, "", parts, "#FFFFFF"))
    return out


Curve = tuple[float, NDArray[np.float64]]


def _curves(shown: Sequence[StripColumn], clip: str) -> dict[str, Mapping[int, Curve]]:
    """Label of an axis -> index of a row -> first frame and values over time."""
    found: dict[str, dict[int, Curve]] = {}
    keys = [_keys(row, clip) for row in shown]
    lengths = [int(row.records.get(clip, {}).get("n_frames", 0)) for row in shown]
    known = over_time([(k, n) for k, n in zip(keys, lengths, strict=True) if k and n])
    for i, (of, n) in enumerate(zip(keys, lengths, strict=True)):
        for kept in kept_arrays(of, n, known):
            if "mouth" in kept["name"] and kept["start"] is not None:
                values = np.array(kept["values"], dtype=np.float64)
                label = f"{kept['name'].replace('_', ' ')} ({kept['metric']})"
                found.setdefault(label, {})[i] = (kept["start"], values)
    return dict(found) if found else {"motion, grey levels": _motions(shown, clip)}


def _keys(row: StripColumn, clip: str) -> dict[str, str]:
    return {m: of[clip] for m, of in observation_keys(row.folder).items() if clip in of}


def _motions(shown: Sequence[StripColumn], clip: str) -> dict[int, Curve]:
    videos = {i: row.frames(clip) for i, row in enumerate(shown)}
    return {i: (0.0, motion(v)) for i, v in videos.items() if not isinstance(v, str)}


def _series(shown: Sequence[StripColumn], curves: Mapping[int, Curve]) -> list[Series]:
    drawn_in = colours([row.name for row in shown])
    several = len({row.resolution for row in shown}) > 1
    return [
        Series(
            f"{shown[i].name}, {shown[i].resolution} px" if several else shown[i].name,
            [(start + k) / FPS for k in range(len(values))],
            values.tolist(),
            colour=drawn_in.get(shown[i].name, ""),
            fine=True,
        )
        for i, (start, values) in curves.items()
    ]

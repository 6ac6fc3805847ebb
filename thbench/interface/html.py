"""Results as HTML for a notebook: one table per resolution and players. Every text is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape

from thbench.api import ClipFailure, UserError
from thbench.files.atomic import temporary_folder
from thbench.files.foreign import read_bytes
from thbench.report import overview
from thbench.report.page import worth_seeing
from thbench.report.run_data import ReportData, ReportRow
from thbench.tables.markdown import ARROWS
from thbench.video import write_h264

_CELL = "padding:3px 9px;text-align:right;white-space:nowrap"
_HEAD = "padding:3px 9px;text-align:left;white-space:nowrap"
LEGEND = (
    "↓ lower, ↑ higher is better; →GT: the nearer to the ground truth's value (the row ground-truth) "
    "the better. Bold: best of the systems. Hover over a number for its interval."
)


def table_html(data: ReportData, columns: Sequence[str]) -> str:
    """One table per resolution, and below it why each missing number is missing."""
    return "".join(_table(group, columns) for group in overview.table_groups(data))


def page(data: ReportData, columns: Sequence[str], clip: str | None, players: bool) -> str:
    """The tables and, with `players`, the videos of a clip. Raises UserError for an unknown clip."""
    text = table_html(data, columns)
    if not players:
        return text
    known = worth_seeing(data)
    if clip is not None and clip not in known:
        raise UserError(f"the run has no clip '{clip}'", f"has: {', '.join(sorted(known)[:8])}")
    return text + _players(data, clip or known[0])


def _table(group: overview.Group, columns: Sequence[str]) -> str:
    shown = [c for c in columns if c in group.columns]
    heads = "".join(f"<th style='{_CELL}'>{_column(c, group)}</th>" for c in shown)
    rows = "".join(_row(line, shown) for line in [*group.systems, *group.controls])
    return (
        f"<table><caption style='text-align:left'>{escape(group.heading)}</caption>"
        f"<thead><tr><th>#</th><th style='{_HEAD}'>system</th><th>clips</th>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table><p style='font-size:smaller'>{LEGEND}</p>"
        f"<ul style='font-size:smaller'>{''.join(_notes(group, shown))}</ul>"
    )


def _column(name: str, group: overview.Group) -> str:
    score = group.columns[name]
    unit = f"<br><small>{escape(score.unit)}</small>" if score.unit else ""
    return f"{escape(name)} {ARROWS[score.better]}{unit}"


def _row(line: overview.TableLine, columns: Sequence[str]) -> str:
    e = line.entrant
    clips = f"{e.result.clips.generated}/{e.result.clips.n}"
    name = f"<em>{escape(e.name)}</em>" if e.is_control else escape(e.name)
    cells = "".join(_cell(line.cells.get(c)) for c in columns)
    return (
        f"<tr><td style='{_CELL}'>{escape(e.place)}</td><th style='{_HEAD}'>{name}</th>"
        f"<td style='{_CELL}'>{clips}</td>{cells}</tr>"
    )


def _cell(cell: overview.TableCell | None) -> str:
    if cell is None:
        return f"<td style='{_CELL}'></td>"
    text = (
        f"<b>{escape(cell.text)}</b>" if cell.mark == "best" and not cell.own else escape(cell.text)
    )
    small = "".join(f"<br><small>{escape(t)}</small>" for t in (cell.interval, cell.coverage) if t)
    return f"<td style='{_CELL}' title='{escape(cell.tip, quote=True)}'>{text}{small}</td>"


def _notes(group: overview.Group, columns: Sequence[str]) -> Iterator[str]:
    for line in [*group.systems, *group.controls]:
        name = escape(line.entrant.name)
        for why in line.entrant.unranked_because:
            yield f"<li>{name} is not ranked: {escape(why)}</li>"
        for column in columns:
            cell = line.cells.get(column)
            if cell is not None and cell.sort is None:
                yield f"<li>{name}, {escape(column)}: {escape(cell.tip)}</li>"


def _players(data: ReportData, clip: str) -> str:
    """The ground truth and every system at its own resolution; loops without sound until asked."""
    rows = [e for e in data.entrants if e.is_truth or not e.is_control]
    figures = "".join(_figure(e, clip) for e in rows)
    return (
        f"<h4>{escape(clip)}</h4><div style='display:flex;flex-wrap:wrap;gap:10px'>{figures}</div>"
    )


def _figure(row: ReportRow, clip: str) -> str:
    name = escape(f"{row.name}, {row.resolution} px")
    video = _video(row, clip)
    if video is None:
        shown = "<div style='width:200px'>no video of this clip</div>"
    else:
        shown = (
            f"<video src='data:video/mp4;base64,{video}' width='200' controls loop muted "
            f"aria-label='{name}'></video>"
        )
    return f"<figure style='margin:0'>{shown}<figcaption>{name}</figcaption></figure>"


def _video(row: ReportRow, clip: str) -> str | None:
    """Base64 of an H.264 preview; None where there is no video."""
    record = row.folder.stored().get(clip) if row.folder else None
    if record is None or "failure" in record or row.folder is None:
        return None
    video = row.folder.open(record)
    try:
        frames, audio = video.frames, video.audio
    except ClipFailure:
        return None
    with temporary_folder() as folder:
        file = folder / "clip.mp4"
        write_h264(file, frames, audio, crf=18)
        return base64.b64encode(read_bytes(file)).decode("ascii")

"""Film strips and contact sheets of a run, as pictures for papers. Reads the run folder only.

Frame numbers count from 0. Each resolution of a run has a ground-truth row of its own; the smaller
ones are enlarged by repeating pixels, and their labels then say how large they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from thbench.api import ClipFailure, Frames, UserError
from thbench.charts.grid import GridRow, draw_grid, write_png
from thbench.controls import CONTROLS, GROUND_TRUTH
from thbench.report.looks import Cells, Look, cell
from thbench.run.folder import Record, RunFolder, VideoFolder

Looks: TypeAlias = Callable[[VideoFolder, Record], Look | Cells]
FORM = 1
"""Raised when strips are drawn in another way, so that older ones are drawn again."""
SHEET_CLIPS = 32
"""Clips on one contact sheet; more make further sheets, so that memory stays flat."""
_SMALLEST_CELL = 128


@dataclass(frozen=True)
class StripColumn:
    """One row of a strip: ground truth, a system or a control, at its resolution."""

    name: str
    resolution: int
    folder: VideoFolder
    records: dict[str, Record] = field(repr=False)

    def frames(self, clip: str) -> Frames | str:
        """[T, S, S, 3], or why there is no video of this clip."""
        record = self.records.get(clip, {"failure": "not made"})
        if "failure" in record:
            return f"no video: {record['failure']}"
        try:
            return self.folder.open(record).frames
        except ClipFailure as failure:
            return f"no video: {failure.reason}"

    def cells(self, clip: str, chosen: Sequence[int], looks: Looks) -> list[Frames | str]:
        """[S, S, 3] of each chosen frame, or why there is none."""
        record = self.records.get(clip, {"failure": "not made"})
        if "failure" in record:
            return [f"no video: {record['failure']}"] * len(chosen)
        return looks(self.folder, record).cells(chosen)


def film_strip(
    run: RunFolder,
    clip: str,
    frames: Sequence[int] = (),
    columns: int = 8,
    systems: Sequence[str] = (),
) -> Frames:
    """[H, W, 3] RGB: rows are the ground truth and `systems` (default: all, no controls), columns frames.

    Without `frames` there are `columns` of them, evenly spaced from the first to the last. Raises
    UserError for a folder that is no run, and for an unknown clip, system or frame.
    """
    return strip_of(run, rows_of(run, systems), clip, frames, columns).draw()


@dataclass(frozen=True)
class FilmStrip:
    """A film strip that is yet to be drawn: its rows, with records of its clip alone, and frames."""

    clip: str
    rows: tuple[StripColumn, ...]
    chosen: tuple[int, ...]

    def described(self) -> list[Any]:
        """What decides how it looks."""
        rows = [[r.name, r.resolution, r.records.get(self.clip, {})] for r in self.rows]
        return [FORM, list(self.chosen), rows]

    def draw(self, looks: Looks = Look) -> Frames:
        """[H, W, 3] RGB; `looks` opens the video of a record."""
        several = len({row.resolution for row in self.rows}) > 1
        drawn = [
            GridRow(
                row.name,
                f"{row.resolution} px" if several else "",
                row.cells(self.clip, self.chosen, looks),
            )
            for row in self.rows
        ]
        return draw_grid([f"frame {i}" for i in self.chosen], drawn, _cell(self.rows))


def strip_of(
    run: RunFolder,
    rows: Sequence[StripColumn],
    clip: str,
    frames: Sequence[int] = (),
    columns: int = 8,
) -> FilmStrip:
    """As `film_strip`, of rows that `rows_of` gave and yet to be drawn. Raises UserError as it does."""
    chosen = _chosen(frames, columns, _length(run, rows, clip))
    narrow = [
        replace(r, records={c: r.records[c] for c in (clip,) if c in r.records}) for r in rows
    ]
    return FilmStrip(clip, tuple(narrow), tuple(chosen))


def contact_sheets(run: RunFolder, systems: Sequence[str] = ()) -> Iterator[Frames]:
    """Sheets [H, W, 3] of SHEET_CLIPS rows: a clip's middle frame (n // 2) in every column.

    Columns are as the rows of `film_strip`. Raises UserError as it does.
    """
    shown = rows_of(run, systems)
    several = len({s.resolution for s in shown}) > 1
    heads = [f"{s.name}\n{s.resolution} px" if several else s.name for s in shown]
    clips = sorted({clip for s in shown for clip in s.records})
    for start in range(0, len(clips), SHEET_CLIPS):
        rows = [_sheet_row(shown, clip) for clip in clips[start : start + SHEET_CLIPS]]
        yield draw_grid(heads, rows, _cell(shown))


def write_sheets(run: RunFolder, systems: Sequence[str], out: Path) -> list[Path]:
    """`out`, or `out` numbered from 1 where the clips need several sheets."""
    clips = {c for size in resolutions(run) for c in run.references(size).finished()}
    many = len(clips) > SHEET_CLIPS
    written = []
    for number, sheet in enumerate(contact_sheets(run, systems), start=1):
        path = out.with_stem(f"{out.stem}-{number}") if many else out
        write_png(path, sheet)
        written.append(path)
    return written


# -- what a run holds -----------------------------------------------------------------------------


def resolutions(run: RunFolder) -> list[int]:
    """The resolutions of a run's references. Raises UserError for a folder that is no run."""
    folders = (run.root / "references").glob("*")
    found = sorted(int(p.name) for p in folders if p.name.isdigit())
    if not found:
        raise UserError(f"{run.root} is no run folder: it holds no references", "thbench run first")
    return found


def rows_of(run: RunFolder, systems: Sequence[str] = ()) -> list[StripColumn]:
    """Per resolution, ascending: the ground truth, then the systems in the order asked for."""
    known = {p.name for p in (run.root / "systems").glob("*") if p.is_dir()}
    at = {name: _resolution(run, name) for name in sorted(known)}
    names = [n for n in systems or sorted(known) if n != GROUND_TRUTH]
    for name in names:
        if name not in known and name not in CONTROLS:
            raise _unknown("system", name, [*sorted(known), *CONTROLS], run)
    wanted = [n for n in names if n in known]
    sizes = sorted({at[n] for n in wanted}) or resolutions(run)
    found = []
    for size in sizes:
        found.append(_shown(GROUND_TRUTH, size, run.references(size)))
        for name in names:
            if name in known and at[name] == size:
                found.append(_shown(name, size, run.system(name)))
            elif name not in known and run.control(size, name).path.is_dir():
                found.append(_shown(name, size, run.control(size, name)))
    return found


def _shown(name: str, size: int, folder: VideoFolder) -> StripColumn:
    return StripColumn(name, size, folder, folder.finished())


def _resolution(run: RunFolder, system: str) -> int:
    """That of its videos; of the smallest references where it made none."""
    records = run.system(system).finished().values()
    return next((int(r["size"]) for r in records if "size" in r), resolutions(run)[0])


def _length(run: RunFolder, shown: Sequence[StripColumn], clip: str) -> int:
    """Frames of the reference. Raises UserError with the nearest right name for an unknown clip."""
    clips = sorted({c for s in shown for c in s.records})
    if clip not in clips:
        raise _unknown("clip", clip, clips, run)
    lengths = [s.records[clip].get("n_frames") for s in shown if clip in s.records]
    known = [int(n) for n in lengths if n is not None]
    if not known:
        raise UserError(f"no video of clip '{clip}' in {run.root}", "see its result.json for why")
    return max(known)


def _unknown(what: str, name: str, known: Sequence[str], run: RunFolder) -> UserError:
    near = get_close_matches(name, known, n=1, cutoff=0.4)
    remedy = f"did you mean '{near[0]}'?" if near else f"has: {', '.join(known[:8])}"
    return UserError(f"{run.root} has no {what} '{name}'", remedy)


# -- rows -----------------------------------------------------------------------------------------


def _chosen(frames: Sequence[int], columns: int, length: int) -> list[int]:
    for frame in frames:
        if not 0 <= frame < length:
            raise UserError(f"there is no frame {frame}", f"the clip has frames 0 to {length - 1}")
    spaced = np.linspace(0, length - 1, columns).round().astype(int).tolist()
    return list(frames) or sorted(set(spaced))


def _cell(shown: Sequence[StripColumn]) -> int:
    """Side of a cell: the largest resolution, repeated whole times until letters can be read."""
    largest = max(s.resolution for s in shown)
    return largest * -(-_SMALLEST_CELL // largest)


def _sheet_row(shown: Sequence[StripColumn], clip: str) -> GridRow:
    videos = [s.frames(clip) for s in shown]
    length = max((len(v) for v in videos if not isinstance(v, str)), default=0)
    return GridRow(clip, f"frame {length // 2}", [cell(v, length // 2) for v in videos])

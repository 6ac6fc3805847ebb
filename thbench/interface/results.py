"""The results of a finished run, for Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from thbench.api import UserError
from thbench.interface.comparison import Comparison, comparison
from thbench.interface.frames import frame
from thbench.interface.html import page, table_html
from thbench.report.run_data import ReportData, ReportRow, read_run
from thbench.tables.compare import rivals
from thbench.tables.dashes import dashes

if TYPE_CHECKING:
    from thbench.export.latex import Uncertainty
    from thbench.export.targets import Target
    from thbench.interface.frames import TableLike


class Results(Mapping[str, Mapping[str, float | None]]):
    """What a run measured: `results["mine"]["psnr"]` is a number, or None where there is none.

    path      the run folder
    left_out  system or metric -> what it lacks, of a run with `available=True`

    A system or control that exists at several resolutions is named `NAME@RESOLUTION`. `reasons` says
    why a value is None.
    """

    def __init__(self, path: Path, left_out: Mapping[str, str] = MappingProxyType({})) -> None:
        self.path = path
        self.left_out = left_out
        self._data: ReportData = read_run(path)
        names = [e.name for e in self._data.entrants]
        self._rows: dict[str, ReportRow] = {
            e.name if names.count(e.name) == 1 else f"{e.name}@{e.resolution}": e
            for e in self._data.entrants
        }

    @property
    def primary(self) -> str | None:
        """The score that ranks the systems."""
        return self._data.primary

    @property
    def headline(self) -> list[str]:
        """The scores that tables show by default."""
        return list(self._data.headline)

    @property
    def systems(self) -> list[str]:
        """Names of the systems in the order of their table; controls are left out."""
        return [name for name, row in self._rows.items() if not row.is_control]

    @property
    def reasons(self) -> dict[tuple[str, str], str]:
        """(system, score) -> why there is no value, for every value that is missing."""
        return {
            (name, column): score.reason or "no value"
            for name, row in self._rows.items()
            for column, score in row.scores.items()
            if score.value is None
        }

    def __getitem__(self, name: str) -> Mapping[str, float | None]:
        try:
            return {column: score.value for column, score in self._rows[name].scores.items()}
        except KeyError:
            raise KeyError(f"no system '{name}'; there are {', '.join(self._rows)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def table(self, all: bool = False, intervals: bool = False) -> TableLike:
        """One row per system and control, in the order of the leaderboard.

        all        every score, not the headline scores alone
        intervals  also SCORE_low and SCORE_high, the ends of the 95 % interval over actors

        A pandas DataFrame where pandas is installed, else a list of dicts. Units and directions are in
        `columns`, reasons for missing values in `reasons`.
        """
        names = list(self._data.columns) if all else self._data.headline
        return frame([_table_row(row, names, intervals) for row in self._rows.values()])

    @property
    def columns(self) -> dict[str, dict[str, Any]]:
        """Score -> its metric, unit, direction and identity."""
        keep = ("metric", "score", "unit", "better", "set_level", "identity_digest")
        return {
            name: {key: getattr(score, key) for key in keep}
            for name, score in self._data.columns.items()
        }

    def clips(self, system: str | None = None) -> TableLike:
        """One row per system (or of `system` alone) and clip: labels, every number of clips.csv, and in
        `reason` why something of it is missing.

        A pandas DataFrame where pandas is installed, else a list of dicts.
        """
        chosen = self._rows if system is None else {system: self._row(system)}
        return frame([row for name, e in chosen.items() for row in _clip_rows(self._data, name, e)])

    def compare(self, a: str, b: str) -> Comparison:
        """System `a` minus system `b` on the same clips, with intervals and tests over actors.

        Raises UserError for an unknown system and for two of different resolutions.
        """
        one, other = self._row(a), self._row(b)
        if one.folder is None or other.folder is None:
            raise UserError(f"{self.path} holds no folders of systems", "load a run folder")
        found = rivals(one.folder.result_file, other.folder.result_file)
        return comparison(found[0])

    def show(self, clip: str | None = None, players: bool = True, all: bool = False) -> Any:
        """The table and the videos of a clip side by side, as HTML for a notebook.

        clip     its id; default: the worst clip of the best system
        players  False: the table alone
        all      every score, not the headline scores alone

        Returns an IPython.display.HTML where IPython is installed, else the HTML text. Raises UserError
        for an unknown clip.
        """
        text = page(self._data, self._names(all), clip, players)
        try:
            from IPython.display import HTML
        except ImportError:
            return text
        return HTML(text)

    def report(self, out: str | Path | None = None, clips: int | None = None) -> Path:
        """Write the HTML report, as `thbench report` does; returns its index.html."""
        from thbench.engines import engine_for
        from thbench.environment import Settings
        from thbench.report.page import Options, write_report
        from thbench.run.folder import REPORT

        folder = Path(out) if out is not None else self.path / REPORT
        return write_report(self.path, folder, engine_for(1, Settings()), Options(players=clips))

    def export(
        self,
        to: Target,
        out: str | Path | None = None,
        *,
        systems: Sequence[str] = (),
        columns: Sequence[str] = (),
        all: bool = False,
        controls: bool = False,
        clips: bool = False,
        labels: Mapping[str, str] = MappingProxyType({}),
        uncertainty: Uncertainty = "pm",
        project: str | None = None,
    ) -> list[str]:
        """Write the results for another program, as `thbench export` does; returns what was written.

        to   "csv", "parquet", "json", "latex", "markdown", "hf", "wandb", "mlflow" or "tensorboard"
        out  a file, or a folder for trackers. Raises UserError where a library is not installed
        """
        from thbench.export.selection import select
        from thbench.export.targets import How, export

        chosen = select(self.path, systems, columns, all, controls)
        how = How(clips, labels, uncertainty, project)
        return export(chosen, to, None if out is None else str(out), how)

    def _names(self, all: bool) -> list[str]:
        return list(self._data.columns) if all else list(self._data.headline)

    def _row(self, name: str) -> ReportRow:
        if name not in self._rows:
            raise UserError(f"{self.path} has no system '{name}'", f"has: {', '.join(self._rows)}")
        return self._rows[name]

    def __repr__(self) -> str:
        lines = [f"thbench results of {self.path}"]
        for name, row in self._rows.items():
            shown = ", ".join(_said(row, column) for column in self._data.headline)
            lines.append(f"  {row.place or '-':>3} {name}: {shown}")
        return "\n".join([*lines, *(f"  - {line}" for line in _dashes(self._data))])

    def _repr_html_(self) -> str:
        return table_html(self._data, self._data.headline)


def _said(row: ReportRow, column: str) -> str:
    from thbench.tables.markdown import score_text

    score = row.scores.get(column)
    return f"{column} {'–' if score is None or score.value is None else score_text(score.value)}"


def _dashes(data: ReportData) -> Iterator[str]:
    for size in data.resolutions:
        rows = [e.beside for _, e in data.at(size)]
        yield from dashes({"columns": data.columns, "rows": rows})


def _table_row(row: ReportRow, names: Sequence[str], intervals: bool) -> dict[str, Any]:
    clips = row.result.clips
    found: dict[str, Any] = {
        "place": row.place or None,
        "system": row.name,
        "kind": row.result.system.kind,
        "resolution": row.resolution,
        "given": row.result.system.given if row.result.system.kind == "system" else None,
        "clips": clips.generated,
        "of": clips.n,
    }
    for name in names:
        score = row.scores.get(name)
        found[name] = score.value if score else None
        if intervals:
            ends = score.interval if score else None
            found[f"{name}_low"] = ends.low if ends else None
            found[f"{name}_high"] = ends.high if ends else None
    return found


def _clip_rows(data: ReportData, name: str, row: ReportRow) -> Iterator[dict[str, Any]]:
    for i, clip in enumerate(data.clips):
        labels = {k: v for k, v in clip.labels.items() if k != "actor"}
        numbers = {column: values[i] for column, values in row.values.items()}
        head = {"system": name, "clip": clip.id, "actor": clip.actor}
        yield {**head, **labels, **numbers, "reason": row.reasons.get(clip.id)}

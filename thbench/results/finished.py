"""A finished run read back from its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from thbench import controls
from thbench.api import UserError
from thbench.files.atomic import printable
from thbench.results.clips import ClipsTable, read_clips
from thbench.results.document import Result, read_result
from thbench.results.ranking import in_table_order


@dataclass(frozen=True)
class Candidate:
    """A result document of a run, with its clips table."""

    path: Path
    result: Result

    @property
    def table(self) -> Path:
        return self.path.with_name("clips.csv")


def candidates(run: Path) -> list[Candidate]:
    """The rows of a run folder, or the one of a system's folder or result.json. Raises UserError."""
    if run.is_file():
        return [Candidate(run, read_result(run))]
    if (run / "result.json").is_file():
        return [Candidate(run / "result.json", read_result(run / "result.json"))]
    files = [*run.glob("systems/*/result.json"), *run.glob("controls/*/*/result.json")]
    if not files:
        raise UserError(f"{printable(run)} holds no result", "give a finished run or a result.json")
    return [Candidate(path, read_result(path)) for path in sorted(files)]


def ground_truths(run: Path) -> list[Result]:
    """The ground truth of a run at each resolution. Raises UserError where it has none."""
    found = [c.result for c in candidates(run) if c.result.system.name == controls.GROUND_TRUTH]
    if not found:
        raise UserError(f"{printable(run)} has no ground truth", "run it with its control rows")
    return sorted(found, key=lambda r: r.system.resolution)


def run_results(run: Path) -> list[Result]:
    """Every row of a finished run, controls in their order. Raises UserError where there is none."""
    if not run.is_dir():
        raise UserError(f"{run} is no run folder", "give the folder of a finished run")
    return sorted((c.result for c in candidates(run)), key=in_table_order)


def clips_of_run(run: Path) -> dict[tuple[int, str], ClipsTable]:
    """The clips table of every row of a run, by resolution and name."""
    rows = ((c.result.system, c) for c in candidates(run))
    return {(system.resolution, system.name): read_clips(c.table) for system, c in rows}

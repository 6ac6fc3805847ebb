"""The files of a sensitivity run, and the marks in the table of the run that it was compared with."""

from __future__ import annotations

from pathlib import Path

from thbench.files.atomic import atomic_write
from thbench.published.page import page_of
from thbench.results.finished import finished_rows, tables_of
from thbench.results.sensitivity import FILE, Sensitivity, sensitivity_text
from thbench.run.folder import RunFolder
from thbench.sensitivity.page import as_html
from thbench.sensitivity.picture import as_svg
from thbench.sensitivity.words import as_markdown
from thbench.tables.build import tables
from thbench.tables.delivery import delivery_lines, gaps_of


def with_gaps(found: Sensitivity, run: Path | None) -> Sensitivity:
    """With how far neighbours in the run's table are apart, where it was measured on the same clips."""
    if run is None:
        return found
    results, clips = tables_of(finished_rows(run))
    here = [t for t in tables(results, clips) if t["resolution"] == found.resolution]
    gaps = {c: pairs for table in here for c, pairs in gaps_of(table).items() if pairs}
    return found.model_copy(update={"gaps": gaps})


def write(found: Sensitivity, out: Path, run: Path | None) -> list[str]:
    """sensitivity.json, .md, .html and .svg in `out`; with a run also there, where its leaderboard.md is
    marked by it. Returns lines to print."""
    found = with_gaps(found, run)
    texts = {
        FILE: sensitivity_text(found),
        "sensitivity.md": as_markdown(found),
        "sensitivity.html": as_html(found),
        "sensitivity.svg": as_svg(found),
    }
    for name, text in texts.items():
        atomic_write(out / name, text)
    lines = [str(out / name) for name in texts]
    return [*lines, *_mark_run(found, run)] if run is not None else lines


def _mark_run(found: Sensitivity, run: Path) -> list[str]:
    results, clips = tables_of(finished_rows(run))
    with RunFolder(run.absolute()).locked():
        atomic_write(run / FILE, sensitivity_text(found))
        atomic_write(run / "leaderboard.md", page_of(run, results, clips))
    said = delivery_lines(found, results, clips)
    none = "no usual delivery moves a score further than two neighbouring systems are apart"
    return [str(run / "leaderboard.md"), *(said or [none])]

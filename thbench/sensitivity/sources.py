"""Whose videos are delivered: the references, or systems of a finished run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from thbench.api import UserError
from thbench.controls import GROUND_TRUTH
from thbench.results.finished import finished_rows
from thbench.results.row import Row
from thbench.run.folder import Record, RunFolder, VideoFolder
from thbench.suite import Suite
from thbench.tables.build import tables

_MOST = 64  # letters of a system's name


@dataclass(frozen=True)
class Source:
    """Videos by clip, and what the run that they are of scored them; `row` is None for references."""

    name: str
    folder: VideoFolder
    row: Row | None = None

    def records(self) -> Mapping[str, Record]:
        return {c: r for c, r in self.folder.stored().items() if "failure" not in r}


def check_recordings(source: Source, references: Mapping[str, Record]) -> None:
    """Raises UserError where a system's videos answer other recordings than these, of the same names."""
    if source.row is None:
        return
    for clip, record in source.records().items():
        mine = references.get(clip, {}).get("digest")
        if mine is not None and record.get("reference") not in (None, mine):
            raise UserError(
                f"{source.name}: clip {clip} of the run was made from another recording than this suite's",
                "give the suite with the dataset options of that run",
            )


def system_name(source: str, delivery: str) -> str:
    """What a delivery of a source is called as a system; a long name of a source ends in a hash."""
    most = _MOST - len(delivery) - 1
    if len(source) > most:
        source = f"{source[: most - 9]}-{hashlib.sha256(source.encode()).hexdigest()[:8]}"
    return f"{source}.{delivery}"


def rows_of(run: Path, suite: Suite, resolution: int | None) -> list[Row]:
    """The systems of a finished run of the same suite. Raises UserError where it is of another one."""
    rows = [row for row in finished_rows(run) if row.result.system.kind == "system"]
    for row in rows:
        if row.result.suite.digest != suite.digest:
            raise UserError(
                f"{run} is a run of {row.result.suite.name} ({row.result.suite.digest[:12]}), "
                f"not of {suite.name} ({suite.digest[:12]})",
                "give the suite with the --set and --metrics of that run",
            )
    return [r for r in rows if resolution is None or r.result.system.resolution == resolution]


def chosen_rows(rows: Sequence[Row], names: Sequence[str]) -> list[Row]:
    """The rows named, or the best of the table with the most systems. Raises UserError."""
    systems = [name for name in names if name != GROUND_TRUTH]
    if names:
        known = {row.name: row for row in rows}
        for name in systems:
            if name not in known:
                raise UserError(
                    f"--of {name}: no such system in the run", f"has: {', '.join(sorted(known))}"
                )
        return [known[name] for name in systems]
    found = tables([row.result for row in rows])
    if not found:
        return []
    table = max(found, key=lambda t: len(t["rows"]))
    best = next((r["system"] for r in table["rows"] if r["rank"] == 1), table["rows"][0]["system"])
    return [row for row in rows if row.name == best]


def resolution_of(suite: Suite, rows: Sequence[Row], asked: int | None) -> int:
    """At which size everything is scored. Raises UserError where rows are of several."""
    sizes = {row.result.system.resolution for row in rows}
    if len(sizes) > 1:
        raise UserError(
            f"systems of several sizes: {', '.join(map(str, sorted(sizes)))} px",
            "--resolution N, or --of systems of one size",
        )
    if sizes:
        return sizes.pop()
    if asked is not None:
        return asked
    if not suite.resolutions:
        raise UserError(f"suite '{suite.name}' has no system", "--resolution N says at which size")
    return suite.resolutions[0]


def sources_of(
    out: Path, size: int, run: Path | None, rows: Sequence[Row], names: Sequence[str]
) -> list[Source]:
    """The references first, unless `names` leaves them out, then systems of the run."""
    found = []
    if not names or GROUND_TRUTH in names:
        found.append(Source(GROUND_TRUTH, RunFolder(out.absolute()).references(size)))
    if run is not None:
        found += [Source(r.name, RunFolder(run.absolute()).system(r.name), r) for r in rows]
    return found

"""Rows of a finished run -> files of the leaderboard. Nothing is computed, nothing overwritten unasked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from thbench import controls
from thbench.api import UserError
from thbench.files.atomic import atomic_write, printable, sweep_dead
from thbench.files.foreign import read_bytes
from thbench.leaderboard.run_archive import archive_of_run
from thbench.leaderboard.store import LARGEST_BESIDE, features_file, place, verified_file
from thbench.results.document import (
    FeaturesRecord,
    Result,
    SubmissionRecord,
    result_text,
)
from thbench.results.finished import finished_rows
from thbench.results.row import Row, clips_file, table_file


def chosen(found: Sequence[Row], names: Sequence[str], pin: bool) -> list[Row]:
    """The systems asked for (all by default), then with `pin` the controls."""
    systems = {c.result.system.name: c for c in found if c.result.system.kind == "system"}
    if unknown := [n for n in names if n not in systems]:
        raise UserError(f"the run has no system '{unknown[0]}'", f"has: {', '.join(systems)}")
    controls = [c for c in found if c.result.system.kind == "control"]
    kept = [c for name, c in systems.items() if not names or name in names]
    if not kept and not (pin and controls):
        raise UserError("there is no system to add", "--pin adds control rows")
    return kept + (controls if pin else [])


def control_values(found: Sequence[Row], result: Result) -> dict[str, dict[str, float | None]]:
    """What the control rows of the same run scored at the same resolution."""
    return {
        c.result.system.name: {name: s.value for name, s in sorted(c.result.scores.items())}
        for c in found
        if c.result.system.kind == "control"
        and c.result.system.resolution == result.system.resolution
    }


def add(
    run: Path,
    root: Path,
    revision: str,
    submission: SubmissionRecord,
    names: Sequence[str] = (),
    pin: bool = False,
    replace: bool = False,
    features: bool = False,
    features_at: str | None = None,
) -> list[Path]:
    """Write the rows of a run into the leaderboard at `root` and return where.

    features     with their feature archives, those of systems and of the ground truth
    features_at  the archives will lie at this address; until then in RUN/features

    Raises UserError where a row of that revision exists with other content and `replace` is not
    given, and where a clips table is missing.
    """
    sweep_dead(root)  # what an earlier command left that was killed
    found = finished_rows(run)
    written = []
    for row in chosen(found, names, pin):
        result = row.result
        archive = archive_of_run(row.path) if features and _has_sets(result) else None
        filled = submission.model_copy(
            update={
                "controls": control_values(found, result),
                "features": _features_record(archive, features_at),
            }
        )
        text = result_text(result.model_copy(update={"submission": filled}))
        target = place(root, result, revision)
        table = read_bytes(table_file(row.path))
        _refuse_another(target, text, table, replace)
        atomic_write(clips_file(target), table)
        _put_archive(target, None if features_at else archive)
        atomic_write(target, text)
        written.append(target)
    return written


def _has_sets(result: Result) -> bool:
    """Whether a row needs an archive: a system with set metrics, or the ground truth, its other side."""
    is_side = result.system.kind == "system" or result.system.name == controls.GROUND_TRUTH
    return is_side and any(s.set_level for s in result.scores.values())


def _features_record(archive: Path | None, address: str | None) -> FeaturesRecord | None:
    """What the document says of an archive of a run, which is named by its digest."""
    if archive is None:
        return None
    if address:
        url = f"{address.rstrip('/')}/{archive.name}"
        return FeaturesRecord(sha256=archive.stem, url=url)
    if (size := archive.stat().st_size) > LARGEST_BESIDE:
        raise UserError(
            f"{printable(archive)} has {size / 1e6:.0f} MB, more than {LARGEST_BESIDE / 1e6:.0f}",
            "publish it, and say where with --features-at",
        )
    return FeaturesRecord(sha256=archive.stem)


def _put_archive(target: Path, archive: Path | None) -> None:
    """The archive next to its row; one of an older document goes."""
    if archive is None:
        features_file(target).unlink(missing_ok=True)
    else:
        atomic_write(features_file(target), read_bytes(archive))


def _refuse_another(target: Path, text: str, table: bytes, replace: bool) -> None:
    if not target.exists():
        return
    table_file = clips_file(target)
    same = read_bytes(target) == text.encode() and (
        table_file.is_file() and read_bytes(table_file) == table
    )
    if not same and not replace:
        raise UserError(
            f"{printable(target)} exists and is another result",
            "give --revision, or --replace to put this one in its place",
        )
    if not same:
        verified_file(target).unlink(missing_ok=True)

"""What the metrics of sets saw in a run, taken from the cache into an archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from thbench.api import UserError
from thbench.files.atomic import printable, temporary_path
from thbench.files.foreign import read_json
from thbench.leaderboard.archive import Arrays, write_archive
from thbench.run.folder import METRICS, OBSERVATIONS
from thbench.score.keys import observation_cache

_AGAIN = "score the run again on this machine: `thbench score SUITE --out RUN`"


def archive_of_run(result_file: Path) -> Path:
    """Write RUN/features/SHA256.zip of one row of a run and return where it is.

    Raises UserError where the cache no longer holds what was observed.
    """
    folder = _run_of(result_file) / "features"
    unnamed = temporary_path(folder)
    sha256 = write_archive(unnamed, observed_sets(result_file))
    return unnamed.replace(folder / f"{sha256}.zip")


def observed_sets(result_file: Path) -> Iterator[tuple[str, str, Arrays]]:
    """(metric, clip, arrays) of every metric with a score of sets, in one order."""
    cards = _read(_run_of(result_file) / METRICS)
    keys = _read(result_file.with_name(OBSERVATIONS))
    cache = observation_cache()
    for metric in sorted({str(c["metric"]) for c in cards.values() if c["set_level"]}):
        for clip, key in sorted(keys.get(metric, {}).items()):
            record = cache.get(key)
            if record is None:
                raise UserError(f"the cache no longer holds {metric} of clip {clip}", _AGAIN)
            yield metric, clip, record.arrays


def _run_of(result_file: Path) -> Path:
    for folder in result_file.absolute().parents:
        if (folder / METRICS).is_file():
            return folder
    raise UserError(f"{printable(result_file)} lies in no run folder", "give the run's folder")


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(file, _AGAIN)
    return found

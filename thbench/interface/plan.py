"""A suite and settings -> a job that can start, or what it lacks; the same for Python and the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from thbench.api import Remarks
from thbench.environment import Settings
from thbench.run.job import Job
from thbench.run.plan import gone_files, job_for, lacks, lacks_apart, slow_precisions, unused_files
from thbench.score.columns import check_columns, columns_of
from thbench.suite import Suite
from thbench.suite.split import Split, split_of


@dataclass(frozen=True)
class Planned:
    """A job and what stands in its way.

    out       the run folder, as it was given
    missing   what keeps it from starting, a line each with the command that brings it
    left_out  system or metric -> what it lacks, where only what is available was asked for
    warnings  what will be slow
    """

    suite: Suite
    job: Job
    out: Path
    missing: Sequence[str]
    left_out: Mapping[str, str]
    warnings: Sequence[str]

    def split(self) -> Split:
        """The clips. Raises UserError for a split that the dataset does not have."""
        return split_of(self.suite, self.job.settings)

    def check_columns(self) -> None:
        """Raises UserError where two metrics give one column, or none gives the primary score."""
        check_columns(self.suite, columns_of(self.job))

    def remarks(self) -> list[str]:
        """What the dataset says of itself, and files of systems that answer no clip or are gone."""
        dataset = self.suite.dataset.build(self.job.settings)
        said = list(dataset.remarks()) if isinstance(dataset, Remarks) else []
        gone = gone_files(self.suite, self.job.run)
        return [*said, *unused_files(self.suite, dataset), *gone]


def planned(
    suite: Suite,
    out: Path | None,
    settings: Settings,
    available: bool = False,
    words: Callable[[str], str] = str,
) -> Planned:
    """Plan a run into `out` (default runs/SUITE); fast, builds the dataset only.

    `words` turns keys of the suite in messages into what the person typed.
    """
    missing, left_out = _lacking(suite, settings, available, words)
    out = out or Path("runs") / suite.name
    job = job_for(suite, out, settings)
    slow = slow_precisions(suite, settings)
    return Planned(suite, replace(job, lacking=left_out), out, missing, left_out, slow)


def _lacking(
    suite: Suite, settings: Settings, available: bool, words: Callable[[str], str]
) -> tuple[list[str], dict[str, str]]:
    """What keeps the run from starting, and with `available` what is left out of it."""
    if not available:
        return [words(lack.line()) for lack in lacks(suite, settings)], {}
    everyone, parts = lacks_apart(suite, settings)
    return [words(lack.line()) for lack in everyone], {w: words(t) for w, t in parts.items()}

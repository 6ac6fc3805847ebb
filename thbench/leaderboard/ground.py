"""What a row is checked against: the suite as it is installed here, its clips, the pinned controls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from thbench.api import Clip, Dataset, UserError
from thbench.environment import Settings
from thbench.files.yamlfile import read_yaml
from thbench.leaderboard.store import CommittedRow, common_ground, pins_of
from thbench.plugins.discovery import registry
from thbench.suite import NAME, Suite, benchmarks_folder, build_suite
from thbench.suite.overrides import set_key
from thbench.suite.split import Split, select


@dataclass(frozen=True)
class Places:
    """Where things lie on this machine; none of it is part of a suite's digest.

    suites    a folder of suite files; the shipped ones by default
    root      the recordings of the suite's dataset; where the suite says by default
    manifest  the list of these recordings; that of the suite by default
    """

    suites: Path | None = None
    root: Path | None = None
    manifest: Path | None = None


@dataclass(frozen=True)
class Ground:
    """A suite with its dataset and split, and the pinned controls of a row by name."""

    suite: Suite
    dataset: Dataset
    split: Split
    pins: Mapping[str, CommittedRow]

    def elsewhere(self, row: CommittedRow) -> list[str]:
        """Pinned controls that `build` puts into another table than the row."""
        own = common_ground(row.result)
        return sorted(n for n, pin in self.pins.items() if common_ground(pin.result) != own)


def ground_of(row: CommittedRow, rows: list[CommittedRow], places: Places | None = None) -> Ground:
    """Load the suite that a row names, and list its clips.

    Raises UserError where there is no suite of that name or its recordings cannot be found.
    """
    suite = suite_of(row, places or Places())
    dataset: Dataset = suite.dataset.build(Settings(offline=True))
    return Ground(suite, dataset, select(suite, _clips(suite, dataset)), pins_of(rows, row.result))


def suite_of(row: CommittedRow, places: Places) -> Suite:
    """The suite that a row names, its dataset's files being where `places` says. Opens no media.

    Raises UserError where there is none of that name, and for a place that its dataset does not have.
    """
    name, folder = row.result.suite.name, places.suites or benchmarks_folder()
    file = folder / f"{name}.yaml"
    if not re.fullmatch(NAME.strip("^$"), name) or not file.is_file():
        raise UserError(f"there is no suite '{name}'", "--suites FOLDER says where others lie")
    document = read_yaml(file)
    for option in ("root", "manifest"):
        if (place := getattr(places, option)) is not None:
            set_key(document, ("dataset", option), str(place.absolute()), f"--{option} {place}")
    return build_suite(document, registry())


def _clips(suite: Suite, dataset: Dataset) -> list[Clip]:
    try:
        return [*dataset.clips()]
    except UserError as error:
        lacking = [missing.what for missing in dataset.missing()]
        raise UserError(
            f"suite {suite.name}: {lacking[0] if lacking else error.message}",
            "--root DIR says where the recordings of its dataset lie, --manifest FILE which they are",
        ) from error


def in_flags(text: str) -> str:
    """A message about places of a suite's dataset in the flags of `verify`."""
    return re.sub(r"(?:--set )?dataset\.(root|manifest)=", r"--\1 ", text)

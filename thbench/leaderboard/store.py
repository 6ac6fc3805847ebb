"""Where rows lie and what may lie there. Names from a document never become a path unchecked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from thbench.api import UserError
from thbench.files.atomic import is_temporary, printable
from thbench.files.canonical import same_name
from thbench.files.foreign import read_bytes, reading, sha256_of
from thbench.leaderboard.fit import unfit
from thbench.results.clips import ClipsTable, read_clips
from thbench.results.document import FeaturesRecord, Result, read_result
from thbench.results.row import CLIPS, Row, clips_file
from thbench.suite import NAME

VERIFIED, FEATURES = ".verified", ".features.zip"
COMPANIONS = CLIPS, VERIFIED, FEATURES
Tier: TypeAlias = Literal["self-reported", "rows-verified", "videos-verified", "reproduced"]
TIERS: tuple[Tier, ...] = ("self-reported", "rows-verified", "videos-verified", "reproduced")
LARGEST_BESIDE = 20_000_000
"""Bytes of a feature archive that lies next to its row; larger ones lie at an address."""
_LARGEST_RECORD = 100_000


class Verification(BaseModel):
    """How far a row was verified, and of which bytes that is said.

    videos  how many clips were scored again from their videos, of how many
    sets    set metrics were recomputed, too, since every clip was
    features  set metrics were recomputed from the row's feature archive and the ground truth's
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    result_sha256: str
    clips_sha256: str
    tier: Tier
    videos: tuple[int, int] = (0, 0)
    sets: bool = False
    features: bool = False
    thbench: str


@dataclass(frozen=True)
class CommittedRow:
    """One committed row."""

    path: Path
    revision: str
    entry: Row

    @property
    def result(self) -> Result:
        return self.entry.result

    @property
    def clips(self) -> ClipsTable:
        return self.entry.clips

    @property
    def is_control(self) -> bool:
        return self.result.system.kind == "control"

    @property
    def features(self) -> FeaturesRecord | None:
        """The feature archive that its document names."""
        submission = self.result.submission
        return submission.features if submission else None

    @property
    def digests(self) -> tuple[str, str]:
        """SHA-256 of the result document and of its clips table."""
        return _sha256(self.path), _sha256(clips_file(self.path))

    @cached_property
    def verification(self) -> Verification | None:
        """What was recorded about exactly these bytes; None where nothing was, or of other bytes."""
        file = verified_file(self.path)
        if not file.is_file() or file.stat().st_size > _LARGEST_RECORD:
            return None
        with reading(file, _NO_RECORD):
            try:
                found = Verification.model_validate_json(read_bytes(file, _NO_RECORD))
            except ValidationError:
                raise UserError(
                    f"{printable(file)} is no verification record", _NO_RECORD
                ) from None
        same = (found.result_sha256, found.clips_sha256) == self.digests
        return found if same else None

    @property
    def tier(self) -> Tier:
        return self.verification.tier if self.verification else "self-reported"


_NO_RECORD = "remove it and verify again"


def features_file(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".json") + FEATURES)


def verified_file(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".json") + VERIFIED)


def _sha256(path: Path) -> str:
    return sha256_of(path)


def place(root: Path, result: Result, revision: str) -> Path:
    """Where a result belongs. Raises UserError for names that are none, `../x` say."""
    system = result.system
    for what, name in (
        ("suite", result.suite.name),
        ("system", system.name),
        ("revision", revision),
    ):
        if not re.fullmatch(NAME.strip("^$"), name):
            raise UserError(f"'{name}' is no {what} name", "letters, digits, . _ + - up to 64")
    if revision.endswith((".clips", ".verified", ".features")):
        raise UserError(f"'{revision}' is no revision name", "another ending")
    folder = f"{system.name}@{system.resolution}" if system.kind == "control" else system.name
    return root / "results" / result.suite.name / folder / f"{revision}.json"


def read_row(root: Path, path: Path) -> CommittedRow:
    """Read one row. Raises UserError for a damaged one, and for one that is not where it belongs."""
    if any(p.is_symlink() for p in (path, *path.parents) if root in p.parents):
        raise UserError(f"{printable(path)} is a link", "put the file itself there")
    result = read_result(path)
    revision = path.name.removesuffix(".json")
    if place(root, result, revision) != path:
        raise UserError(
            f"{printable(path)}: is {result.system.name} of suite {result.suite.name}",
            "`thbench leaderboard add` puts it where it belongs",
        )
    table = clips_file(path)
    if table.is_symlink():
        raise UserError(f"{printable(table)} is a link", "put the file itself there")
    clips = read_clips(table)
    if reason := next(unfit(result, clips), None):
        raise UserError(f"{printable(path)}: {reason}", "no table can show it")
    return CommittedRow(path, revision, Row(result, clips, path))


def row_files(root: Path) -> list[Path]:
    """Every result document under `root`, sorted. Raises UserError for files that belong to none."""
    found: list[Path] = []
    others: list[Path] = []
    for path in sorted((root / "results").rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        if is_temporary(path):
            continue  # of a writer that was killed, or is at work; the next command sweeps it
        name = path.name
        is_row = name.endswith(".json")
        (found if is_row else others).append(path)
    beside = (clips_file, verified_file, features_file)
    known = {of(path) for path in found for of in beside}
    if unrelated := [p for p in others if p not in known]:
        raise UserError(f"{printable(unrelated[0])} belongs to no result", "remove it")
    if twins := _look_alikes(found):
        raise UserError(
            f"{printable(twins[1])} looks like {printable(twins[0])}", "rename one of them"
        )
    return found


def _look_alikes(files: list[Path]) -> tuple[Path, Path] | None:
    """Two rows of one suite whose systems differ in case, dots, hyphens or underscores only."""
    seen: dict[tuple[str, str], Path] = {}
    for path in files:
        folder = path.parent
        name, _, size = folder.name.partition("@")
        key = (folder.parent.name, f"{same_name(name)}@{size}")
        other = seen.setdefault(key, path)
        if other.parent != folder:
            return other, path
    return None


def read_rows(root: Path) -> list[CommittedRow]:
    """Every row under `root`, in the order of their paths. Raises UserError as `read_row`."""
    rows = [read_row(root, path) for path in row_files(root)]
    seen: dict[tuple[object, ...], Path] = {}
    for row in rows:
        if not row.is_control:
            continue
        system = row.result.system
        key = (row.result.suite.name, system.name, system.resolution)
        if key in seen:
            raise UserError(
                f"{printable(row.path)}: this control is also pinned by {printable(seen[key])}",
                "remove one of them",
            )
        seen[key] = row.path
    return rows


def pins_of(rows: list[CommittedRow], result: Result) -> dict[str, CommittedRow]:
    """The pinned control rows that a result is compared with, by name."""
    return {
        row.result.system.name: row
        for row in rows
        if row.is_control
        and row.result.suite.digest == result.suite.digest
        and row.result.split.digest == result.split.digest
        and row.result.system.resolution == result.system.resolution
    }


def common_ground(result: Result) -> tuple[str | int, ...]:
    """What rows of one table share: `build` sets rows apart by it, `verify` says where one stands apart.

    Besides suite, split and resolution these are the pictures and sounds that were compared with:
    clips of other recordings may have the same names.
    """
    return (
        result.suite.name,
        result.suite.digest,
        result.split.digest,
        result.dataset.synthetic,
        result.system.resolution,
        result.dataset.references_digest,
    )


def systems(rows: list[CommittedRow]) -> Iterator[CommittedRow]:
    return (row for row in rows if not row.is_control)

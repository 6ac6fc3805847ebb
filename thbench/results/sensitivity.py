"""sensitivity.json: how far scores move when nothing but delivery changes. Written and read back; computes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from thbench.api import UserError
from thbench.files.foreign import read_json, reading

FILE = "sensitivity.json"
LARGEST = 16_000_000
SCHEMA = 1
REMEDY = "thbench sensitivity SUITE writes it"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SourceRecord(_Model):
    """Whose videos were delivered: the references (`control`), or a system of a finished run.

    unmoved   whether the lossless delivery scored what the source itself did, column by column; null
              where the source was not scored
    """

    kind: Literal["control", "system"]
    clips: int
    unmoved: bool | None = None
    differs: tuple[str, ...] = ()


class DeliveryRecord(_Model):
    """What was changed, and the size of the files: mean kbit/s over clips, picture and sound together."""

    about: str = ""
    usual: bool = False
    changes: dict[str, Any] = {}
    kbps: dict[str, float] = {}


class ColumnRecord(_Model):
    metric: str
    unit: str = ""
    better: Literal["lower", "higher", "nearer-reference"]
    set_level: bool = False
    identity_digest: str


class Move(_Model):
    """One column under one delivery: `move` = after - before, over the `n` clips that have both.

    An interval is over actors and paired by clip; a set metric's by leaving out actors. `note` says why
    there is no move or no interval.
    """

    source: str
    delivery: str
    column: str
    before: float | None
    after: float | None
    move: float | None
    low: float | None = None
    high: float | None = None
    n: int
    of: int
    note: str = ""


class Gap(_Model):
    """How far two systems that stand side by side in a column are apart; `better` is the better one."""

    better: str
    worse: str
    gap: float


class Sensitivity(_Model):
    """The whole file. `unavailable` says why a delivery or metric could not be had, `lost` what failed.

    gaps  column -> neighbours in the table of the run that was compared with; empty without one
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    suite: str
    suite_digest: str
    split_digest: str
    references_digest: str
    dataset: str
    synthetic: bool = False
    resolution: int
    n_clips: int
    n_actors: int
    sources: dict[str, SourceRecord]
    deliveries: dict[str, DeliveryRecord]
    columns: dict[str, ColumnRecord]
    moves: tuple[Move, ...]
    gaps: dict[str, tuple[Gap, ...]] = {}
    unavailable: dict[str, str] = {}
    lost: dict[str, dict[str, int]] = {}
    provenance: dict[str, Any] = {}

    def of(self, column: str, delivery: str) -> list[Move]:
        return [m for m in self.moves if m.column == column and m.delivery == delivery]


def sensitivity_text(found: Sensitivity) -> str:
    data = found.model_dump(mode="json", by_alias=True)
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def read_sensitivity(path: Path) -> Sensitivity:
    """Read and validate. Raises UserError naming file and key for a damaged, unknown or newer document."""
    data = read_json(path, REMEDY, LARGEST)
    if not isinstance(data, dict) or not isinstance(data.get("schema"), int):
        raise UserError(f"{path} is no {FILE}", REMEDY)
    if data["schema"] > SCHEMA:
        raise UserError(f"{path}: schema {data['schema']} is newer than this thbench reads", REMEDY)
    with reading(str(path), REMEDY):
        try:
            return Sensitivity.model_validate_json(json.dumps(data), strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(p) for p in first["loc"])[:200] or "document"
            raise UserError(f"{path}: {key}: {first['msg']}", REMEDY) from None


def sensitivity_of(run: Path) -> Sensitivity | None:
    """What a run folder holds of it, if anything."""
    file = run / FILE
    return read_sensitivity(file) if file.is_file() else None

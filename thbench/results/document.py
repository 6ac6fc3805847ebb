"""The result document: schema version, read, write, migrate. Computes nothing.

`result.json` holds one row of a table with everything needed to trust it; `clips.csv` next to it
holds one line per clip. Times, memory and host are in timings.jsonl, so that the bytes of a result
depend on what was measured and by which build only.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from thbench.api import Given, UserError
from thbench.files.foreign import read_json, reading

SCHEMA = 1
LARGEST = 16_000_000
"""Bytes of a result document that are read at all."""

# Older documents are brought up to date by name: {version: function to the next version}.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def _is_none(value: object) -> bool:
    return value is None


def _is_image(value: object) -> bool:
    return value == "image"


def _is_false(value: object) -> bool:
    return value is False


def _is_empty(value: object) -> bool:
    return value in ((), {})


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PluginRecord(_Model):
    """Which distribution provided a plugin, and the digest of its source."""

    name: str
    version: str
    distribution: str
    distribution_version: str
    entry_point: str
    source_digest: str


class SuiteRecord(_Model):
    """`headline` are the columns that tables show first; it stands only where the suite names them."""

    name: str
    digest: str
    overrides: tuple[str, ...] = ()
    primary: str | None = None
    headline: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    seed: int
    identity_frame: str


class SplitRecord(_Model):
    name: str
    digest: str
    n_clips: int
    n_actors: int
    excluded: dict[str, str] = {}


class DatasetRecord(_Model):
    """`actors_unknown`: every clip counts as an actor of its own; it stands only where it is so."""

    plugin: PluginRecord
    version: str
    options: dict[str, Any]
    references_digest: str
    synthetic: bool = False
    actors_unknown: bool = Field(default=False, exclude_if=_is_false)


class TrainedOnRecord(_Model):
    dataset: str
    actors: tuple[str, ...]


class SystemRecord(_Model):
    """A system or a control. `trained_on` is null where unknown.

    `environment` are versions of what an outside program ran on, as measured there; it stands only where
    there is such a program.
    `given` stands only where it is `recording`: a system that edits the recording itself.
    """

    name: str
    kind: Literal["system", "control"]
    resolution: int
    about: str = ""
    plugin: PluginRecord | None = None
    options_given: dict[str, Any] = {}
    options: dict[str, Any] = {}
    files: dict[str, str] = {}
    weights: dict[str, str] = {}
    non_commercial: tuple[str, ...] = ()
    oracle: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default={}, exclude_if=_is_empty)
    given: Given = Field(default="image", exclude_if=_is_image)
    trained_on: TrainedOnRecord | None = None


class Reason(_Model):
    reason: str
    count: int
    clips: tuple[str, ...]


class ClipsRecord(_Model):
    """How many clips were asked for and answered; every failure is counted with its reason.

    `n` are the clips of the split that have a usable reference, the same for every system; those
    without one are counted apart, since no system can answer for them. `placements` say which square
    of delivered videos was scored, `misframed` which of them are not framed as their reference.
    `changes` count what was done to delivered videos before they were scored.
    `copies` are clips whose video
    moves as the ground truth does (docs/security.md); null where that was not looked at.
    """

    n: int
    generated: int
    failed: int
    failures: tuple[Reason, ...] = ()
    without_reference: tuple[Reason, ...] = ()
    stores: dict[str, int] = {}
    tracks: dict[str, int] = {}
    trimmed: int = 0
    changes: dict[str, int] = {}
    placements: dict[str, int] = {}
    misframed: tuple[Reason, ...] = ()
    copies: tuple[str, ...] | None = None
    table_sha256: str
    videos_digest: str


class IntervalRecord(_Model):
    """A confidence interval, or the note why there is none; docs/statistics.md.

    `without` are a set metric's values with each actor left out, from which the interval follows.
    """

    low: float | None
    high: float | None
    level: float
    method: str
    n_actors: int
    note: str = ""
    without: dict[str, float] = {}

    @model_validator(mode="after")
    def _has_two_ends_or_none(self) -> IntervalRecord:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has two ends or none")
        return self


class OverRecord(_Model):
    """How a value follows from one column of clips.csv, so that anyone can recompute it: api.Over."""

    column: str
    statistic: Literal["mean", "median"] = "mean"
    absolute: bool = False
    at_most: float | None = None


class ScoreRecord(_Model):
    """One number with its coverage and the identity of its column, or the reason for there being none.

    `counts` are how many frames, windows, ... of the row entered the value.
    `reference_over_span` is the ground truth over the frames that this row has, from which its distance
    is; it stands only where videos are shorter than their clips.
    """

    metric: str
    score: str
    value: float | None
    reason: str | None = None
    unit: str = ""
    better: Literal["lower", "higher", "nearer-reference"]
    set_level: bool = False
    range: tuple[float | None, float | None] = (None, None)
    over: OverRecord | None = None
    n: int
    of: int
    distance_from_reference: float | None = None
    reference_over_span: float | None = Field(default=None, exclude_if=_is_none)
    interval: IntervalRecord | None = None
    notes: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    failures: tuple[Reason, ...] = ()
    identity: dict[str, Any]
    identity_digest: str


class VideosRecord(_Model):
    """A zip of one video per clip, for scoring them again."""

    url: str = Field(pattern=r"^https://\S+$", max_length=1000)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class FeaturesRecord(_Model):
    """The archive of what set metrics saw in every clip; without `url` it lies next to the row."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    url: str | None = Field(default=None, pattern=r"^https://\S+$", max_length=1000)


class SubmissionRecord(_Model):
    """What a submitter adds to a measured row, on the way to a leaderboard; docs/leaderboard.md.

    `controls` are what the control rows of the same run scored: control -> column -> value.
    """

    submitter: str = Field(default="", max_length=200)
    licence: str = Field(default="", max_length=200)
    reproduce: str = Field(default="", max_length=2000)
    videos: VideosRecord | None = None
    features: FeaturesRecord | None = None
    controls: dict[str, dict[str, float | None]] = {}


class Result(_Model):
    """One row of a table."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    suite: SuiteRecord
    split: SplitRecord
    dataset: DatasetRecord
    system: SystemRecord
    clips: ClipsRecord
    scores: dict[str, ScoreRecord]
    ranked: bool
    unranked_because: tuple[str, ...] = ()
    provenance: dict[str, Any]
    submission: SubmissionRecord | None = None


def result_text(result: Result) -> str:
    """The one spelling of a result: sorted keys, shortest round-trip floats, a final newline."""
    data = result.model_dump(mode="json", by_alias=True)
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def read_result(path: Path) -> Result:
    """Read and validate one result document, migrating an older schema.

    Raises UserError naming file and key for damaged, unknown or newer documents.
    """
    data = read_json(path, "score the run again", LARGEST)
    if not isinstance(data, dict):
        raise UserError(f"{path} is not a result document", "score the run again")
    data = _migrated(path, data)
    with reading(str(path), "score the run again"):
        try:
            return Result.model_validate_json(json.dumps(data), strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(p) for p in first["loc"])[:200] or "document"
            raise UserError(f"{path}: {key}: {first['msg']}", "score the run again") from None


def _migrated(path: Path, data: dict[str, Any]) -> dict[str, Any]:
    version = data.get("schema")
    if not isinstance(version, int) or isinstance(version, bool):
        raise UserError(f"{path}: schema: missing or no number", "is this a result document?")
    if version > SCHEMA:
        raise UserError(
            f"{path}: schema {version} is newer than this thbench reads", "upgrade thbench"
        )
    while version < SCHEMA:
        if version not in MIGRATIONS:
            raise UserError(f"{path}: schema {version} is unknown", "score the run again")
        data = MIGRATIONS[version](data)
        version = data["schema"]
    return data


def json_schema() -> dict[str, Any]:
    """The JSON Schema of result.json."""
    return {
        **Result.model_json_schema(by_alias=True),
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "thbench result",
    }

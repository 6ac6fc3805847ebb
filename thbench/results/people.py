"""RUN/people/STUDY.json: what people said of a run's videos, for its tables. Written and read back; computes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from thbench.api import UserError
from thbench.files.atomic import printable
from thbench.files.foreign import read_json, reading

FOLDER = "people"
LARGEST = 4_000_000
MOST = 100
"""Studies of one run."""
REMEDY = "`thbench study collect --run RUN` writes it; delete it to be without"
Form: TypeAlias = Literal["2afc", "mos"]
Words: TypeAlias = Annotated[str, StringConstraints(max_length=2000)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class Estimate(_Model):
    """A value with its 95 % interval; without limits, `note` says why."""

    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""


class EntryVotes(_Model):
    """What was said of one entry. `score` is its worth (log odds, mean 0) or its mean rating; `share` of its
    pairs that it won, a tie counted half; `votes` how many answers about it."""

    name: str
    kind: Literal["system", "control"]
    resolution: int
    score: Estimate
    share: float | None
    votes: int
    ties: int
    place: str


class ShownVideos(_Model):
    """Which videos of an entry people saw."""

    name: str
    kind: Literal["system", "control"]
    resolution: int
    videos_digest: str


class PeopleQuestion(_Model):
    """One question; `said` is what stands below its table, a line each."""

    question: Words
    entries: tuple[EntryVotes, ...] = Field(max_length=1000)
    said: tuple[Words, ...] = Field(max_length=1000)


class People(_Model):
    """The whole file. `rule` says whose answers count: `kept` of `raters`."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    study: str = Field(pattern=r"^[0-9a-f]{16}$")
    title: Words
    form: Form
    suite_digest: str
    shown: tuple[ShownVideos, ...]
    rule: Words
    raters: int
    kept: int
    clips: int
    questions: tuple[PeopleQuestion, ...]


def people_file(run: Path, study: str) -> Path:
    return run / FOLDER / f"{study}.json"


def people_text(found: People) -> str:
    data = found.model_dump(mode="json", by_alias=True)
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def people_of(run: Path) -> tuple[People, ...]:
    """Every study that was put into a run folder, by its id. Raises UserError for a damaged one."""
    return tuple(_every(run))


def _every(run: Path) -> Iterator[People]:
    files = sorted((run / FOLDER).glob("*.json"))
    if len(files) > MOST:
        raise UserError(f"{printable(run / FOLDER)} holds more than {MOST} studies", REMEDY)
    for file in files:
        data = read_json(file, REMEDY, LARGEST)
        name = printable(file)
        with reading(name, REMEDY):
            try:
                yield People.model_validate_json(json.dumps(data), strict=True)
            except ValidationError as error:
                first = error.errors()[0]
                key = ".".join(str(p) for p in first["loc"])[:200] or "document"
                raise UserError(f"{name}: {key}: {first['msg']}", REMEDY) from None

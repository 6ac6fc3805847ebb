"""study.json: what people said, of every question; read and written strictly. Computes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from thbench.api import UserError
from thbench.files.atomic import printable
from thbench.files.foreign import read_json, reading
from thbench.results.people import EntryVotes, Estimate
from thbench.study.form import EntryRecord, Form, first_fault

LARGEST = 200_000_000
FILE = "study.json"
_REMEDY = "collect the ballots again: `thbench study collect`"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class PairVotes(_Model):
    """Two entries: who won how often, the difference of their scores, and whether that tells them apart.

    `more_raters` that would be needed to tell them apart with a power of 0.8 if the difference is as
    estimated; null where no number of raters would do, or nothing can be said (`note`).
    """

    first: str
    second: str
    wins: int
    ties: int
    losses: int
    difference: Estimate
    decided: bool
    more_raters: int | None
    note: str = ""


class QuestionResult(_Model):
    """One question. `left_share`: how often the left or first was chosen, among answers that chose."""

    question: str
    entries: tuple[EntryVotes, ...]
    pairs: tuple[PairVotes, ...]
    tie_weight: float | None
    alpha: float | None
    alpha_level: str
    votes: int
    ties: int
    left_share: float | None
    note: str = ""


class RaterLine(_Model):
    """One rater: `agreement` is the share of answers as the others would have it; `suspect` what that says."""

    rater: str
    list: int
    language: str
    caught: int
    catches: int
    miscounted: int
    hasty: int
    minutes: float
    dropped_because: tuple[str, ...]
    agreement: float | None
    compared: int
    suspect: str


class Vote(_Model):
    """An answer that counts: numbers of rater, entries (`second` is -1 in `mos`); outcome 0 first, 1 tie, 2
    second, or the rating."""

    question: str
    rater: int
    clip: str
    first: int
    second: int
    outcome: int


class StudyResult(_Model):
    """study.json. `entries` are what votes are about, by number; `suite_digest` is that of the run it was made from."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    study: str
    title: str
    form: Form
    suite_digest: str
    entries: tuple[EntryRecord, ...]
    made_of: dict[str, Any]
    rule: str
    regularise: float
    files: int
    unused: dict[str, int]
    unused_files: dict[str, str]
    raters: int
    kept: int
    dropped: dict[str, int]
    clips: int
    questions: tuple[QuestionResult, ...]
    rater_lines: tuple[RaterLine, ...]
    votes: tuple[Vote, ...]


def study_text(result: StudyResult) -> str:
    """The one spelling of a study's result."""
    data = result.model_dump(mode="json", by_alias=True)
    votes = data.pop("votes")
    head = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    lines = ",\n".join(json.dumps(v, sort_keys=True, ensure_ascii=False) for v in votes)
    return f'{head[:-2]},\n "votes": [\n{lines}\n]\n}}\n'


def read_study(path: Path) -> StudyResult:
    """STUDY/study.json, or the file itself. Raises UserError for what is none."""
    file = path / FILE if path.is_dir() else path
    data = read_json(file, _REMEDY, LARGEST)
    name = printable(file)
    with reading(name, _REMEDY):
        try:
            return StudyResult.model_validate_json(json.dumps(data), strict=True)
        except ValidationError as error:
            raise UserError(f"{name}: {first_fault(error)}", _REMEDY) from None

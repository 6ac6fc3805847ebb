"""The files of a study, as models: its key, which stays with its makers, and the ballots that come back.

STUDY/key.json     what is behind every opaque id; never to be published
STUDY/site/        the page and its videos: all that raters get
STUDY/study.json   what `collect` found (thbench.study.document)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from thbench.api import UserError
from thbench.files.atomic import printable
from thbench.files.foreign import read_json, reading

Form: TypeAlias = Literal["2afc", "mos"]
Layout: TypeAlias = Literal["side-by-side", "one-after-the-other"]
Id: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Question: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Answer: TypeAlias = Literal["left", "right", "tie"] | Annotated[int, Field(ge=1, le=5)]

QUESTIONS: tuple[str, ...] = ("sync", "realism", "identity", "overall")
CATCH_QUESTIONS = ("sync", "overall", "realism")
"""What mismatched speech shows in, the surest first."""
LARGEST_KEY = 50_000_000
LARGEST_BALLOT = 2_000_000
MOST_BALLOT_TRIALS = 2000
_DAY = 86_400_000
Milliseconds: TypeAlias = Annotated[int, Field(ge=0, le=100 * _DAY)]
_REMEDY = "give the key.json that `thbench study make` wrote"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class EntryRecord(_Model):
    """A system, a control or the ground truth of a study, and the digest of the videos that were shown."""

    name: str
    kind: Literal["system", "control"]
    resolution: int
    contestant: bool
    videos_digest: str


class ShownVideo(_Model):
    """What a file of the site shows: a clip by an entry. `sound` is whose speech it has where not its own."""

    clip: str
    entry: int
    sound: str = ""


class TrialRecord(_Model):
    """A trial: files on the left (or first) and right; `milliseconds` is what watching it takes at least.

    `truth` of a mismatched pair is the side with the true sound.
    """

    kind: Literal["pair", "single", "mismatched", "twice"]
    clip: str
    left: Id
    right: Id | None = None
    truth: Literal["left", "right"] | None = None
    milliseconds: int


class StudyKey(_Model):
    """key.json. `made_of` says which run it was made from; ids follow from `secret` alone."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    study: Id
    secret: str = Field(pattern=r"^[0-9a-f]{64}$")
    title: str
    seed: int
    form: Form
    layout: Layout
    tie: bool
    questions: tuple[Question, ...]
    catch_question: Question | None
    made_of: dict[str, Any]
    entries: tuple[EntryRecord, ...]
    actors: dict[str, str]
    videos: dict[Id, ShownVideo]
    trials: dict[Id, TrialRecord]
    lists: tuple[tuple[Id, ...], ...]
    beeps: dict[Id, int]


class HeardBeeps(_Model):
    sound: Id
    count: Annotated[int, Field(ge=0, le=99)]


class GivenAnswer(_Model):
    """Answers of one trial; `plays` of its videos, `milliseconds` from the first play to the answer."""

    trial: Id
    answers: dict[Question, Answer]
    milliseconds: Milliseconds
    plays: tuple[int, ...] = Field(max_length=2)


class Ballot(_Model):
    """What one rater sent back. Times are milliseconds since 1970 on the rater's own clock."""

    schema_version: Literal[1] = Field(alias="schema")
    study: Id
    rater: Id
    list: Annotated[int, Field(ge=0, le=100_000)]
    language: Annotated[str, StringConstraints(max_length=16)]
    started: Annotated[int, Field(ge=0, lt=1 << 53)]
    finished: Annotated[int, Field(ge=0, lt=1 << 53)]
    beeps: tuple[HeardBeeps, ...] = Field(max_length=20)
    answers: tuple[GivenAnswer, ...] = Field(max_length=MOST_BALLOT_TRIALS)
    check: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


def key_text(key: StudyKey) -> str:
    """The one spelling of a key."""
    data = key.model_dump(mode="json", by_alias=True)
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_key(path: Path) -> StudyKey:
    """Raises UserError naming file and key for what is no key.json of this version."""
    return _as_model(StudyKey, read_json(path, _REMEDY, LARGEST_KEY), path, _REMEDY)


def _as_model(model: type[StudyKey], data: Any, path: Path, remedy: str) -> StudyKey:
    name = printable(path)
    with reading(name, remedy):
        try:
            return model.model_validate_json(json.dumps(data), strict=True)
        except ValidationError as error:
            raise UserError(f"{name}: {first_fault(error)}", remedy) from None


def first_fault(error: ValidationError) -> str:
    """`answers.3.trial: Field required`."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])[:200] or "document"
    return f"{place}: {first['msg']}"


def checksum(text: str) -> str:
    """FNV-1a over UTF-8, 64 bits, in hexadecimal: whether a ballot was changed by hand or on its way.

    The page computes the same; it is no secret, so it does not stop a forger (docs/human_study.md).
    Source: Fowler, Noll and Vo; RFC 9923.
    """
    value = 0xCBF29CE484222325
    for byte in text.encode("utf-8"):
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def unsigned(data: dict[str, Any]) -> str:
    """What the checksum of a ballot is taken over: its other keys in their order, as JSON.stringify writes them."""
    rest = {name: value for name, value in data.items() if name != "check"}
    return json.dumps(rest, separators=(",", ":"), ensure_ascii=False)

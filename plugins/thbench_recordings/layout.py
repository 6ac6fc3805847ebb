"""The description of a dataset in YAML: what files are called, and what their names mean."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from thbench.api import UserError, reading
from thbench_recordings.pattern import expression, filled, names_in

__all__ = ["Archives", "Layout", "load_layout"]

_LARGEST = 1_000_000
_HELP = "see docs/datasets.md"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))


class Archives(_Strict):
    """Archives at one address, with published checksums.

    record   address of a JSON record as Zenodo's API gives it: files with name, size, checksum and link
    archive  name of the archive of an actor: `Video_Speech_Actor_{actor}.zip`
    """

    record: str
    archive: str


class Layout(_Strict):
    """One dataset. Patterns have `{field}`, and `*` for anything but `/`; folders before them are free.

    media    patterns of a clip's video, the first that exists is taken
    whole    patterns of a longer video that `start` and `end` (seconds) of the list cut the clip from
    sound    patterns of a separate sound track, tried before the video's own
    clip     the clip's id
    fields   what a field may be: a table text -> label, or a regular expression
    labels   fields that are labels of the clip (default: those with a table)
    clips    `found`: what lies under the root; `every`: each combination of the tables but `never`; else a
             CSV file next to the layout whose columns are fields
    names    regular expressions with a group `actor`: how clips and persons are called in published lists;
             the clip id is one of these names
    same     actor -> actor: one person under two spellings
    unnamed  the same for names of recordings that say no person; `actor` is then what all clips of one share
    actors   labels by actor
    where    labels that are asked for unless the options say otherwise
    fps      frame rates of the published recordings
    gaps     what is known to be absent, by actor
    fetch    archives that are free to download; `ask`: where the media are had otherwise
    people   `recorded`: for this dataset alone, so in no other; `public`: people who are filmed elsewhere too
    """

    version: Literal[1] = Field(alias="schema")
    name: str = Field(pattern=r"[a-z][a-z0-9_-]*")
    title: str
    people: Literal["recorded", "public"]
    licence: str
    cite: str = ""
    media: tuple[str, ...] = Field(min_length=1)
    whole: tuple[str, ...] = ()
    sound: tuple[str, ...] = ()
    clip: str
    fields: Mapping[str, Mapping[str, str] | str] = Field(default_factory=dict)
    labels: tuple[str, ...] | None = None
    clips: str = "found"
    never: tuple[Mapping[str, str], ...] = ()
    names: tuple[str, ...] = Field(min_length=1)
    same: Mapping[str, str] = Field(default_factory=dict)
    unnamed: str = ""
    actors: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    where: Mapping[str, str] = Field(default_factory=dict)
    fps: tuple[float, ...] = ()
    gaps: Mapping[str, str] = Field(default_factory=dict)
    fetch: Archives | None = None
    ask: str = ""
    folder: Path = Field(exclude=True)
    digest: str = Field(exclude=True)

    @field_validator("names")
    @classmethod
    def _have_an_actor(cls, names: Sequence[str]) -> Sequence[str]:
        for name in names:
            if "actor" not in re.compile(name).groupindex:
                raise ValueError(f"{name!r} has no group (?P<actor>...)")
        return names

    @model_validator(mode="after")
    def _fields_are_known(self) -> Layout:
        if self.clips == "found":
            for pattern in (*self.sound, self.clip):
                if lost := names_in(pattern) - names_in(self.media[0]):
                    raise ValueError(f"{pattern!r}: {', '.join(sorted(lost))} is not in media")
        if self.clips == "every" and any(isinstance(f, str) for f in self.fields.values()):
            raise ValueError("clips: every needs a table for each field")
        if bool(self.fetch) == bool(self.ask):
            raise ValueError("give one of fetch and ask")
        return self

    # -- names ------------------------------------------------------------------------------------

    def person(self, name: str) -> str | None:
        """The actor of a clip or person as published lists name them; `?NAME` where only the recording has a
        name; None for any other name."""
        for expr in self.names:
            if match := re.fullmatch(expr, name):
                return self.same.get(match["actor"], match["actor"])
        if self.unnamed and (match := re.fullmatch(self.unnamed, name)):
            return f"?{match['actor']}"
        return None

    def labels_of(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Labels of a clip from its fields."""
        shown = self.labels
        if shown is None:
            shown = tuple(f for f, table in self.fields.items() if not isinstance(table, str))
        return {f: self._label(f, fields[f]) for f in shown if fields.get(f) and f != "actor"}

    def _label(self, name: str, text: str) -> str:
        table = self.fields.get(name, {})
        return text if isinstance(table, str) else table.get(text, text)

    # -- clips ------------------------------------------------------------------------------------

    def listed(self) -> list[Mapping[str, str]] | None:
        """Fields of every clip; None where only the recordings tell."""
        if self.clips == "found":
            return None
        if self.clips == "every":
            tables = [[(n, text) for text in table] for n, table in self.fields.items()]
            rows = [dict(row) for row in product(*tables)]
            return [row for row in rows if not any(self._fits(row, n) for n in self.never)]
        table = self.folder / self.clips
        with reading(table, _HELP), table.open(encoding="utf-8", newline="") as lines:
            return [dict(row) for row in csv.DictReader(lines)]

    def _fits(self, row: Mapping[str, str], labels: Mapping[str, str]) -> bool:
        return all(self._label(name, row[name]) == label for name, label in labels.items())

    def fields_of(self, file: str) -> Mapping[str, str] | None:
        """Fields in the path of a recording; None where no pattern of `media` fits."""
        for expr in self._expressions:
            if match := expr.fullmatch(file):
                return match.groupdict()
        return None

    @cached_property
    def _expressions(self) -> Sequence[re.Pattern[str]]:
        return [expression(pattern, self.fields) for pattern in self.media]

    def id_of(self, fields: Mapping[str, str]) -> str:
        return filled(self.clip, fields)


@lru_cache(maxsize=16)
def load_layout(path: Path) -> Layout:
    """Read a layout. Raises UserError naming file and key."""
    with reading(path, _HELP):
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{path} is larger than any layout", "check the path")
        content = path.read_bytes()
        data = yaml.safe_load(content)
    if not isinstance(data, dict):
        raise UserError(f"layout {path} is no mapping", _HELP)
    table = path.parent / str(data.get("clips", ""))
    listed = b""
    if table.is_file():
        with reading(table, _HELP):
            listed = table.read_bytes()
    digest = hashlib.sha256(content + listed).hexdigest()[:12]
    try:
        return Layout.model_validate({**data, "folder": path.parent, "digest": digest})
    except (ValidationError, re.error) as error:
        raise UserError(f"layout {path}: {_first(error)}", _HELP) from None


def _first(error: Any) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
    return str(error)

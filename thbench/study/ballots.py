"""Ballots that came back: read, checked against the key, every one that is not used counted with its reason."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from thbench.api import UserError
from thbench.files.atomic import printable
from thbench.files.foreign import json_of, read_text, reading
from thbench.study.form import (
    LARGEST_BALLOT,
    Ballot,
    StudyKey,
    checksum,
    first_fault,
    unsigned,
)

MOST_FILES = 100_000


@dataclass(frozen=True)
class Unused:
    """A file that did not enter, and why."""

    file: str
    reason: str


def ballot_files(paths: Sequence[Path]) -> list[Path]:
    """The files named, and the *.json of folders, each once, sorted by name. Raises UserError for none."""
    found: dict[Path, None] = {}
    for path in paths:
        with reading(path, "give ballots (answers-*.json), or folders of them"):
            inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        found.update(dict.fromkeys(inside))
    if not found:
        raise UserError("no ballots: " + ", ".join(map(printable, paths)), "give files or folders")
    if len(found) > MOST_FILES:
        raise UserError(f"{len(found)} ballots", f"at most {MOST_FILES}")
    return sorted(found)


def read_ballots(files: Sequence[Path], key: StudyKey) -> tuple[list[Ballot], list[Unused]]:
    """One ballot per rater, in the order of raters; the others with their reasons.

    Of several different ballots of one rater the one that was finished first counts; copies count once.
    """
    good: dict[str, tuple[Ballot, Path]] = {}
    unused: list[Unused] = []
    for file in files:
        try:
            ballot = _read(file, key)
        except UserError as error:
            unused.append(
                Unused(printable(file), error.message.removeprefix(f"{printable(file)}: "))
            )
            continue
        held = good.get(ballot.rater)
        if held is None:
            good[ballot.rater] = ballot, file
        elif held[0] == ballot:
            unused.append(Unused(printable(file), "a copy of another file"))
        else:
            first, later = sorted([held, (ballot, file)], key=lambda b: (b[0].finished, b[0].check))
            good[ballot.rater] = first
            reason = "a second ballot of one rater; the one finished first counts"
            unused.append(Unused(printable(later[1]), reason))
    return [good[rater][0] for rater in sorted(good)], unused


def _read(file: Path, key: StudyKey) -> Ballot:
    """Raises UserError with the reason for what is no whole ballot of this study."""
    name = printable(file)
    data = json_of(read_text(file, "", LARGEST_BALLOT), name)
    ballot = _as_ballot(data, name)
    for fault in _faults(data, ballot, key):
        raise UserError(f"{name}: {fault}")
    return ballot


def _as_ballot(data: Any, name: str) -> Ballot:
    if not isinstance(data, dict):
        raise UserError(f"{name}: no ballot")
    with reading(name):
        try:
            return Ballot.model_validate_json(json.dumps(data), strict=True)
        except ValidationError as error:
            raise UserError(f"{name}: no ballot ({first_fault(error)})") from None


def _faults(data: dict[str, Any], ballot: Ballot, key: StudyKey) -> Iterator[str]:
    """What keeps a ballot from being counted, the most telling first."""
    if ballot.study != key.study:
        yield "of another study"
        return
    if checksum(unsigned(data)) != ballot.check:
        yield "changed since the page wrote it"
    if ballot.list >= len(key.lists):
        yield f"list {ballot.list} does not exist"
        return
    asked, given = key.lists[ballot.list], [a.trial for a in ballot.answers]
    if len(set(given)) < len(given):
        yield "a trial is answered twice"
    if set(given) - set(asked):
        yield "answers trials that its list does not have"
    if len(given) < len(asked):
        yield f"not finished: {len(given)} of {len(asked)} trials"
    sounds = [heard.sound for heard in ballot.beeps]
    if sorted(sounds) != sorted(key.beeps):
        yield "the sound check is not that of the study"
    allowed: set[Any] = {1, 2, 3, 4, 5} if key.form == "mos" else {"left", "right"}
    if key.form == "2afc" and key.tie:
        allowed.add("tie")
    for answer in ballot.answers:
        if set(answer.answers) != set(key.questions):
            yield "a question is not answered, or another one is"
        if not set(answer.answers.values()) <= allowed:
            yield "an answer that the page does not offer"

"""RUN/people/STUDY.json: read back as written; damaged, hostile and too many files are errors that name them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thbench.api import UserError
from thbench.results.people import (
    MOST,
    EntryVotes,
    Estimate,
    People,
    PeopleQuestion,
    ShownVideos,
    people_file,
    people_of,
    people_text,
)

STUDY = "0123456789abcdef"
FOUND = People(
    schema=1, study=STUDY, title="", form="mos", suite_digest="1", rule="", raters=2, kept=1, clips=3,
    shown=(ShownVideos(name="a", kind="system", resolution=64, videos_digest="5"),),
    questions=(PeopleQuestion(question="sync", said=("2 votes",), entries=(
        EntryVotes(name="a", kind="system", resolution=64, score=Estimate(value=4.5, note="few"), share=None,
                   votes=2, ties=0, place="1"),)),),
)  # fmt: skip


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert people_of(tmp_path) == ()
    for study in ("f" * 16, STUDY):
        file = people_file(tmp_path, study)
        file.parent.mkdir(exist_ok=True)
        file.write_text(people_text(FOUND.model_copy(update={"study": study})))
    assert [p.study for p in people_of(tmp_path)] == [STUDY, "f" * 16]
    assert people_of(tmp_path)[0] == FOUND


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 2}, "schema: Input should be 1"),
        ({"study": "../../x"}, "study: String should match"),
        ({"title": "x" * 2001}, "title: String should have at most 2000"),
        ({"clips": "3"}, "clips: Input should be a valid integer"),
        ({"more": 1}, "more: Extra inputs"),
        ({"questions": [{"question": "sync"}]}, "questions.0.entries: Field required"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, change: dict[str, object], said: str) -> None:
    file = people_file(tmp_path, STUDY)
    file.parent.mkdir()
    file.write_text(json.dumps({**json.loads(people_text(FOUND)), **change}))
    with pytest.raises(UserError, match=rf"people/{STUDY}\.json: ") as error:
        people_of(tmp_path)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b"[", b"\xff\xfe", b"[" * 100_000, b"[]", b'{"schema":1e999}']
)
def test_hostile_files_are_errors_that_name_them(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "x.json").write_bytes(content)
    with pytest.raises(UserError, match=r"people/x\.json"):
        people_of(tmp_path)


def test_there_is_an_end_to_how_many_are_read(tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    for i in range(MOST + 1):
        (tmp_path / "people" / f"{i}.json").write_bytes(b"")
    with pytest.raises(UserError, match="more than 100 studies"):
        people_of(tmp_path)

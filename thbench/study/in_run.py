"""A study's result put into the run it was made from, where tables and reports read it."""

from __future__ import annotations

from pathlib import Path

from thbench.api import UserError
from thbench.files.atomic import atomic_write, printable
from thbench.published.page import page_of
from thbench.results.finished import finished_rows, tables_of
from thbench.results.people import People, PeopleQuestion, ShownVideos, people_file, people_text
from thbench.run.folder import RunFolder
from thbench.study.document import StudyResult
from thbench.study.tables import said_of_question


def put_in_run(result: StudyResult, run: Path) -> list[Path]:
    """Write RUN/people/STUDY.json and RUN/leaderboard.md anew; returns both.

    Raises UserError where RUN is not the run that the study was made from.
    """
    results, clips = tables_of(finished_rows(run))
    if results[0].suite.digest != result.suite_digest:
        raise UserError(
            f"--run {printable(run)} is not the run that the study was made from", "give that one"
        )
    stored, page = people_file(run, result.study), run / "leaderboard.md"
    with RunFolder(run.absolute()).locked():
        atomic_write(stored, people_text(for_tables(result)))
        atomic_write(page, page_of(run, results, clips))
    return [stored, page]


def for_tables(result: StudyResult) -> People:
    """What tables show of a study: no votes, and nothing of single raters."""
    return People(
        schema=1,
        study=result.study,
        title=result.title,
        form=result.form,
        suite_digest=result.suite_digest,
        shown=tuple(
            ShownVideos(
                name=e.name, kind=e.kind, resolution=e.resolution, videos_digest=e.videos_digest
            )
            for e in result.entries
            if e.contestant
        ),
        rule=result.rule,
        raters=result.raters,
        kept=result.kept,
        clips=result.clips,
        questions=tuple(
            PeopleQuestion(question=q.question, entries=q.entries, said=tuple(said_of_question(q)))
            for q in result.questions
        ),
    )

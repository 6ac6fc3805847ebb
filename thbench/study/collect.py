"""`thbench study collect`: ballots and the key become study.json, study.md and study.csv."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from thbench.files.atomic import atomic_write
from thbench.study.analysis import question_result
from thbench.study.ballots import ballot_files, read_ballots
from thbench.study.document import FILE, RaterLine, StudyResult, Vote, study_text
from thbench.study.form import Ballot, StudyKey, read_key
from thbench.study.raters import Rule, judge
from thbench.study.suspects import agreements
from thbench.study.tables import csv_text, markdown


def collect(
    paths: Sequence[Path], key_file: Path, out: Path, rule: Rule, regularise: float
) -> StudyResult:
    """Write OUT/study.json, study.md and study.csv. A pure function of the ballots and the key.

    Raises UserError where there is no ballot or no key; a ballot that cannot be used is counted.
    """
    key = read_key(key_file)
    result = collected(ballot_files(paths), key, rule, regularise)
    atomic_write(out / FILE, study_text(result))
    atomic_write(out / "study.md", markdown(result))
    atomic_write(out / "study.csv", csv_text(result))
    return result


def collected(
    files: Sequence[Path], key: StudyKey, rule: Rule, regularise: float = 0.0
) -> StudyResult:
    """As `collect`, without writing."""
    ballots, unused = read_ballots(files, key)
    judged = {ballot.rater: judge(key, ballot, rule) for ballot in ballots}
    numbers = {ballot.rater: i for i, ballot in enumerate(ballots)}
    kept = [b for b in ballots if not judged[b.rater].dropped_because]
    every = {b.rater: list(_votes(key, b, numbers[b.rater])) for b in ballots}
    question = key.catch_question or key.questions[0]
    of_question = {r: [v for v in votes if v.question == question] for r, votes in every.items()}
    agreed = agreements(key.form, of_question, [b.rater for b in kept])
    counted = [vote for ballot in kept for vote in every[ballot.rater]]
    lines = []
    for ballot in ballots:
        one, agreement = judged[ballot.rater], agreed[ballot.rater]
        lines.append(
            RaterLine(
                rater=ballot.rater, list=ballot.list, language=ballot.language, caught=one.caught,
                catches=one.catches, miscounted=one.miscounted, hasty=one.hasty,
                minutes=round((ballot.finished - ballot.started) / 60_000, 2),
                dropped_because=one.dropped_because, agreement=agreement.share,
                compared=agreement.compared, suspect=agreement.suspect,
            )
        )  # fmt: skip
    return StudyResult(
        schema=1,
        study=key.study,
        title=key.title,
        form=key.form,
        suite_digest=str(key.made_of.get("suite_digest", "")),
        entries=key.entries,
        made_of=key.made_of,
        rule=rule.words(),
        regularise=regularise,
        files=len(files),
        unused=dict(sorted(Counter(u.reason for u in unused).items())),
        unused_files={u.file: u.reason for u in unused},
        raters=len(ballots),
        kept=len(kept),
        dropped=dict(
            sorted(Counter(_reason(line) for line in lines if line.dropped_because).items())
        ),
        clips=len({vote.clip for vote in counted}),
        questions=tuple(
            question_result(
                key.form, name, counted, key.entries, _left(key, kept, name), regularise
            )
            for name in key.questions
        ),
        rater_lines=tuple(lines),
        votes=tuple(counted),
    )


def _reason(line: RaterLine) -> str:
    return ", ".join(line.dropped_because)


def _votes(key: StudyKey, ballot: Ballot, rater: int) -> Iterator[Vote]:
    """Answers that are no catch trials, every pair in one orientation."""
    for answer in ballot.answers:
        trial = key.trials[answer.trial]
        if trial.kind not in ("pair", "single"):
            continue
        left = key.videos[trial.left].entry
        right = -1 if trial.right is None else key.videos[trial.right].entry
        for question, given in answer.answers.items():
            if isinstance(given, int):
                first, second, outcome = left, -1, given
            else:
                first, second = sorted((left, right))
                outcome = {"left": 0, "tie": 1, "right": 2}[given]
                outcome = outcome if left < right else 2 - outcome
            yield Vote(
                question=question, rater=rater, clip=trial.clip, first=first, second=second,
                outcome=outcome,
            )  # fmt: skip


def _left(key: StudyKey, ballots: Sequence[Ballot], question: str) -> tuple[int, int]:
    """How often the left one was chosen, and how often either was, outside of catch trials."""
    given = [
        answer.answers[question]
        for ballot in ballots
        for answer in ballot.answers
        if key.trials[answer.trial].kind == "pair"
    ]
    return given.count("left"), given.count("left") + given.count("right")

"""Whose answers count: one rule, stated before anybody looked at the results, and what others look like.

A rater is dropped for failed catch trials, for miscounted beeps, or for answers that came before the videos
could have been watched. Who merely disagrees with others is shown and kept: to drop those would make agreement
where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass

from thbench.study.form import Ballot, GivenAnswer, StudyKey

HASTE = 250
"""Milliseconds that an answer may come before the end of its videos: clocks of browsers are coarse."""


@dataclass(frozen=True)
class Rule:
    """catch, beeps: how many may be wrong; hasty: which share of answers may come too early."""

    catch: int = 1
    beeps: int = 1
    hasty: float = 0.1

    def words(self) -> str:
        return (
            f"dropped: more than {self.catch} failed catch trial(s), more than {self.beeps} miscounted "
            f"sound(s), or over {self.hasty:.0%} of the answers before the videos could have ended"
        )


@dataclass(frozen=True)
class Judged:
    """How a rater did, and why the answers do not count; empty where they do."""

    rater: str
    caught: int
    catches: int
    miscounted: int
    hasty: int
    trials: int
    dropped_because: tuple[str, ...]


def judge(key: StudyKey, ballot: Ballot, rule: Rule) -> Judged:
    """Apply the rule to one ballot."""
    failed = [
        fails for answer in ballot.answers if (fails := _fails(key, ballot, answer)) is not None
    ]
    miscounted = sum(heard.count != key.beeps[heard.sound] for heard in ballot.beeps)
    hasty = sum(_is_hasty(key, answer) for answer in ballot.answers)
    caught, of = sum(failed), len(ballot.answers)
    reasons = []
    if caught > rule.catch:
        reasons.append("catch trials")
    if miscounted > rule.beeps:
        reasons.append("sound check")
    if hasty > rule.hasty * of or ballot.finished < ballot.started:
        reasons.append("implausible times")
    return Judged(ballot.rater, caught, len(failed), miscounted, hasty, of, tuple(reasons))


def _fails(key: StudyKey, ballot: Ballot, answer: GivenAnswer) -> bool | None:
    """Whether a catch trial was failed; None for what is none, or is not judged.

    One question is judged, which mismatched speech shows in. Of ratings: mismatched speech is not good (4) or
    better, and one video is not rated two apart.
    """
    trial = key.trials[answer.trial]
    question = key.catch_question or key.questions[0]
    given = answer.answers[question]
    if trial.kind == "mismatched":
        return given != trial.truth if key.form == "2afc" else isinstance(given, int) and given >= 4
    if trial.kind != "twice":
        return None
    if key.form == "2afc":
        return given != "tie"
    shown = key.videos[trial.left]
    for other in ballot.answers:
        before = key.trials[other.trial]
        if before.kind == "single" and key.videos[before.left] == shown:
            first = other.answers[question]
            return isinstance(first, int) and isinstance(given, int) and abs(first - given) >= 2
    return None


def _is_hasty(key: StudyKey, answer: GivenAnswer) -> bool:
    return answer.milliseconds < key.trials[answer.trial].milliseconds - HASTE or 0 in answer.plays

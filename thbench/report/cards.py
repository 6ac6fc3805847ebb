"""Metric cards: what a number is, what it was shown to react to, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thbench.api import UserError
from thbench.files.foreign import read_json
from thbench.report.overview import json_text
from thbench.report.run_data import ReportData
from thbench.results.document import ScoreRecord
from thbench.tables.markdown import score_text

DIRECTIONS = {
    "lower": "lower is better",
    "higher": "higher is better",
    "nearer-reference": "nearer to the ground truth's value is better",
}


NOT_TESTED = "not tested"
SIGNS = {"+": "grows", "-": "falls", "0": "ignored", "": "–"}


@dataclass(frozen=True)
class Reaction:
    """One corruption: what the definition promises, and what the self-test saw of it."""

    corruption: str
    declared: str
    verdict: str = NOT_TESTED
    why: str = ""
    slope: str = ""
    clips: str = ""

    @property
    def promise(self) -> str:
        """The declaration in a word; `=-1` promises a change by -1 with every step of the corruption."""
        if self.declared.startswith("="):
            return f"changes by {self.declared[1:]} a step"
        return SIGNS.get(self.declared, self.declared)


@dataclass(frozen=True)
class Card:
    """One column. `declared` is what its metric says, empty for runs that did not keep it.

    digests  of the identity, by resolution: that is part of it
    """

    column: str
    score: ScoreRecord
    declared: Mapping[str, Any]
    reactions: Sequence[Reaction]
    digests: Mapping[int, str]

    @property
    def about(self) -> str:
        return str(self.declared.get("description") or self.declared.get("summary") or "")

    @property
    def direction(self) -> str:
        return DIRECTIONS[self.score.better]

    @property
    def range(self) -> str:
        low, high = self.declared.get("range", self.score.range)
        ends = ("−∞" if low is None else score_text(low), "∞" if high is None else score_text(high))
        return " … ".join(ends)

    @property
    def identity(self) -> str:
        """What is the same at every resolution."""
        return json_text({k: v for k, v in self.score.identity.items() if k != "resolution"})

    @property
    def tested(self) -> bool:
        return any(r.verdict != NOT_TESTED for r in self.reactions)


def cards(material: ReportData, selftest: Mapping[str, Any] | None) -> list[Card]:
    """In the order of the columns."""
    found = []
    for column, score in material.columns.items():
        declared = material.cards.get(column, {})
        digests = {
            e.resolution: e.scores[column].identity_digest
            for e in material.entrants
            if column in e.scores
        }
        found.append(Card(column, score, declared, _reactions(declared, selftest), digests))
    return found


def _reactions(declared: Mapping[str, Any], selftest: Mapping[str, Any] | None) -> list[Reaction]:
    """Findings of the self-test on this very metric and score, then declarations it did not cover."""
    found = [
        Reaction(
            f["corruption"] or "all",
            f["declared"],
            f["verdict"],
            f["why"],
            "" if f["slope"] is None else f"{f['slope']:+.3g}",
            f"{f['n']}/{f['of']}",
        )
        for f in (selftest or {}).get("findings", ())
        if declared
        and f["metric"] == declared.get("metric")
        and f["score"] in ("", declared.get("score"))
    ]
    told = dict(declared.get("reacts_to", {})) | dict.fromkeys(declared.get("ignores", ()), "0")
    seen = {r.corruption for r in found}
    return found + [Reaction(c, sign) for c, sign in told.items() if c not in seen]


def read_selftest(path: Path) -> dict[str, Any]:
    """selftest.json of `thbench selftest`. Raises UserError for anything else."""
    data = read_json(path, _SELFTEST)
    if not isinstance(data, dict) or data.get("schema") != 1:
        raise UserError(f"{path} is no selftest.json of schema 1", _SELFTEST)
    if not isinstance(data.get("findings"), list):
        raise UserError(f"{path} is no selftest.json: it has no findings", _SELFTEST)
    return data


_SELFTEST = "thbench selftest -o FOLDER"

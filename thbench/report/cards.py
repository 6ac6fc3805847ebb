"""Metric cards: what a number is, what it was shown to react to, and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thbench.api import UserError
from thbench.leaderboard import number
from thbench.report.material import Material
from thbench.report.overview import identity_text
from thbench.results import ScoreRecord

DIRECTIONS = {
    "lower": "lower is better",
    "higher": "higher is better",
    "nearer-reference": "nearer to the ground truth's value is better",
}


@dataclass(frozen=True)
class Reaction:
    """One corruption: what the definition promises, and what the self-test saw of it."""

    corruption: str
    declared: str
    verdict: str = "not tested"
    why: str = ""
    slope: str = ""
    clips: str = ""


@dataclass(frozen=True)
class Card:
    """One column. `declared` is what its metric says, empty for runs that did not keep it."""

    column: str
    score: ScoreRecord
    declared: Mapping[str, Any]
    reactions: Sequence[Reaction]

    @property
    def about(self) -> str:
        return str(self.declared.get("description") or self.declared.get("summary") or "")

    @property
    def direction(self) -> str:
        return DIRECTIONS[self.score.better]

    @property
    def range(self) -> str:
        low, high = self.declared.get("range", self.score.range)
        ends = ("−∞" if low is None else number(low), "∞" if high is None else number(high))
        return " … ".join(ends)

    @property
    def identity(self) -> str:
        return identity_text(self.score)


def cards(material: Material, selftest: Mapping[str, Any] | None) -> list[Card]:
    """In the order of the columns."""
    found = []
    for column, score in material.columns.items():
        declared = material.cards.get(column, {})
        found.append(Card(column, score, declared, _reactions(declared, selftest)))
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
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != 1 or not isinstance(data["findings"], list):
            raise ValueError("no self-test of schema 1")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is no selftest.json: {error}", "thbench selftest -o FOLDER"
        ) from None
    return dict(data)

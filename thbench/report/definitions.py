"""What the installed metrics say of results that came without their run: a leaderboard's site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thbench.api import UserError
from thbench.environment import Settings
from thbench.files.yamlfile import Document
from thbench.plugins.discovery import Registry, registry
from thbench.plugins.options import resolve_options
from thbench.results.document import ScoreRecord
from thbench.score.cards import card
from thbench.suite.model import MetricPart


def definitions(columns: Mapping[str, ScoreRecord]) -> dict[str, dict[str, Any]]:
    """Column -> card, for columns whose identity is that of an installed metric; others have none."""
    known = registry()
    found = {column: _definition(column, score, known) for column, score in columns.items()}
    return {column: declared for column, declared in found.items() if declared is not None}


def _definition(column: str, score: ScoreRecord, known: Registry) -> dict[str, Any] | None:
    """None where the metric is not installed, or by now means something else."""
    identity = {k: v for k, v in score.identity.items() if k != "resolution"}
    document = Document(f"identity of '{column}'", {})
    try:
        registered = known.find("metric", str(identity.get("name")))
        options = resolve_options(
            registered.plugin, identity.get("options", {}), document, (), "metric"
        )
        part = MetricPart(registered, options, {}, known, column.partition("@")[2] or None)
        if part.identity != identity:
            return None
        metric = part.build(Settings(offline=True))
    except UserError:
        return None
    meaning = metric.scores.get(score.score)
    return card(part, score.score, meaning) if meaning else None

"""The results block of a model card for the hub: `model-index` in the YAML at the head of README.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from thbench.api import UserError
from thbench.export.selection import Selection
from thbench.results.document import Result, ScoreRecord
from thbench.results.row import Row

TASK = {"type": "image-to-video", "name": "Talking-head generation"}


def model_card_text(chosen: Selection) -> str:
    """`---` model-index `---` of the one chosen system; scores without a value are left out and named in
    a comment.

    Raises UserError where not exactly one system is chosen.
    """
    systems = [row for row in chosen.shown if row.result.system.kind == "system"]
    if len(systems) != 1:
        names = ", ".join(row.name for row in systems)
        raise UserError(
            f"--to hf is the card of one system, {len(systems)} are chosen", f"--systems: {names}"
        )
    row = systems[0]
    index = [{"name": row.name, "results": [_result(chosen, row)]}]
    text = yaml.safe_dump({"model-index": index}, sort_keys=False, allow_unicode=True)
    missing = [f"# no {name}: {score.reason}" for name, score in _scores(chosen, row, False)]
    return "\n".join(["---", text.rstrip("\n"), *missing, "---", ""])


def _result(chosen: Selection, row: Row) -> dict[str, Any]:
    result = row.result
    return {
        "task": dict(TASK),
        "dataset": _dataset(result),
        "metrics": [_metric(name, score) for name, score in _scores(chosen, row, True)],
    }


def _dataset(result: Result) -> dict[str, Any]:
    return {
        "type": result.dataset.plugin.name,
        "name": f"{result.dataset.plugin.name}, {result.system.resolution} px, "
        f"{result.split.n_clips} clips of {result.split.n_actors} held-out actors",
        "split": result.split.name,
        "args": {
            "suite": result.suite.name,
            "suite_digest": result.suite.digest,
            "split_digest": result.split.digest,
            "thbench": str(result.provenance.get("thbench", "")),
        },
    }


def _scores(chosen: Selection, row: Row, known: bool) -> list[tuple[str, ScoreRecord]]:
    return [
        (name, score)
        for name in chosen.columns
        if (score := row.result.scores.get(name)) and (score.value is not None) == known
    ]


def _metric(name: str, score: ScoreRecord) -> Mapping[str, Any]:
    """The value exactly; direction, unit and coverage in the name, where readers see them."""
    words = {"lower": "lower is better", "higher": "higher is better"}
    said = [w for w in (score.unit, words.get(score.better, "nearer to ground truth")) if w]
    coverage = [f"{score.n} of {score.of} clips"] if score.n < score.of else []
    return {
        "type": score.metric,
        "name": f"{name} ({', '.join([*said, *coverage])})",
        "value": score.value,
        "args": {"identity": score.identity_digest},
    }

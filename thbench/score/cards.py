"""Files written next to the results, for the report and the leaderboard: metric cards, keys of observations.

RUN/metrics.json         per column what the number means, as its metric declares it
<row>/observations.json  per metric and clip the cache key of what was observed
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from thbench.api import Score
from thbench.files.atomic import atomic_write
from thbench.run.folder import METRICS, OBSERVATIONS
from thbench.run.job import Job
from thbench.score.columns import Columns
from thbench.score.reduce import Scored
from thbench.suite.model import MetricPart


def write_cards(job: Job, columns: Columns, scored: Sequence[Scored]) -> None:
    """metrics.json of the run and observations.json of every row; same bytes for the same run."""
    cards = {c.name: card(c.part, c.score, c.meaning) for c in columns}
    atomic_write(job.run.root / METRICS, json.dumps(cards, indent=1) + "\n")
    for row in scored:
        atomic_write(row.entrant.folder.path / OBSERVATIONS, _keys_text(columns, row))


def card(part: MetricPart, name: str, meaning: Score) -> dict[str, Any]:
    """What a metric declares of its score `name`, as plain data."""
    known = part.registry.weights()
    return {
        "metric": part.column(part.plugin.name),
        "score": name,
        "summary": part.plugin.summary,
        "description": meaning.description,
        "source": meaning.source,
        "formula": meaning.formula,
        "biases": meaning.biases,
        "unit": meaning.unit,
        "better": meaning.better,
        "range": [v if math.isfinite(v) else None for v in meaning.range],
        "set_level": meaning.set_level,
        "reacts_to": dict(meaning.reacts_to),
        "ignores": list(meaning.ignores),
        "weights": [
            {
                "name": w,
                "licence": known[w].licence if w in known else "unknown",
                "commercial": known[w].commercial if w in known else False,
                "about": known[w].about if w in known else "",
            }
            for w in sorted(set(_weights_in(part.identity)))
        ],
    }


def _weights_in(identity: Mapping[str, Any]) -> Iterator[str]:
    yield from identity.get("weights", {})
    for extractor in identity.get("extractors", {}).values():
        yield from _weights_in(extractor)


def _keys_text(columns: Columns, row: Scored) -> str:
    """One line per metric and clip."""
    lines = []
    for index, part in enumerate(columns.parts):
        keys = sorted(row.keys.get(index, {}).items())
        inner = ",\n".join(f'  {_json(clip)}: "{key}"' for clip, key in keys)  # hexadecimal
        lines.append(f" {_json(part.column(part.plugin.name))}: {{\n{inner}\n }}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _json(text: str) -> str:
    return json.dumps(text)

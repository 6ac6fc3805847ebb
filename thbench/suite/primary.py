"""Which score sorts the table where a command names metrics and no primary score."""

from __future__ import annotations

from dataclasses import replace

from thbench.api import Metric, Score, UserError
from thbench.environment import Settings
from thbench.plugins.missing import plugin_lacks
from thbench.suite.model import MetricPart, Suite


def choose_primary(suite: Suite) -> tuple[Suite, str | None]:
    """The suite with the primary score of its first metric that lacks nothing, else of its first.

    None where no metric can say what its scores are without what it lacks.
    """
    lacking = [any(plugin_lacks("", m.registered, m.options, m.registry)) for m in suite.metrics]
    ready_first = sorted(range(len(lacking)), key=lacking.__getitem__)
    for part in (suite.metrics[i] for i in ready_first):
        try:
            metric: Metric = part.build(Settings())
        except UserError:
            continue
        primary = part.column(main_score(part, dict(metric.scores)))
        suite.document.data["primary"] = primary
        return replace(suite, primary=primary), primary
    return suite, None


def main_score(part: MetricPart, scores: dict[str, Score]) -> str:
    """The score that has the metric's name; else the first that is better higher or lower; else the first."""
    if part.plugin.name in scores:
        return part.plugin.name
    directed = [name for name, s in scores.items() if s.better != "nearer-reference"]
    return [*directed, *scores][0]

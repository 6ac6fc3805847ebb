"""What every score of every built-in metric declares: `python tests/tools/score_table.py` writes tests/rules/scores.yaml.

The file is the frozen copy that `tests/rules/test_scores.py` compares with: a direction, unit, range or rule that
changes must change there too, where a reviewer sees it. A variant that declares what its metric does is a name alone.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from thbench.api import Score
from thbench.plugins import registry
from thbench.testing.subject import subject_of

FILE = Path(__file__).resolve().parents[1] / "rules" / "scores.yaml"
ARGUMENT = {"torchmetrics": "torchmetrics:MeanAbsoluteError"}
HEAD = "# Written by tests/tools/score_table.py, read by tests/rules/test_scores.py.\n"


def metrics() -> list[str]:
    """Every built-in metric and variant, as a suite names them."""
    names = []
    for registered in registry():
        plugin = registered.plugin
        if registered.kind == "metric" and registered.owner.distribution == "thbench":
            names.append(ARGUMENT.get(plugin.name, plugin.name))
            names += [f"{plugin.name}@{variant}" for variant in plugin.variants]
    return sorted(names)


def declared(score: Score) -> dict[str, Any]:
    """What decides how a value is read; texts are left out."""
    row: dict[str, Any] = {"better": score.better, "range": [float(x) for x in score.range]}
    row |= {"unit": score.unit} if score.unit else {}
    row |= {"set_level": True} if score.set_level else {}
    row |= {"reacts_to": dict(score.reacts_to)} if score.reacts_to else {}
    row |= {"ignores": list(score.ignores)} if score.ignores else {}
    row |= {"over": asdict(score.over)} if score.over else {}
    return row


def table() -> dict[str, Any]:
    """Metric -> score -> what it declares, or the name of the metric whose scores it repeats."""
    rows: dict[str, Any] = {}
    for name in metrics():
        scores = subject_of("metric", name, {}).build().scores
        own = {score: declared(meaning) for score, meaning in scores.items()}
        plain = name.partition("@")[0]
        rows[name] = plain if name != plain and rows.get(plain) == own else own
    return rows


def main() -> None:
    text = yaml.safe_dump(table(), sort_keys=False, width=160, default_flow_style=None)
    FILE.write_text(HEAD + text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Files beside the results: what each metric declares, and the keys of what was observed."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runs import SUITE, start
from thbench.api import Score
from thbench.run.folder import VideoFolder
from thbench.score.cards import card, write_cards
from thbench.score.columns import columns_of
from thbench.score.reduce import RowKey, Scored
from thbench.suite.model import MetricPart

MEANING = Score(
    "lower", "pixels", (0.0, math.inf), reacts_to={"blur": "+"}, ignores=("delay",), set_level=True,
    description="how far", source="a paper", formula="a - b", biases="none known",
)  # fmt: skip


@pytest.fixture
def part(tmp_path: Path) -> MetricPart:
    return start(
        tmp_path,
        SUITE.replace("[toy-brightness]", "[{metric: toy-brightness, as: b}]").replace(
            "primary: brightness", "primary: brightness@b"
        ),
    ).suite.metrics[0]


def test_a_card_is_the_declaration(part: MetricPart) -> None:
    assert card(part, "brightness", MEANING) == {
        "metric": "toy-brightness@b", "score": "brightness", "summary": part.plugin.summary,
        "description": "how far", "source": "a paper", "formula": "a - b", "biases": "none known",
        "unit": "pixels", "better": "lower", "range": [0.0, None], "set_level": True,
        "reacts_to": {"blur": "+"}, "ignores": ["delay"], "weights": [],
    }  # fmt: skip


def test_weights_of_the_metric_and_of_its_extractors_are_named_once_with_their_licence() -> None:
    known = {
        "w1": SimpleNamespace(licence="MIT", commercial=True, about="a network"),
        "w2": SimpleNamespace(licence="CC BY-NC", commercial=False, about=""),
    }
    fake: Any = SimpleNamespace(
        registry=SimpleNamespace(weights=lambda: known),
        plugin=SimpleNamespace(name="m", summary="s"),
        column=lambda name: name,
        identity={
            "weights": {"w2": "1"},
            "extractors": {
                "e": {"weights": {"w1": "2"}, "extractors": {"f": {"weights": {"w2": "1", "w3": "4"}}}}
            },
        },
    )  # fmt: skip
    assert card(cast(MetricPart, fake), "m", MEANING)["weights"] == [
        {"name": "w1", "licence": "MIT", "commercial": True, "about": "a network"},
        {"name": "w2", "licence": "CC BY-NC", "commercial": False, "about": ""},
        {"name": "w3", "licence": "unknown", "commercial": False, "about": ""},
    ]


def test_cards_of_every_column_and_keys_of_every_row(tmp_path: Path) -> None:
    two = SUITE.replace("[toy-brightness]", "[toy-brightness, {metric: toy-brightness, as: b}]")
    job = start(tmp_path, two).job
    columns = columns_of(job)
    folder = VideoFolder(job.run.root, job.run.root / "systems" / "s")
    folder.path.mkdir(parents=True)
    row = Scored(RowKey("s", "system", 32, folder), {})
    row.keys = {1: {"x": "k3"}, 0: {"y": "k2", "x": "k1"}}
    empty = replace(
        row, entrant=replace(row.entrant, folder=VideoFolder(job.run.root, tmp_path / "e")), keys={}
    )
    (tmp_path / "e").mkdir()
    write_cards(job, columns, [row, empty])
    cards = json.loads((job.run.root / "metrics.json").read_text())
    assert list(cards) == ["brightness", "spread", "brightness@b", "spread@b"]
    assert cards["spread"]["set_level"] and not cards["brightness"]["set_level"]
    text = (job.run.root / "metrics.json").read_text()
    assert text.startswith('{\n "brightness": {\n  "metric"') and text.endswith("\n}\n")
    text = (folder.path / "observations.json").read_text()
    assert text == (
        '{\n "toy-brightness": {\n  "x": "k1",\n  "y": "k2"\n },\n'
        ' "toy-brightness@b": {\n  "x": "k3"\n }\n}\n'
    )
    assert json.loads((tmp_path / "e" / "observations.json").read_text()) == {
        "toy-brightness": {},
        "toy-brightness@b": {},
    }

"""The stored sensitivity file: written once, read back, and asked for one column under one delivery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from thbench.errors import UserError
from thbench.results import sensitivity
from thbench.results.sensitivity import Move, Sensitivity, read_sensitivity, sensitivity_text


def made(**change: Any) -> Sensitivity:
    moves = [
        {
            "source": s,
            "delivery": d,
            "column": c,
            "before": 1.0,
            "after": 2.0,
            "move": 1.0,
            "n": 2,
            "of": 2,
        }
        for c, d, s in (
            ("m", "web", "a"),
            ("m", "blocks", "a"),
            ("k", "web", "a"),
            ("m", "web", "b"),
        )
    ]
    data: dict[str, Any] = {
        "suite": "ä", "suite_digest": "1", "split_digest": "2", "references_digest": "3", "dataset": "d",
        "resolution": 64, "n_clips": 2, "n_actors": 1, "sources": {}, "deliveries": {}, "columns": {},
        "moves": moves,
    }  # fmt: skip
    return Sensitivity.model_validate({**data, **change})


def test_one_column_under_one_delivery() -> None:
    found: list[Move] = made().of("m", "web")
    assert [m.source for m in found] == ["a", "b"]
    assert made().of("k", "blocks") == []


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "sensitivity.json"
    text = sensitivity_text(made())
    file.write_text(text, encoding="utf-8")
    assert read_sensitivity(file) == made()
    assert text.startswith('{\n "columns": {}') and text.endswith("}\n") and '"ä"' in text


def test_a_file_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (sensitivity.LARGEST, sensitivity.SCHEMA) == (16_000_000, 1)
    file = tmp_path / "sensitivity.json"
    file.write_text(sensitivity_text(made()), encoding="utf-8")
    monkeypatch.setattr(sensitivity, "LARGEST", file.stat().st_size - 1)
    with pytest.raises(UserError, match=r"sensitivity\.json"):
        read_sensitivity(file)


def test_what_was_measured_is_not_changed_afterwards() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        made().suite = "other"  # type: ignore[misc]

"""The result document's text, its schema, and which versions are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from made import result
from thbench.errors import UserError
from thbench.results import document
from thbench.results.document import IntervalRecord, json_schema, read_result, result_text


def plain() -> dict[str, Any]:
    made = result("ä", "system", 64, {"m": [1.0, 2.0]}, 2)
    found: dict[str, Any] = json.loads(result_text(made))
    return found


def test_the_one_spelling() -> None:
    made = result("ä", "system", 64, {"m": [1.0, 2.0]}, 2)
    text = result_text(made)
    assert text.startswith('{\n "clips": {\n  "changes": {},') and text.endswith("}\n")
    assert '"name": "ä"' in text
    assert list(plain()) == sorted(plain()) and plain()["schema"] == 1
    assert "environment" not in plain()["system"] and "given" not in plain()["system"]
    assert "headline" not in plain()["suite"] and "actors_unknown" not in plain()["dataset"]
    assert "reference_over_span" not in plain()["scores"]["m"]


def test_what_stands_only_where_it_is_so() -> None:
    made = result("s", "system", 64, {"m": [1.0]}, 1)
    change = {"environment": {"torch": "2"}, "given": "recording"}
    made = made.model_copy(update={"system": made.system.model_copy(update=change)})
    suite = made.suite.model_copy(update={"headline": ("m",)})
    dataset = made.dataset.model_copy(update={"actors_unknown": True})
    score = made.scores["m"].model_copy(update={"reference_over_span": 0.0})
    made = made.model_copy(update={"suite": suite, "dataset": dataset, "scores": {"m": score}})
    data = json.loads(result_text(made))
    assert data["system"]["environment"] == {"torch": "2"}
    assert data["system"]["given"] == "recording" and data["suite"]["headline"] == ["m"]
    assert data["dataset"]["actors_unknown"] is True
    assert data["scores"]["m"]["reference_over_span"] == 0.0


def test_the_schema_is_of_json_schema_2020_12() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "thbench result"
    assert schema["properties"]["schema"]["const"] == 1
    assert schema["additionalProperties"] is False


def written(folder: Path, **change: Any) -> Path:
    file = folder / "result.json"
    file.write_text(json.dumps({**plain(), **change}))
    return file


@pytest.mark.parametrize(
    ("low", "high", "fits"),
    [(None, None, True), (1.0, 2.0, True), (None, 2.0, False), (1.0, None, False)],
)
def test_an_interval_has_two_ends_or_none(
    low: float | None, high: float | None, fits: bool
) -> None:
    fields: dict[str, Any] = {"low": low, "high": high, "level": 0.95, "method": "m", "n_actors": 3}
    if fits:
        assert IntervalRecord(**fields).low == low
    else:
        with pytest.raises(ValueError, match="two ends or none"):
            IntervalRecord(**fields)


def test_older_documents_are_brought_up_to_date_step_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def from_minus_one(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "schema": 0, "ranked": False}

    def from_zero(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "schema": 1, "unranked_because": ["old"]}

    monkeypatch.setattr(document, "MIGRATIONS", {-1: from_minus_one, 0: from_zero})
    found = read_result(written(tmp_path, schema=-1))
    assert (found.ranked, found.unranked_because) == (False, ("old",))
    with pytest.raises(UserError, match="schema -2 is unknown"):
        read_result(written(tmp_path, schema=-2))
    with pytest.raises(UserError, match="schema 2 is newer"):
        read_result(written(tmp_path, schema=2))
    for bad in (True, None, "1", 1.0):
        with pytest.raises(UserError, match="missing or no number"):
            read_result(written(tmp_path, schema=bad))


def test_the_place_of_a_fault_is_named(tmp_path: Path) -> None:
    suite = {**plain()["suite"], "seed": "x"}
    with pytest.raises(UserError, match=r"result\.json: suite\.seed: "):
        read_result(written(tmp_path, suite=suite))


def test_a_document_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path)
    monkeypatch.setattr(document, "LARGEST", file.stat().st_size)
    assert read_result(file).system.name == "ä"
    monkeypatch.setattr(document, "LARGEST", file.stat().st_size - 1)
    with pytest.raises(UserError, match=r"bytes|large"):
        read_result(file)
    assert json_schema()["properties"].keys() >= {"suite", "split", "scores"}


def test_addresses_and_remarks_are_bounded() -> None:
    """LARGEST and the lengths that a leaderboard's reader relies on."""
    assert document.LARGEST == 16_000_000
    assert document.Result.model_fields["schema_version"].default == document.SCHEMA == 1
    for model, field, most in (
        (document.SubmissionRecord, "submitter", 200), (document.SubmissionRecord, "licence", 200),
        (document.SubmissionRecord, "reproduce", 2000),
    ):  # fmt: skip
        assert model.model_validate({field: "x" * most})
        with pytest.raises(ValueError, match="at most"):
            model.model_validate({field: "x" * (most + 1)})
    for model, more in ((document.VideosRecord, {}), (document.FeaturesRecord, {})):
        url = "https://x.org/" + "a" * 986
        assert model.model_validate({"url": url, "sha256": "0" * 64, **more})
        with pytest.raises(ValueError, match="at most 1000"):
            model.model_validate({"url": url + "a", "sha256": "0" * 64, **more})


def test_what_is_not_said_of_a_score_and_of_clips_is_the_least() -> None:
    fields = {"metric": "m", "score": "m", "value": 1.0, "better": "lower", "n": 1, "of": 1,
              "identity": {}, "identity_digest": "0"}  # fmt: skip
    score = document.ScoreRecord.model_validate(fields)
    assert not score.set_level and score.range == (None, None) and score.unit == ""
    clips = document.ClipsRecord(n=1, generated=1, failed=0, table_sha256="0", videos_digest="0")
    assert (clips.trimmed, clips.copies, clips.stores) == (0, None, {})
    over = document.OverRecord(column="m")
    assert (over.statistic, over.absolute, over.at_most) == ("mean", False, None)
    data = plain()["dataset"]
    del data["synthetic"]
    assert not document.DatasetRecord.model_validate(data, strict=False).synthetic

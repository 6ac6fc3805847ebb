"""The committed schemas are those of the code, and the committed files conform to them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from thbench.files.yamlfile import read_yaml
from thbench.leaderboard.schemas import schemas

FOLDER = Path(__file__).resolve().parents[3] / "leaderboard"


def test_the_committed_schemas_are_current() -> None:
    written = json.loads((FOLDER / "schemas.json").read_text(encoding="utf-8"))
    assert written == schemas(), "run: thbench leaderboard schema > leaderboard/schemas.json"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "kind"),
    [("results/*/*/*.json", "result"), ("results/*/*/*.verified", "verification")],
)
def test_committed_documents_conform(pattern: str, kind: str) -> None:
    found = sorted(FOLDER.glob(pattern))
    assert found
    for path in found:
        jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), schemas()[kind])


def test_published_rows_conform_but_for_their_short_form() -> None:
    """A cell may be its digits alone, which the model spells out."""
    for path in sorted((FOLDER / "published").glob("*.yaml")):
        data = read_yaml(path).data
        for row in data["rows"]:
            values = row["values"].items()
            row["values"] = {k: {"printed": v} if isinstance(v, str) else v for k, v in values}
        jsonschema.validate(data, schemas()["published"])

"""JSON Schemas of every file of a leaderboard, from the models that read them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from thbench.leaderboard.archive import Index
from thbench.leaderboard.store import Verification
from thbench.published.rows import Published
from thbench.results.document import json_schema

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, Any]:
    """Name -> schema: result documents, verification records, published rows, indices of feature archives."""
    return {
        "result": json_schema(),
        "verification": _of("thbench verification record", Verification),
        "published": _of("thbench published rows", Published),
        "features": _of("thbench feature archive: features.json", Index),
    }


def _of(title: str, model: type[BaseModel]) -> dict[str, Any]:
    return {"$schema": _DIALECT, **model.model_json_schema(by_alias=True), "title": title}

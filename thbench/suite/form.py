"""The suite file as written: its keys, and errors that name the line and the nearest right key."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from thbench.api import Given
from thbench.controls import CONTROLS
from thbench.files.canonical import NAME
from thbench.files.yamlfile import Document, validated
from thbench.suite.model import SCHEMA, IdentityFrame, Section, SuiteLimits

Resolution = Field(ge=16, le=2048, multiple_of=2)  # H.264 halves its colours


class DatasetForm(Section):
    name: str
    options: dict[str, Any]


class SystemForm(Section):
    generator: str
    resolution: int = Resolution
    oracle: tuple[str, ...] = ()
    given: Given = "image"
    options: dict[str, Any]


class MetricForm(Section):
    metric: str
    label: str | None = Field(default=None, alias="as", pattern=NAME)
    options: dict[str, Any]


class SuiteForm(Section):
    """The file as written; plugin options stand next to the fixed keys of their section."""

    version: Literal[1] = Field(alias="schema")
    name: str = Field(pattern=NAME)
    title: str = ""
    dataset: DatasetForm
    split: str | dict[str, Any]
    seed: int = Field(default=0, ge=0)
    identity_frame: IdentityFrame = "first"
    systems: dict[str, SystemForm] = Field(default_factory=dict)
    metrics: tuple[MetricForm, ...]
    primary: str | None = None
    headline: tuple[str, ...] = ()
    controls: tuple[str, ...] = CONTROLS
    resolutions: tuple[int, ...] = ()
    limits: SuiteLimits = SuiteLimits()


def parse(document: Document) -> SuiteForm:
    """A document whose overrides have been applied. Raises UserError."""
    data = dict(document.data)
    data.setdefault("metrics", [])
    if "schema" in data and data["schema"] != SCHEMA:
        raise document.error(
            ("schema",), f"is {data['schema']!r}, this thbench reads {SCHEMA}", "upgrade thbench"
        )
    if isinstance(data.get("dataset"), dict):
        data["dataset"] = _inline(data["dataset"], {"name"})
    if isinstance(data.get("systems"), dict):
        keys = {"generator", "resolution", "oracle", "given"}
        data["systems"] = {
            n: _inline(s, keys) if isinstance(s, dict) else s for n, s in data["systems"].items()
        }
    if isinstance(data["metrics"], list):
        data["metrics"] = tuple(_inline_metric(m) for m in data["metrics"])
    for name in ("controls", "resolutions", "headline"):
        if isinstance(data.get(name), list):
            data[name] = tuple(data[name])
    return validated(document, SuiteForm, data, "docs/suites.md")


def _inline(section: dict[str, Any], fixed: set[str]) -> dict[str, Any]:
    """Plugin options are written next to the fixed keys; apart they can be checked by their plugin."""
    kept: dict[str, Any] = {k: v for k, v in section.items() if k in fixed}
    if isinstance(kept.get("oracle"), list):
        kept["oracle"] = tuple(kept["oracle"])
    return {**kept, "options": {str(k): v for k, v in section.items() if k not in fixed}}


def _inline_metric(entry: Any) -> Any:
    if isinstance(entry, str):
        return {"metric": entry, "options": {}}
    return _inline(entry, {"metric", "as"}) if isinstance(entry, dict) else entry

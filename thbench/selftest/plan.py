"""`benchmarks/corruptions/selftest.yaml` -> Plan: which damage is done to which clips, and what counts as proof."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from thbench.files.yamlfile import Document, read_yaml, validated
from thbench.suite import SuiteLimits, benchmarks_folder

CLEAN = "none"
"""The name of no corruption, in tasks and tables; never given to a dataset."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Corruption(_Frozen):
    """Amounts of one kind of damage; 0 is the clean clip and is not among them."""

    unit: str = ""
    amounts: tuple[float, ...] = Field(min_length=1)

    @field_validator("amounts")
    @classmethod
    def _distinct(cls, amounts: tuple[float, ...]) -> tuple[float, ...]:
        if 0 in amounts or len(set(amounts)) < len(amounts):
            raise ValueError("amounts must be distinct and not 0, which is the clean clip")
        return tuple(sorted(amounts))


class Question(_Frozen):
    """Something the report answers in words: named scores under one corruption."""

    title: str
    about: str = ""
    corruption: str
    scores: tuple[str, ...]


class Plan(_Frozen):
    """The file as written. `corruption_option` and `amount_option` are options of the dataset."""

    version: Literal[1] = Field(alias="schema")
    title: str = ""
    dataset: dict[str, Any]
    corruption_option: str
    amount_option: str
    split: str | dict[str, Any]
    limits: SuiteLimits = SuiteLimits()
    resolution: int = Field(ge=16, le=2048, multiple_of=2)
    seed: int = Field(default=0, ge=0)
    corruptions: dict[str, Corruption] = Field(min_length=1)
    tolerance: float = Field(default=0.5, gt=0, lt=1)
    slack: float = Field(default=0.02, ge=0, lt=0.5)
    questions: tuple[Question, ...] = ()


def load_plan(path: Path | None = None) -> tuple[Plan, Document]:
    """Read a plan, the shipped one by default. Raises UserError naming file, line and key."""
    document = read_yaml(path or benchmarks_folder() / "corruptions" / "selftest.yaml")
    plan = validated(document, Plan, document.data, "docs/selftest.md")
    for i, question in enumerate(plan.questions):
        if question.corruption not in plan.corruptions:
            place = ("questions", str(i), question.corruption)
            raise document.unknown_key(place, "corruption", list(plan.corruptions))
    return plan, document


def suite_document(plan: Plan, document: Document, metrics: list[str]) -> Document:
    """What the plan and these metrics are as a suite, so that the harness resolves both as ever."""
    data = {
        "schema": 1,
        "name": "selftest",
        "dataset": dict(plan.dataset),
        "split": plan.split,
        "seed": plan.seed,
        "limits": plan.limits.model_dump(exclude_none=True),
        "metrics": list(metrics),
        "controls": [],
    }
    return Document(document.file, data, document.lines, document.folders, document.folder)

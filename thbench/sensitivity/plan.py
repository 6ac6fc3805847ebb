"""`benchmarks/deliveries/sensitivity.yaml` -> Plan: which deliveries there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from thbench.files.canonical import NAME
from thbench.files.yamlfile import Document, read_yaml, validated
from thbench.suite import benchmarks_folder
from thbench.video.delivery import Delivery

LOSSLESS = "lossless"
"""The delivery that changes nothing; every source has it, and moves are measured from it."""
_LONGEST = 24


class Plan(BaseModel):
    """The file as written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = Field(alias="schema")
    title: str = ""
    deliveries: dict[str, Delivery] = Field(min_length=1, max_length=200)


def load_plan(path: Path | None = None) -> tuple[Plan, Document]:
    """Read a plan, the shipped one by default. Raises UserError naming file, line and key."""
    document = read_yaml(path or benchmarks_folder() / "deliveries" / "sensitivity.yaml")
    plan = validated(document, Plan, document.data, "docs/sensitivity.md")
    for name in plan.deliveries:
        key = ("deliveries", name)
        if name == LOSSLESS:
            raise document.error(key, "stands for the delivery that changes nothing", "rename it")
        if not re.fullmatch(NAME, name) or len(name) > _LONGEST:
            raise document.error(
                key, "is no usable name", f"letters, digits, . _ + -, at most {_LONGEST}"
            )
    return plan, document


def chosen(plan: Plan, document: Document, only: Sequence[str]) -> dict[str, Delivery]:
    """The deliveries named by `only`, or all; in the plan's order. Raises UserError for an unknown one."""
    for name in only:
        if name not in plan.deliveries:
            raise document.unknown_key(
                ("deliveries", name), "delivery", list(plan.deliveries), f"--only {name}"
            )
    return {n: d for n, d in plan.deliveries.items() if not only or n in only}

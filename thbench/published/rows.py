"""Rows that papers printed: leaderboard/published/*.yaml, read strictly.

They stand next to measured rows and never among them: no rank, digits as printed, and with each row
its source, how far its protocol is known, and where the source contradicts itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from thbench.api import Better
from thbench.files.yamlfile import Document, read_yaml, validated
from thbench.published.normalise import Quantity, Scale

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
Digits = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,9}(\.[0-9]{1,9})?$")]
Pixels = Annotated[int, Field(ge=8, le=8192)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PublishedMetric(_Form):
    """What a column means; `scale` says whether ratios to the ground truth mean anything."""

    title: Text
    better: Better
    scale: Scale
    unit: Annotated[str, StringConstraints(max_length=80)] | None = None
    about: Text | None = None


class Publication(_Form):
    """A paper.

    protocol   how it measured, by metric, as far as it says
    conflicts  where it contradicts itself or compares unlike things: shown wherever its rows are
    """

    title: Text
    authors: Text
    year: Annotated[int, Field(ge=1990, le=2100)] | None = None
    url: Annotated[str, StringConstraints(pattern=r"^https://[\w./-]+$")] | None = None
    where: Text
    protocol: dict[Name, Text] = {}
    conflicts: tuple[Text, ...] = ()


class PrintedNumber(_Form):
    """One number: its digits as printed, and what differs from the metric or the row.

    unit  another unit than the metric's, or `unknown`
    """

    printed: Digits
    unit: Annotated[str, StringConstraints(max_length=80)] | None = None
    note: Text | None = None

    @property
    def value(self) -> float:
        return float(self.printed)


def _cell(given: Any) -> Any:
    """A bare string is the digits; anything else is the long form."""
    return {"printed": given} if isinstance(given, str) else given


class PublishedRow(_Form):
    """One system as one source printed it.

    normalised                    the source scaled it to its own ground truth; not a measurement
    selected_on_evaluation_split  whether the model was chosen on the clips it is scored on
    """

    system: Name
    source: Name
    where: Text
    role: Literal["system", "ground-truth"] = "system"
    resolution: Pixels | None = None
    settings: dict[Name, Text] = {}
    normalised: bool = False
    selected_on_evaluation_split: Literal["stated", "inferred"] | None = None
    values: Annotated[
        dict[Name, Annotated[PrintedNumber, BeforeValidator(_cell)]], Field(min_length=1)
    ]
    note: Text | None = None

    @property
    def key(self) -> tuple[object, ...]:
        return self.source, self.system, self.resolution, tuple(sorted(self.settings.items()))


class Published(_Form):
    """One file: the rows of one dataset."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    dataset: Name
    about: Text
    metrics: dict[Name, PublishedMetric]
    sources: dict[Name, Publication]
    rows: tuple[PublishedRow, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Published:
        seen: set[tuple[object, ...]] = set()
        for row in self.rows:
            if row.source not in self.sources:
                raise ValueError(f"row {row.system}: no source is called '{row.source}'")
            if unknown := sorted(row.values.keys() - self.metrics.keys()):
                raise ValueError(f"row {row.system}: no metric is called '{unknown[0]}'")
            if row.key in seen:
                raise ValueError(f"row {row.system} of {row.source} is there twice")
            seen.add(row.key)
        for name, source in self.sources.items():
            if unknown := sorted(source.protocol.keys() - self.metrics.keys()):
                raise ValueError(f"source {name}: no metric is called '{unknown[0]}'")
        return self

    def quantity(self, row: PublishedRow, metric: str) -> Quantity:
        """One cell with its provenance. Raises KeyError where the row has no such number."""
        cell = row.values[metric]
        unit = self.metrics[metric].unit if cell.unit is None else cell.unit
        return Quantity(
            cell.value,
            None if unit == "unknown" else unit,
            row.source,
            row.resolution,
            printed=cell.printed,
        )

    def ground_truth(self, row: PublishedRow, metric: str) -> Quantity | None:
        """The ground truth that the row's source printed for this metric.

        At the row's resolution where there is one, else at another, which `normalise` flags. None
        where the source printed none, and for a normalised row: what it was divided by is not known.
        """
        truths = [
            r
            for r in self.rows
            if r.role == "ground-truth" and r.source == row.source and metric in r.values
        ]
        if row.normalised or not truths:
            return None
        same = [r for r in truths if r.resolution == row.resolution]
        return self.quantity((same or truths)[0], metric)


def load_published(path: Path) -> Published:
    """Read one file of published rows. Raises UserError naming file, line and key."""
    return parse_published(read_yaml(path))


def parse_published(document: Document) -> Published:
    """As `load_published`, of a parsed document."""
    return validated(document, Published, _tuples(document.data), "docs/statistics.md")


def _tuples(data: Mapping[str, Any]) -> Any:
    """Lists as tuples, which strict models ask for."""
    if isinstance(data, Mapping):
        return {name: _tuples(value) for name, value in data.items()}
    return tuple(_tuples(v) for v in data) if isinstance(data, list) else data

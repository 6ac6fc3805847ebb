"""`thbench export RUN --to TARGET`: which function makes what, and where it goes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from thbench.api import UserError
from thbench.export.files import csv_bytes, json_bytes, parquet_bytes
from thbench.export.latex import Uncertainty, identities_name, latex_text
from thbench.export.model_card import model_card_text
from thbench.export.records import clip_records, identities, score_records
from thbench.export.selection import Selection
from thbench.export.trackers import Where, to_mlflow, to_tensorboard, to_wandb
from thbench.files.atomic import atomic_write
from thbench.tables.build import GIVEN
from thbench.tables.markdown import markdown_table

Target: TypeAlias = Literal[
    "csv", "parquet", "json", "latex", "markdown", "wandb", "mlflow", "tensorboard", "hf"
]
TARGETS: tuple[Target, ...] = get_args(Target)
_TRACKERS = {"wandb": to_wandb, "mlflow": to_mlflow, "tensorboard": to_tensorboard}
_FILES = {"csv": csv_bytes, "json": json_bytes, "parquet": parquet_bytes}


@dataclass(frozen=True)
class How:
    """Options of single targets.

    clips        csv, json, parquet: one record per clip in place of one per score
    labels       latex: column -> its head
    uncertainty  latex: how intervals are printed
    project      wandb, mlflow: the project or experiment; default: the suite's name
    """

    clips: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    uncertainty: Uncertainty = "pm"
    project: str | None = None


def content(chosen: Selection, target: Target, how: How) -> bytes:
    """The one file of a target that is a file. Raises UserError, KeyError for a tracker."""
    if target == "latex":
        return latex_text(chosen, how.labels, how.uncertainty).encode()
    if target == "markdown":
        return _markdown(chosen).encode()
    if target == "hf":
        return model_card_text(chosen).encode()
    return _FILES[target](chosen, clip_records(chosen) if how.clips else score_records(chosen))


def export(chosen: Selection, target: Target, out: str | None, how: How) -> list[str]:
    """Write an export; returns what was written.

    out  a file; of trackers the folder, or MLflow's tracking address (default: RUN/TARGET). Raises
         UserError where a file has no `out` or a library is not installed.
    """
    if target in _TRACKERS:
        place = out or str(chosen.run / target)
        return _TRACKERS[target](chosen, Where(place, how.project or chosen.first.suite.name))
    if out is None:
        raise UserError(f"--to {target} is a file", "give it a place: -o FILE")
    atomic_write(Path(out), content(chosen, target, how))
    written = [out]
    if target == "latex":
        beside = identities_name(out)
        atomic_write(Path(beside), json.dumps(identities(chosen), indent=1, sort_keys=True) + "\n")
        written.append(beside)
    return written


def _markdown(chosen: Selection) -> str:
    """Ranked tables of the chosen columns, with notes and identities below each."""
    lines = [f"# {chosen.first.suite.name}", ""]
    for table in chosen.tables:
        given = GIVEN[table["given"]]
        lines += [f"## {table['resolution']} × {table['resolution']} px{given}", ""]
        lines += markdown_table(table)
    return "\n".join(lines)

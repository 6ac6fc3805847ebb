"""Experiment trackers: one run per system in Weights & Biases, MLflow or TensorBoard.

A missing score is not logged as a number; its reason is kept as a tag or text of the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thbench.export.extras import need
from thbench.export.selection import Selection
from thbench.results.document import Result
from thbench.results.row import Row


@dataclass(frozen=True)
class Where:
    """Where a tracker keeps runs: a folder or, for MLflow, a tracking address; and under which project."""

    place: str
    project: str


def to_tensorboard(chosen: Selection, where: Where) -> list[str]:
    """Event files: scalars `scores/NAME` and, clip by clip, `clips/NAME` (the step is the clip's index)."""
    need("tensorboard", "tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    written = []
    for row in chosen.shown:
        folder = Path(where.place) / _run_name(row)
        with SummaryWriter(str(folder)) as writer:
            for name, value in _scores(chosen, row).items():
                writer.add_scalar(f"scores/{name}", value, 0)
            for name, values in _clip_values(row).items():
                for step, value in values.items():
                    writer.add_scalar(f"clips/{name}", value, step)
            for name, text in {**_parameters(row.result), **_reasons(chosen, row)}.items():
                writer.add_text(name, text, 0)
        written.append(str(folder))
    return written


def to_mlflow(chosen: Selection, where: Where) -> list[str]:
    """Metrics, parameters, and result.json and clips.csv as artifacts."""
    need("mlflow", "mlflow")
    import mlflow

    address, artifacts = _mlflow_store(where.place)
    mlflow.set_tracking_uri(address)
    if artifacts is not None and mlflow.get_experiment_by_name(where.project) is None:
        mlflow.create_experiment(where.project, artifact_location=artifacts)
    mlflow.set_experiment(where.project)
    written = []
    for row in chosen.shown:
        with mlflow.start_run(run_name=_run_name(row)) as run:
            mlflow.log_params(_parameters(row.result))
            scores = _scores(chosen, row)
            mlflow.log_metrics({_plain(name): value for name, value in scores.items()})
            mlflow.set_tags({_plain(k): v[:4000] for k, v in _reasons(chosen, row).items()})
            for file in (row.path, row.path.with_name("clips.csv")):
                mlflow.log_artifact(str(file))
            written.append(f"{address}: run {run.info.run_id} ({_run_name(row)})")
    return written


def _mlflow_store(place: str) -> tuple[str, str | None]:
    """An address as it is; a folder is a database in it, with its artifacts next to it."""
    if "://" in place:
        return place, None
    folder = Path(place).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'mlflow.db'}", (folder / "artifacts").as_uri()


def to_wandb(chosen: Selection, where: Where) -> list[str]:
    """Summaries, configuration and a table of clips. WANDB_MODE=offline keeps it in the folder."""
    need("wandb", "wandb")
    import wandb

    Path(where.place).mkdir(parents=True, exist_ok=True)
    written = []
    for row in chosen.shown:
        run = wandb.init(
            project=where.project,
            name=_run_name(row),
            dir=where.place,
            config=_parameters(row.result),
            reinit="finish_previous",
        )
        values = _clip_values(row)
        table = wandb.Table(columns=["clip", "actor", *values])
        for i, (clip, actor) in enumerate(row.clips.actors.items()):
            table.add_data(clip, actor, *(of.get(i) for of in values.values()))
        run.log({"clips": table})
        run.summary.update({**_scores(chosen, row), **_reasons(chosen, row)})
        run.finish()
        written.append(f"{where.project}: run {run.id} ({_run_name(row)})")
    return written


def _run_name(row: Row) -> str:
    """Suite, system and resolution, usable as a folder."""
    system = row.result.system
    name = f"{row.result.suite.name}-{system.name}-{system.resolution}"
    return re.sub(r"[^A-Za-z0-9._+-]", "_", name)


def _scores(chosen: Selection, row: Row) -> dict[str, float]:
    return {
        name: score.value
        for name in chosen.columns
        if (score := row.result.scores.get(name)) and score.value is not None
    }


def _reasons(chosen: Selection, row: Row) -> dict[str, str]:
    """`missing NAME` -> why there is no value."""
    return {
        f"missing {name}": score.reason or "no value"
        for name in chosen.columns
        if (score := row.result.scores.get(name)) and score.value is None
    }


def _clip_values(row: Row) -> dict[str, dict[int, float]]:
    """Column -> index of the clip in the table -> value; clips without a value are left out."""
    place = {clip: i for i, clip in enumerate(row.clips.actors)}
    return {
        name: {place[clip]: value for clip, value in row.clips.numbers(name).items()}
        for name in row.clips.number_columns
    }


def _parameters(result: Result) -> dict[str, str]:
    return dict(_described(result))


def _described(result: Result) -> Iterator[tuple[str, str]]:
    yield "suite", result.suite.name
    yield "suite_digest", result.suite.digest
    yield "split", result.split.name
    yield "dataset", result.dataset.plugin.name
    yield "system", result.system.name
    yield "resolution", str(result.system.resolution)
    yield "clips", f"{result.clips.generated}/{result.clips.n}"
    yield "thbench", str(result.provenance.get("thbench", ""))
    options: Mapping[str, Any] = result.system.options
    for key, value in options.items():
        yield f"options.{key}", str(value)


def _plain(name: str) -> str:
    """MLflow allows letters, digits and _ - . : / and spaces in names."""
    return re.sub(r"[^A-Za-z0-9_\-.:/ ]", ".", name)

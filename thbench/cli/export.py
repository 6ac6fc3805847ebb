"""`thbench export`: a finished run for other programs. Imports nothing heavy at start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from thbench.errors import UserError

if TYPE_CHECKING:
    from thbench.export.latex import Uncertainty
    from thbench.export.targets import Target

TARGETS = ["csv", "parquet", "json", "latex", "markdown", "wandb", "mlflow", "tensorboard", "hf"]
"""As `thbench.export.targets.TARGETS`, which would import the tables."""


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", "target", type=click.Choice(TARGETS), required=True, help="What to make.")
@click.option(
    "-o",
    "--out",
    metavar="PLACE",
    help="A file; of wandb, mlflow and tensorboard a folder, or MLflow's address [default: text to the "
    "screen, RUN/TARGET for trackers].",
)
@click.option("--systems", metavar="A,B", help="Only these systems and controls.")
@click.option("--columns", metavar="A,B", help="Only these scores, in this order.")
@click.option(
    "--all", "all_columns", is_flag=True, help="Every score, not the headline scores alone."
)
@click.option("--controls", is_flag=True, help="All control rows, not the ground truth alone.")
@click.option("--clips", is_flag=True, help="csv, json, parquet: a record per clip, not per score.")
@click.option(
    "--label", "labels", multiple=True, metavar="COLUMN=TEXT", help="latex: what a head says."
)
@click.option(
    "--uncertainty",
    type=click.Choice(["pm", "interval", "none"]),
    default="pm",
    show_default=True,
    help="latex: the 95 % interval as +-, as its ends, or left out.",
)
@click.option("--project", metavar="NAME", help="wandb, mlflow: project, experiment [the suite].")
def export(
    run: Path,
    target: Target,
    out: str | None,
    systems: str | None,
    columns: str | None,
    all_columns: bool,
    controls: bool,
    clips: bool,
    labels: tuple[str, ...],
    uncertainty: Uncertainty,
    project: str | None,
) -> None:
    """A finished RUN as a file, in an experiment tracker, or as the results block of a model card.

    parquet, wandb, mlflow and tensorboard need an extra: pip install 'thbench[parquet]'.
    """
    from thbench.export.selection import select
    from thbench.export.targets import How, content
    from thbench.export.targets import export as write

    chosen = select(run, _words(systems), _words(columns), all_columns, controls)
    how = How(clips, dict(map(_pair, labels)), uncertainty, project)
    if out is None and target in ("csv", "json", "latex", "markdown", "hf"):
        click.echo(content(chosen, target, how).decode(), nl=False)
        return
    for line in write(chosen, target, out, how):
        click.echo(line)


def _words(text: str | None) -> list[str]:
    return [w.strip() for w in (text or "").split(",") if w.strip()]


def _pair(text: str) -> tuple[str, str]:
    column, equals, label = text.partition("=")
    if not equals:
        raise UserError(f"--label {text}: not COLUMN=TEXT", "e.g. --label fid=FID")
    return column, label

"""The commands that train a generator and look at how it went. Imports nothing heavy at start."""

from __future__ import annotations

from pathlib import Path

import click

from thbench.cli.options import device_option
from thbench.errors import UserError


@click.command()
@click.argument("suite")
@click.argument("system")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of checkpoints and logs [default: runs/train/SUITE/SYSTEM].",
)
@click.option("--steps", type=click.IntRange(1), help="Instead of the suite's training.steps.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a key of the suite, e.g. systems.mine.training.batch=4.",
)
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Threads that load clips ahead; changes no byte.",
)
@device_option
@click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="Of the networks."
)
@click.option("--tensorboard", is_flag=True, help="Write the logs as TensorBoard events as well.")
def train(
    suite: str,
    system: str,
    out: Path | None,
    steps: int | None,
    overrides: tuple[str, ...],
    workers: int,
    device: str,
    threads: int,
    tensorboard: bool,
) -> None:
    """Train SYSTEM of SUITE on the training actors of its split.

    The split's validation actors choose the checkpoint; its test actors are never seen. Running the
    command again goes on where the training was stopped, and with more --steps prolongs it.
    """
    from thbench.environment import Settings, default_offline
    from thbench.plugins.discovery import registry
    from thbench.suite import find_suite, load_suite
    from thbench.training.run import train as run

    loaded = load_suite(find_suite(suite), registry(), overrides)
    folder = out or Path("runs") / "train" / loaded.name / system
    settings = Settings(device, threads, offline=default_offline())
    click.echo(run(loaded, system, registry(), settings, folder, steps, workers, tensorboard))


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder [default: RUN].")
@click.option("--table", is_flag=True, help="Print the validation values at some epochs instead.")
@click.option("--epochs", help="Of the table, as 0,50,100 [default: first, middle, last].")
def plot(run: Path, out: Path | None, table: bool, epochs: str | None) -> None:
    """Curves of a training folder RUN as SVG: losses and the rest, training and validation."""
    from thbench.training.plots import validation_table, write_plots

    if not run.is_dir():
        raise UserError(f"{run} is no folder", "give what `thbench train --out` was given")
    if table:
        click.echo(validation_table(run, _numbers(epochs)), nl=False)
        return
    for path in write_plots(run, out or run):
        click.echo(path)


def _numbers(text: str | None) -> list[float] | None:
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise UserError(
            f"--epochs {text} is no list of numbers", "as in --epochs 0,50,100"
        ) from None

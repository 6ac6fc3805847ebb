"""`thbench selftest`: which metrics react to which corruptions."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("metrics", nargs=-1)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path),
    help="Another file of corruptions [default: the shipped selftest.yaml].",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs/selftest"),
    show_default=True,
    help="Folder of selftest.json, .md and .svg.",
)
def selftest(metrics: tuple[str, ...], workers: int, plan_file: Path | None, out: Path) -> None:
    """Show controlled damage to METRICS (default: all installed, with their variants).

    Does each react as it declares, and stay still where it declares that? Exit code 1 when a
    declared behaviour does not show. Metrics whose weights are missing are listed as unavailable.
    """
    from thbench.engines import engine_for
    from thbench.environment import Settings, apply_threads, default_offline
    from thbench.plugins.discovery import registry
    from thbench.selftest.outcome import print_outcome, write
    from thbench.selftest.plan import load_plan
    from thbench.selftest.trial import run

    settings = Settings(offline=default_offline())
    apply_threads(settings.threads)
    plan, document = load_plan(plan_file)
    outcome = run(plan, document, metrics, registry(), settings, engine_for(workers, settings))
    print_outcome(outcome)
    for path in write(outcome, out):
        click.echo(path)
    sys.exit(1 if outcome.failed else 0)

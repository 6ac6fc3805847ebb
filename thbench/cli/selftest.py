"""`thbench selftest`: which metrics react to which corruptions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from thbench.environment import Settings


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
@click.option(
    "--reference",
    is_flag=True,
    help="Instead: compute published numbers with the official weights that are here.",
)
@click.option(
    "--samples",
    type=click.Path(path_type=Path),
    help="Folder of published samples for --reference [default: samples beside the weights].",
)
def selftest(
    metrics: tuple[str, ...],
    workers: int,
    plan_file: Path | None,
    out: Path,
    reference: bool,
    samples: Path | None,
) -> None:
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
    if reference:
        sys.exit(_reference(samples, settings))
    plan, document = load_plan(plan_file)
    outcome = run(plan, document, metrics, registry(), settings, engine_for(workers, settings))
    print_outcome(outcome)
    for path in write(outcome, out):
        click.echo(path)
    sys.exit(1 if outcome.failed else 0)


def _reference(samples: Path | None, settings: Settings) -> int:
    """Print every published number next to what comes out here; 1 where one differs."""
    from thbench.plugins.context import RunContext
    from thbench.plugins.discovery import registry
    from thbench.selftest.reference import as_text, check, sample_folder

    known = registry()
    context = RunContext(known, settings, "selftest")
    found = []
    for outcome in check(known.published, known.weights(), sample_folder(samples), context):
        found.append(outcome)
        for line in as_text([outcome]):
            click.echo(line)
    return int(any(outcome.verdict in ("DIFFERS", "FAILED") for outcome in found))

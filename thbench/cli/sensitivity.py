"""`thbench sensitivity`: how far scores move when nothing but delivery changes. Imports nothing heavy at start."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thbench.cli.options import (
    available_option,
    device_option,
    engine_options,
    gpus_of,
    set_option,
    settings_of,
    together,
)
from thbench.cli.output import missing_error, print_left_out
from thbench.cli.videos import said_in_flags
from thbench.errors import UserError

if TYPE_CHECKING:
    from thbench.sensitivity.trial import Trial
    from thbench.suite import Suite
    from thbench.suite.split import Split

_folder_options = together(
    click.option("--metrics", metavar="A,B", help="Of a folder: measure these."),
    click.option("--crop", metavar="none|centre|face", help="Of a folder: which square is scored."),
    click.option(
        "--limit", type=click.IntRange(1), metavar="N", help="Of a folder: so many clips."
    ),
)


@click.command()
@click.argument("suite")
@click.option(
    "--run",
    "run_folder",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="A finished run of SUITE: its best system is delivered too, its table is marked where "
    "delivery moves a score further than two neighbours are apart.",
)
@click.option(
    "--of",
    "names",
    multiple=True,
    metavar="NAME",
    help="Whose videos: ground-truth, or a system of --run; may be given several times.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="DELIVERY",
    help="Only this delivery; may be given several times. --dry-run lists all.",
)
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path),
    help="Another file of deliveries [default: the shipped sensitivity.yaml].",
)
@click.option("--resolution", type=click.IntRange(16, 2048), metavar="N", help="Side in pixels.")
@_folder_options
@set_option
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder [default: runs/sensitivity/SUITE]."
)
@engine_options
@device_option
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Per worker.")
@click.option("--batch", type=click.IntRange(1), default=4, show_default=True, help="As for run.")
@available_option
@click.option("--dry-run", is_flag=True, help="Print what would be delivered, do nothing.")
def sensitivity(
    suite: str,
    run_folder: Path | None,
    names: tuple[str, ...],
    only: tuple[str, ...],
    plan_file: Path | None,
    resolution: int | None,
    out: Path | None,
    available: bool,
    dry_run: bool,
    **options: Any,
) -> None:
    """Deliver the videos of SUITE otherwise, score them, and say how far each score moves.

    SUITE is a YAML file, a shipped name or a folder of videos. Codecs, bit rates, sizes, rates, colour
    matrices, crops and shifts are changed one at a time; --run compares with a finished run.
    """
    from thbench.engines import engine_for
    from thbench.interface.plan import planned
    from thbench.sensitivity.plan import chosen, load_plan
    from thbench.sensitivity.sources import resolution_of, sources_of
    from thbench.sensitivity.trial import Trial, references_only, run_trial
    from thbench.sensitivity.write import write

    settings = settings_of(options)
    base = _suite(suite, resolution, options)
    deliveries = chosen(*load_plan(plan_file), only)
    rows = _rows(run_folder, names, base, resolution)
    size = resolution_of(base, rows, resolution)
    out = out or Path("runs") / "sensitivity" / base.name
    plan = planned(references_only(base, size), out, settings, available)
    sources = sources_of(out, size, run_folder, rows, names)
    trial = Trial(base, size, sources, deliveries, out, settings, plan.left_out)
    if dry_run:
        _print_plan(trial, None if plan.missing else plan.split(), plan.missing)
        return
    if plan.missing:
        raise missing_error(base, list(plan.missing), partial=not available)
    _check_possible(trial)
    plan.check_columns()
    engine = engine_for(
        options["workers"], settings, options["engine"], options["address"], gpus_of(options)
    )
    print_left_out({**trial.unavailable, **plan.left_out})
    found = run_trial(trial, plan.split(), engine)
    for line in write(found, out, run_folder):
        click.echo(line)
    _check_lossless(found.sources)


def _suite(name: str, resolution: int | None, options: Mapping[str, Any]) -> Suite:
    """A suite file, a shipped suite, or a folder of videos as `score --videos` reads one."""
    from thbench.plugins.discovery import registry
    from thbench.suite import find_suite, load_suite
    from thbench.suite.videos import Asked, videos_suite

    given = {k: options[k] for k in ("metrics", "crop", "limit") if options[k] is not None}
    if not Path(name).is_dir() or _is_shipped(name):
        if given:
            flag = next(iter(given))
            raise UserError(f"--{flag} belongs to a folder", "a suite's keys are changed by --set")
        return load_suite(find_suite(name), registry(), options["overrides"], (), ())
    with said_in_flags():
        asked = Asked(
            videos=[f"videos={name}"],
            references=Path(name),
            resolution=resolution,
            overrides=options["overrides"],
            **given,
        )
        loaded, notes = videos_suite(registry(), asked)
    for note in notes:
        click.echo(note.replace("videos: ", f"{name}: ", 1), err=True)
    return loaded


def _is_shipped(name: str) -> bool:
    """A folder may have the name of a shipped suite, as run folders have; ./NAME means the folder."""
    from thbench.suite import benchmarks_folder

    return (benchmarks_folder() / f"{name}.yaml").is_file()


def _rows(
    run: Path | None, names: Sequence[str], suite: Suite, resolution: int | None
) -> list[Any]:
    from thbench.controls import GROUND_TRUTH
    from thbench.sensitivity.sources import chosen_rows, rows_of

    if run is not None:
        return chosen_rows(rows_of(run, suite, resolution), names)
    if others := [name for name in names if name != GROUND_TRUTH]:
        raise UserError(f"--of {others[0]} is a system of a run", "add --run RUN")
    return []


def _check_possible(trial: Trial) -> None:
    if not trial.possible:
        why = "; ".join(dict.fromkeys(trial.unavailable.values()))
        raise UserError(
            f"none of the deliveries can be made here: {why}", "choose others by --only"
        )


def _print_plan(trial: Trial, split: Split | None, missing: Sequence[str]) -> None:
    sources = ", ".join(source.name for source in trial.sources)
    clips = f"{len(split.clips)} clips" if split is not None else "clips unknown"
    n = len(trial.sources) * (1 + len(trial.possible))
    click.echo(f"{trial.suite.name} at {trial.size} px: {clips} of {sources}, {n} rows to score")
    click.echo("  lossless          nothing is changed; moves are measured from it")
    for name, delivery in trial.deliveries.items():
        why = trial.unavailable.get(name)
        mark = "usual" if delivery.usual else ""
        said = f"not available: {why}" if why else delivery.about
        click.echo(f"  {name:<17} {mark:<6} {said}".rstrip())
    click.echo(f"metrics: {', '.join(m.column(m.plugin.name) for m in trial.suite.metrics)}")
    for line in missing:
        click.echo(f"missing: {line}")
    if missing:
        sys.exit(2)


def _check_lossless(sources: Mapping[str, Any]) -> None:
    """A lossless delivery that scores otherwise than its source is a fault: exit code 1."""
    for name, source in sources.items():
        if source.differs:
            click.echo(
                f"{name}: its lossless delivery scored otherwise in {', '.join(source.differs)}",
                err=True,
            )
    if any(source.differs for source in sources.values()):
        sys.exit(1)

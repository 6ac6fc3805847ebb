"""The stages, `run`, `generate` and `score`: plan first, then the work under the run's lock.

Imports nothing heavy at start.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thbench.cli.options import _selected, _settings, device_option, engine_options, load, together
from thbench.cli.output import _missing_error, print_plan, show
from thbench.cli.single import run_single, single_options
from thbench.errors import UserError

if TYPE_CHECKING:
    from thbench.suite import Suite

_stage_options = together(
    click.option(
        "--out", type=click.Path(path_type=Path), help="Run folder [default: runs/SUITE]."
    ),
    click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Change a key of the suite, e.g. systems.mine.steps=20; recorded in the result.",
    ),
    click.option(
        "--with",
        "recipes",
        multiple=True,
        metavar="RECIPE",
        help="Add the systems of a recipe: a shipped name or a .yaml file.",
    ),
    click.option("--systems", metavar="A,B", help="Run only these systems and controls."),
    engine_options,
    device_option,
    click.option(
        "--threads",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Threads per worker; recorded.",
    ),
    click.option(
        "--batch",
        type=click.IntRange(1),
        default=4,
        show_default=True,
        help="Clips per generator call and fixed batch of networks; recorded.",
    ),
    click.option(
        "--shard",
        metavar="K/N",
        help="Do the K-th of N parts only, or `slurm`: this task of a Slurm array. Then `thbench merge`.",
    ),
    click.option(
        "--dry-run", is_flag=True, help="Print the plan and everything missing, do nothing."
    ),
)
_add_option = click.option(
    "--add",
    "add",
    multiple=True,
    metavar="NAME[:key=value,...]",
    help="Add an installed generator to the suite for this run.",
)
_generate_options = together(
    click.option(
        "--regenerate", multiple=True, metavar="SYSTEM", help="Make this system's videos anew."
    ),
    click.option("--retry-failed", is_flag=True, help="Ask again for clips that failed."),
)


@click.command()
@click.argument("suite")
@_add_option
@_generate_options
@_stage_options
def run(
    suite: str,
    add: tuple[str, ...],
    regenerate: tuple[str, ...],
    retry_failed: bool,
    **options: Any,
) -> None:
    """Generate and score SUITE (a YAML file or a shipped name), write and show the leaderboard.

    Running the command again continues it: what was finished stays finished.
    """
    _stages(load(suite, add, options), options, True, True, regenerate, retry_failed)


@click.command()
@click.argument("suite", required=False)
@single_options
@_add_option
@_generate_options
@_stage_options
def generate(
    suite: str | None,
    generator: str | None,
    image: Path | None,
    audio: Path | None,
    output: Path | None,
    resolution: int | None,
    crop: str | None,
    seed: int,
    add: tuple[str, ...],
    regenerate: tuple[str, ...],
    retry_failed: bool,
    **options: Any,
) -> None:
    """Make the videos of SUITE without scoring them, or one of a picture and a sound.

    The one is made by --generator, with its options given as --set key=value.
    """
    if bool(suite) == bool(generator):
        raise UserError("generate needs a SUITE or --generator NAME", "one of the two")
    if generator:
        given, settings = options["overrides"], _settings(options)
        run_single(generator, image, audio, output, resolution, crop, seed, given, settings)
        return
    assert suite is not None
    _stages(load(suite, add, options), options, True, False, regenerate, retry_failed)


@click.command()
@click.argument("suite", required=False)
@click.option(
    "--videos",
    multiple=True,
    metavar="NAME=DIR",
    help="Score a folder of videos without a suite file.",
)
@click.option("--dataset", metavar="NAME", help="With --videos: the dataset of references.")
@click.option(
    "--root", type=click.Path(path_type=Path), help="With --videos: the dataset's folder."
)
@_stage_options
def score(
    suite: str | None,
    videos: tuple[str, ...],
    dataset: str | None,
    root: Path | None,
    **options: Any,
) -> None:
    """Score what a run has generated, or with --videos any folders of videos. Never generates."""
    if bool(suite) == bool(videos):
        raise UserError("score needs a SUITE or --videos NAME=DIR", "one of the two")
    if suite:
        _stages(load(suite, (), options), options, False, True)
        return
    from thbench.plugins.discovery import registry
    from thbench.suite.videos import adhoc_suite

    loaded = adhoc_suite(registry(), videos, dataset, root, options["overrides"])
    _stages(_selected(loaded, options), options, True, True)


def _stages(
    suite: Suite,
    options: dict[str, Any],
    generating: bool,
    scoring: bool,
    regenerate: Sequence[str] = (),
    retry_failed: bool = False,
) -> None:
    """Plan, then the stages that were asked for, under the run's lock."""
    from thbench.engines import engine_for, serving
    from thbench.pipeline import run_generate, run_score
    from thbench.plugins.discovery import registry
    from thbench.run.events import died_at
    from thbench.run.plan import job_for, lacks
    from thbench.run.shards import fold, forget
    from thbench.score.columns import check_columns
    from thbench.suite.split import split_of

    settings = _settings(options)
    missing = lacks(suite, registry(), settings)
    out = options["out"] or Path("runs") / suite.name
    job = job_for(suite, out, settings)
    if options["dry_run"]:
        split = None if missing else split_of(suite, registry(), settings)
        if scoring and not missing:
            check_columns(job)
        print_plan(suite, split, [m.line() for m in missing])
        return
    if missing:
        raise _missing_error(suite, [m.line() for m in missing])
    split = split_of(suite, registry(), settings)
    engine = engine_for(options["workers"], settings, options["engine"], options["address"])
    if scoring:
        check_columns(job)  # before an hour of generation, not after it
    if options["shard"]:
        if regenerate:
            raise UserError("--regenerate removes what other shards made", "leave out --shard")
        from thbench.cli.merge import run_shard

        with serving(engine, out):
            run_shard(job, split, engine, options["shard"], generating, scoring, retry_failed)
        return
    with job.run.locked(), serving(engine, out):
        if (place := died_at(job.run.root / "events.jsonl")) and options["workers"] == 1:
            click.echo(
                f"the last command here died at: {place}\n"
                "should this one die there too, --workers 2 gets past it",
                err=True,
            )
        fold(job.run)
        forget(job.run)
        if generating:
            run_generate(job, split, engine, None, regenerate, retry_failed, scoring)
        if scoring:
            show(run_score(job, split, engine), out)

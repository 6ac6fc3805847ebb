"""The stages, `run`, `generate` and `score`: plan first, then the work under the run's lock.

Imports nothing heavy at start.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thbench.cli.options import (
    all_option,
    available_option,
    device_option,
    engine_options,
    gpus_of,
    load,
    selected,
    settings_of,
    together,
)
from thbench.cli.output import missing_error, print_left_out, print_plan, show_results
from thbench.cli.single import run_single, single_options
from thbench.cli.unchanged import Memory, heard, memory_of
from thbench.cli.videos import asked_of, refuse_without_videos, said_in_flags, videos_options
from thbench.errors import UserError

if TYPE_CHECKING:
    from thbench.api import Engine
    from thbench.interface.plan import Planned
    from thbench.pipeline import Stages
    from thbench.results.document import Result
    from thbench.run.job import Job
    from thbench.suite import Suite
    from thbench.suite.split import Split

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
        "--decode",
        type=click.Choice(["exact", "ffmpeg-default"]),
        default="exact",
        show_default=True,
        help="How colours of videos become RGB; ffmpeg-default truncates as ffmpeg and OpenCV do, and "
        "makes other columns.",
    ),
    click.option(
        "--shard",
        metavar="K/N",
        help="Do the K-th of N parts only, or `slurm`: this task of a Slurm array. Then `thbench merge`.",
    ),
    available_option,
    all_option,
    click.option(
        "--dry-run", is_flag=True, help="Print the plan and everything missing, do nothing."
    ),
    click.option(
        "--estimate",
        is_flag=True,
        help="Print how long it will take, from a few of its clips made and scored; keep nothing.",
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
    from thbench.pipeline import Stages

    stages = Stages(regenerate=regenerate, retry_failed=retry_failed)
    asked = {**options, "suite": suite, "add": add}
    memory = memory_of("run", {**asked, "regenerate": regenerate, "retry_failed": retry_failed})
    if memory and memory.shown_again():
        return
    _stages(load(suite, add, options), options, stages, memory=memory)


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
        given, settings = options["overrides"], settings_of(options)
        run_single(generator, image, audio, output, resolution, crop, seed, given, settings)
        return
    from thbench.pipeline import Stages

    assert suite is not None
    stages = Stages(score=False, regenerate=regenerate, retry_failed=retry_failed)
    _stages(load(suite, add, options), options, stages)


@click.command()
@click.argument("suite", required=False)
@videos_options
@click.option(
    "--retry-failed", is_flag=True, help="With --videos: ask again for clips that failed."
)
@_stage_options
def score(suite: str | None, retry_failed: bool, **options: Any) -> None:
    """Score what a run has generated, or with --videos any folders of videos. Never generates.

    thbench score --videos mine=outputs --references recordings --metrics psnr,ssim
    """
    if bool(suite) == bool(options["videos"]):
        raise UserError("score needs a SUITE or --videos NAME=DIR", "one of the two")
    from thbench.pipeline import Stages

    if suite:
        refuse_without_videos(options)
        if retry_failed:
            raise UserError(
                "score SUITE never generates, so it retries nothing",
                f"thbench generate {shlex.quote(suite)} --retry-failed",
            )
        _stages(load(suite, (), options), options, Stages(generate=False))
        return
    from thbench.plugins.discovery import registry
    from thbench.suite.videos import in_flags, videos_suite

    with said_in_flags():
        loaded, notes = videos_suite(registry(), asked_of(options))
        for note in notes:
            click.echo(note, err=True)
        stages = Stages(retry_failed=retry_failed)
        _stages(selected(loaded, options), options, stages, in_flags, with_sheet=True)


def _stages(
    suite: Suite,
    options: dict[str, Any],
    stages: Stages,
    words: Callable[[str], str] = str,
    with_sheet: bool = False,
    memory: Memory | None = None,
) -> None:
    """Plan, then the stages that were asked for; `words` turns commands into those the person typed.

    with_sheet  also write the alignment sheet of the run
    memory      keeps what is shown, for the same command again
    """
    from thbench.engines import engine_for
    from thbench.environment import keep_freed_memory
    from thbench.interface.plan import planned
    from thbench.pipeline import run_stages

    keep_freed_memory()  # with one worker the work is done here
    settings = settings_of(options)
    plan = planned(suite, options["out"], settings, options["available"], words)
    for warning in plan.warnings:
        click.echo(f"warning: {warning}", err=True)
    if options["dry_run"]:
        _say_plan(plan, stages)
        return
    if plan.missing:
        raise missing_error(suite, list(plan.missing), partial=not options["available"])
    split = plan.split()
    remarks = [words(line) for line in plan.remarks()]
    for line in remarks:
        click.echo(line, err=True)
    if memory:
        memory.begin(plan, [*(f"warning: {w}" for w in plan.warnings), *remarks])
    gpus = gpus_of(options)
    engine = engine_for(options["workers"], settings, options["engine"], options["address"], gpus)
    if stages.score:
        plan.check_columns()  # before an hour of generation, not after it
    if options["estimate"]:
        _say_estimate(plan, split, engine.workers, stages)
    elif options["shard"]:
        _shard(plan.job, split, engine, options["shard"], stages)
    else:
        died = _warn_of_death if options["workers"] == 1 and not gpus else None
        results = run_stages(plan.job, split, engine, stages, died)
        if results and with_sheet:
            from thbench.alignment.page import write_sheet_of_run

            click.echo(write_sheet_of_run(plan.job, suite, split))
        if results:
            _show(plan, split, results, options["all_columns"], memory)


def _show(
    plan: Planned, split: Split, results: list[Result], all_columns: bool, memory: Memory | None
) -> None:
    from thbench.score.stage import is_settled

    with heard() as shown:
        show_results(results, plan.out, plan.left_out, all_columns)
    if memory:
        memory.keep(plan.out, results, shown.text, lambda: is_settled(plan.job, split))


def _say_plan(plan: Planned, stages: Stages) -> None:
    split = None if plan.missing else plan.split()
    if stages.score and not plan.missing:
        plan.check_columns()
    print_left_out(plan.left_out)
    print_plan(plan.suite, split, list(plan.missing))


def _say_estimate(plan: Planned, split: Split, workers: int, stages: Stages) -> None:
    from thbench.estimate import as_text, estimate

    for line in as_text(estimate(plan.job, split, workers, stages), plan.suite.name):
        click.echo(line)


def _shard(job: Job, split: Split, engine: Engine, text: str, stages: Stages) -> None:
    from thbench.pipeline import run_shard
    from thbench.run.shards import part_of

    if stages.regenerate:
        raise UserError("--regenerate removes what other shards made", "leave out --shard")
    shard = run_shard(job, split, engine, text, stages)
    n = len(part_of(split, shard).clips)
    click.echo(f"shard {shard}: {n} of {len(split.clips)} clips; when all shards are done:")
    click.echo(f"  thbench merge {shlex.quote(str(job.run.root))}")


def _warn_of_death(place: str) -> None:
    """Say where the last command of this run was killed by a plugin."""
    click.echo(
        f"the last command here died at: {place}\n"
        "should this one die there too, --workers 2 gets past it",
        err=True,
    )

"""The commands that look at what is there: `report` and `selftest`. Imports nothing heavy at start."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from thbench.errors import UserError


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--filmstrip", metavar="CLIP", help="A picture of CLIP: systems x frames.")
@click.option("--sheet", is_flag=True, help="A picture of every clip's middle frame.")
@click.option("--frames", metavar="5,20", help="Frames of the film strip, counted from 0.")
@click.option(
    "--columns",
    type=click.IntRange(1, 200),
    default=8,
    show_default=True,
    help="Without --frames: so many, evenly spaced.",
)
@click.option("--systems", metavar="A,B", help="Only these systems, or controls, in this order.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The PNG [default: in RUN].")
def report(
    run: Path,
    filmstrip: str | None,
    sheet: bool,
    frames: str | None,
    columns: int,
    systems: str | None,
    out: Path | None,
) -> None:
    """Pictures of a finished RUN folder for papers: film strips and contact sheets.

    The ground truth comes first. Systems of several resolutions stand in groups, each with its own
    ground truth.
    """
    from thbench.canonical import file_name
    from thbench.report.filmstrip import film_strip, write_png, write_sheets
    from thbench.runfolder import RunFolder

    if bool(filmstrip) == sheet:
        raise UserError("report needs --filmstrip CLIP or --sheet", "one of the two")
    folder, names = RunFolder(run), _words(systems)
    if filmstrip:
        picture = film_strip(folder, filmstrip, _numbers(frames), columns, names)
        written = [out or run / f"filmstrip-{file_name(filmstrip)}.png"]
        write_png(written[0], picture)
    else:
        written = write_sheets(folder, names, out or run / "sheet.png")
    for path in written:
        click.echo(path)


def _words(text: str | None) -> list[str]:
    return [w.strip() for w in (text or "").split(",") if w.strip()]


def _numbers(text: str | None) -> list[int]:
    try:
        return [int(word) for word in _words(text)]
    except ValueError:
        raise UserError(f"--frames {text}: not whole numbers", "e.g. --frames 5,20") from None


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
    from thbench.engines.local import LocalEngine
    from thbench.environment import Settings, apply_threads, default_offline
    from thbench.plugins import registry
    from thbench.selftest.outcome import show, write
    from thbench.selftest.plan import load_plan
    from thbench.selftest.trial import run

    settings = Settings(offline=default_offline())
    apply_threads(settings.threads)
    plan, document = load_plan(plan_file)
    outcome = run(plan, document, metrics, registry(), settings, LocalEngine(workers))
    show(outcome)
    for path in write(outcome, out):
        click.echo(path)
    sys.exit(1 if outcome.failed else 0)

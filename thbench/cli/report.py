"""The commands that look at what is there: `report` and `selftest`. Imports nothing heavy at start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from thbench.errors import UserError

if TYPE_CHECKING:
    from thbench.tables.export import Format


@click.command()
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder [default: RUN/report].")
@click.option(
    "--clips",
    type=click.IntRange(0),
    metavar="N",
    help="Players for N clips, worst and best first.",
)
@click.option("--no-videos", is_flag=True, help="No players: tables, cards and plots only.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Processes [default: one for each core, fewer for a small report].",
)
@click.option(
    "--selftest",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="selftest.json for the metric cards [default: RUN/selftest.json].",
)
@click.option(
    "--site",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Instead of RUN: the pages of a leaderboard folder, from its result files.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "latex", "csv"]),
    help="Only the tables as text, to --out or the screen; `thbench export` has more.",
)
@click.option("--filmstrip", metavar="CLIP", help="Only a picture of CLIP: systems x frames.")
@click.option("--sheet", is_flag=True, help="Only a picture of every clip's middle frame.")
@click.option(
    "--figure",
    metavar="CLIP",
    help="Only a figure of CLIP: film strip with the mouth's curves, as SVG.",
)
@click.option(
    "--single-file",
    is_flag=True,
    help="The whole report as one HTML file to send, videos included [default: RUN/report.html].",
)
@click.option(
    "--explain",
    type=click.IntRange(0, 100),
    default=1,
    show_default=True,
    metavar="N",
    help="Of every metric the worst half second of its N worst clips, system beside ground truth.",
)
@click.option("--drift", is_flag=True, help="Only charts over the frame index, as one SVG.")
@click.option("--frames", metavar="5,20", help="Frames of the film strip, counted from 0.")
@click.option(
    "--columns",
    type=click.IntRange(1, 200),
    default=8,
    show_default=True,
    help="Of the film strip, without --frames: so many, evenly spaced.",
)
@click.option(
    "--systems", metavar="A,B", help="In pictures only these, or controls, in this order."
)
def report(
    run: Path | None,
    out: Path | None,
    clips: int | None,
    no_videos: bool,
    workers: int | None,
    selftest: Path | None,
    site: Path | None,
    form: Format | Literal["latex"] | None,
    filmstrip: str | None,
    sheet: bool,
    figure: str | None,
    single_file: bool,
    explain: int,
    drift: bool,
    frames: str | None,
    columns: int,
    systems: str | None,
) -> None:
    """Pages about a finished RUN folder: tables, players side by side, clips, metric cards.

    Open index.html in any browser, no server needed. Running it again makes only what has changed.
    With --filmstrip, --sheet or --drift a picture for papers instead: the ground truth comes first,
    systems of several resolutions stand in groups, each with its own ground truth.
    """
    if site is not None:
        _site(site, out, bool(run or filmstrip or sheet or figure or drift))
        return
    if run is None:
        raise UserError("report needs a RUN folder", "thbench report RUN, or --site FOLDER")
    if form is not None:
        _tables(run, form, out)
        return
    if figure:
        _figure(run, figure, frames, columns, _words(systems), out)
        return
    if drift:
        if filmstrip or sheet:
            raise UserError("report makes --filmstrip CLIP, --sheet or --drift", "one of them")
        _drift(run, _words(systems), workers, out)
        return
    if filmstrip or sheet:
        _picture(run, filmstrip, sheet, frames, columns, _words(systems), out)
        return
    from thbench.engines import engine_for
    from thbench.environment import Settings
    from thbench.report.cards import read_selftest
    from thbench.report.page import Options, write_report
    from thbench.run.folder import REPORT, REPORT_FILE

    tested = selftest or run / "selftest.json"
    options = Options(
        players=0 if no_videos else clips,
        selftest=read_selftest(tested) if selftest or tested.exists() else None,
        explain=explain,
    )
    engine = engine_for(workers, Settings()) if workers else None
    if single_file:
        from thbench.report.single import write_single_file

        click.echo(write_single_file(run, out or run / REPORT_FILE, engine, options))
        return
    click.echo(write_report(run, out or run / REPORT, engine, options))


def _tables(run: Path, form: Format | Literal["latex"], out: Path | None) -> None:
    from thbench.export.latex import latex_text
    from thbench.export.selection import select
    from thbench.files.atomic import atomic_write
    from thbench.published.page import formatted

    text = latex_text(select(run)) if form == "latex" else formatted(run, form)
    if out is None:
        click.echo(text, nl=False)
    else:
        atomic_write(out, text)
        click.echo(out)


def _site(folder: Path, out: Path | None, more: bool) -> None:
    from thbench.report.site import write_site

    if more:
        raise UserError("--site takes no RUN and makes no pictures", "give one of them")
    for path in write_site(folder, out or folder / "site"):
        click.echo(path)


def _picture(
    run: Path,
    filmstrip: str | None,
    sheet: bool,
    frames: str | None,
    columns: int,
    names: list[str],
    out: Path | None,
) -> None:
    from thbench.charts.grid import write_png
    from thbench.files.canonical import file_name
    from thbench.report.filmstrip import film_strip, write_sheets
    from thbench.run.folder import RunFolder

    if filmstrip and sheet:
        raise UserError("report makes --filmstrip CLIP or --sheet", "one of the two")
    folder = RunFolder(run)
    if filmstrip:
        picture = film_strip(folder, filmstrip, _numbers(frames), columns, names)
        written = [out or run / f"filmstrip-{file_name(filmstrip)}.png"]
        write_png(written[0], picture)
    else:
        written = write_sheets(folder, names, out or run / "sheet.png")
    for path in written:
        click.echo(path)


def _figure(
    run: Path, clip: str, frames: str | None, columns: int, names: list[str], out: Path | None
) -> None:
    from thbench.files.canonical import file_name
    from thbench.report.figure import write_figure
    from thbench.run.folder import RunFolder

    place = out or run / f"figure-{file_name(clip)}.svg"
    click.echo(write_figure(RunFolder(run), clip, _numbers(frames), columns, names, place))


def _drift(run: Path, names: list[str], workers: int | None, out: Path | None) -> None:
    from thbench.engines import engine_for
    from thbench.environment import Settings
    from thbench.report.drift import write_drift
    from thbench.run.folder import RunFolder

    engine = engine_for(workers, Settings()) if workers else None
    click.echo(write_drift(RunFolder(run), engine, names, out or run / "drift.svg"))


def _words(text: str | None) -> list[str]:
    return [w.strip() for w in (text or "").split(",") if w.strip()]


def _numbers(text: str | None) -> list[int]:
    try:
        return [int(word) for word in _words(text)]
    except ValueError:
        raise UserError(f"--frames {text}: not whole numbers", "e.g. --frames 5,20") from None

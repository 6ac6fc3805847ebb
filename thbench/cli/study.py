"""The commands of a study of what people see. Imports nothing heavy at start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from thbench.errors import UserError

if TYPE_CHECKING:
    from thbench.study.form import Form, Layout


@click.group()
def study() -> None:
    """Ask people: a blind page of a finished run, its answers, and metrics beside them."""


@study.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Folder [default: RUN/study]: site/, key.json.",
)
@click.option(
    "--form",
    type=click.Choice(["2afc", "mos"]),
    default="2afc",
    show_default=True,
    help="Which of two is better, or a rating of one from 1 to 5.",
)
@click.option(
    "--pairs",
    type=click.IntRange(1, 1000),
    default=30,
    show_default=True,
    help="Trials of one rater without catch trials: pairs, or with --form mos single videos.",
)
@click.option(
    "--questions",
    default="sync,realism,identity",
    show_default=True,
    metavar="A,B",
    help="Of sync, realism, identity, overall; others with words of your own.",
)
@click.option(
    "--lists",
    type=click.IntRange(1, 1000),
    default=8,
    show_default=True,
    help="Different lists of trials; a rater gets one by chance, or that of ?list=N.",
)
@click.option(
    "--catch",
    type=click.IntRange(0, 40),
    default=6,
    show_default=True,
    help="Catch trials of one rater.",
)
@click.option("--no-tie", is_flag=True, help="2afc: no answer 'no difference'.")
@click.option(
    "--layout",
    type=click.Choice(["side-by-side", "one-after-the-other"]),
    default="side-by-side",
    show_default=True,
)
@click.option("--systems", metavar="A,B", help="These systems or controls [every ranked system].")
@click.option("--ground-truth", is_flag=True, help="Compare with the ground truth as well.")
@click.option("--clips", type=click.IntRange(1), metavar="N", help="So many clips [all in common].")
@click.option(
    "--seconds",
    type=click.FloatRange(0.2, 60),
    default=6.0,
    show_default=True,
    help="Longest video; others are cut.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of pairs, sides and order.")
@click.option("--title", default="", help="Heading of the page [in the words of each language].")
@click.option("--languages", default="en,de,fr,es,zh", show_default=True, metavar="A,B")
@click.option(
    "--wording",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="YAML: texts of your own, by language.",
)
@click.option("--post", metavar="URL", help="https address that answers are sent to [a file only].")
@click.option("--no-headphone-check", is_flag=True, help="Without counting of beeps.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
def make(
    run: Path,
    out: Path | None,
    form: Form,
    pairs: int,
    questions: str,
    lists: int,
    catch: int,
    no_tie: bool,
    layout: Layout,
    systems: str | None,
    ground_truth: bool,
    clips: int | None,
    seconds: float,
    seed: int,
    title: str,
    languages: str,
    wording: Path | None,
    post: str | None,
    no_headphone_check: bool,
    workers: int,
) -> None:
    """A page of blind comparisons of the finished RUN: OUT/site, to be published or opened as it is.

    OUT/key.json says what is behind its names: keep it, and never publish it.
    """
    from thbench.engines import engine_for
    from thbench.environment import Settings
    from thbench.study.make import Asked
    from thbench.study.make import make as write
    from thbench.study.material import material_of
    from thbench.study.page import origin

    asked_questions = _words(questions)
    if not asked_questions or len(set(asked_questions)) < len(asked_questions):
        raise UserError(
            f"--questions {questions}: none, or one twice", "e.g. --questions sync,realism"
        )
    if not _words(languages):
        raise UserError("--languages names none", "e.g. --languages en,de")
    origin(post)
    asked = Asked(
        form=form, layout=layout, questions=tuple(asked_questions), trials=pairs, lists=lists,
        catch=catch, tie=not no_tie and form == "2afc", seconds=seconds, seed=seed, title=title,
        languages=tuple(_words(languages)), wording=wording, post=post,
        headphones=not no_headphone_check,
    )  # fmt: skip
    material = material_of(run, _words(systems), ground_truth, clips, seed)
    made = write(material, asked, out or run / "study", engine_for(workers, Settings()))
    compared = [e.name for e in material.entries if e.contestant]
    click.echo(
        f"{len(compared)} compared on {len(material.clips)} clips: {', '.join(compared)}; "
        f"{lists} lists of {pairs} trials and {catch} catch trials"
    )
    for line in made.said:
        click.echo(line)
    megabytes = made.videos * made.bytes_of_each / 1e6
    click.echo(
        f"{made.videos} videos of {made.bytes_of_each:,} bytes each, {megabytes:.0f} MB in all"
    )
    click.echo(f"publish or open: {made.site / 'index.html'}")
    click.echo(f"keep to yourself: {made.key}")


def _words(text: str | None) -> list[str]:
    return [w.strip() for w in (text or "").split(",") if w.strip()]


@study.command()
@click.argument("votes", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    required=True,
    help="key.json that `study make` wrote.",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder [default: the key's].")
@click.option(
    "--allow-catch",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Catch trials that a rater may fail.",
)
@click.option(
    "--allow-beeps",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Sounds whose beeps a rater may miscount.",
)
@click.option(
    "--regularise",
    type=click.FloatRange(0, 100),
    default=0.0,
    show_default=True,
    help="Votes added to every pair, half a win for either side; 0 is plain maximum likelihood.",
)
@click.option(
    "--run",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Show people's numbers in tables of their own in this run's leaderboard.md and report.",
)
def collect(
    votes: tuple[Path, ...],
    key: Path,
    out: Path | None,
    allow_catch: int,
    allow_beeps: int,
    regularise: float,
    run: Path | None,
) -> None:
    """Answers (files, or folders of them) as tables: study.json, study.md and study.csv.

    Every file is checked; raters are dropped by a stated rule, and every one is counted with its reason.
    """
    from thbench.study.collect import collect as write
    from thbench.study.in_run import put_in_run
    from thbench.study.raters import Rule
    from thbench.study.tables import print_study

    folder = out or key.parent
    result = write(votes, key, folder, Rule(allow_catch, allow_beeps), regularise)
    print_study(result)
    for name in ("study.md", "study.csv", "study.json"):
        click.echo(folder / name)
    if run is not None:
        for path in put_in_run(result, run):
            click.echo(path)


@study.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--study",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder with study.json, or the file [default: RUN/study].",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder [default: the study's].")
@click.option(
    "--all", "all_columns", is_flag=True, help="Every score, not the headline scores alone."
)
def compare(run: Path, folder: Path | None, out: Path | None, all_columns: bool) -> None:
    """Which metric of RUN agrees with people: rank correlations over systems and over videos.

    Writes metrics.md, metrics.json and a chart per question.
    """
    from thbench.study.compare import compare as beside
    from thbench.study.compare_tables import print_comparison, write_comparison
    from thbench.study.document import read_study

    place = folder or run / "study"
    found = beside(run, read_study(place), all_columns)
    print_comparison(found)
    for path in write_comparison(found, out or (place if place.is_dir() else place.parent)):
        click.echo(path)

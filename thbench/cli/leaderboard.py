"""`thbench leaderboard` and `thbench compare`. Imports nothing heavy at start."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thbench.cli.options import device_option
from thbench.errors import UserError, one_line

if TYPE_CHECKING:
    from thbench.leaderboard.store import CommittedRow
    from thbench.leaderboard.verify import Finding, Wanted

Command = Callable[..., Any]
_PATH = click.Path(path_type=Path)


@click.group()
def leaderboard() -> None:
    """Add rows to a leaderboard, verify them, and write its pages."""


def _root_option(*names: str) -> Callable[[Command], Command]:
    return click.option(
        *names,
        "root",
        type=_PATH,
        default=Path("leaderboard"),
        show_default=True,
        help="The leaderboard's folder.",
    )


_suites_option = click.option(
    "--suites", type=_PATH, help="Folder of suite files [default: the shipped ones]."
)


@leaderboard.command(name="add")
@click.argument("run", type=_PATH)
@click.option("--systems", metavar="A,B", help="Only these systems of the run.")
@click.option("--revision", default="1", show_default=True, help="Of the system, v2 say.")
@_root_option("--to")
@click.option("--submitter", default="", help="Who hands it in.")
@click.option("--licence", default="", help="Of the system.")
@click.option(
    "--reproduce", default="", help="How somebody else gets the same: an address, a command."
)
@click.option("--videos", metavar="URL", help="https address of a zip of one video per clip.")
@click.option("--videos-sha256", metavar="SHA256", help="Of that zip.")
@click.option(
    "--features",
    is_flag=True,
    help="With what set metrics saw in every clip, so that they can be computed again.",
)
@click.option(
    "--features-at",
    metavar="URL",
    help="https address of the folder where you publish it, RUN/features/SHA256.zip, instead.",
)
@click.option(
    "--pin", is_flag=True, help="Also the run's controls, as what others are compared with."
)
@click.option("--replace", is_flag=True, help="Even where that revision exists.")
def leaderboard_add(
    run: Path,
    systems: str | None,
    revision: str,
    root: Path,
    videos: str | None,
    videos_sha256: str | None,
    features: bool,
    features_at: str | None,
    pin: bool,
    replace: bool,
    **said: str,
) -> None:
    """Copy the rows of a finished RUN (a run folder or a result.json) into the leaderboard."""
    from pydantic import ValidationError

    from thbench.leaderboard.add import add
    from thbench.results.document import SubmissionRecord

    if bool(videos) != bool(videos_sha256):
        raise UserError("--videos needs --videos-sha256, and the reverse", "give both or none")
    where = {"url": videos, "sha256": videos_sha256} if videos else None
    names = [n.strip() for n in systems.split(",")] if systems else []
    try:
        submission = SubmissionRecord.model_validate({**said, "videos": where})
        written = add(
            run,
            root,
            revision,
            submission,
            names,
            pin,
            replace,
            bool(features or features_at),
            features_at,
        )
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{key}: {first['msg']}", "see docs/leaderboard.md") from None
    for path in written:
        click.echo(path)


@leaderboard.command(name="build")
@_root_option("--in")
@click.option(
    "--check", is_flag=True, help="Write nothing; exit code 1 where a page is not current."
)
def leaderboard_build(root: Path, check: bool) -> None:
    """Write README.md and data.json of the leaderboard from its files."""
    from thbench.files.atomic import atomic_write
    from thbench.files.foreign import read_bytes
    from thbench.leaderboard.build import board, board_text
    from thbench.leaderboard.page import page

    data = board(root)
    stale = False
    for name, text in (("README.md", page(data)), ("data.json", board_text(data))):
        file = root / name
        if file.is_file() and read_bytes(file) == text.encode():
            continue
        stale = True
        if not check:
            atomic_write(file, text)
        click.echo(f"{file}{' is not current' if check else ''}")
    sys.exit(1 if check and stale else 0)


@leaderboard.command(name="verify")
@click.argument("files", nargs=-1, type=_PATH)
@_root_option("--in")
@_suites_option
@click.option(
    "--root",
    "recordings",
    type=_PATH,
    metavar="DIR",
    help="Where the recordings of the suite's dataset lie.",
)
@click.option(
    "--manifest",
    type=_PATH,
    metavar="FILE",
    help="Which they are, for a dataset that has a manifest.",
)
@click.option("--videos", type=_PATH, help="Score videos of this folder again.")
@click.option("--fetch", is_flag=True, help="... of the address that the row names.")
@click.option(
    "--fetch-features", is_flag=True, help="Download feature archives that rows name an address of."
)
@click.option("--sample", type=click.IntRange(1), help="... of so many clips, at random [all].")
@click.option("--seed", type=click.IntRange(0), help="... drawn with this seed [a secret one].")
@click.option(
    "--against", type=_PATH, metavar="RUN", help="Compare with your own run of the system."
)
@click.option(
    "--base",
    type=_PATH,
    metavar="LEADERBOARD",
    help="Refuse changes of pinned controls, records and published rows against this leaderboard.",
)
@click.option("--record", is_flag=True, help="Write the tier next to each row that is in order.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@device_option
def leaderboard_verify(
    files: tuple[Path, ...],
    root: Path,
    suites: Path | None,
    recordings: Path | None,
    manifest: Path | None,
    videos: Path | None,
    fetch: bool,
    fetch_features: bool,
    sample: int | None,
    seed: int | None,
    against: Path | None,
    base: Path | None,
    record: bool,
    workers: int,
    device: str,
) -> None:
    """Verify rows of the leaderboard (default: all). Exit code 1 where one has a problem.

    Everything that the clips table gives is recomputed from it, and set metrics such as FID from a
    feature archive. Without one they stay self-reported until all videos have been scored again.
    """
    from thbench.leaderboard.ground import Places
    from thbench.leaderboard.guard import guarded_changes
    from thbench.leaderboard.store import row_files
    from thbench.leaderboard.verify import Wanted

    if base is not None and (touched := list(guarded_changes(root, base))):
        for change in touched:
            click.echo(f"  problem: {printable_text(change)}")
        click.echo("pinned controls, records and published rows are for maintainers")
        sys.exit(1)
    chosen = [_inside(root, file) for file in files] or row_files(root)
    if (videos or against) and len(chosen) != 1:
        raise UserError("--videos and --against are about one row", "name its file")
    drawn = secrets.randbits(32) if seed is None else seed
    places = Places(suites, recordings, manifest)
    wanted = Wanted(places, videos, fetch, fetch_features, sample, drawn, against)
    sys.exit(_verify(chosen, root, wanted, record, workers, device))


def _verify(
    chosen: list[Path], root: Path, wanted: Wanted, record: bool, workers: int, device: str
) -> int:
    from thbench.engines import engine_for
    from thbench.environment import Settings, default_offline
    from thbench.leaderboard.verify import record as write_record
    from thbench.leaderboard.verify import verify

    rows, settings = _readable(root), Settings(device, offline=default_offline())
    failed, engine = 0, engine_for(workers, settings)
    for path in chosen:
        finding = verify(path, root, rows, wanted, settings, engine)
        failed += bool(finding.problems)
        _show(finding)
        if record and (written := write_record(finding, root)):
            click.echo(f"  {written}")
    click.echo(f"{failed} of {len(chosen)} row(s) have problems" if failed else "all in order")
    return 1 if failed else 0


def _readable(root: Path) -> list[CommittedRow]:
    """Rows that can be read; those that cannot are told by their own verification."""
    from thbench.leaderboard.store import read_row, row_files

    rows = []
    for path in row_files(root):
        try:
            rows.append(read_row(root, path))
        except UserError:
            continue
    return rows


def _show(finding: Finding) -> None:
    click.echo(f"{finding.path}: {finding.tier or 'REFUSED'}")
    for problem in finding.problems:
        click.echo(f"  problem: {printable_text(problem)}")
    for remark in finding.remarks:
        click.echo(f"  note: {printable_text(remark)}")


def printable_text(text: str) -> str:
    """Text from outside on a terminal: one line, no control characters."""
    return one_line(text)[:1000]


def _inside(root: Path, file: Path) -> Path:
    """The row's file as the store knows it, whichever of its files was named."""
    from thbench.leaderboard.store import COMPANIONS

    name = file.name
    for suffix in COMPANIONS:
        name = name.removesuffix(suffix) + ".json" if name.endswith(suffix) else name
    path = file.with_name(name)
    if not path.resolve().is_relative_to((root / "results").resolve()):
        raise UserError(f"{file} is no row of {root}", "--in FOLDER names another leaderboard")
    return root / path.resolve().relative_to(root.resolve())


@leaderboard.command(name="outdated")
@_root_option("--in")
@_suites_option
def leaderboard_outdated(root: Path, suites: Path | None) -> None:
    """Rows to score again, since a suite or a column's identity has changed. Exit code 1 if any."""
    from thbench.leaderboard.outdated import outdated
    from thbench.leaderboard.store import read_rows

    old = list(outdated(read_rows(root), suites))
    for row, changes in old:
        click.echo(f"{row.path}:")
        for change in changes:
            click.echo(f"  {printable_text(change)}")
    click.echo(f"{len(old)} row(s) to score again" if old else "all rows are current")
    sys.exit(1 if old else 0)


@leaderboard.command(name="normalise")
@click.argument("run", type=_PATH)
@click.option(
    "--published",
    "file",
    type=_PATH,
    help="Of these rows [default: the shipped ones of the dataset].",
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, with every input.")
def leaderboard_normalise(run: Path, file: Path | None, as_json: bool) -> None:
    """Put published rows on the scale of the ground truth of a RUN (or its result document).

    By the ratio of the two ground truths; where that means nothing, the cell says why.
    """
    from thbench.files.shipped import published_folder
    from thbench.published.rows import load_published
    from thbench.published.scaled import on_scale_of, scaled
    from thbench.results.finished import ground_truths

    found = []
    for truth in ground_truths(run):
        rows = file or published_folder() / f"{truth.dataset.plugin.name}.yaml"
        if not rows.is_file():
            raise UserError(
                f"nothing is published about {truth.dataset.plugin.name}: no {rows}",
                "--published FILE names other rows",
            )
        found.append(on_scale_of(truth, load_published(rows)))
    if as_json:
        click.echo(json.dumps(found, indent=1, sort_keys=True))
        return
    for data in found:
        click.echo("\n".join(scaled(data)))


@leaderboard.command(name="schema")
def leaderboard_schema() -> None:
    """Print the JSON Schemas of the leaderboard's files."""
    from thbench.leaderboard.schemas import schemas

    click.echo(json.dumps(schemas(), indent=1, sort_keys=True))


@click.command()
@click.argument("a", type=_PATH)
@click.argument("b", type=_PATH)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, exact values.")
def compare(a: Path, b: Path, as_json: bool) -> None:
    """Compare systems of two runs on the same clips, with intervals, p-values and ties.

    A and B are run folders (systems of one name are compared), RUN/systems/NAME, or result documents.
    """
    from thbench.tables.compare import as_json as plain
    from thbench.tables.compare import lines, rivals

    pairs = rivals(a, b)
    if as_json:
        click.echo(json.dumps([plain(pair) for pair in pairs], indent=1, sort_keys=True))
        return
    for pair in pairs:
        for line in lines(pair):
            click.echo(printable_line(line))


def printable_line(line: str) -> str:
    """As `printable`, with the indentation kept."""
    return line[: len(line) - len(line.lstrip())] + printable_text(line)

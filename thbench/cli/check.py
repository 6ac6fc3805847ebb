"""What looks before a run and changes nothing: `check`, `doctor`, `split check`.

Imports nothing heavy at start.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thbench.cli.options import load, set_option
from thbench.cli.output import missing_error, print_plan
from thbench.errors import UserError

if TYPE_CHECKING:
    from thbench.suite.leaks import Shared


@click.command()
@click.argument("name")
@click.option("--on", metavar="SUITE", help="Check a plugin on another suite's clips.")
@click.option("--size", type=click.IntRange(16), help="... at so many pixels.")
@click.option("--frames", type=click.IntRange(1), help="... with so many frames.")
@set_option
def check(
    name: str,
    overrides: tuple[str, ...],
    on: str | None,
    size: int | None,
    frames: int | None,
) -> None:
    """Check the suite NAME without running it, or the installed plugin NAME by trying it.

    A suite: keys, plugins, options, split, what is missing. A plugin: the conformance suite, with
    options by --set key=value. A recipe (.yaml with `systems` alone, or with `recipe`): the conformance
    suite on its system.
    """
    if name.endswith((".yaml", ".yml")) and (entry := _recipe_system(Path(name))):
        _check_plugin(str(entry.pop("generator")), overrides, on, size, frames, entry)
    if _is_plugin(name):
        _check_plugin(name, overrides, on, size, frames)
    from thbench.environment import Settings, default_offline
    from thbench.run.plan import job_for, lacks
    from thbench.score.columns import check_columns, columns_of
    from thbench.suite.split import split_of

    loaded = load(name, (), {"overrides": overrides, "systems": None})
    settings = Settings(offline=default_offline())
    missing = [m.line() for m in lacks(loaded, settings)]
    if not missing:
        check_columns(loaded, columns_of(job_for(loaded, Path(), settings)))
    print_plan(loaded, None if missing else split_of(loaded, settings), missing)
    click.echo(f"{loaded.file}: in order")


def _recipe_system(file: Path) -> dict[str, Any] | None:
    """The first system of a recipe file with what its build has made; None for a suite. Raises UserError."""
    from thbench.files.yamlfile import read_yaml
    from thbench.recipes.built import built_of
    from thbench.recipes.form import about_of, systems_of
    from thbench.suite.recipes import completed, located

    if not file.is_file():
        return None
    document = read_yaml(file)
    if not set(document.data) <= {"recipe", "systems"}:
        return None
    about_of(document)
    name, entry = next(iter(systems_of(document).items()), ("", None))
    if not isinstance(entry, dict) or "generator" not in entry:
        raise document.error(
            ("systems", str(name)), "is no system with a generator", "see docs/recipes.md"
        )
    return located(completed(entry, built_of(file)), file.parent)


def _is_plugin(name: str) -> bool:
    """Whether NAME of `thbench check` means a plugin; a suite of that name goes first.

    Raises UserError for a name that is neither.
    """
    from difflib import get_close_matches

    from thbench.plugins.discovery import registry
    from thbench.suite import benchmarks_folder, find_suite

    try:
        find_suite(name)
    except UserError as error:
        plain = name.partition("@")[0].partition(":")[0]
        names = sorted({r.plugin.name for r in registry()})
        if plain in names:
            return True
        if broken := registry().is_broken(plain):
            raise UserError(f"plugin {broken.owner} failed: {broken.reason}", "fix it") from None
        suites = [p.stem for p in benchmarks_folder().glob("*.yaml")]
        near = get_close_matches(plain, [*suites, *names], n=1)
        hint = f"did you mean '{near[0]}'?" if near else "`thbench list` shows all"
        raise UserError(f"{error.message}, and no plugin of that name", hint) from None
    return False


def _check_plugin(
    name: str,
    given: Sequence[str],
    on: str | None,
    size: int | None,
    frames: int | None,
    entry: Mapping[str, Any] | None = None,
) -> None:
    """Run the conformance suite and print every check. Exits with 1 if one fails."""
    from thbench.plugins.discovery import registry
    from thbench.suite.overrides import options_from
    from thbench.testing import KINDS, checks_for, run_checks
    from thbench.testing.material import SUITE

    plain = name.partition("@")[0].partition(":")[0]
    kinds = [k for k in KINDS if plain in registry().names(k)]
    if not kinds:
        kind = next(r.kind for r in registry() if r.plugin.name == plain)
        raise UserError(f"{kind} '{plain}' has no conformance suite", f"only {', '.join(KINDS)}s")
    options = {k: v for k, v in (entry or {}).items() if k not in ("resolution", "oracle")}
    options |= options_from(given)
    failed = 0
    for kind in kinds:
        click.echo(f"{kind} {name}")
        checks = checks_for(kind, name, options, suite=on or SUITE, size=size, frames=frames)
        for outcome in run_checks(checks):
            failed += outcome.error is not None
            mark = "failed" if outcome.error else "ok"
            click.echo(f"  {mark:<7} {outcome.seconds:6.2f} s  {outcome.title}")
            if outcome.error:
                click.echo(f"          {outcome.error}")
    click.echo(f"{failed} check(s) failed" if failed else "all checks hold")
    sys.exit(1 if failed else 0)


@click.command()
@click.argument("suite", required=False)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.option(
    "--benchmark",
    is_flag=True,
    help="Instead: how fast this machine is, and what SUITE will take on it.",
)
@set_option
def doctor(suite: str | None, as_json: bool, benchmark: bool, overrides: tuple[str, ...]) -> None:
    """Look this installation over, and what SUITE lacks with the command for each thing.

    Exit code 1 where something is broken, or missing for SUITE.
    """
    if benchmark:
        _benchmark(suite, as_json, overrides)
        return
    from thbench.doctor import as_text, examine, is_broken
    from thbench.environment import Settings, default_offline
    from thbench.plugins.discovery import registry
    from thbench.suite import find_suite, load_suite

    loaded = load_suite(find_suite(suite), registry(), overrides) if suite else None
    findings = examine(registry(), Settings(offline=default_offline()), loaded)
    text = json.dumps([asdict(f) for f in findings], indent=1) if as_json else as_text(findings)
    click.echo(text)
    sys.exit(1 if is_broken(findings) else 0)


def _benchmark(suite: str | None, as_json: bool, overrides: tuple[str, ...]) -> None:
    """Rates of this machine, a line as soon as each is known, then the estimate of a run of the suite."""
    from thbench.environment import Settings, default_offline
    from thbench.estimate import as_text, estimate
    from thbench.interface.plan import planned
    from thbench.machine import rates
    from thbench.pipeline import Stages
    from thbench.plugins.discovery import registry
    from thbench.suite import find_suite, load_suite

    loaded = load_suite(find_suite(suite), registry(), overrides) if suite else None
    plan = planned(loaded, None, Settings(offline=default_offline())) if loaded else None
    if loaded and plan and plan.missing:
        raise missing_error(loaded, list(plan.missing))
    found = []
    for rate in rates():
        found.append(asdict(rate))
        if not as_json:
            click.echo(str(rate))
    if as_json:
        click.echo(json.dumps(found, indent=1))
    if loaded and plan and not as_json:
        for line in as_text(estimate(plan.job, plan.split(), 1, Stages()), loaded.name):
            click.echo(line)


@click.group()
def split() -> None:
    """Splits: which actors are held out."""


@split.command(name="check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--test", type=click.Path(path_type=Path), help="A test list: who of it is in FILE as well."
)
@click.option("--dataset", metavar="NAME", help="Whose actors bare names in the lists are.")
def split_check(file: Path, test: Path | None, dataset: str | None) -> None:
    """Which people of a training list FILE are test people of which known split: yes, no, unknown.

    FILE has clips or actors as papers publish them (text, CSV, JSON), or is a split, whose training
    actors count. Exit code 1 where people are shared.
    """
    from thbench.plugins.discovery import registry
    from thbench.suite.leaks import against_splits, read_names, shared

    names = read_names(file, registry(), dataset)
    for name, people in sorted(names.people.items()):
        click.echo(f"{file}: {len(people)} actors of {name}")
    if names.unknown:
        click.echo(f"{file}: {len(names.unknown)} names of no installed dataset")
    if test is not None:
        _compare(shared(names, read_names(test, registry(), dataset)))
    found = against_splits(names, registry())
    for finding in found:
        why = finding.why.replace("trained on test actors", "TRAINED ON TEST ACTORS")
        said = f"{finding.verdict}: {why}" if why else finding.verdict
        click.echo(f"{finding.split} ({finding.dataset}): {said}")
    sys.exit(any(finding.verdict == "yes" for finding in found))


def _compare(found: Sequence[Shared]) -> None:
    """Say what two lists share; ends with 1 where they share anybody."""
    for one in found:
        click.echo(
            f"{one.dataset}: {'yes' if one.people else 'no'}, {len(one.people)} of {one.of_people} people of "
            f"the test list are in the training list ({one.names} of {one.of_names} names)"
        )
        if one.people:
            click.echo(f"  {', '.join(one.people)}")
        if one.spelled:
            click.echo(f"  written in two ways: {'; '.join(one.spelled)}")
        if one.nameless:
            click.echo(f"  unknown: {one.nameless} recordings of the test list say no person")
    sys.exit(any(one.people for one in found))

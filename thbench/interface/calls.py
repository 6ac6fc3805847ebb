"""`thbench.evaluate`, `thbench.run` and `thbench.load`: the commands `score --videos`, `run`, and reading back.

They call what the commands call, so a run folder holds the same bytes whichever made it.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal, TypeAlias

from thbench.alignment.page import write_sheet_of_run
from thbench.api import Given, UserError
from thbench.engines import engine_for
from thbench.environment import Settings, default_offline, kept_threads
from thbench.files.canonical import NAME
from thbench.interface.plan import planned
from thbench.interface.results import Results
from thbench.pipeline import Stages, run_stages
from thbench.plugins.discovery import registry
from thbench.suite import Suite, find_suite, load_suite
from thbench.suite.videos import Asked, in_flags, videos_suite

Location: TypeAlias = "str | PathLike[str]"
Overrides: TypeAlias = "Mapping[str, Any] | Sequence[str]"


def evaluate(
    videos: Location | Mapping[str, Location],
    references: Location | None = None,
    metrics: str | Sequence[str] | None = None,
    *,
    dataset: str | None = None,
    pattern: str | None = None,
    actor: str | None = None,
    manifest: Location | None = None,
    crop: str | None = None,
    resolution: int | None = None,
    given: Given | None = None,
    limit: int | None = None,
    overrides: Overrides = (),
    out: Location | None = None,
    available: bool = False,
    retry_failed: bool = False,
    workers: int = 1,
    device: str = "cpu",
    threads: int = 1,
    batch: int = 4,
    decode: Literal["exact", "ffmpeg-default"] = "exact",
    engine: str = "local",
    address: str | None = None,
) -> Results:
    """Score folders of generated videos against the recordings they should match.

    The command `thbench score --videos NAME=DIR --references DIR`, with the same files in `out`.

    videos      a folder, or name -> folder for several systems
    references  the folder of recordings; files of both sides are matched by name
    metrics     names as `thbench list` shows them, e.g. ["fid", "psnr"]; the first ranks
    dataset     an installed dataset of references in place of a folder
    pattern     how files of `videos` are named, e.g. "{clip}_out.mp4"
    actor       whose a reference is, by its name, e.g. "{actor}_{clip}"
    manifest    CSV or JSON with the columns file, clip, actor of the references
    crop        "none", "centre" or "face": which square of the references is scored
    resolution  side in pixels at which they are scored; default: that of the videos
    given       "image", or "recording" for programs that edit the recording itself, as Wav2Lip
    limit       so many clips only
    overrides   keys of the suite, e.g. {"primary": "ssim"}
    out         run folder; default runs/videos. The same call continues it
    available   score what can be scored now; `Results.left_out` says what each other part lacks
    retry_failed  ask again for clips that failed
    workers     processes; with more than 1 a script needs `if __name__ == "__main__":`
    device      "cpu", "cuda:0", ...
    threads, batch, decode  part of what is measured, as the command's options of these names

    Raises UserError where something is missing or a key is wrong. Warnings say what was chosen.
    """
    folders = videos if isinstance(videos, Mapping) else {_name_of(videos): videos}
    asked = Asked(
        videos=[f"{name}={fspath(folder)}" for name, folder in folders.items()],
        references=_path(references),
        dataset=dataset,
        metrics=metrics if metrics is None or isinstance(metrics, str) else ",".join(metrics),
        limit=limit,
        crop=crop,
        resolution=resolution,
        given=given,
        manifest=_path(manifest),
        actor=actor,
        pattern=pattern,
        overrides=_overrides(overrides),
    )
    settings = Settings(device, threads, batch, default_offline(), decode=decode)
    stages = Stages(retry_failed=retry_failed)
    with _called(in_flags):
        suite, notes = videos_suite(registry(), asked)
        for note in notes:
            _warn(in_flags(note), 3)
        where = (_path(out), available, workers, engine, address)
        return _staged(suite, settings, stages, *where, words=in_flags, with_sheet=True)


def run(
    suite: Location,
    *,
    systems: Sequence[str] | None = None,
    add: Sequence[str] = (),
    recipes: Sequence[str] = (),
    overrides: Overrides = (),
    out: Location | None = None,
    available: bool = False,
    retry_failed: bool = False,
    regenerate: Sequence[str] = (),
    workers: int = 1,
    device: str = "cpu",
    threads: int = 1,
    batch: int = 4,
    decode: Literal["exact", "ffmpeg-default"] = "exact",
    engine: str = "local",
    address: str | None = None,
) -> Results:
    """Generate and score a suite, a YAML file or the name of a shipped one.

    The command `thbench run SUITE`, with the same files in `out`. The same call continues a run that
    was interrupted.

    systems     run only these systems and controls
    add         installed generators to add, e.g. ["mine:gain=0.9"]
    recipes     recipes whose systems are added: shipped names or .yaml files
    overrides   keys of the suite, e.g. {"limits.clips": 10}; recorded in the result
    out         run folder; default runs/SUITE
    available   do what can be done now; `Results.left_out` says what each other part lacks
    regenerate  systems whose videos are made anew
    others      as of `evaluate`

    Raises UserError where something is missing or a key is wrong.
    """
    settings = Settings(device, threads, batch, default_offline(), decode=decode)
    stages = Stages(regenerate=regenerate, retry_failed=retry_failed)
    with _called():
        file = find_suite(fspath(suite))
        loaded = load_suite(file, registry(), _overrides(overrides), add, recipes)
        loaded = loaded if systems is None else loaded.only(systems)
        return _staged(loaded, settings, stages, _path(out), available, workers, engine, address)


def load(path: Location) -> Results:
    """The results of a finished run folder. Raises UserError where it holds none."""
    with _called():
        return Results(Path(path))


def _staged(
    suite: Suite,
    settings: Settings,
    stages: Stages,
    out: Path | None,
    available: bool,
    workers: int,
    engine: str,
    address: str | None,
    words: Callable[[str], str] = str,
    with_sheet: bool = False,
) -> Results:
    plan = planned(suite, out, settings, available, words)
    for line in plan.warnings:
        _warn(line)
    if plan.missing:
        raise UserError(
            f"suite '{suite.name}' lacks {len(plan.missing)} thing(s): {'; '.join(plan.missing)}",
            "run these commands, or give available=True",
        )
    split = plan.split()
    for line in plan.remarks():
        _warn(words(line))
    plan.check_columns()
    run_stages(plan.job, split, engine_for(workers, settings, engine, address), stages, _warn)
    if with_sheet:
        write_sheet_of_run(plan.job, suite, split)
    for who, why in plan.left_out.items():
        _warn(f"left out: {who}: {why}")
    return Results(plan.out, plan.left_out)


def _name_of(folder: Location) -> str:
    """The folder's own name where that can name a system."""
    name = Path(folder).resolve().name
    return name if re.match(NAME, name) else "videos"


def _path(given: Location | None) -> Path | None:
    return None if given is None else Path(given)


def _overrides(given: Overrides) -> list[str]:
    """`key=value` texts; JSON is YAML, so values keep their types."""
    if isinstance(given, Mapping):
        return [f"{key}={json.dumps(value)}" for key, value in given.items()]
    return list(given)


def _warn(text: str, depth: int = 4) -> None:
    """At the line that called thbench, `depth` frames up."""
    warnings.warn(_in_python(text), UserWarning, stacklevel=depth)


_SWITCHES = ("available", "retry_failed")


@contextmanager
def _called(words: Callable[[str], str] = str) -> Iterator[None]:
    """Errors name arguments in place of the command's flags; the caller's threads stay as they were."""
    try:
        with kept_threads():
            yield
    except UserError as error:
        said = [_in_python(words(text)) for text in (error.message, error.remedy)]
        raise UserError(*said) from error


def _in_python(text: str) -> str:
    """`--out FOLDER` -> `out=FOLDER`, outside of commands that are to be typed in a shell."""

    def argument(found: re.Match[str]) -> str:
        name = found[1].replace("-", "_")
        return f"{name}=True" if name in _SWITCHES else f"{name}="

    if "thbench " in text:
        return text
    text = re.sub(r"--set ([\w.]+)=(\w+)", r"overrides={'\1': \2}", text)
    return re.sub(r"--([a-z][a-z-]*)[ =]?", argument, text)

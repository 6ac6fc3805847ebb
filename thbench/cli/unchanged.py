"""A run of which nothing has changed since its results were written is not gone through again.

What was shown is kept in the cache together with the state of everything it depends on: suite, code, data,
weights, installation, the run folder and the observations behind its numbers. Any difference, and all of it is looked at.
Only runs are kept whose failures, if any, are clips that a metric refused for good: others may be asked again.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from thbench.interface.plan import Planned
    from thbench.results.document import Result

FORM = 1
"""Raised when what is kept changes its form or what it depends on."""
MOST = 50_000
"""Observations of the largest run that is kept: to look at more files takes longer than it saves."""
UNASKED = ("dry_run", "estimate", "shard", "available", "regenerate", "retry_failed", "videos")
"""Options with which a command always goes through everything."""


@dataclass
class Memory:
    """What one command shows, on its way into the cache.

    asked  the command with its options, where it is shown and under which variables
    """

    asked: Mapping[str, Any]
    _inputs: list[Path] = field(default_factory=list)
    _before: str = ""
    _warnings: list[str] = field(default_factory=list)

    def shown_again(self) -> bool:
        """Show what was shown, if nothing has changed; whether it was."""
        from thbench.files.foreign import json_or

        kept = json_or(self._file, None)
        try:
            inputs, run = [Path(p) for p in kept["inputs"]], Path(kept["run"])
            if kept["before"] != _state(inputs, self.asked) or kept["after"] != _results(run):
                return False
            lines, text = [str(line) for line in kept["warnings"]], str(kept["text"])
        except (TypeError, KeyError):
            return False
        for line in lines:
            click.echo(line, err=True)
        sys.stdout.write(text)
        click.echo("nothing has changed since these results were written", err=True)
        return True

    def begin(self, plan: Planned, warnings: Sequence[str]) -> None:
        """The state of all inputs, before they are used."""
        from thbench.run.inputs import inputs_of, is_in_files

        if is_in_files(plan.job):
            words = [str(word) for word in _leaves(self.asked["options"])]
            out = plan.out.absolute()  # named as well, and no input
            self._inputs = [p for p in inputs_of(plan.suite, words) if p != out]
            self._before, self._warnings = _state(self._inputs, self.asked), list(warnings)

    def keep(
        self, out: Path, results: Sequence[Result], text: str, is_settled: Callable[[], bool]
    ) -> None:
        """What was shown of a run that has every video, if metrics refused what they refused for good."""
        from thbench.files.atomic import atomic_write

        if not self._inputs or not all(_has_every_video(result) for result in results):
            return
        if (after := _results(out)) is None:
            return  # too large a run: to look for what was refused is as much work
        if not all(_has_every_value(result) for result in results) and not is_settled():
            return
        data = {
            "inputs": [str(p) for p in self._inputs],
            "run": str(out.absolute()),
            "before": self._before,
            "after": after,
            "warnings": self._warnings,
            "text": text,
        }
        atomic_write(self._file, json.dumps(data) + "\n", durable=False)

    @property
    def _file(self) -> Path:
        from thbench.files.cache import cache_root
        from thbench.files.canonical import digest

        return cache_root() / "finished" / f"{digest([FORM, self.asked])}.json"


def memory_of(command: str, options: Mapping[str, Any]) -> Memory | None:
    """None for a command that always goes through everything."""
    if any(options.get(name) for name in UNASKED):
        return None
    variables = {k: v for k, v in os.environ.items() if k.startswith("THBENCH_")}
    shown = [shutil.get_terminal_size((100, 24)).columns, sys.stdout.isatty()]
    shown += [os.environ.get(name) for name in ("NO_COLOR", "TERM", "FORCE_COLOR")]
    given = {k: _plain(v) for k, v in options.items()}
    return Memory({"command": command, "options": given, "variables": variables,
                   "shown": shown, "folder": str(Path.cwd())})  # fmt: skip


@contextmanager
def heard() -> Iterator[Heard]:
    """Standard output goes on as it was, and is kept as `text`."""
    both = Heard(sys.stdout)
    with redirect_stdout(both):
        yield both


class Heard:
    """A stream, and what was written to it through this."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._kept = stream, io.StringIO()

    @property
    def text(self) -> str:
        return self._kept.getvalue()

    def write(self, text: str) -> int:
        self._kept.write(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _state(inputs: Sequence[Path], asked: Mapping[str, Any]) -> str:
    from thbench.environment import Settings, provenance
    from thbench.files.canonical import digest
    from thbench.files.state import state_of
    from thbench.run.inputs import installation

    options = asked["options"]
    settings = Settings(options["device"], options["threads"], options["batch"])
    return digest([state_of(inputs), installation(), provenance(settings)])


def _results(run: Path) -> str | None:
    """The state of a run folder and of the observations that it names; None where these are too many.

    Its reports are left out: they are made from it, and no run reads them.
    """
    from thbench.files.foreign import json_or
    from thbench.files.state import state_of
    from thbench.run.folder import OBSERVATIONS, REPORT, REPORT_FILE
    from thbench.score.keys import observation_cache

    cache = observation_cache()
    keys: list[str] = []
    for file in run.rglob(OBSERVATIONS):
        keys += [key for of in json_or(file, {}).values() for key in of.values()]
        if len(keys) > MOST:
            return None
    files = [path for path in run.glob("*") if path.name not in (REPORT, REPORT_FILE)]
    return state_of([*files, *(cache.path(key) for key in dict.fromkeys(keys))])


def _has_every_video(result: Result) -> bool:
    return not (result.clips.failed or result.clips.without_reference)


def _has_every_value(result: Result) -> bool:
    return not any(score.failures for score in result.scores.values())


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    return (
        [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list) else [value]
    )

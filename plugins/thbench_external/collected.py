"""What one call has written: the video of each clip, what was found instead, and what is removed after it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from thbench.api import ClipFailure
from thbench_external.collect import (
    Place,
    matching,
    named,
    new_files,
    new_videos,
    place_of,
    remove_new,
    snapshot,
)
from thbench_external.command_options import CommandOptions
from thbench_external.program import Program
from thbench_external.runner import last_words
from thbench_external.workspace import Given, NotWritten, Workspace

__all__ = ["Collected"]

_ANY = "anyclip"
_TICK_NS = (
    50_000_000  # by which a file's time may lag behind the clock: file systems count in ticks
)


def _of_any_clip(template: str, values: Mapping[str, object]) -> Place:
    """The place of a pattern for every opaque name."""
    place = place_of(template, {**values, "clip": _ANY})
    expression = place.expression.pattern.replace(_ANY, r"[0-9a-f]{16}(?:-\d+)?")
    return replace(place, expression=re.compile(expression))


class Collected:
    """Made before a call, asked after it. Raises UserError where a declared folder holds too much."""

    def __init__(
        self, options: CommandOptions, program: Program, space: Workspace, given: Sequence[Given]
    ) -> None:
        self._options, self._program, self._space = options, program, space
        fixed = program.values(space)
        values = {
            one.name: {**fixed, **program.clip_values(space, one, n)} for n, one in enumerate(given)
        }
        self._places = {
            name: [place_of(p, of) for p in options.collect] for name, of in values.items()
        }
        self._cleaned = [place_of(p, of) for of in values.values() for p in options.clean]
        first = next(iter(values.values()))
        self._of_anyone = [_of_any_clip(p, first) for p in options.collect]
        self._begun = time.time_ns() - _TICK_NS
        self._since = space.log.stat().st_size if space.log.exists() else 0  # of a session's log
        self._before = snapshot(self._all)

    @property
    def _all(self) -> list[Place]:
        return [p for places in self._places.values() for p in places] + self._cleaned

    def take(self, given: Given) -> Path:
        """A copy of this clip's video. Raises ClipFailure saying where it looked and what it found."""
        largest = self._options.file_mb * 1_000_000
        try:
            if not self._options.collect:
                return self._space.adopt(self._program.output(given), given.name, largest)
            for place in self._places[given.name]:
                if found := matching(place, self._before):
                    return self._space.adopt_file(found[-1], place.folder, given.name, largest)
        except NotWritten as failure:
            raise ClipFailure(self._explained(failure.reason)) from None
        raise ClipFailure(self._explained("the program wrote no video"))

    def _explained(self, reason: str) -> str:
        """Where it was looked for, what is new there or elsewhere, and the program's last words."""
        looked = self._options.collect or (f"{{out_folder}}/{self._options.output}",)
        folders = self._program.folders(self._space)
        found = new_files([*self._all, *self._own()], self._before)
        where = f"; looked for {', '.join(looked)}"
        said = last_words(self._space.log, self._since)
        if found and all(self._is_another_clips(path) for path in found):
            return f"{reason}{where}; found only files of other clips{said}"
        if found:
            return f"{reason}{where}; found {named(found, folders)}{said}"
        others = [p for n, p in folders.items() if n in ("folder", "root")]
        others = new_videos(others, self._begun)
        if others := [p for p in others if not p.is_relative_to(self._space.inputs)]:
            where += f"; found {named(others, folders)}: set collect"
        else:
            where += "; found nothing new"
        return f"{reason}{where}{said}"

    def _is_another_clips(self, path: Path) -> bool:
        """Of a call at the same time, or of an earlier clip: its name would say nothing to anybody."""
        return any(
            path.is_relative_to(place.folder)
            and place.expression.fullmatch(path.relative_to(place.folder).as_posix())
            for place in self._of_anyone
        )

    def _own(self) -> list[Place]:
        return [place_of("{out_folder}/**/*", {"out_folder": self._space.outputs})]

    def clean(self) -> None:
        """Remove what the call made and what was declared as its own, and nothing else."""
        remove_new(self._all, self._before)

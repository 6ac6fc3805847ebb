"""One video of one picture and one sound by a system of a recipe, and how it is framed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thbench.alignment.sheet import Row, said_of
from thbench.api import Failure, Frames, Generated, Request, UserError
from thbench.environment import Settings, apply_threads
from thbench.files.yamlfile import Document
from thbench.generate.registration import overlay, registered
from thbench.generate.single import write_answer
from thbench.plugins import registry
from thbench.plugins.context import build
from thbench.plugins.missing import plugin_lacks
from thbench.suite import named_part
from thbench.video import MediaReader, MemoryVideo


def tried(
    name: str, entry: Mapping[str, Any], request: Request, out: Path, settings: Settings, file: Path
) -> Row:
    """Ask the system of a recipe for one video, write it to `out` (.mp4, .mkv), and register it.

    Raises UserError for what is missing, with the command for each thing, and where the program fails.
    """
    options = {k: v for k, v in entry.items() if k not in ("generator", "resolution", "oracle")}
    document = Document(str(file), {"systems": {name: dict(entry)}}, folder=file.parent.resolve())
    key = ("systems", name)
    part = named_part("generator", str(entry["generator"]), options, registry(), document, key)
    lacks = list(plugin_lacks(f"system {name}", part.registered, part.options, registry()))
    if lacks:
        what = "; ".join(lack.missing.what for lack in lacks)
        raise UserError(
            f"system {name} lacks {what}",
            f"thbench recipe build {file}, or --set root=DIR, --set python=FILE",
        )
    generator = build(part.registered, part.options, registry(), settings)
    apply_threads(settings.threads)
    for answer in generator.generate([request]):
        if isinstance(answer, Failure):
            raise UserError(
                f"{name} failed: {answer.reason}", "its log is in the cache, plugins/*/logs"
            )
        write_answer(answer, request, out, settings.decode)
        return _row(name, request, answer, settings)
    raise UserError(f"{name} gave no answer", "thbench check")


def _row(name: str, request: Request, answer: Generated, settings: Settings) -> Row:
    """As a row of the alignment sheet; the still identity frame stands for the reference."""
    frames = answer.frames
    if frames is None:
        assert answer.file is not None
        frames = MediaReader(decode=settings.decode).read(answer.file).frames
    identity = request.identity_frame
    found = registered(settings, identity, frames, MemoryVideo(identity[None]))
    how = [f"{answer.placement.how}: {answer.placement.why}"] if answer.placement else []
    said = [f"{len(frames)} frames of {request.n_frames}", *answer.changes, *how, *said_of(found)]
    pictures: dict[str, Frames] = {
        "identity frame": identity,
        "first picture": frames[0],
        "one over the other": overlay(identity, frames[0]),
        "middle": frames[len(frames) // 2],
        "last picture": frames[-1],
    }
    return Row(name, request.clip_id, said, found["beyond"], pictures)

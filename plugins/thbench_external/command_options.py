"""Options of the generator `command`, and the names that its templates may use."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from thbench.api import Crop, Missing

__all__ = ["CommandOptions", "fill", "names_in"]

PER_CLIP = ("clip", "identity", "audio", "video", "out", "frames", "seed", "seed32", "oracle")
PER_CALL = ("requests", "in", "out_folder", "folder", "config", "size", "fps", "root", "python")
_NAME = re.compile(r"\{([a-z_0-9]+)\}")


def names_in(template: str) -> list[str]:
    """The `{names}` of a template, in order."""
    return _NAME.findall(template)


def fill(template: str, values: Mapping[str, object]) -> str:
    """The template with every `{name}` replaced; other braces stay, so that JSON needs no escaping."""
    return _NAME.sub(lambda match: str(values[match[1]]), template)


@dataclass(frozen=True)
class CommandOptions:
    """The program, what it is given, what it may use, and what may be changed of its videos."""

    argv: Annotated[
        tuple[str, ...],
        "the program and its arguments, each a template; no shell. {identity} {audio} {out} {frames} "
        "{size} {fps} {seed} {clip} {requests} and more: docs/command.md",
    ] = ()
    root: Annotated[
        Path | None, "folder of the program: it is started there, and {root} names it"
    ] = None
    python: Annotated[Path | None, "interpreter of its environment, for {python}"] = None
    call: Annotated[
        Literal["clip", "batch"], "one call for each clip, or one for each batch with {requests}"
    ] = "clip"
    output: Annotated[
        str, "the video under {out_folder}, a template with {clip}; `*` where the program names it"
    ] = "{clip}.mp4"
    config: Annotated[str, "text of a settings file, a template; {config} in argv names it"] = ""
    config_name: Annotated[str, "name of that file, for its suffix"] = "config.yaml"
    sha256: Annotated[
        dict[str, str],
        "files of the program, under root, with their SHA-256: weights say what a system is",
    ] = field(default_factory=dict)
    revision: Annotated[str, "what is run, in words: a commit, a release; part of the system"] = ""
    clip_ids: Annotated[
        Literal["opaque", "real"], "whether the program learns the data set's names of clips"
    ] = "opaque"
    timeout: Annotated[float, "seconds that one clip may take"] = 600.0
    memory_mb: Annotated[
        int | None,
        "address space of the program; not for CUDA, which reserves far more than it uses",
    ] = None
    file_mb: Annotated[int, "largest file that the program may write"] = 1000
    total_mb: Annotated[int, "all that one call may write together"] = 10_000
    isolation: Annotated[
        Literal["auto", "bubblewrap", "none"],
        "auto: bubblewrap where it works here, and the result says which it was; bubblewrap: or fail; "
        "none: the program can read what you can read",
    ] = "none"
    network: Annotated[bool, "whether an isolated program may use the network"] = False
    readable: Annotated[
        tuple[Path, ...],
        "further folders that an isolated program may read; its root, its interpreter, its models and "
        "what argv names are readable anyway",
    ] = ()
    exclusive: Annotated[
        bool, "never two calls at once, for programs that write into their own folder"
    ] = False
    env: Annotated[dict[str, str], "environment variables to set"] = field(default_factory=dict)
    keep_env: Annotated[tuple[str, ...], "further variables to pass on from this process"] = ()
    frame_rate: Annotated[
        Literal["strict", "resample"], "other than 25 frames per second: fails, or is converted"
    ] = "strict"
    length: Annotated[
        Literal["strict", "trim"],
        "another frame count: fails, or is cut or compared with the same span",
    ] = "strict"
    slack: Annotated[int, "with length: trim, frames that a video may be too long or too short"] = (
        50
    )
    size: Annotated[
        Literal["strict", "resample"], "another size: fails, or pictures are resized"
    ] = "strict"
    crop: Annotated[
        Crop,
        "as-reference: a video with its recording's framing is cut to its reference's square, one that "
        "is that square already is taken as it is; own-face: a square around the video's own face, by "
        "the rule of dataset clips; none: always as it is",
    ] = "as-reference"
    sound: Annotated[
        Literal["own", "request"], "the file's own track, or the speech the program was given"
    ] = "own"
    trained_on: Annotated[str | None, "data set of its training; unknown without it"] = None
    trained_actors: Annotated[tuple[str | int, ...], "actors of that data set in its training"] = ()
    trained_actors_file: Annotated[Path | None, "text file with more of them, one a line"] = None

    def __post_init__(self) -> None:
        allowed = (*PER_CALL, *PER_CLIP) if self.call == "clip" else PER_CALL
        for template in (*self.argv, self.config):
            _check_names(template, allowed)
        _check_names(self.output, ("clip",))
        _check_path(self.output, "output")
        _check_path(self.config_name, "config_name")
        used = {name for template in self.argv for name in names_in(template)}
        if "config" in used and not self.config:
            raise ValueError("argv uses {config}, and no config is given")
        if self.call == "batch" and "requests" not in used:
            raise ValueError("one call per batch needs {requests} in argv")
        if self.call == "batch" and ("*" in self.output or "{clip}" not in self.output):
            raise ValueError("one call per batch needs {clip} and no * in output")
        if "*" in self.output and "out" in used:
            raise ValueError("{out} has no name where output has a *: use {out_folder}")
        if self.timeout <= 0:
            raise ValueError("timeout must be positive")


def _check_names(template: str, allowed: Sequence[str]) -> None:
    for name in names_in(template):
        if name not in allowed:
            near = get_close_matches(name, allowed, n=1)
            hint = f"did you mean {{{near[0]}}}?" if near else "known: " + ", ".join(allowed)
            raise ValueError(f"no {{{name}}} here: {hint}")


def _check_path(text: str, what: str) -> None:
    path = Path(text)
    if not text or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{what} {text!r} leaves its folder")


def missing(options: CommandOptions) -> Sequence[Missing]:
    """The program, its folder, its interpreter and its weights, as far as they are not here."""
    found = []
    if not options.argv:
        found.append(Missing("the program to run", "--set systems.NAME.argv=[PROGRAM, ...]"))
    for what, path in (("root", options.root), ("python", options.python)):
        used = any(what in names_in(text) for text in options.argv)
        if path is None and used:
            found.append(Missing(f"{what} of the program", f"--set systems.NAME.{what}=PATH"))
        elif path is not None and not path.exists():
            found.append(Missing(f"{what} {path}", f"--set systems.NAME.{what}=PATH"))
    first = options.argv[0] if options.argv else ""
    if first and not names_in(first) and not _is_program(first, options.root):
        found.append(Missing(f"program {first}", f"install {Path(first).name}, or name it in argv"))
    if options.root is not None:
        lost = [name for name in options.sha256 if not (options.root / name).is_file()]
        found += [
            Missing(f"{name} in {options.root}", "get it as its README says") for name in lost
        ]
    return found


def _is_program(name: str, root: Path | None) -> bool:
    if "/" in name:
        return ((root or Path.cwd()) / name).is_file()
    return shutil.which(name) is not None

"""Options of the generator `command`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from thbench.api import Crop, Missing
from thbench_external.templates import (
    FOLDERS,
    PER_CALL,
    PER_CLIP,
    STARTS,
    check_names,
    names_in,
    stays_inside,
)

__all__ = ["CommandOptions", "missing"]

_GET = "get it as its README says; of a recipe: thbench recipe show NAME"
_BUILD = "; of a recipe: thbench recipe build NAME"
_PLACE = re.compile(r"\{(" + "|".join(FOLDERS) + r")\}/(.+)")


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
    cwd: Annotated[
        str, "folder it is started in, a template; [root, or its private folder without one]"
    ] = ""
    call: Annotated[
        Literal["clip", "batch", "session"],
        "one call for each clip; one for each batch with {requests}, {list} or {lines}; session: started "
        "once, and asked for clips line by line (docs/command.md)",
    ] = "clip"
    output: Annotated[
        str, "the video under {out_folder}, a template with {clip}; `*` where the program names it"
    ] = "{clip}.mp4"
    collect: Annotated[
        tuple[str, ...],
        "instead of output: patterns like {root}/results/**/*{clip}*.mp4 in declared folders; the newest "
        "file that was made since the call began is taken, and removed there",
    ] = ()
    clean: Annotated[
        tuple[str, ...],
        "patterns of what else a call leaves in such folders: what it made anew is removed after it",
    ] = ()
    config: Annotated[str, "text of a settings file, a template; {config} in argv names it"] = ""
    config_base: Annotated[
        str,
        "a YAML or JSON file under root that config completes: its keys replace those of the same name",
    ] = ""
    config_name: Annotated[str, "name of that file, for its suffix"] = "config.yaml"
    each: Annotated[
        str,
        "text for each clip of a call, a template; {list} names a file of all of them, {lines} puts them "
        "into config",
    ] = ""
    between: Annotated[str, "what stands between them"] = "\n"
    stdin: Annotated[str, "text that it reads from standard input; empty: end of file"] = ""
    alpha: Annotated[bool, "the identity frame as a PNG with an alpha channel, all opaque"] = False
    home: Annotated[
        Literal["yours", "kept", "fresh"],
        "HOME of the program: yours; kept: one of its own in thbench's cache; fresh: a new one each call",
    ] = "yours"
    runtime: Annotated[
        Literal["process", "docker", "apptainer"], "how argv is run: as it is, or in `image`"
    ] = "process"
    image: Annotated[str, "container image: a docker tag or digest, an apptainer .sif file"] = ""
    sha256: Annotated[
        dict[str, str],
        "files of the program, under root, with their SHA-256: weights say what a system is",
    ] = field(default_factory=dict)
    needs: Annotated[
        tuple[str, ...], "files and folders under root without which it cannot run, weights say"
    ] = ()
    revision: Annotated[str, "what is run, in words: a commit, a release; part of the system"] = ""
    clip_ids: Annotated[
        Literal["opaque", "real"], "whether the program learns the data set's names of clips"
    ] = "opaque"
    timeout: Annotated[float, "seconds that one clip may take"] = 600.0
    start_timeout: Annotated[float, "with call: session, seconds that its start may take"] = 1800.0
    retries: Annotated[int, "how often a clip whose call failed is asked for again"] = 0
    memory_mb: Annotated[
        int | None,
        "address space of the program; not for CUDA, which reserves far more than it uses",
    ] = None
    file_mb: Annotated[int, "largest file that the program may write"] = 1000
    total_mb: Annotated[int, "all that one call may write together"] = 10_000
    isolation: Annotated[
        Literal["auto", "bubblewrap", "none"],
        "auto: bubblewrap where the program starts in it, and the result says which it was, and why; "
        "bubblewrap: or fail; none: the program can read what you can read",
    ] = "auto"
    network: Annotated[bool, "whether an isolated program may use the network"] = False
    readable: Annotated[
        tuple[Path, ...],
        "further folders that an isolated program may read; its root, its interpreter, its models and "
        "what argv names are readable anyway",
    ] = ()
    exclusive: Annotated[
        bool, "never two calls at once, for programs that write into their own folder"
    ] = False
    env: Annotated[dict[str, str], "environment variables to set; values are templates"] = field(
        default_factory=dict
    )
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
        self._check_templates()
        self._check_call()
        for name in self.needs:
            stays_inside(name, "needs")
        for pattern in (*self.collect, *self.clean):
            _check_place(pattern, self.call == "session")
        stays_inside(self.output, "output")
        stays_inside(self.config_name, "config_name")
        if self.config_base:
            stays_inside(self.config_base, "config_base")
            if not self.config:
                raise ValueError("config_base is completed by config: give both")
        if self.timeout <= 0 or self.start_timeout <= 0:
            raise ValueError("timeout and start_timeout must be positive")
        if self.retries < 0:
            raise ValueError("retries must not be negative")
        if (self.runtime == "process") == bool(self.image):
            raise ValueError(
                "runtime: docker or apptainer needs image, and image needs one of them"
            )

    @property
    def writes_outside(self) -> bool:
        """Whether calls at the same time could take each other's files: they are made one by one then."""
        shared = [p for p in (*self.collect, *self.clean) if _is_shared(p, self.home)]
        return any("clip" not in names_in(pattern) for pattern in shared)

    def _check_templates(self) -> None:
        in_clip = (*PER_CALL, *PER_CLIP)
        of_call = {
            "clip": in_clip,
            "batch": PER_CALL,
            "session": [n for n in PER_CALL if n not in ("requests", "list", "lines")],
        }[self.call]
        for template in (*self.argv, self.config, self.stdin, *self.env.values()):
            check_names(template, of_call)
        check_names(self.each, [n for n in in_clip if n not in ("list", "lines", "requests")])
        check_names(self.cwd, STARTS)
        check_names(self.output, ("clip", "seed", "seed32"))

    def _check_call(self) -> None:
        used = {name for t in (*self.argv, self.stdin) for name in names_in(t)}
        if "config" in used and not self.config:
            raise ValueError("argv uses {config}, and no config is given")
        used |= set(names_in(self.config)) if "config" in used else set()
        if used & {"list", "lines"} and not self.each:
            raise ValueError("{list} and {lines} need each: the text for each clip")
        if self.call == "batch" and not used & {"requests", "list", "lines"}:
            raise ValueError(
                "one call per batch needs {requests}, {list} or {lines} in argv or config"
            )
        patterns = self.collect or (self.output,)
        if self.call == "batch" and not all("clip" in names_in(p) for p in patterns):
            raise ValueError("one call per batch needs {clip} in output or collect")
        if self.call == "batch" and not self.collect and "*" in self.output:
            raise ValueError("one call per batch needs {clip} and no * in output")
        if "*" in self.output and "out" in used:
            raise ValueError("{out} has no name where output has a *: use {out_folder}")
        if self.call == "session" and self.stdin:
            raise ValueError("a session is asked on standard input: it takes no stdin")


def _is_shared(pattern: str, home: str) -> bool:
    return pattern.startswith("{root}") or (pattern.startswith("{home}") and home != "fresh")


def _check_place(pattern: str, in_session: bool) -> None:
    found = _PLACE.fullmatch(pattern)
    if found is None:
        known = ", ".join(f"{{{name}}}/" for name in FOLDERS)
        raise ValueError(f"pattern {pattern!r} begins with none of {known}")
    stays_inside(found[2], "pattern")
    check_names(found[2], ("clip", "seed", "seed32", "frames", "size", "number"))
    if in_session and names_in(pattern)[0] == "root" and "clip" not in names_in(pattern):
        raise ValueError(f"pattern {pattern!r} needs {{clip}} in a session")


def missing(options: CommandOptions) -> Sequence[Missing]:
    """The program, its folder, its interpreter and its weights, as far as they are not here."""
    found = []
    if not options.argv:
        found.append(Missing("the program to run", "--set systems.NAME.argv=[PROGRAM, ...]"))
    templates = (*options.argv, options.cwd, *options.env.values(), *options.collect)
    templates += ("{root}",) if options.config_base else ()
    for what, path in (("root", options.root), ("python", options.python)):
        used = any(what in names_in(text) for text in templates)
        needed = used and not (what == "python" and options.runtime != "process")
        if path is None and needed:
            found.append(
                Missing(f"{what} of the program", f"--set systems.NAME.{what}=PATH{_BUILD}")
            )
        elif path is not None and not path.exists():
            found.append(Missing(f"{what} {path}", f"--set systems.NAME.{what}=PATH"))
    if options.runtime == "process":
        found += _program(options)
    elif shutil.which(options.runtime) is None:
        found.append(Missing(f"program {options.runtime}", f"install {options.runtime}"))
    if options.root is not None:
        wanted = dict.fromkeys([*options.needs, *options.sha256])
        lost = [name for name in wanted if not (options.root / name).exists()]
        found += [Missing(f"{name} in {options.root}", _GET) for name in lost]
    return found


def _program(options: CommandOptions) -> list[Missing]:
    first = options.argv[0] if options.argv else ""
    if first and not names_in(first) and not _is_program(first, options.root):
        return [Missing(f"program {first}", f"install {Path(first).name}, or name it in argv")]
    return []


def _is_program(name: str, root: Path | None) -> bool:
    if "/" in name:
        return ((root or Path.cwd()) / name).is_file()
    return shutil.which(name) is not None

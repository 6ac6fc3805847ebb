"""How the program of one system is run: its words, environment, folder, limits and isolation."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock

from thbench.api import FPS, Context, temporary_folder
from thbench_external.command_options import CommandOptions
from thbench_external.container import Container
from thbench_external.isolation import Isolation, chosen_kind, describe
from thbench_external.runner import Limits, clean_environment, run
from thbench_external.session import Session
from thbench_external.templates import fill, names_in
from thbench_external.workspace import Given, Workspace

__all__ = ["Program"]


@dataclass(frozen=True)
class _Start:
    """What a process is started with; `name` is that of its container."""

    argv: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    name: str


class Program:
    """The program with the options of its system, here: ready to be called."""

    def __init__(self, options: CommandOptions, context: Context) -> None:
        self._options, self._context = options, context
        # A container is the isolation; bubblewrap around its client would hide the daemon.
        asked = "none" if self._container else options.isolation
        self._kind, self._why = chosen_kind(asked, self._fails)
        self._digest = hashlib.sha256(json.dumps([options.argv, options.revision]).encode())

    @property
    def key(self) -> str:
        """A name for folders of this program."""
        return self._digest.hexdigest()[:12]

    @property
    def about(self) -> str:
        """For the result: what it could see."""
        options = self._options
        if self._container is None:
            return describe(self._kind, options.network, self._why)
        with_network = "with network" if options.network else "no network"
        return f"in a container ({options.runtime}, {options.image}): {with_network}"

    @cached_property
    def _container(self) -> Container | None:
        options = self._options
        if options.runtime == "process":
            return None
        root = () if options.root is None else (options.root.absolute(),)
        home = (self._kept_home,) if options.home == "kept" else ()
        return Container(
            options.runtime,
            options.image,
            tuple(p.absolute() for p in options.readable),
            (*root, *home),
            options.network,
            options.memory_mb,
        )

    def _fails(self) -> str:
        """Why the program cannot start where bubblewrap isolates it."""
        options = self._options
        if not {*names_in(options.argv[0])} <= {"root", "python"}:
            return ""  # a file of the call
        with temporary_folder() as folder:
            environment = clean_environment(folder, 1, options.keep_env, {})
            root = folder if options.root is None else options.root.absolute()
            program = fill(options.argv[0], {"root": options.root, "python": options.python})
            return self._isolation.fails(program, root, folder, environment)

    @cached_property
    def _isolation(self) -> Isolation:
        options = self._options
        own = [] if options.python is None else [options.python]
        hidden = (self._context.cache.parent, Path.cwd() / "runs")
        return Isolation(options.root, (*own, *options.readable), hidden, options.network)

    @cached_property
    def _kept_home(self) -> Path:
        folder = self._context.cache / "homes" / self.key
        folder.mkdir(parents=True, exist_ok=True)
        return folder.resolve()

    def home(self, space: Workspace) -> Path:
        if self._options.home == "yours":
            return Path(os.environ.get("HOME", "/"))
        return self._kept_home if self._options.home == "kept" else space.home

    def folders(self, space: Workspace) -> dict[str, Path]:
        """The folders that patterns may name, the innermost first."""
        found = {"out_folder": space.outputs, "folder": space.folder}
        if self._options.root is not None:
            found["root"] = self._options.root.resolve()
        return {**found, "home": self.home(space)}

    def values(self, space: Workspace) -> dict[str, object]:
        """What the names of a call stand for; those of `requests`, `list` and `lines` come later."""
        options = self._options
        python = options.python or ("python" if options.runtime != "process" else None)
        return {
            "in": space.inputs,
            "out_folder": space.outputs,
            "folder": space.folder,
            "home": self.home(space),
            "config": space.inputs / options.config_name,
            "fps": FPS,
            "root": options.root,
            "python": python,
        }

    def clip_values(self, space: Workspace, given: Given, number: int) -> dict[str, object]:
        """What the names of one clip stand for."""
        request = given.request
        output = self.output(given)
        return {
            "clip": given.name,
            "identity": given.identity,
            "audio": given.audio,
            "video": given.video,
            "oracle": given.oracle,
            "out": space.outputs / output,
            "frames": request.n_frames,
            "seconds": f"{request.n_frames / FPS:g}",
            "size": request.size,
            "seed": request.seed,
            "seed32": request.seed % 2**32,
            "number": number,
        }

    def output(self, given: Given) -> str:
        """The video that is expected below `out_folder`."""
        seed = given.request.seed
        return fill(
            self._options.output, {"clip": given.name, "seed": seed, "seed32": seed % 2**32}
        )

    def limits(self, n_clips: int) -> Limits:
        options = self._options
        return Limits(
            options.timeout * n_clips,
            0 if self._container else (options.memory_mb or 0) * 1_000_000,
            options.file_mb * 1_000_000,
            options.total_mb * 1_000_000,
        )

    def run(self, space: Workspace, values: Mapping[str, object], n_clips: int) -> None:
        """One call, to its end. Raises ClipFailure."""
        stdin = None
        if self._options.stdin:
            stdin = space.adopted / "stdin.txt"  # out of the program's reach until it reads it
            stdin.write_text(fill(self._options.stdin, values), encoding="utf-8")
        begun = self._start(space, values)
        try:
            run(
                begun.argv,
                begun.folder,
                begun.environment,
                space.log,
                self.limits(n_clips),
                space.folder,
                stdin,
            )
        except BaseException:
            self._remove(begun)
            raise

    def session(self, space: Workspace, values: Mapping[str, object]) -> Session:
        """Started and ready. Raises ClipFailure."""
        begun = self._start(space, values)
        try:
            return Session(
                begun.argv,
                begun.folder,
                begun.environment,
                space.log,
                self.limits(1),
                space.folder,
                self._options.start_timeout,
            )
        except BaseException:
            self._remove(begun)
            raise

    def _start(self, space: Workspace, values: Mapping[str, object]) -> _Start:
        options = self._options
        argv = [fill(text, values) for text in options.argv]
        given = {name: fill(text, values) for name, text in options.env.items()}
        if options.home != "yours":
            given = {"HOME": str(self.home(space)), **given}
        environment = clean_environment(
            space.temporary, self._context.threads, options.keep_env, given
        )
        folder = (options.root or space.folder).absolute()
        if options.cwd:
            folder = Path(fill(options.cwd, values)).absolute()
        name = f"thbench-{secrets.token_hex(8)}"
        if self._container is not None:
            argv = self._container.wrapped(argv, folder, space.folder, environment, name)
            return _Start(argv, space.folder, environment, name)
        if self._kind == "bubblewrap":
            argv = self._isolation.wrapped(argv, folder, space.folder, environment)
            argv = _also_writable(argv, [self._kept_home] if options.home == "kept" else [])
        return _Start(argv, folder, environment, name)

    def _remove(self, begun: _Start) -> None:
        if self._container is not None:
            self._container.remove(begun.name)

    def alone(self) -> AbstractContextManager[Any]:
        """Held during a call of a program that must not be called twice at once."""
        options = self._options
        if not (options.exclusive or options.writes_outside):
            return nullcontext()
        key = hashlib.sha256(str(options.root).encode()).hexdigest()[:16]
        return FileLock(self._context.cache / f"{key}.lock")


def _also_writable(words: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """A command of bubblewrap with further folders to write into; later mounts hide earlier ones."""
    at = words.index("--chdir")
    binds = [word for path in folders for word in ("--bind", str(path), str(path))]
    return [*words[:at], *binds, *words[at:]]

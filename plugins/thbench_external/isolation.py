"""What a program sees of this machine: with bubblewrap its own files, processes and no network; else all
that the person may see.

bubblewrap (https://github.com/containers/bubblewrap) makes namespaces without privileges. Inside, a
program finds the system's folders, its own (root, interpreter, what argv names) and its models to read,
and its workspace to write; not the data sets, runs, results and caches of thbench, nor other processes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from thbench.api import UserError, reading

__all__ = ["Isolation", "Kind", "chosen_kind", "describe"]

Kind = Literal["bubblewrap", "process"]
_SYSTEM = [
    "usr",
    "bin",
    "sbin",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "etc",
    "opt",
    "nix",
    "snap",
    "sys",
]
_MODELS = ("HF_HOME", "TORCH_HOME", "XDG_CACHE_HOME")
_DEVICES = ("nvidia*", "dri", "kfd")
_MOST_LINKS = 40
_RUNTIME = ("/run/docker.sock", "/var/run/docker.sock", "/run/podman", "/run/nvidia-persistenced")


def chosen_kind(asked: str, fails: Callable[[], str] = lambda: "") -> tuple[Kind, str]:
    """What is used here, and why it is not bubblewrap; `fails` tries to find the program inside.

    Raises UserError where bubblewrap is asked for and does not work.
    """
    if asked == "none":
        return "process", "isolation: none"
    why = fails() if works() else "bubblewrap does not work here"
    if why and asked == "bubblewrap":
        raise UserError(why, "install the package bubblewrap, or isolation: none")
    return ("process", why) if why else ("bubblewrap", "")


@cache
def works() -> bool:
    """Whether `bwrap` is installed and this system lets it make namespaces."""
    program = shutil.which("bwrap")
    if program is None or sys.platform != "linux":
        return False
    words = [program, "--ro-bind", "/", "/", "--unshare-pid", "--unshare-net", "--proc", "/proc"]
    try:
        done = subprocess.run([*words, "true"], capture_output=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def describe(kind: Kind, network: bool, why: str = "") -> str:
    """For the result: what a program of this row could see, and why it was not isolated."""
    if kind == "bubblewrap":
        return "isolated by bubblewrap: own files and processes, " + (
            "with network" if network else "no network"
        )
    reason = f" ({why})" if why else ""
    return f"not isolated{reason}: a process with limits that could read what its user may read"


@dataclass(frozen=True)
class Isolation:
    """Folders a program of one system may read, and what is hidden of them; `root`, its own, it may write."""

    root: Path | None
    readable: tuple[Path, ...]
    hidden: tuple[Path, ...]
    network: bool

    def fails(
        self, program: str, folder: Path, workspace: Path, environment: Mapping[str, str]
    ) -> str:
        """Why `program` cannot start inside; empty where it can. An interpreter of Python is started."""
        found = shutil.which(program, path=environment.get("PATH")) or program
        is_python = re.fullmatch(r"python[0-9.]*", Path(found).name) is not None
        start = ["-I", "-c", "import encodings"] if is_python else []
        asked = [found, *start] if start else ["/bin/sh", "-c", 'test -x "$0"', found]
        words = self.wrapped([found, *start], folder, workspace, environment)
        words = [*words[: words.index("--") + 1], *asked]
        try:
            done = subprocess.run(  # noqa: S603
                words, capture_output=True, timeout=60, check=False, env=dict(environment), cwd="/"
            )
        except (OSError, subprocess.SubprocessError) as error:
            return f"bubblewrap cannot be started: {type(error).__name__}"
        return "" if done.returncode == 0 else f"{Path(found).name} does not start in bubblewrap"

    def wrapped(
        self, argv: Sequence[str], folder: Path, workspace: Path, environment: Mapping[str, str]
    ) -> list[str]:
        """The command that runs `argv` in `folder` with `workspace` to write into."""
        words = ["bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
        words += [] if self.network else ["--unshare-net"]
        words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp"]  # noqa: S108
        words += ["--tmpfs", "/run", *_system()]
        if home := environment.get("HOME"):
            words += ["--tmpfs", home]
        for path in _outermost(self._seen(argv, folder, environment)):
            words += ["--ro-bind-try", str(path), str(path)]
        if self.root is not None:
            words += ["--bind", str(self.root.absolute()), str(self.root.absolute())]
        for path in self.hidden:
            if path.is_dir() and any(
                path.is_relative_to(p) for p in self._seen(argv, folder, environment)
            ):
                words += ["--tmpfs", str(path)]
        words += ["--bind", str(workspace), str(workspace), "--chdir", str(folder), "--", *argv]
        return words

    def _seen(
        self, argv: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> list[Path]:
        named = [Path(word) for word in argv if word.startswith("/") and Path(word).exists()]
        models = [Path(environment[n]) for n in _MODELS if n in environment]
        if home := environment.get("HOME"):
            models += [Path(home) / ".cache/huggingface", Path(home) / ".cache/torch"]
        program = shutil.which(argv[0], path=environment.get("PATH"))
        own = [] if self.root is None else [self.root]
        found = [*own, *self.readable, *named, *models, folder, *map(Path, _RUNTIME)]
        found += list(_interpreter(Path(program))) if program else []
        return [p for p in found if p.exists() and len(p.parts) > 2]


def _system() -> Iterator[str]:
    for name in _SYSTEM:
        path = Path("/") / name
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.exists():
            yield from ("--ro-bind", str(path), str(path))
    for pattern in _DEVICES:
        for device in sorted(Path("/dev").glob(pattern)):
            yield from ("--dev-bind", str(device), str(device))


def _interpreter(program: Path) -> Iterator[Path]:
    """The folder above `bin` of a program, of every link on the way to what it is in the end, and of its
    virtual environment's base."""
    for path in _links(program):
        yield path.parent.parent if path.parent.name == "bin" else path
    settings = program.parent.parent / "pyvenv.cfg"
    if settings.is_file() and settings.stat().st_size < 100_000:
        with reading(settings):
            text = settings.read_text(errors="replace")
        for line in text.splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "home":
                yield Path(value.strip()).parent


def _links(program: Path) -> list[Path]:
    """A file, what it links to, what that links to, and so on; with and without links among the folders."""
    found = [program]
    while found[-1].is_symlink() and len(found) < _MOST_LINKS:
        found.append(Path(os.path.normpath(found[-1].parent / found[-1].readlink())))
    return list(dict.fromkeys([*found, *(p.parent.resolve() / p.name for p in found)]))


def _outermost(paths: Sequence[Path]) -> list[Path]:
    """Sorted and without those below others: a later mount would hide an earlier one inside it."""
    found: list[Path] = []
    for path in sorted({Path(os.path.normpath(p.absolute())) for p in paths}):
        if not any(path.is_relative_to(p) for p in found):
            found.append(path)
    return found

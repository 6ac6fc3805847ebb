"""What a program sees of this machine: with bubblewrap its own files, processes and no network; else all
that the person may see.

bubblewrap (https://github.com/containers/bubblewrap) makes namespaces without privileges. Inside, a
program finds the system's folders, its own (root, interpreter, what argv names) and its models to read,
and its workspace to write; not the data sets, runs, results and caches of thbench, nor other processes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
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
_RUNTIME = ("/run/docker.sock", "/var/run/docker.sock", "/run/podman", "/run/nvidia-persistenced")


def chosen_kind(asked: str) -> Kind:
    """What is used here. Raises UserError where bubblewrap is asked for and does not work."""
    if asked == "none":
        return "process"
    if works():
        return "bubblewrap"
    if asked == "bubblewrap":
        raise UserError(
            "bubblewrap does not work here", "install the package bubblewrap, or isolation: none"
        )
    return "process"


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


def describe(kind: Kind, network: bool) -> str:
    """For the result: what a program of this row could see."""
    if kind == "bubblewrap":
        return "isolated by bubblewrap: own files and processes, " + (
            "with network" if network else "no network"
        )
    return "not isolated: a process with limits that could read what its user may read"


@dataclass(frozen=True)
class Isolation:
    """Folders a program of one system may read, and what is hidden of them; `root`, its own, it may write."""

    root: Path | None
    readable: tuple[Path, ...]
    hidden: tuple[Path, ...]
    network: bool

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
    """The folder above `bin` of a program, of what it links to, and of its virtual environment's base."""
    for path in (program, program.resolve()):
        if path.parent.name == "bin":
            yield path.parent.parent
        else:
            yield path
    settings = program.parent.parent / "pyvenv.cfg"
    if settings.is_file() and settings.stat().st_size < 100_000:
        with reading(settings):
            text = settings.read_text(errors="replace")
        for line in text.splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "home":
                yield Path(value.strip()).parent


def _outermost(paths: Sequence[Path]) -> list[Path]:
    """Sorted and without those below others: a later mount would hide an earlier one inside it."""
    found: list[Path] = []
    for path in sorted({Path(os.path.normpath(p.absolute())) for p in paths}):
        if not any(path.is_relative_to(p) for p in found):
            found.append(path)
    return found

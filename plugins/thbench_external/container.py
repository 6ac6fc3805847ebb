"""A program in a container image: the words for docker and apptainer that give it what a process has.

Paths are the same inside and outside, so that the names in templates need no translation.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Container"]

_NOT_INSIDE = frozenset(
    "PATH HOME USER LOGNAME LD_LIBRARY_PATH XDG_RUNTIME_DIR DOCKER_HOST TMPDIR".split()  # noqa: SIM905
)
"""Variables that say something of this machine, not of the one inside; TMPDIR and HOME are set below."""


@dataclass(frozen=True)
class Container:
    """How one system's program is run in an image: what it may read, what it may write, its limits."""

    runtime: Literal["docker", "apptainer"]
    image: str
    readable: tuple[Path, ...]
    writable: tuple[Path, ...]
    network: bool
    memory_mb: int | None

    def wrapped(
        self,
        argv: Sequence[str],
        folder: Path,
        workspace: Path,
        environment: Mapping[str, str],
        name: str,
    ) -> list[str]:
        """The command that runs `argv` in `folder` of the image with `workspace` to write into."""
        inside = {k: v for k, v in environment.items() if k not in _NOT_INSIDE}
        inside |= {"TMPDIR": str(workspace / "tmp"), "HOME": environment.get("HOME", "")}
        if not any(Path(inside["HOME"]).is_relative_to(p) for p in (workspace, *self.writable)):
            inside["HOME"] = str(workspace / "home")  # the person's own is not in the container
        if self.runtime == "docker":
            return [*self._docker(folder, workspace, inside, name), self.image, *argv]
        return [*self._apptainer(folder, workspace, inside), self.image, *argv]

    def _docker(
        self, folder: Path, workspace: Path, inside: Mapping[str, str], name: str
    ) -> Iterator[str]:
        yield from ("docker", "run", "--rm", "--init", "--interactive", "--name", name)
        yield from ("--user", f"{os.getuid()}:{os.getgid()}", "--cap-drop", "ALL")
        yield from ("--security-opt", "no-new-privileges", "--pids-limit", "1024")
        yield from () if self.network else ("--network", "none")
        yield from ("--memory", f"{self.memory_mb}m") if self.memory_mb else ()
        if gpus := _gpus():
            yield from ("--gpus", gpus)
        for path in self.readable:
            yield from ("--mount", f"type=bind,src={path},dst={path},readonly")
        for path in (*self.writable, workspace):
            yield from ("--mount", f"type=bind,src={path},dst={path}")
        for key, value in inside.items():
            yield from ("--env", f"{key}={value}")
        yield from ("--workdir", str(folder))

    def _apptainer(self, folder: Path, workspace: Path, inside: Mapping[str, str]) -> Iterator[str]:
        yield from ("apptainer", "exec", "--containall", "--no-home", "--no-eval")
        yield from () if self.network else ("--net", "--network", "none")
        yield from ("--memory", f"{self.memory_mb}M") if self.memory_mb else ()
        if _gpus():
            yield "--nv"
        for path in self.readable:
            yield from ("--bind", f"{path}:{path}:ro")
        for path in (*self.writable, workspace):
            yield from ("--bind", f"{path}:{path}")
        for key, value in inside.items():
            yield from ("--env", f"{key}={value}")
        yield from ("--pwd", str(folder))

    def remove(self, name: str) -> None:
        """End a container whose client was killed before it could do so; nothing where it has ended."""
        if self.runtime == "docker" and (program := shutil.which("docker")):
            words = [program, "rm", "--force", name]
            try:
                subprocess.run(words, capture_output=True, timeout=30, check=False)  # noqa: S603
            except (OSError, subprocess.SubprocessError):
                return


def _gpus() -> str:
    """Of this worker: `"device=0"` as docker wants it; all where there are some and none is chosen."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return f'"device={chosen}"' if chosen not in ("", "-1") else ""
    return "all" if Path("/dev/nvidiactl").exists() else ""
